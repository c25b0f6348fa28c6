from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.databases import opened
from workers.ageing import Ageing
from workers.store import hosts
from workers.timetable import Clock

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
NOW = 20_000 * DAY_MS


class Hands:
    """A clock of which tests move the hands."""

    def __init__(self) -> None:
        self.wall, self.passed = NOW, 0
        self.clock = Clock(lambda: self.wall, lambda: self.passed)

    def pass_time(self, ms: int) -> None:
        self.wall, self.passed = self.wall + ms, self.passed + ms


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Any]:
    with opened(str(tmp_path / "state" / "spool.db")) as database:
        yield database


@pytest.fixture
def hands() -> Hands:
    return Hands()


def test_it_is_that_of_the_clock_while_nothing_leaps(db: Any, hands: Hands) -> None:
    ageing = Ageing(db, hands.clock)
    assert ageing.look() == NOW
    for _ in range(3):
        hands.pass_time(HOUR_MS)
        assert ageing.look() == hands.wall
    hands.pass_time(40 * DAY_MS)  # slept through, by the clock that nobody can set
    assert ageing.look() == hands.wall


def test_nights_and_weeks_without_a_worker_count(db: Any, hands: Hands) -> None:
    for days in (0, 1, 3, 7):
        hands.wall += days * DAY_MS
        hands.passed = 0  # the machine was off
        assert Ageing(db, hands.clock).look() == hands.wall


def test_a_worker_that_starts_with_a_wrong_clock_ages_nothing_at_once(
    db: Any, hands: Hands, caplog: pytest.LogCaptureFixture
) -> None:
    Ageing(db, hands.clock).look()
    hands.wall += 70 * 365 * DAY_MS
    for _ in range(50):  # nor however often it is started anew
        assert Ageing(db, hands.clock).look() == NOW
    assert "wrong clock" in caplog.text
    ageing = Ageing(db, hands.clock)
    hands.pass_time(2 * HOUR_MS)
    assert ageing.look() == NOW + 2 * DAY_MS
    hands.wall -= 70 * 365 * DAY_MS  # put right
    assert ageing.look() == hands.wall


def test_a_long_time_without_a_worker_is_made_up_for_in_hours(db: Any, hands: Hands) -> None:
    Ageing(db, hands.clock).look()
    hands.wall += 60 * DAY_MS
    ageing, hours = Ageing(db, hands.clock), 0
    while ageing.look() < hands.wall:
        hands.pass_time(HOUR_MS)
        hours += 1
    assert 48 <= hours <= 60


def test_a_clock_that_starts_in_the_past_leaves_what_was_reached(db: Any, hands: Hands) -> None:
    Ageing(db, hands.clock).look()
    hands.wall = 0
    ageing = Ageing(db, hands.clock)
    assert ageing.look() == 0
    hands.pass_time(300_000)  # until the net tells the time
    assert ageing.look() == 300_000
    hands.wall = NOW + 300_000
    assert ageing.look() == hands.wall


def test_a_clock_that_stays_behind_is_right_after_a_week_of_a_worker(db: Any, hands: Hands) -> None:
    """Its first worker may have lived by a clock years ahead, or have lived long by it."""
    hands.wall += 5000 * DAY_MS
    Ageing(db, hands.clock).look()
    hands.wall = NOW
    for day in range(1, 9):
        ageing = Ageing(db, hands.clock)  # a new worker each day
        for _ in range(24):
            hands.pass_time(HOUR_MS)
            assert ageing.look() == hands.wall, "what is behind ages nothing"
        assert (hosts.believed_time(db) == hands.wall) == (day >= 7), day
    assert hosts.lived_behind(db) == 0


def test_weeks_behind_are_not_counted_together(db: Any, hands: Hands) -> None:
    """A machine that wakes with a clock of long ago now and then is told the time soon."""
    Ageing(db, hands.clock).look()
    for _ in range(3):
        right, hands.wall = hands.wall, 0
        ageing = Ageing(db, hands.clock)
        for _ in range(24 * 3):
            hands.pass_time(HOUR_MS)
            ageing.look()
        hands.wall = right + 3 * DAY_MS
        for _ in range(7 * 24):
            hands.pass_time(HOUR_MS)
            ageing.look()
        assert hosts.believed_time(db) == hands.wall


def test_the_last_sign_of_a_worker_serves_where_the_table_does_not_tell(db: Any, hands: Hands) -> None:
    assert Ageing(db, hands.clock, NOW - 400 * DAY_MS).look() == NOW - 400 * DAY_MS
    assert Ageing(db, hands.clock, NOW).look() == NOW - 400 * DAY_MS  # from then on the table does
