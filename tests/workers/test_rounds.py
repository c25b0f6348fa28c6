from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Callable
from types import SimpleNamespace

import pytest

from workers import rounds as rounds_module
from workers.errors import ConfigError, NoSuchJob, StoreError
from workers.rounds import Rounds
from workers.store.database import DatabaseError


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """What the rounds take for the time; `now` is changed by hand."""
    clock = SimpleNamespace(now=100.0)
    monkeypatch.setattr(rounds_module, "time", SimpleNamespace(monotonic=lambda: clock.now))
    return clock


def given_up(why: StoreError) -> None:
    raise AssertionError(why)


def noting(done: list[str], name: str) -> Callable[[], None]:
    return lambda: done.append(name)


def test_each_act_comes_at_its_time(clock: SimpleNamespace) -> None:
    done: list[str] = []
    beat, tidy = noting(done, "beat"), noting(done, "tidy")
    rounds = Rounds({beat: 2.0, tidy: 60.0}, at_once=[beat], give_up=given_up)
    rounds.walk()
    assert done == ["beat"] and rounds.rest_s == 2.0
    clock.now += 1.9
    rounds.walk()
    assert done == ["beat"] and rounds.rest_s == pytest.approx(0.1)
    clock.now += 0.1
    rounds.walk()
    assert done == ["beat", "beat"]
    clock.now += 58
    rounds.walk()
    assert done == ["beat", "beat", "beat", "tidy"]


def test_an_act_can_be_hastened_and_then_keeps_its_time(clock: SimpleNamespace) -> None:
    done: list[str] = []
    tidy = noting(done, "tidy")
    rounds = Rounds({tidy: 60.0}, at_once=[], give_up=given_up)
    rounds.walk()
    rounds.hasten(tidy)
    rounds.walk()
    rounds.walk()
    assert done == ["tidy"] and rounds.rest_s == 60.0


@pytest.mark.parametrize("refusal", [DatabaseError, sqlite3.OperationalError, StoreError])
def test_a_refusal_that_lasts_gives_up_though_others_go_well(
    clock: SimpleNamespace, caplog: pytest.LogCaptureFixture, refusal: type[Exception]
) -> None:
    why: list[StoreError] = []
    well: list[str] = []

    def bad() -> None:
        raise refusal("database or disk is full")

    rounds = Rounds({bad: 1.0, noting(well, "good"): 1.0}, at_once=[], give_up=why.append)
    for _ in range(61):  # the first refusal is the beginning of the minute
        clock.now += 1
        rounds.walk()
    assert why == [] and len(well) == 61
    clock.now += 1
    rounds.walk()
    assert len(why) == 1 and "60 s" in str(why[0]) and "full" in str(why[0])
    assert len([record for record in caplog.records if "refuses" in record.message]) == 1  # told once, not each time


def test_a_success_ends_the_trouble(clock: SimpleNamespace) -> None:
    refusals = iter([True, False, True])

    def act() -> None:
        if next(refusals):
            raise DatabaseError("database is locked")

    rounds = Rounds({}, at_once=[], give_up=given_up)
    for _ in range(3):
        rounds.attempt(act)
        clock.now += 59


@pytest.mark.parametrize(
    "trouble",
    [
        OSError(errno.EBUSY, os.strerror(errno.EBUSY), "/somewhere/work/999"),
        NoSuchJob("there is no job 999"),
        ConfigError("/somewhere/work/999: cannot be made"),
    ],
)
def test_what_is_in_the_way_of_one_act_never_gives_up(
    clock: SimpleNamespace, caplog: pytest.LogCaptureFixture, trouble: Exception
) -> None:
    well: list[str] = []

    def bad() -> None:
        raise trouble

    rounds = Rounds({bad: 1.0, noting(well, "good"): 1.0}, at_once=[], give_up=given_up)
    for _ in range(3):
        clock.now += 1000
        rounds.walk()
    assert len(well) == 3
    (told,) = caplog.records
    assert "999" in told.message and "database" not in told.message


def test_a_file_long_in_the_way_does_not_shorten_the_patience_with_the_database(clock: SimpleNamespace) -> None:
    troubles = iter([OSError(errno.EBUSY, os.strerror(errno.EBUSY)), DatabaseError("database is locked")])

    def bad() -> None:
        raise next(troubles)

    rounds = Rounds({}, at_once=[], give_up=given_up)
    rounds.attempt(bad)
    clock.now += 1000
    rounds.attempt(bad)
