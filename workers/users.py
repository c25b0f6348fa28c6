"""Who gives an order."""

from __future__ import annotations

import getpass
import os

from workers.text import clean


def login_name() -> str:
    """The user's name, else the number."""
    try:
        return clean(getpass.getuser())
    except (KeyError, OSError):
        return f"uid {os.getuid()}"
