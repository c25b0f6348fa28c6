"""Windows of the week: what they cover, when they open, and what is no window."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.errors import UsageError
from workers.windows import canonical, is_open, opens, spans

MONDAY = datetime(2026, 11, 16)
_clocks = st.builds("{:02}:{:02}".format, st.integers(0, 23), st.integers(0, 59))
_days = st.sampled_from(["mon", "tue", "wed", "thu", "fri", "sat", "sun"])
_moments = st.builds(lambda minutes: MONDAY + timedelta(minutes=minutes), st.integers(0, 7 * 1440 - 1))


@pytest.mark.parametrize(
    ("text", "day", "clock", "expected"),
    [
        ("22:00-06:00", 0, "21:59", False),
        ("22:00-06:00", 0, "22:00", True),
        ("22:00-06:00", 1, "05:59", True),
        ("22:00-06:00", 1, "06:00", False),
        ("mon-fri 22:00-06:00", 5, "05:00", True),  # the night that began on Friday
        ("mon-fri 22:00-06:00", 5, "23:00", False),
        ("mon-fri 22:00-06:00; sat,sun", 6, "12:00", True),
        ("sun 22:00-06:00", 0, "03:00", True),  # over the end of the week
        ("fri-mon 10:00-12:00", 6, "11:00", True),
        ("fri-mon 10:00-12:00", 2, "11:00", False),
        ("sat", 5, "00:00", True),
        ("SAT,Sun 0:00-24:00", 6, "23:59", True),
    ],
)
def test_what_is_open(text: str, day: int, clock: str, expected: bool) -> None:
    hour, minute = (int(part) for part in clock.split(":"))
    assert is_open(canonical(text), MONDAY + timedelta(days=day, hours=hour, minutes=minute)) is expected


@pytest.mark.parametrize(
    "text", ["", " ", "x", "22:00", "25:00-26:00", "10:60-11:00", "mon 10:00-10:00", "mon;", "9" * 999]
)
def test_what_is_no_window(text: str) -> None:
    with pytest.raises(UsageError):
        canonical(text)


@given(st.lists(st.tuples(_days, _clocks, _clocks).filter(lambda part: part[1] != part[2]), min_size=1), _moments)
def test_a_window_opens_when_it_says(parts: list[tuple[str, str, str]], moment: datetime) -> None:
    text = canonical("; ".join(f"{day} {begin}-{end}" for day, begin, end in parts[:5]))
    begins = opens(text, moment)
    assert moment < begins <= moment + timedelta(days=7)
    assert is_open(text, begins)
    if not is_open(text, moment):
        assert not any(is_open(text, moment + (begins - moment) * part / 8) for part in range(8))


@pytest.mark.fault("34", "hours of the week over a change of the clocks")
def test_a_window_begins_at_its_hour_when_the_clocks_change() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    begins = opens("22:00-06:00", datetime(2026, 10, 25, 1, 30, tzinfo=berlin))  # the clocks go back at 3
    assert (begins.hour, begins.day, begins.utcoffset()) == (22, 25, timedelta(hours=1))


def test_one_way_of_writing() -> None:
    assert canonical("  Mon–Fri   22:00-06:00 ;sat ") == canonical("mon-fri 22:00-06:00 ;sat")
    assert len(spans("22:00-06:00")) == 7
