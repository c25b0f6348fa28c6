"""Times of day that a template keeps, and when they come next."""

from __future__ import annotations

from datetime import UTC, datetime, time, tzinfo
from zoneinfo import ZoneInfo

import pytest

from workers.daytimes import Start, kept_of, moments, start_of
from workers.errors import UsageError
from workers.jobs import LATEST_MS

BERLIN = ZoneInfo("Europe/Berlin")


def _ms(text: str, zone: tzinfo = UTC) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=zone).timestamp() * 1000)


def _next(now: str, *starts: Start | None, zone: tzinfo = UTC) -> list[str | None]:
    found = moments(starts, _ms(now, zone), zone)
    return [None if ms is None else datetime.fromtimestamp(ms / 1000, zone).isoformat(" ")[:16] for ms in found]


def test_a_time_of_day_goes_to_the_next_one() -> None:
    (start,) = kept_of({7: _ms("2026-03-01 22:00")}, UTC).values()
    assert start == Start(0, time(22))
    assert _next("2026-06-01 12:00", start, None) == ["2026-06-01 22:00", None]
    assert _next("2026-06-01 22:00", start) == ["2026-06-02 22:00"]
    assert _next("2026-12-31 23:00", start) == ["2027-01-01 22:00"]
    assert _next("2026-06-01 12:00", None) == [None] and kept_of({}, UTC) == {}


def test_later_ones_stay_as_many_days_behind_the_first() -> None:
    given = {1: _ms("2026-03-03 06:00"), 2: _ms("2026-03-01 22:00"), 3: _ms("2026-03-01 23:30:15")}
    kept = kept_of(given, UTC)
    assert list(kept.values()) == [Start(2, time(6)), Start(0, time(22)), Start(0, time(23, 30, 15))]
    # Between the first and the second of them all go to the next day, so that none overtakes another.
    assert _next("2026-06-01 23:00", *kept.values()) == ["2026-06-04 06:00", "2026-06-02 22:00", "2026-06-02 23:30"]


def test_the_clocks_here_count_over_a_change_of_them() -> None:
    (start,) = kept_of({1: _ms("2026-01-10 22:00", BERLIN)}, BERLIN).values()
    assert start.clock == time(22)
    assert moments([start], _ms("2026-07-01 12:00", BERLIN), BERLIN) == [_ms("2026-07-01 20:00")]
    left_out = Start(0, time(2, 30))  # on that night no clock shows it
    assert _next("2026-03-29 00:30", left_out, zone=BERLIN) == ["2026-03-29 03:30"]


@pytest.mark.parametrize("clock", ["22:00", "22:00:30"])
def test_what_the_template_holds(clock: str) -> None:
    kept = {"clock": clock, "day": 1}
    start = start_of({"start": kept})
    assert start == Start(1, time.fromisoformat(clock)) and start.as_json() == kept
    assert start_of({"start": None}) is None and start_of({}) is None  # the latter as it was kept at first


def test_the_end_of_all_dates_is_refused_in_words() -> None:
    ahead = ZoneInfo("Pacific/Kiritimati")
    kept = kept_of({1: LATEST_MS, 2: _ms("2026-01-01 08:00")}, ahead)
    with pytest.raises(UsageError, match="year 9999"):
        moments(list(kept.values()), _ms("2026-06-01 12:00"), ahead)
