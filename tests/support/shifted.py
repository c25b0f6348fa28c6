"""A clock for processes that agree on it: the time as it is, and so much later, as after sleeps of the machine.

Whoever holds it moves it on; a worker with the hook `clock` lives by it, from its timetable to its tables. Only what
asks the kernel itself keeps the real time: runners, and times of files.
"""

from __future__ import annotations

import mmap
import os
import struct
import time
from pathlib import Path


class ShiftedClock:
    """How much later it is, in a file that processes share."""

    def __init__(self, path: Path) -> None:
        descriptor = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
        os.ftruncate(descriptor, 8)
        self._shared = mmap.mmap(descriptor, 8)
        os.close(descriptor)

    @property
    def later_ms(self) -> int:
        """Milliseconds that were slept through."""
        return int(struct.unpack("<q", self._shared[:8])[0])

    def sleep(self, ms: int) -> None:
        """Let so much time pass at once, for everybody who lives by this clock."""
        self._shared[:8] = struct.pack("<q", self.later_ms + ms)

    def install(self) -> None:
        """Have this process live by it."""
        real_ns, real_gettime_ns = time.time_ns, time.clock_gettime_ns

        def later_ns() -> int:
            return self.later_ms * 1_000_000

        def gettime_ns(which: int) -> int:
            # The clock that runs on through sleep; the monotonic one stands still in it, as the kernel's does.
            return real_gettime_ns(which) + (later_ns() if which == time.CLOCK_BOOTTIME else 0)

        time.time_ns = lambda: real_ns() + later_ns()
        time.time = lambda: (real_ns() + later_ns()) / 1e9
        time.clock_gettime_ns = gettime_ns
