"""Windows of the week in which work may start: `22:00-06:00`, `mon-fri 22:00-06:00; sat,sun`. Pure.

A window that ends before it begins ends on the next day. Times are those of a zone that the caller names, so that
22:00 stays 22:00 when the clocks are changed.
"""

from __future__ import annotations

import functools
import re
from datetime import datetime, timedelta

from workers.errors import UsageError

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY_MIN = 1440
_WEEK_MIN = 7 * _DAY_MIN
_DAY = "(?:mon|tue|wed|thu|fri|sat|sun)"
_PART = re.compile(
    rf"(?P<days>{_DAY}(?:-{_DAY})?(?:\s*,\s*{_DAY}(?:-{_DAY})?)*)?"
    r"(?:(?(days)\s+|)(?P<from>\d{1,2}:\d{2})\s*-\s*(?P<to>\d{1,2}:\d{2}))?"
)
_LONGEST = 200

Spans = tuple[tuple[int, int], ...]  # minutes of the week: from, and to, which may lie in the next week


def canonical(text: str) -> str:
    """The windows in one way of writing, for comparison; UsageError when `text` tells none."""
    found = " ".join(text.lower().replace("–", "-").split())
    spans(found)
    return found


@functools.lru_cache(maxsize=256)
def spans(text: str) -> Spans:
    """The minutes of the week that windows cover; UsageError names what is wrong."""
    if len(text) > _LONGEST:
        raise UsageError(f"a window of {len(text)} characters: {_LONGEST} at most")
    found: list[tuple[int, int]] = []
    for part in text.lower().split(";"):
        told = _PART.fullmatch(part.strip())
        if told is None or not (told["days"] or told["from"]):
            raise UsageError(f"{part.strip()!r} is not a window: write 22:00-06:00, mon-fri 22:00-06:00 or sat,sun")
        begin, end = (_minute(told["from"]), _minute(told["to"])) if told["from"] else (0, _DAY_MIN)
        if begin == end:
            raise UsageError(f"{part.strip()!r} is a window without any time in it")
        end += _DAY_MIN if end < begin else 0
        found += [(day * _DAY_MIN + begin, day * _DAY_MIN + end) for day in _days(told["days"])]
    return tuple(found)


def _minute(text: str) -> int:
    hour, minute = (int(number) for number in text.split(":"))
    if minute > 59 or hour * 60 + minute > _DAY_MIN:
        raise UsageError(f"{text!r} is not a time of day")
    return hour * 60 + minute


def _days(text: str | None) -> list[int]:
    if not text:
        return list(range(7))
    found: dict[int, None] = {}
    for part in text.split(","):
        first, last = _ends(part)
        found.update((day % 7, None) for day in range(first, last + 1))
    return list(found)


def _ends(part: str) -> tuple[int, int]:
    first, _, last = part.strip().partition("-")
    begin = _DAYS.index(first)
    end = _DAYS.index(last) if last else begin
    return begin, end + (7 if end < begin else 0)


def is_open(text: str, moment: datetime) -> bool:
    """Whether `moment` lies in a window."""
    at = _minute_of_week(moment)
    return any(begin <= at < end or begin <= at + _WEEK_MIN < end for begin, end in spans(text))


def opens(text: str, moment: datetime) -> datetime:
    """When the next window begins after `moment`, in its zone."""
    at = _minute_of_week(moment)
    wait = min((begin - at) % _WEEK_MIN or _WEEK_MIN for begin, _ in spans(text))
    # Without the zone while minutes are added: a window begins at its hour over a change of the clocks.
    begin = moment.replace(tzinfo=None, second=0, microsecond=0) + timedelta(minutes=wait)
    return begin.replace(tzinfo=moment.tzinfo)


def _minute_of_week(moment: datetime) -> int:
    return moment.weekday() * _DAY_MIN + moment.hour * 60 + moment.minute
