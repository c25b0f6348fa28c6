"""Times and spans as people write them. Pure, but for the zone of the machine."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from workers.errors import UsageError

_PART = re.compile(r"(\d+(?:\.\d+)?)([smhdw])")
_SPAN = re.compile(f"(?:{_PART.pattern})+")
_UNIT_S = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_CLOCK = re.compile(r"(?:(today|tomorrow)\s+)?(\d{1,2}):(\d{2})", re.IGNORECASE)
_FAR_S = 10 * 366 * 86400
_FARTHEST_YEARS = 100


def is_span(text: str) -> bool:
    """Whether this is a span of time such as 90s, 30m, 1h30m or 2d."""
    return _SPAN.fullmatch(text.lower()) is not None


def span_s(text: str) -> float:
    """A span such as 90s, 30m, 1h30m or 2d in seconds; UsageError when it is none."""
    text = text.strip().lower()
    if not is_span(text):
        raise UsageError(f"{text!r} is not a span of time: write 90s, 30m, 1h30m or 2d")
    seconds = sum(float(number) * _UNIT_S[unit] for number, unit in _PART.findall(text))
    if seconds > _FAR_S:
        raise UsageError(f"{text!r} is longer than ten years")
    return seconds


def moment_ms(text: str, now: datetime | None = None) -> int:
    """A time as milliseconds since 1970: RFC 3339, `08:00` (the next one), `tomorrow 08:00`, or `+30m` from now.

    A time without a zone is one of the machine's own zone.
    """
    now = (now or datetime.now()).astimezone()
    text = text.strip()
    if text.startswith("+"):
        return _ms(now + timedelta(seconds=span_s(text[1:])))
    clock = _CLOCK.fullmatch(text)
    if clock:
        return _ms(_next(now, clock))
    try:
        found = datetime.fromisoformat(text).astimezone()
    except (ValueError, OverflowError):
        raise UsageError(f"{text!r} is not a time: write 2026-01-31T08:00:00Z, 08:00, tomorrow 08:00 or +30m") from None
    if found.year - now.year > _FARTHEST_YEARS:
        raise UsageError(f"{text!r} is more than {_FARTHEST_YEARS} years away")
    return _ms(found)


def end_of_pause(span: str | None, until: str | None) -> int | None:
    """When a pause for a span, or until a time, ends; None when neither is given. UsageError when both are."""
    if span and until:
        raise UsageError("--for and --until say the same: give one of them")
    if span:
        return moment_ms(f"+{span}")
    return moment_ms(until) if until else None


def _next(now: datetime, clock: re.Match[str]) -> datetime:
    day, hour, minute = (clock[1] or "").lower(), int(clock[2]), int(clock[3])
    try:
        # Without its zone while days are added: 08:00 stays 08:00 over a change of the clocks.
        today = now.replace(tzinfo=None, hour=hour, minute=minute, second=0, microsecond=0)
    except ValueError:
        raise UsageError(f"{clock[0]!r} is not a time of day") from None
    found = _instants(today + timedelta(days=day == "tomorrow"))
    if not day:
        found += _instants(today + timedelta(days=1))
    return min((moment for moment in found if moment > now), default=found[-1])


def _instants(naive: datetime) -> list[datetime]:
    """When clocks here show that: twice in the hour that comes twice, beside it in the hour that is left out."""
    return sorted(naive.replace(fold=fold).astimezone() for fold in (0, 1))


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
