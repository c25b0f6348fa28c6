"""Moments of a film as people write them: 90, 1:30, 1:02:03.5, and with a minus counted from the end. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

_MOMENT = re.compile(r"(?:(?:(\d{1,3}):)?(\d{1,5}):)?(\d{1,9}(?:\.\d{1,9})?)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Moment:
    """A time in seconds, from the beginning or (`from_end`) back from the end."""

    seconds: float
    from_end: bool = False

    def at(self, duration_s: float) -> float:
        """Seconds from the beginning of a film of `duration_s`; negative when it is longer ago than the film lasts."""
        return duration_s - self.seconds if self.from_end else self.seconds


def parse_moment(text: str) -> Moment:
    """The moment that `text` means; ValueError in words for people."""
    plain = text.strip()
    from_end = plain.startswith("-")
    found = _MOMENT.fullmatch(plain.removeprefix("-"))
    if found is None:
        raise ValueError("a time is seconds (90 or 12.5), minutes (1:30) or hours (1:02:03.5); -10 counts from the end")
    hours, minutes, seconds = int(found[1] or 0), int(found[2] or 0), float(found[3])
    if found[2] is not None and seconds >= 60:
        raise ValueError("after minutes there are fewer than 60 seconds")
    if found[1] is not None and minutes >= 60:
        raise ValueError("after hours there are fewer than 60 minutes")
    return Moment(hours * 3600 + minutes * 60 + seconds, from_end)


def words_of(seconds: float) -> str:
    """Seconds as people write them: 1:02:03.5. Milliseconds are the finest."""
    millis = round(abs(seconds) * 1000)
    sign = "-" if seconds < 0 and millis else ""
    whole, rest = divmod(millis, 1000)
    tail = f".{rest:03}".rstrip("0") if rest else ""
    if whole < 60:
        return f"{sign}{whole}{tail}"
    hours, minutes, left = whole // 3600, whole // 60 % 60, whole % 60
    return f"{sign}{hours}:{minutes:02}:{left:02}{tail}" if hours else f"{sign}{minutes}:{left:02}{tail}"
