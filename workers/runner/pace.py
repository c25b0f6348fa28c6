"""How often progress is passed on: the first report at once, then at most ten a second, and the newest one always."""

from __future__ import annotations

from workers.jobs import Progress

REPORT_EVERY_S = 0.1
ALIVE_EVERY_S = 1.0


class Pace:
    """Decides which reports go out. Pure; times are seconds of a monotonic clock. The caller locks."""

    def __init__(self) -> None:
        self._next_report = float("-inf")
        self._last_sign = float("-inf")
        self._withheld: Progress | None = None

    def offer(self, progress: Progress, now: float) -> bool:
        """Whether `progress` goes out now; if not, it is withheld for `wait_s`."""
        if now < self._next_report:
            self._withheld = progress
            return False
        self._next_report = now + REPORT_EVERY_S
        self._last_sign = now
        self._withheld = None
        return True

    def offer_alive(self, now: float) -> bool:
        """Whether a bare sign of life goes out now."""
        if now - self._last_sign < ALIVE_EVERY_S:
            return False
        self._last_sign = now
        return True

    def wait_s(self, now: float) -> float | None:
        """Seconds until the withheld report is due; None when none is withheld."""
        return None if self._withheld is None else max(0.0, self._next_report - now)

    def take(self, now: float, *, early: bool = False) -> Progress | None:
        """The withheld report if it is due, or even before that with `early`."""
        withheld = self._withheld
        if withheld is None or (not early and now < self._next_report):
            return None
        self._next_report = now + REPORT_EVERY_S
        self._last_sign = now
        self._withheld = None
        return withheld
