from __future__ import annotations

import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.cli.times import moment_ms, span_s
from workers.errors import UsageError


@pytest.fixture(params=["UTC", "Europe/Berlin", "America/New_York"], autouse=True)
def zone(request: pytest.FixtureRequest) -> Iterator[None]:
    before = os.environ.get("TZ")
    os.environ["TZ"] = request.param
    time.tzset()
    yield
    if before is None:
        del os.environ["TZ"]
    else:
        os.environ["TZ"] = before
    time.tzset()


def local(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000)


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("30m", 1800), ("1h30m", 5400), ("1.5h", 5400), (" 2D ", 172800), ("1w", 604800)]
)
def test_spans_are_read(text: str, seconds: float) -> None:
    assert span_s(text) == seconds


@pytest.mark.parametrize("text", ["", "30", "m", "-5m", "1h 30m", "5 minutes", "99999w"])
def test_what_is_no_span_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        span_s(text)


def test_a_clock_means_its_next_time() -> None:
    now = datetime(2026, 5, 4, 12, 0)
    assert local(moment_ms("13:30", now)) == datetime(2026, 5, 4, 13, 30)
    assert local(moment_ms("08:00", now)) == datetime(2026, 5, 5, 8, 0)
    assert local(moment_ms("12:00", now)) == datetime(2026, 5, 5, 12, 0)
    assert local(moment_ms("Tomorrow 18:15", now)) == datetime(2026, 5, 5, 18, 15)
    assert local(moment_ms("today 08:00", now)) == datetime(2026, 5, 4, 8, 0)


def test_a_clock_stays_the_same_over_a_change_of_the_clocks() -> None:
    # In Berlin the night before 29 March 2026 has one hour less, in New York that of 8 March.
    for day in (28, 7):
        assert local(moment_ms("tomorrow 08:00", datetime(2026, 3, day, 12, 0))) == datetime(2026, 3, day + 1, 8, 0)


@pytest.mark.parametrize(
    ("now", "text", "then"),
    [
        (datetime(2026, 11, 1, 5, 10, tzinfo=UTC), "01:30", datetime(2026, 11, 1, 5, 30, tzinfo=UTC)),
        (datetime(2026, 11, 1, 6, 10, tzinfo=UTC), "01:30", datetime(2026, 11, 1, 6, 30, tzinfo=UTC)),  # once more
        (datetime(2026, 11, 1, 6, 40, tzinfo=UTC), "01:30", datetime(2026, 11, 2, 6, 30, tzinfo=UTC)),
        (datetime(2026, 3, 8, 6, 50, tzinfo=UTC), "02:30", datetime(2026, 3, 8, 7, 30, tzinfo=UTC)),  # shown as 03:30
    ],
)
def test_the_next_time_lies_ahead_also_in_nights_of_a_change(
    now: datetime, text: str, then: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setenv("TZ", "America/New_York")
        time.tzset()
        assert datetime.fromtimestamp(moment_ms(text, now) / 1000, UTC) == then
    time.tzset()


def test_from_now_and_rfc3339() -> None:
    now = datetime(2026, 5, 4, 12, 0)
    assert moment_ms("+1h30m", now) == int((now.timestamp() + 5400) * 1000)
    assert moment_ms("2026-05-04T10:00:00Z") == 1777888800000
    assert moment_ms("2026-05-04T12:00:00.250+02:00") == 1777888800250
    assert local(moment_ms("2026-05-04T10:00")) == datetime(2026, 5, 4, 10, 0)


@pytest.mark.parametrize("text", ["", "soon", "25:00", "12:60", "tomorrow", "+", "+soon", "2026-13-01T00:00:00Z"])
def test_what_is_no_time_is_refused_with_what_to_write(text: str) -> None:
    with pytest.raises(UsageError):
        moment_ms(text)


@given(st.text(max_size=30))
def test_no_text_breaks_the_reading(text: str) -> None:
    for read in (span_s, moment_ms):
        try:
            assert read(text) is not None
        except UsageError:
            pass


def test_a_time_lies_within_a_hundred_years() -> None:
    now = datetime(2026, 5, 4, 12, 0)
    assert local(moment_ms("2126-05-01T12:00", now)).year == 2126
    for text in ("9998-12-31T23:59:59Z", "2128-01-01"):
        with pytest.raises(UsageError, match="more than 100 years away"):
            moment_ms(text, now)
