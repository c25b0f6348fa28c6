from __future__ import annotations

import threading
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.errors import StoreError
from workers.store.database import DatabaseError
from workers.timetable import SETTLE_MS, Clock, Timetable, daily, hourly

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


class Hands:
    """A clock of which tests move the hands."""

    def __init__(self, text: str = "2026-03-10T02:00") -> None:
        self.wall, self.passed = at(text), 5_000_000

    @property
    def clock(self) -> Clock:
        return Clock(lambda: self.wall, lambda: self.passed)

    def pass_time(self, ms: int) -> None:
        """Time goes by, asleep or awake."""
        self.wall += ms
        self.passed += ms

    def set(self, ms: int) -> None:
        """Somebody sets the clock."""
        self.wall += ms


class Ran:
    """A timetable whose tasks write down that they were done."""

    def __init__(self, hands: Hands) -> None:
        self.names: list[str] = []
        self.timetable = Timetable(hands.clock)
        self.timetable.every("daily", daily(3, 15), lambda: self.names.append("daily"))
        self.timetable.every("hourly", hourly(5), lambda: self.names.append("hourly"))

    def looks(self) -> list[str]:
        """What is done by a few looks now."""
        self.names.clear()
        for _ in range(3):
            due = self.timetable.due()
            before = len(self.names)
            self.timetable.run()
            assert self.names[before:] == due
        return sorted(self.names)


def test_all_is_done_at_the_start_and_then_at_its_times() -> None:
    hands = Hands()
    ran = Ran(hands)
    assert ran.looks() == ["daily", "hourly"]
    done = []
    for minute in range(1, 24 * 60 + 1):
        hands.pass_time(60_000)
        done += [(name, minute) for name in ran.looks()]
    assert [minute for name, minute in done if name == "daily"] == [75]
    assert [minute for name, minute in done if name == "hourly"] == list(range(5, 24 * 60, 60))


@pytest.mark.parametrize("days", [1, 2, 40])
def test_what_was_missed_is_done_once(days: int) -> None:
    hands = Hands()
    ran = Ran(hands)
    ran.looks()
    hands.pass_time(days * DAY_MS)
    assert ran.looks() == ["daily", "hourly"]
    assert ran.looks() == []


def test_a_sleep_that_missed_nothing_brings_nothing() -> None:
    hands = Hands("2026-03-10T03:20")
    ran = Ran(hands)
    ran.looks()
    hands.pass_time(40 * 60_000)
    assert ran.looks() == []


def test_a_clock_set_forth_is_believed_only_after_a_while() -> None:
    hands = Hands()
    ran = Ran(hands)
    ran.looks()
    hands.set(400 * DAY_MS)
    assert ran.looks() == []
    hands.pass_time(SETTLE_MS - 1)
    assert ran.looks() == []
    hands.pass_time(1)
    assert ran.looks() == ["daily", "hourly"]


def test_a_clock_set_forth_and_soon_put_right_removes_nothing() -> None:
    hands = Hands("2026-03-10T03:20")
    ran = Ran(hands)
    ran.looks()
    for _ in range(5):
        hands.set(400 * DAY_MS)
        hands.pass_time(1000)
        assert ran.looks() == []
        hands.set(-400 * DAY_MS)
        hands.pass_time(1000)
        assert ran.looks() == []
    hands.pass_time(SETTLE_MS)
    assert ran.looks() == []


@pytest.mark.parametrize(
    ("error", "traced"),
    [(DatabaseError("malformed"), False), (OSError(5, "I/O"), False), (StoreError("full"), False), (KeyError(1), True)],
)
def test_trouble_with_one_task_is_told_and_keeps_no_other(
    caplog: pytest.LogCaptureFixture, error: Exception, traced: bool
) -> None:
    def fails() -> None:
        raise error

    done: list[str] = []
    table = Timetable(Hands().clock)
    table.every("ageing", hourly(35), fails)
    table.every("retention", hourly(35), lambda: done.append("retention"))
    table.run()
    (record,) = caplog.records
    assert done == ["retention"] and record.getMessage().startswith("ageing failed")
    assert bool(record.exc_info) is traced  # only for bugs of ours


def test_by_how_much_a_clock_was_set_is_told_once() -> None:
    hands = Hands()
    table = Timetable(hands.clock)
    hands.pass_time(7 * HOUR_MS)
    table.due()
    assert table.set_by() == 0  # it slept
    hands.set(-2 * HOUR_MS)
    table.due()
    hands.set(HOUR_MS // 2)
    hands.pass_time(5_000)
    table.due()
    assert [table.set_by(), table.set_by()] == [-3 * HOUR_MS // 2, 0]


def test_after_a_clock_was_far_ahead_the_times_of_the_right_one_count() -> None:
    hands = Hands()
    ran = Ran(hands)
    hands.set(400 * DAY_MS)
    ran.looks()
    hands.pass_time(SETTLE_MS)
    assert ran.looks() == ["daily", "hourly"]
    hands.set(-400 * DAY_MS)
    ran.looks()
    hands.pass_time(SETTLE_MS)
    assert ran.looks() == []
    hands.pass_time(DAY_MS)
    assert ran.looks() == ["daily", "hourly"]


def test_an_hour_that_comes_twice_is_one_time() -> None:
    hands = Hands("2026-03-10T03:20")
    ran = Ran(hands)
    ran.looks()
    hands.set(-50 * 60_000)
    assert ran.looks() == []
    hands.pass_time(50 * 60_000)
    assert ran.looks() == []
    hands.pass_time(DAY_MS)
    assert ran.looks() == ["daily", "hourly"]


def test_one_that_fails_keeps_no_other_from_its_turn_and_is_not_tried_at_every_look(
    caplog: pytest.LogCaptureFixture,
) -> None:
    hands, done = Hands(), list[str]()

    def fails() -> None:
        done.append("fails")
        raise OSError("no room")

    timetable = Timetable(hands.clock)
    timetable.every("one", hourly(0), fails)
    timetable.every("other", hourly(0), lambda: done.append("works"))
    for _ in range(3):
        timetable.run()
    assert done == ["fails", "works"] and "one failed" in caplog.text
    hands.pass_time(HOUR_MS)
    timetable.run()
    assert done == ["fails", "works"] * 2


@pytest.mark.fault("15", "eight threads run the timetable at once: each task once a tick")
def test_several_threads_do_a_task_once() -> None:
    hands = Hands()
    ran = Ran(hands)
    for _ in range(20):
        ran.names.clear()
        together = threading.Barrier(8)

        def look(together: threading.Barrier = together) -> None:
            together.wait(10)
            ran.timetable.run()

        threads = [threading.Thread(target=look) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
        assert sorted(ran.names) == ["daily", "hourly"]
        hands.pass_time(DAY_MS)


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 100 * HOUR_MS)), max_size=20))
def test_no_task_is_done_more_often_than_its_time_has_come(steps: list[tuple[bool, int]]) -> None:
    """However the clock is set and time passes: never twice for one time, never without one."""
    hands = Hands()
    ran = Ran(hands)
    ran.looks()
    for set_back, ms in steps:
        if set_back:
            hands.set(-ms)
            assert ran.looks() == []  # no time has come
            hands.pass_time(SETTLE_MS)
            ran.looks()
        else:
            hands.pass_time(ms)
            assert ran.looks().count("daily") <= 1
            assert ran.looks() == []


def test_the_clock_of_this_host_moves() -> None:
    clock = Clock()
    wall, passed = clock.wall(), clock.passed()
    assert abs((clock.wall() - wall) - (clock.passed() - passed)) < 1000


def test_a_machine_that_sleeps_between_two_looks_at_its_clocks_had_none_of_them_set() -> None:
    hands = Hands()
    sleeps: list[int] = []

    def wall() -> int:
        told = hands.wall
        if sleeps:
            hands.pass_time(sleeps.pop())
        return told

    timetable = Timetable(Clock(wall, lambda: hands.passed))
    timetable.every("a", daily(3, 0), lambda: None)
    timetable.run()
    sleeps.append(2 * DAY_MS)
    assert timetable.due() == ["a"]
    assert timetable.set_by() == 0
