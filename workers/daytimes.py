"""Start times that a template keeps: times of day by the clocks here, and how many days after the first. Pure.

Used later, the first of them is the next time that clocks show it, and the others follow as they did.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Any

from workers.errors import UsageError
from workers.jobs import LATEST_MS

_DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True, order=True)
class Start:
    """When one job of a template starts."""

    day: int  # days after the first of them
    clock: time  # to the second, by the clocks of the machine

    def as_json(self) -> dict[str, Any]:
        """As the template holds it: `clock` as 22:00 or 22:00:30, and `day`."""
        return {"clock": self.clock.isoformat("seconds" if self.clock.second else "minutes"), "day": self.day}


def start_of(kept: Mapping[str, Any]) -> Start | None:
    """The start that a job of a template keeps."""
    start = kept.get("start")
    return None if start is None else Start(start["day"], time.fromisoformat(start["clock"]))


def kept_of(moments: Mapping[int, int], zone: tzinfo) -> dict[int, Start]:
    """What to keep of start times in milliseconds since 1970, by job."""
    # A zone may be ahead of the last day that dates can tell.
    shown = {key: datetime.fromtimestamp(min(ms, LATEST_MS - _DAY_MS) / 1000, zone) for key, ms in moments.items()}
    first = min((moment.date() for moment in shown.values()), default=date.min)
    return {
        key: Start((moment.date() - first).days, moment.time().replace(microsecond=0)) for key, moment in shown.items()
    }


def moments(kept: Sequence[Start | None], now: int, zone: tzinfo) -> list[int | None]:
    """When each of them starts next, in milliseconds since 1970; UsageError when that is beyond the year 9999."""
    first = min((start for start in kept if start is not None), default=None)
    if first is None:
        return [None] * len(kept)
    begins = datetime.fromtimestamp(now / 1000, zone).date() - timedelta(days=first.day)
    try:
        if _ms(first, begins, zone) <= now:
            begins += timedelta(days=1)
        return [None if start is None else _ms(start, begins, zone) for start in kept]
    except (OverflowError, ValueError):
        raise UsageError("a job can be scheduled up to the year 9999") from None


def _ms(start: Start, begins: date, zone: tzinfo) -> int:
    return int(datetime.combine(begins + timedelta(days=start.day), start.clock, zone).timestamp() * 1000)
