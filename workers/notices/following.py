"""One way of telling: what waits for it, when it is told, and what happens when it cannot be."""

from __future__ import annotations

import logging
import random
from collections import deque
from collections.abc import Callable, Sequence

from workers.notices.answer import Answer
from workers.notices.posting import Posting
from workers.notices.ways import Way
from workers.notices.words import Happening, Notice
from workers.settings import NotifySettings
from workers.text import clean, shorten

log = logging.getLogger(__name__)

GATHER_S = 1.0  # after the first of several things, so that what happens together is told together
_SINGLE = 3  # more than so many things at once are one summary
_MOST = 5000  # things in one notice
_MOST_WAITING = 20_000  # things that wait for a service that does not answer, before it is given up
_FIRST_WAIT_S = 5.0
_LONGEST_WAIT_S = 300.0
_MINUTE_S = 60.0
_OUTPUT_LINES = 20
_LINE = 300

Compose = Callable[[Sequence[Happening]], Notice]


class Following:
    """What one way has still to tell. It is asked by one thread, with the time of its monotonic clock in seconds."""

    def __init__(self, way: Way, told: int, settings: NotifySettings) -> None:
        self.way = way
        self.told = told  # the revision up to which everything was told
        self._settings = settings
        self._waiting: deque[Happening] = deque()
        self._carried = 0  # how many of those that wait are under way
        self._posting: Posting | None = None
        self._gather_until = 0.0
        self._sent: deque[float] = deque()  # when, within the last minute
        self._failures = 0
        self._failing_since = 0.0
        self._next_try = 0.0

    @property
    def posting(self) -> Posting | None:
        """What is under way, to be waited for."""
        return self._posting

    @property
    def waiting(self) -> int:
        """How many things are not told yet."""
        return len(self._waiting)

    def add(self, happening: Happening, now: float) -> None:
        """Something that is to be told, newer than all before it."""
        if happening.revision <= self.told:
            return
        if not self._waiting:
            self._gather_until = now + GATHER_S
        self._waiting.append(happening)

    def step(self, now: float, compose: Compose) -> bool:
        """Hear the courier that is under way, or send the next one; whether something was told or given up."""
        if self._posting is not None:
            answer = self._posting.hear()
            if answer is None:
                return False
            self._posting = None
            return self._heard(answer, now)
        number = self._allowed(now)
        if number:
            self._carried = number
            notice = compose([self._waiting[place] for place in range(number)])
            self._posting = Posting(self.way, notice, limit_s=self._settings.command_seconds)
        return False

    def _allowed(self, now: float) -> int:
        """How many of the things that wait may be told now, as one notice."""
        while self._sent and self._sent[0] <= now - _MINUTE_S:
            self._sent.popleft()
        left = self._settings.per_minute - len(self._sent)
        if not self._waiting or now < max(self._gather_until, self._next_try) or left < 1:
            return 0
        single = len(self._waiting) == 1 or len(self._waiting) <= min(_SINGLE, left - 1)
        return 1 if single else min(len(self._waiting), _MOST)

    def _heard(self, answer: Answer, now: float) -> bool:
        for line in answer.output.splitlines()[-_OUTPUT_LINES:]:
            log.info("%s said: %s", self.way.name, shorten(clean(line), _LINE))
        if not answer.ok and answer.again:
            return self._failed(answer, now)
        if answer.ok:
            log.debug("%s was told of %d things", self.way.name, self._carried)
        else:
            log.warning("%s: %s", self.way.name, shorten(clean(answer.said), _LINE))
        if self._failures:
            log.info("%s answers again after %d tries", self.way.name, self._failures + 1)
        self._sent.append(now)
        self._forget(self._carried)
        return True

    def _failed(self, answer: Answer, now: float) -> bool:
        self._failures += 1
        if self._failures == 1:
            self._failing_since = now
        reason = shorten(clean(answer.said), _LINE)
        over = now - self._failing_since >= self._settings.give_up_minutes * 60
        if over or len(self._waiting) > _MOST_WAITING:
            lost = "1 thing was" if len(self._waiting) == 1 else f"{len(self._waiting):,} things were"
            log.error("%s: given up after %d tries, %s not told: %s", self.way.name, self._failures, lost, reason)
            self._forget(len(self._waiting))
            return True
        wait = min(_FIRST_WAIT_S * 2.0 ** min(self._failures - 1, 16), _LONGEST_WAIT_S) * random.uniform(0.8, 1.2)
        self._next_try = now + wait
        told = log.warning if self._failures == 1 else log.debug
        told("%s: not told, next try in %.0f s: %s", self.way.name, wait, reason)
        return False

    def _forget(self, number: int) -> None:
        """These were told, or will not be."""
        for _ in range(number):
            last = self._waiting.popleft()
            # Two things may bear one revision; it counts as told with the last of them.
            follows = bool(self._waiting) and self._waiting[0].revision == last.revision
            self.told = last.revision - 1 if follows else last.revision
        self._failures = 0
        self._next_try = 0.0

    def seen(self, revision: int) -> bool:
        """Everything up to a revision was looked at; whether that moves on how far this way is."""
        if self._waiting or revision <= self.told:
            return False
        self.told = revision
        return True

    def end(self) -> None:
        """End what is under way; it counts as not told."""
        if self._posting is not None:
            self._posting.end()
            self._posting = None
