"""How old things are: counted by a time that follows the clock, but no leap of it.

What goes by age is gone for good, so a wrong clock must not age it: that of a machine whose battery is flat, or one
that somebody set. Over a leap this time goes on by a day for each hour that a worker lives, which leaves a person a day
or more to put the clock right; over nights and weeks without a worker it simply follows.

A clock that is behind this time ages nothing, and either may be the wrong one: the machine knows no better after a
start, or an earlier worker lived by a clock that was ahead. A week of a worker's life decides for the clock.
"""

from __future__ import annotations

import logging
from typing import Any

from workers.store import hosts
from workers.timetable import Clock

log = logging.getLogger(__name__)

_DAY_MS = 86_400_000
_LEAP_MS = 7 * _DAY_MS  # further from where the last worker left it, a clock may be wrong
_SURE_MS = 7 * _DAY_MS  # of a worker's life, after which a clock that is behind is taken for right
_HASTE = 24  # times as fast as a worker lives, until the clock is reached


class Ageing:
    """The time by which things are old, kept in the table from one worker to the next. One thread may ask."""

    def __init__(self, db: Any, clock: Clock | None = None, last_sign: int | None = None) -> None:
        """`last_sign`: when the worker before us was seen last, for a table that does not hold this time yet."""
        self._db = db
        self._clock = clock or Clock()
        self._last_sign = last_sign
        self._passed = self._clock.passed()
        self._told = False

    def look(self) -> int:
        """Let it go on, and keep it; the time now in milliseconds, never later than the clock's."""
        now, passed = self._clock.wall(), self._clock.passed()
        lived, self._passed = passed - self._passed, passed
        before = hosts.believed_time(self._db) or self._last_sign or now
        leap = now - before
        behind = hosts.lived_behind(self._db) + lived if leap < -_LEAP_MS else 0
        believed = now
        if abs(leap) > _LEAP_MS and behind < _SURE_MS:
            self._tell(leap)
            step = min(abs(leap), lived * _HASTE)
            believed = before + (step if leap > 0 else -step)
        hosts.believe_time(self._db, believed, behind if believed != now else 0)
        return min(believed, now)

    def _tell(self, leap: int) -> None:
        if not self._told:
            log.warning(
                "the clock is %+d days from where the last worker left it: what is old is removed only little by"
                " little, so that a wrong clock can be put right",
                leap // _DAY_MS,
            )
        self._told = True
