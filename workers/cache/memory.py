"""The memory layer: the results used last, within a number of bytes. Not for several threads at once."""

from __future__ import annotations

import sys
from collections import OrderedDict
from dataclasses import dataclass, field

_OVERHEAD = 400  # bytes that an entry takes beside its text


@dataclass(slots=True)
class Kept:
    """One result; times are seconds since the epoch, cost the seconds that making it took."""

    category: str
    stamp: bytes
    path: str
    text: str
    cost: float
    made_at: float
    used_at: float
    size: int = field(init=False, compare=False)  # bytes of memory, about

    def __post_init__(self) -> None:
        self.size = sys.getsizeof(self.text) + _OVERHEAD


class Memory:
    """Kept results by key; the least recently used give way."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit = limit_bytes
        self._kept: OrderedDict[bytes, Kept] = OrderedDict()
        self.bytes = 0

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: bytes) -> Kept | None:
        """The result of a key, which is the one used last from now on."""
        kept = self._kept.get(key)
        if kept is not None:
            self._kept.move_to_end(key)
        return kept

    def put(self, key: bytes, kept: Kept) -> None:
        """Remember a result in place of any other of its key."""
        self.drop(key)
        if kept.size > self._limit:
            return
        self._kept[key] = kept
        self.bytes += kept.size
        while self.bytes > self._limit:
            self.bytes -= self._kept.popitem(last=False)[1].size

    def drop(self, key: bytes) -> None:
        """Forget a key."""
        old = self._kept.pop(key, None)
        if old is not None:
            self.bytes -= old.size

    def clear(self) -> None:
        """Forget everything."""
        self._kept.clear()
        self.bytes = 0
