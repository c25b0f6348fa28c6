"""How the items of one job have ended: counts, speed and the verdict over the whole."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import replace

from workers.errors import ErrorClass, Failure, JobFailed
from workers.jobs import ItemRecord, Outcome, Progress
from workers.runner.messages import Finished

_RECENT_S = 10.0  # the speed that is told, and that the estimate rests on, is that of so many last seconds
_SAMPLE_S = 0.25


class Tally:
    """Counts of one attempt at a job of many items. For the thread that runs the job, except what is listed."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.total = 0  # items listed so far
        self.listed = False  # whether that is all
        self.before = 0  # had their outcome without any work: from an earlier attempt, or a kept result
        self.failed_before = 0  # of those, in an earlier attempt
        self.done = 0
        self.failed = 0
        self._classes: Counter[ErrorClass] = Counter()
        self._first: dict[ErrorClass, Failure] = {}
        self._retry_after_s: float | None = None
        self._clock = clock
        self._samples: deque[tuple[float, float]] = deque([(clock(), 0.0)])

    @property
    def ended(self) -> int:
        """Items that have their outcome."""
        return self.before + self.done + self.failed

    def count(self, record: ItemRecord) -> None:
        """One item has ended."""
        if record.outcome is Outcome.FAILED:
            self.fail(record.failure or Failure(ErrorClass.TOOL, "failed without a reason", record.key))
        else:
            self.done += 1

    def fail(self, failure: Failure) -> None:
        """One item has failed."""
        self.failed += 1
        self._classes[failure.error_class] += 1
        self._first.setdefault(failure.error_class, failure)
        if failure.retry_after_s is not None:
            self._retry_after_s = max(failure.retry_after_s, self._retry_after_s or 0.0)

    def progress(self, within: float = 0.0, phase: str = "", *, at_least_s: float = 0.0) -> Progress:
        """The progress of the job; `within` is how much of items in hand is done, in items.

        `at_least_s`: what the slowest of those still needs, so that small ones beside a large one promise nothing.
        """
        worked = self.done + self.failed
        rate = self._rate(worked + within)
        left = self.total - self.ended - within
        known = self.listed and self.total
        fraction = min((self.ended + within) / self.total, 1.0) if known else None
        eta_s = max(left / rate, at_least_s) if known and rate else None
        return Progress(fraction, phase, self.ended, self.total if self.listed else None, rate, eta_s, "items")

    def slept(self, seconds: float) -> None:
        """The job was paused for so long, or the machine: its speed is that of the time in which it worked."""
        self._samples = deque((at + seconds, had) for at, had in self._samples)

    def _rate(self, worked: float) -> float | None:
        """Items a second of late."""
        now = self._clock()
        if now - self._samples[-1][0] >= _SAMPLE_S:
            self._samples.append((now, worked))
        while len(self._samples) > 2 and now - self._samples[1][0] > _RECENT_S:
            self._samples.popleft()
        since, had = self._samples[0]
        return (worked - had) / (now - since) if now > since and worked > had else None

    def judge(self) -> Finished:
        """The job succeeded if any item did; otherwise JobFailed as most of its items failed.

        What failed in an earlier attempt is known to the worker only, which judges again.
        """
        if self.failed and self.failed == self.total:
            raise self._all_failed()
        failed = self.failed_before + self.failed
        return Finished((), {"items": self.total, "done": self.ended - failed, "failed": failed})

    def _all_failed(self) -> JobFailed:
        majority = self._classes.most_common(1)[0][0]
        first = self._first[majority]
        if self.failed > 1:
            first = replace(first, message=f"{self.failed} of {self.failed} items failed: {first.message}")
        return JobFailed.of(replace(first, retry_after_s=self._retry_after_s))
