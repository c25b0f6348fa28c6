"""How many jobs of a batch run at once, as people write it: a number from 1 to 32, auto or any. Pure."""

from __future__ import annotations

from workers.errors import UsageError
from workers.jobs import MOST_AT_ONCE

_WORDS = {"auto": 0, "any": None}


def limit_of(word: str) -> int | None:
    """A limit as the front door takes it: 0 for auto, None for any; UsageError when it is none."""
    word = word.strip().lower()
    if word in _WORDS:
        return _WORDS[word]
    if word.isascii() and word.isdecimal() and 1 <= int(word[:3]) <= MOST_AT_ONCE:
        return int(word)
    raise UsageError(f"{word!r} at once: write a number from 1 to {MOST_AT_ONCE}, auto or any")


def limit_word(limit: int | None) -> str:
    """The same, for people."""
    return {None: "any", 0: "auto"}.get(limit, str(limit))
