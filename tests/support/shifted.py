"""A clock for processes that agree on it: the time as it is, and so much later, as after sleeps or as somebody set it.

Whoever holds it moves it on; a worker with the hook `clock` lives by it, from its timetable to its tables. Only what
asks the kernel itself keeps the real time: runners, and times of files.
"""

from __future__ import annotations

import mmap
import os
import struct
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

_BOTH = struct.Struct("<qq")  # slept and set, in milliseconds


class ShiftedClock:
    """How much later it is, in a file that processes share."""

    def __init__(self, path: Path) -> None:
        descriptor = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
        os.ftruncate(descriptor, _BOTH.size)
        self._shared = mmap.mmap(descriptor, _BOTH.size)
        os.close(descriptor)

    def _read(self) -> tuple[int, int]:
        slept, was_set = _BOTH.unpack(self._shared[:])
        return int(slept), int(was_set)

    @property
    def later_ms(self) -> int:
        """Milliseconds by which the clock on the wall is ahead of the real one."""
        return sum(self._read())

    def sleep(self, ms: int) -> None:
        """Let so much time pass at once, for everybody who lives by this clock."""
        slept, was_set = self._read()
        self._shared[:] = _BOTH.pack(slept + ms, was_set)

    def set_by(self, ms: int) -> None:
        """Somebody sets the clock forth, or back: no time passes."""
        slept, was_set = self._read()
        self._shared[:] = _BOTH.pack(slept, was_set + ms)

    def install(self, patch: Callable[[Any, str, Any], None] = setattr) -> None:
        """Have this process live by it; `patch` as pytest's monkeypatch does it, where that must end."""
        real_ns, real_gettime_ns = time.time_ns, time.clock_gettime_ns

        def now_ns() -> int:
            return real_ns() + self.later_ms * 1_000_000

        def gettime_ns(which: int) -> int:
            # The clock that runs on through sleep; the monotonic one stands still in it, as the kernel's does.
            slept_ns = self._read()[0] * 1_000_000
            return real_gettime_ns(which) + (slept_ns if which == time.CLOCK_BOOTTIME else 0)

        patch(time, "time_ns", now_ns)
        patch(time, "time", lambda: now_ns() / 1e9)
        patch(time, "clock_gettime_ns", gettime_ns)
