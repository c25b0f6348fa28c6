"""When one way is told: gathering, summaries, the bound a minute, waits and giving up. The clock is the test's."""

from __future__ import annotations

import logging
import random
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.support.receivers import Program
from workers.notices.following import Following
from workers.notices.posting import wait_for
from workers.notices.ways import Way
from workers.notices.words import Happening, Notice, notice_of
from workers.settings import NotifySettings


def _compose(happenings: Sequence[Happening]) -> Notice:
    return notice_of(happenings, {}, "vm")


class Told:
    """A way to a real program, stepped by hand."""

    def __init__(self, folder: Path, told: int = 0, **settings: object) -> None:
        self.program = Program(folder)
        way = Way("command", command=tuple(self.program.command))
        self.following = Following(way, told, NotifySettings(**settings))  # type: ignore[arg-type]
        self.now = 1000.0

    def add(self, *revisions: int, event: str = "done") -> None:
        for revision in revisions:
            self.following.add(Happening(revision, event, job_id=revision), self.now)

    def run(self, seconds: float = 0.0) -> int:
        """Let time pass, and tell all that may be told then; how many notices were sent or given up."""
        self.now += seconds
        number = 0
        while True:
            before = self.following.posting
            number += self.following.step(self.now, _compose)
            after = self.following.posting
            if after is not None:
                wait_for([after], 1)
            elif before is None:
                return number

    @property
    def events(self) -> list[str]:
        return [told["EVENT"] for told in self.program.told]


def test_what_happens_together_is_told_after_a_second_and_moves_on(tmp_path: Path) -> None:
    told = Told(tmp_path, told=5)
    told.add(4, 5)
    assert told.following.waiting == 0, "these were told before"
    told.add(6, 7)
    assert told.run(0.9) == 0 and told.following.told == 5
    assert told.run(0.1) == 2
    assert [one["JOB_ID"] for one in told.program.told] == ["6", "7"]
    assert told.following.told == 7 and told.following.seen(9) and told.following.told == 9
    assert not told.following.seen(9)


def test_two_things_of_one_revision_are_both_told(tmp_path: Path) -> None:
    told = Told(tmp_path)
    told.add(3)
    told.add(3, event="batch_done")
    told.now += 1
    told.following.step(told.now, _compose)
    assert told.following.posting is not None
    while not told.following.step(told.now, _compose):
        wait_for([told.following.posting], 1)
    assert told.following.told == 2, "a worker that dies here tells both again"
    told.run()
    assert told.events == ["done", "batch_done"] and told.following.told == 3


def test_many_are_one_summary_and_a_minute_has_its_bound(tmp_path: Path) -> None:
    told = Told(tmp_path, per_minute=3)
    told.add(*range(1, 41))
    assert told.run(1) == 1
    assert told.events == ["summary"] and told.program.told[0]["DONE"] == "40"
    told.add(41)
    told.run(1)
    told.add(42)
    told.run(1)
    told.add(43, 44)
    assert told.run(30) == 0, "three were told within the minute"
    told.add(45)
    assert told.run(28) == 1, "the first of them was a minute ago"
    assert told.events == ["summary", "done", "done", "summary"]
    assert told.program.told[-1]["JOB_IDS"] == "43 44 45"


def test_a_program_that_fails_is_named_and_not_started_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    told = Told(tmp_path)
    told.following.way = Way("command sh", command=("/bin/sh", "-c", "printf 'a\\033[31m\\nb\\n'; exit 4"))
    told.add(1)
    with caplog.at_level(logging.INFO):
        assert told.run(1) == 1
    assert told.following.told == 1 and told.following.waiting == 0
    assert [record.getMessage() for record in caplog.records] == [
        "command sh said: a\\x1b[31m",
        "command sh said: b",
        "command sh: ended with exit code 4",
    ]


def test_what_cannot_be_told_is_tried_with_growing_waits_and_given_up(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(random, "uniform", lambda low, high: 1.0)
    told = Told(tmp_path, give_up_minutes=1)
    good, told.following.way = told.following.way, Way("command none", command=("/no/such/program",))
    told.add(1)
    told.run(1)
    began = told.now
    tries = [0.0]
    while told.following.waiting:
        before = told.following._failures
        told.run(1)
        if told.following._failures != before:
            tries.append(told.now - began)
    assert tries == [0, 5, 15, 35, 75]
    messages = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    reason = "cannot be started: No such file or directory"
    assert messages == [
        f"command none: not told, next try in 5 s: {reason}",
        f"command none: given up after 5 tries, 1 thing was not told: {reason}",
    ]
    assert told.following.told == 1
    told.following.way = good
    told.add(2)
    assert told.run(1) == 1 and told.events == ["done"], "it begins afresh"


def test_what_waits_for_a_dead_service_becomes_a_summary_when_it_is_back(tmp_path: Path) -> None:
    told = Told(tmp_path)
    good, told.following.way = told.following.way, Way("command none", command=("/no/such/program",))
    told.add(1)
    told.run(1)
    told.add(2, 3, 4)
    assert told.run(1) == 0 and told.events == []
    told.following.way = good
    assert told.run(10) == 1
    assert told.program.told[0]["JOB_IDS"] == "1 2 3 4" and told.following.told == 4


def test_what_is_under_way_at_the_end_counts_as_not_told(tmp_path: Path) -> None:
    told = Told(tmp_path)
    told.following.way = Way("command sh", command=("/bin/sh", "-c", "sleep 999"))
    told.add(1)
    told.now += 1
    told.following.step(told.now, _compose)
    posting = told.following.posting
    assert posting is not None
    told.following.end()
    assert (told.following.posting, told.following.told) == (None, 0)
