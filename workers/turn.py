"""Turns of jobs of many items, where jobs share the slots of a queue: how long one lasts, and who has the next."""

from __future__ import annotations

import threading
from collections import defaultdict

QUANTUM_S = 2.0
"""Seconds of work, that a job of many items has before it makes room for others of its priority."""
FIRST_QUANTUM_S = 0.3
"""The same of its first turn: of a hundred big jobs each has begun soon, and what is small is done in it."""
AFTER_TURN = float(1 << 40)
"""Positions from here on are of jobs that had a turn, and wait for the next one."""
_NEWER_S = 2 * QUANTUM_S


def had_one(position: float) -> bool:
    """Whether the job of that position had a turn, and made room for others."""
    return position >= AFTER_TURN


class Shares:
    """Who has the next turn where some that had one wait, and some that had none. Any thread may ask.

    Jobs that had none go first, so that a small one need not wait for a turn of each of a hundred big ones. When they
    have had two thirds of the time of the slots of their queue, one that had its turn is next, so that none waits for
    ever behind newer ones. Of each priority by itself: what is more urgent goes first in any case.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._newer_s: defaultdict[str, float] = defaultdict(float)  # of each queue, since one had its next turn

    def turned_first(self, queue: str) -> bool:
        """Whether a job that had a turn goes first now."""
        with self._lock:
            return self._newer_s[queue] >= _NEWER_S

    def claimed(self, queue: str, position: float) -> None:
        """A job of that position has got a slot."""
        if had_one(position):
            with self._lock:
                self._newer_s[queue] = 0.0

    def used(self, queue: str, position: float, seconds: float) -> None:
        """A job of that position has given its slot back."""
        if not had_one(position):
            with self._lock:
                self._newer_s[queue] += seconds


class Turn:
    """One attempt at a job. Times are seconds of the monotonic clock; any thread may ask.

    A turn begins with the first outcome: an attempt lists its items from the start, and asks about each that has its
    outcome already. It lasts at least as long as getting there took, so that however slow that is, most of what a job
    costs is work, and it ends.
    """

    def __init__(self, now: float) -> None:
        self._claimed = now
        self._first: float | None = None

    def outcome(self, now: float) -> None:
        """An item has got its outcome."""
        if self._first is None:
            self._first = now

    def over(self, quantum_s: float, now: float) -> bool:
        """Whether the job has had a turn of so many seconds, or of as many as it needs."""
        if self._first is None:
            return False
        return now - self._first >= max(quantum_s, self._first - self._claimed)
