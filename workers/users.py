"""Who gives an order, and who acts without one."""

from __future__ import annotations

import os
import pwd

from workers.text import clean

OURSELVES = ("", "worker", "runner")
"""Who acts without having been told by a person; all others in the history are users."""


def login_name() -> str:
    """The user that this process runs as, by the system's list and not by the environment; else the number.

    A person who is called as we call ourselves is told from us by the number.
    """
    number = os.getuid()
    try:
        name = clean(pwd.getpwuid(number).pw_name)
    except (KeyError, OSError):
        name = ""
    if not name:
        return f"uid {number}"
    return f"{name} (uid {number})" if name in OURSELVES else name


def user_of(by: str | None) -> str:
    """Who gives an order: the one in whose name it is given, else the user that this process runs as."""
    return by or login_name()
