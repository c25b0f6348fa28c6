"""How much of its turn a job of many items has had, where jobs share a slot."""

from __future__ import annotations


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
