"""`spool --read-only`: which verbs only look, and what the others are answered."""

from __future__ import annotations

import os

LOOKING = frozenset(
    {
        *(
            "audit",
            "backup",
            "batch",
            "cache",
            "config",
            "doctor",
            "events",
            "jobs",
            "log",
            "notify",
            "queue",
            "show",
            "site",
            "status",
            "trash",
            "undo",
        ),
        *("wait", "why"),
    }
)
"""Verbs that may be used where one only watches. Those that can also do something refuse that part themselves."""

_VARIABLE = "SPOOL_READ_ONLY"
_YES = frozenset({"1", "true", "yes", "on", "y", "t"})


def only_watch() -> None:
    """From here on this process only watches."""
    os.environ[_VARIABLE] = "1"


def watching() -> bool:
    """Whether the environment of this process says that it only watches."""
    return os.environ.get(_VARIABLE, "").lower() in _YES


def refuse_orders(verb: str) -> None:
    """ReadOnlyError unless `verb` is one that only looks: whatever is new is taken for an order."""
    from workers.errors import ReadOnlyError

    if verb not in LOOKING:
        raise ReadOnlyError(f"`spool {verb}`")
