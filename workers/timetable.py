"""What the worker does by the clock: each task once when its time has come, however many times were missed.

A machine that slept and a worker that stood still find it all due at their next look. A clock that somebody set is
believed only after a while: what goes by age would remove what is young, and a wrong clock is soon put right.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from workers.errors import SpoolError
from workers.store.database import DatabaseError
from workers.store.records import now_ms

log = logging.getLogger(__name__)

_HOUR_MS, _DAY_MS = 3_600_000, 86_400_000
_SET_MS = 60_000  # that the clock gained or lost against the time that passed, from which on somebody has set it
SETTLE_MS = 600_000  # until a clock that was set is believed

Due = Callable[[int], int]  # the newest time at or before a moment at which a task is due


def _passed_ms() -> int:
    """Milliseconds since some moment, those that the machine slept included; nobody can set this clock."""
    return time.clock_gettime_ns(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)) // 1_000_000


@dataclass(frozen=True, slots=True)
class Clock:
    """The time, in milliseconds: as people have it, which may be set, and as it passes."""

    wall: Callable[[], int] = now_ms
    passed: Callable[[], int] = _passed_ms


def hourly(minute: int) -> Due:
    """Due at a minute of each hour, in UTC."""
    return lambda now: _newest(now, _HOUR_MS, minute * 60_000)


def daily(hour: int, minute: int) -> Due:
    """Due at a time of each day, in UTC."""
    return lambda now: _newest(now, _DAY_MS, (hour * 60 + minute) * 60_000)


def _newest(now: int, period: int, offset: int) -> int:
    return (now - offset) // period * period + offset


@dataclass(slots=True)
class _Task:
    name: str
    due: Due
    act: Callable[[], object]
    done_at: int | None = None  # by the wall clock of then


class Timetable:
    """The tasks and when they were done last. `due` and `run` may be called from two threads."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or Clock()
        self._tasks: list[_Task] = []
        self._guard = threading.Lock()
        self._ahead = self._clock.wall() - self._clock.passed()
        self._believed_from = self._clock.passed()
        self._set_by = 0

    def set_by(self) -> int:
        """Milliseconds by which the clock was found set, forth or back, since this was asked last."""
        with self._guard:
            found, self._set_by = self._set_by, 0
            return found

    def every(self, name: str, due: Due, act: Callable[[], object]) -> None:
        """Put a task on the timetable. It is due at once too: nobody knows what was missed before."""
        self._tasks.append(_Task(name, due, act))

    def due(self) -> list[str]:
        """The names of the tasks whose time has come."""
        with self._guard:
            return [task.name for task in self._due(*self._moment())]

    def run(self) -> None:
        """Do what is due, one after the other. What goes wrong with one is told, and keeps no other from its turn."""
        with self._guard:
            now, passed = self._moment()
            tasks = self._due(now, passed)
            for task in tasks:
                task.done_at = now
        for task in tasks:
            try:
                task.act()
            except (DatabaseError, SpoolError, OSError) as error:
                log.warning("%s failed: %s; it is tried again at its next time", task.name, error)
            except Exception:
                log.exception("%s failed; it is tried again at its next time", task.name)

    def _moment(self) -> tuple[int, int]:
        """What both clocks say at one moment: the machine may fall asleep between two looks, and one be a day later."""
        while True:
            before, now, passed = self._clock.passed(), self._clock.wall(), self._clock.passed()
            if passed - before < _SET_MS:
                return now, passed

    def _due(self, now: int, passed: int) -> list[_Task]:
        if not self._believed(now, passed):
            return []
        for task in self._tasks:
            if task.done_at is not None and task.done_at > now + _HOUR_MS:
                task.done_at = now  # done by a clock that was wrong: its next time is that of the right one
        return [task for task in self._tasks if task.done_at is None or task.done_at < task.due(now)]

    def _believed(self, now: int, passed: int) -> bool:
        """Whether the clock was not set lately. A clock that is slewed gains no minute between two looks."""
        ahead = now - passed
        if abs(ahead - self._ahead) > _SET_MS:
            log.warning("the clock was set by %+d s", (ahead - self._ahead) // 1000)
            self._believed_from = passed + SETTLE_MS
            self._set_by += ahead - self._ahead
        self._ahead = ahead
        return passed >= self._believed_from
