"""Strangers' text as plain JSON data of a bounded size: tags, titles, Exif. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from workers.text import clean

MAX_TEXT = 48_000  # characters of one file's facts in all; escaped for the wire each takes up to 12 bytes, of 1 MiB
_MAX_VALUE = 2_000
_MAX_KEY = 80
_MAX_TAGS = 200
_MAX_LIST = 64
_COST = 40  # what an entry costs besides its text: numbers, marks


class Bounded:
    """Makes values of one file's facts safe to keep, while there is room; then leaves out, and says so.

    `cut` is whether anything was shortened or left out.
    """

    def __init__(self, room: int = MAX_TEXT) -> None:
        self._room = room
        self.cut = False

    def text(self, value: str, limit: int = _MAX_VALUE) -> str:
        """`value` on one line without control characters, at most `limit` characters of it."""
        if len(value) <= limit and len(value) <= self._room and value.isascii() and value.isprintable():
            shown = value.strip(" ")  # nearly all of them: nothing to make visible
            self._room -= len(shown)
            return shown
        limit = max(min(limit, self._room), 0)
        # A control character takes four once it is visible, so that the cut comes after.
        shown = clean(value[:limit].strip("\0 "))
        if len(value) > limit or len(shown) > limit:
            self.cut = True
        self._room -= len(shown[:limit])
        return shown[:limit]

    def value(self, value: Any) -> Any:
        """`value` as text, number, truth or a list of them; None when it is nothing of that kind (bytes, NaN)."""
        if isinstance(value, str):
            return self.text(value) or None
        if isinstance(value, bool | int):
            return value if -(1 << 63) <= value < 1 << 63 else None
        if isinstance(value, bytes | bytearray | Mapping) or value is None:
            return None
        if isinstance(value, list | tuple):
            return self._list(value)
        try:
            number = float(value)
        except (TypeError, ValueError, ZeroDivisionError, OverflowError):
            return None
        return round(number, 9) if math.isfinite(number) else None

    def _list(self, values: list[Any] | tuple[Any, ...]) -> list[Any] | None:
        if len(values) > _MAX_LIST:
            self.cut = True
            return None  # a table of the camera's, not a fact for people
        self._room -= _COST * len(values) // 4
        made = [self.value(entry) for entry in values if not isinstance(entry, list | tuple)]
        return made if any(entry is not None for entry in made) else None

    def tags(self, pairs: Iterable[tuple[Any, Any]]) -> dict[str, Any]:
        """Names and values of tags; empty and binary ones are left out, the first of a name stays."""
        made: dict[str, Any] = {}
        for key, value in pairs:
            if self._room <= 0 or len(made) >= _MAX_TAGS:
                self.cut = True
                break
            name = self.text(str(key), _MAX_KEY)
            kept = self.value(value)
            if name and kept is not None and name not in made:
                made[name] = kept
                self._room -= _COST
        return made
