"""What item processes are at, written where the runner can still read it when one of them has died."""

from __future__ import annotations

import mmap
import struct
import time
from dataclasses import dataclass

_ENTRY = struct.Struct("<dqq")


@dataclass(frozen=True, slots=True)
class Sign:
    """The last sign of one process."""

    at: float  # seconds of the monotonic clock
    chunk: int  # number of the chunk in hand
    place: int  # of the item in hand within it; -1 between two items


class Board:
    """Memory that the runner shares with its item processes: one entry each, by the number of the process."""

    def __init__(self, places: int) -> None:
        self._memory = mmap.mmap(-1, places * _ENTRY.size)

    def read(self, number: int) -> Sign:
        """The last sign of a process."""
        return Sign(*_ENTRY.unpack_from(self._memory, number * _ENTRY.size))

    def write(self, number: int, chunk: int, place: int) -> None:
        """Begin an item."""
        _ENTRY.pack_into(self._memory, number * _ENTRY.size, time.monotonic(), chunk, place)

    def touch(self, number: int) -> None:
        """Go on with it."""
        struct.pack_into("<d", self._memory, number * _ENTRY.size, time.monotonic())
