"""Room for running jobs, shared by the threads that would start them."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator


class Slots:
    """Room for running jobs of one queue; the limit can be changed while it runs."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._used = 0
        self._closed = False
        self._changed = threading.Condition()

    @property
    def limit(self) -> int:
        """How many jobs may run at once."""
        return self._limit

    @property
    def free(self) -> int:
        """How many more could start now; 0 when the limit was lowered below what runs."""
        return max(0, self._limit - self._used)

    @property
    def crowded(self) -> bool:
        """Whether more run than the limit allows: whoever ends gives its slot back."""
        return self._used > self._limit

    def set(self, limit: int) -> None:
        """Change the limit. What runs beyond it goes on."""
        with self._changed:
            self._limit = limit
            self._changed.notify_all()

    def close(self) -> None:
        """Give out no more slots; who waits for one is told at once."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    @contextlib.contextmanager
    def hold(self, timeout: float) -> Iterator[bool]:
        """A slot for the time of the block; False when none got free in `timeout` seconds, or none is given out."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._used < self._limit, timeout)
            held = not self._closed and self._used < self._limit
            if held:
                self._used += 1
        try:
            yield held
        finally:
            if held:
                with self._changed:
                    self._used -= 1
                    self._changed.notify()
