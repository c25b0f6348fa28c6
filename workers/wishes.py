"""What is wanted of one running job, passed on to the thread that supervises it."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator

from workers.jobs import Wish
from workers.workshop import Stop

_ENDS = {Wish.CANCEL: Stop.CANCEL, Stop.RELEASE: Stop.RELEASE}


class Wishes:
    """Those that were not heeded yet, oldest first, and a pipe that wakes who waits for them."""

    def __init__(self) -> None:
        self._waiting: list[tuple[Wish | Stop, str]] = []
        self._wake_r, self._wake_w = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._lock = threading.RLock()  # a signal may come while its own thread holds it

    def add(self, wish: Wish | Stop, by: str) -> None:
        """Somebody wants something. May be called from any thread, from a signal handler, and after `close`."""
        with self._lock:
            self._waiting.append((wish, by))
            if self._wake_w >= 0:
                with contextlib.suppress(OSError):
                    os.write(self._wake_w, b".")

    def fileno(self) -> int:
        """Of what can be read once there are wishes."""
        return self._wake_r

    def take(self) -> Iterator[tuple[Wish | Stop, str]]:
        """Each wish and whose it is, one by one, those that come meanwhile included."""
        with contextlib.suppress(BlockingIOError):
            os.read(self._wake_r, 4096)
        while self._waiting:
            yield self._waiting.pop(0)

    def given_up(self) -> tuple[Stop, str] | None:
        """That the job is to end, by a wish that was not heeded yet: why, and by whom."""
        return next(((_ENDS[wish], by) for wish, by in self._waiting if wish in _ENDS), None)

    def close(self) -> None:
        """Wake nobody any more."""
        with self._lock:  # a number that is closed may be another file at once
            os.close(self._wake_r)
            os.close(self._wake_w)
            self._wake_w = -1
