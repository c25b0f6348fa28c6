"""Somebody sets the clock under a worker: what goes by the clock follows it, what does not is left alone."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.support.home import CONFIG, Home, final_moves, opened, wait_for
from tests.support.matrix import drawn
from tests.support.shifted import ShiftedClock
from workers.jobs import State

MINUTE_MS = 60_000
FAILING = 8


def _in(minutes: float) -> int:
    return time.time_ns() // 1_000_000 + int(minutes * MINUTE_MS)


@pytest.mark.fault("33", "the clock of a working host is set: leases, schedules, pauses and retries")
@pytest.mark.parametrize("forth", [True, False], ids=["forth", "back"])
def test_clock_is_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, forth: bool) -> None:
    hours = drawn(33).uniform(0.6, 3.0) * (1 if forth else -1)
    with opened(tmp_path / "home", CONFIG + "stall_minutes = 0.1\n") as home:
        clock = ShiftedClock(home.root / "clock")
        clock.install(monkeypatch.setattr)
        worker = home.start({"clock": str(home.root / "clock"), "daemon": {"SWEEP_S": 0.2}})
        runs = home.submit("sleep", {"seconds": 1.5})
        rests = home.submit("sleep", {"seconds": 0.1})
        home.client.pause([rests], until=_in(20))
        due = home.submit("noop", run_after=_in(20))
        failing = [home.submit("fail", {"error_class": "throttled"}) for _ in range(FAILING)]
        for job_id in failing:
            home.wait_failure(job_id)
        home.wait_running(runs)
        clock.set_by(int(hours * 60 * MINUTE_MS))
        job = home.wait_final(runs)
        assert (job.state, job.attempts) == (State.SUCCEEDED, 1)  # leases go by counters, not by clocks
        assert home.client.worker().running and home.client.worker().pid == worker.pid
        if forth:
            for job_id in (due, rests):
                assert home.wait_final(job_id).state is State.SUCCEEDED
                assert final_moves(home.moves(job_id)) == ["succeeded"]
        else:
            assert [home.job(job_id).state for job_id in (due, rests)] == [State.QUEUED] * 2
        assert all(home.job(one).failures <= 2 for one in failing), "no storm"
        waits = [((home.job(one).run_after or 0) - _in(0)) / 1000 for one in failing]
        assert all(0 < wait < 180 for wait in waits), waits  # not the hours by which the clock was set
        assert worker.stop() == 0


@pytest.mark.fault("33", "jobs end under a clock far ahead: put right, they are no older and no younger than others")
def test_what_ended_far_ahead_is_put_right(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    ahead = drawn(33).randrange(10, 20_000) * 24 * 60 * MINUTE_MS
    clock = ShiftedClock(home.root / "clock")
    clock.install(monkeypatch.setattr)

    def life() -> int:
        worker = home.start({"clock": str(home.root / "clock")})
        job_id = home.submit("noop")
        assert home.wait_final(job_id).state is State.SUCCEEDED
        assert worker.stop() == 0
        return job_id

    before = life()
    clock.set_by(ahead)
    wrong = life()
    assert (home.job(wrong).finished_at or 0) > _in(-1)
    clock.set_by(-ahead)
    home.start({"clock": str(home.root / "clock")})
    told = wait_for(
        lambda: [event for event in home.client.events(job_id=0) if event.move == "times put right"], what=home.log()
    )
    assert len(told) == 1 and told[0].reason.startswith("1 job")
    after = home.submit("noop")
    home.wait_final(after)
    ends = [home.job(job_id).finished_at or 0 for job_id in (before, wrong, after)]
    assert ends == sorted(ends) and ends[-1] <= _in(0)
    assert [job.id for job in home.client.jobs("")][:2] == [after, wrong]


@pytest.mark.fault("33", "a job fails under a clock far ahead, put right without a worker: it is tried again soon")
def test_what_failed_far_ahead_is_tried_again(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    ahead = drawn(33).randrange(10, 20_000) * 24 * 60 * MINUTE_MS
    clock = ShiftedClock(home.root / "clock")
    clock.install(monkeypatch.setattr)
    clock.set_by(ahead)
    worker = home.start({"clock": str(home.root / "clock")})
    job_id = home.submit("fail", {"error_class": "throttled"})
    home.wait_failure(job_id)
    assert worker.stop() == 0
    clock.set_by(-ahead)
    assert (home.job(job_id).run_after or 0) > _in(24 * 60), "else nothing is to be put right"
    home.start({"clock": str(home.root / "clock")})
    wait_for(lambda: [event for event in home.client.events() if event.move == "times put right"], what=home.log())
    assert _in(0) < (home.job(job_id).run_after or 0) < _in(3)


class _Abroad(Home):
    """A home on a machine whose people read their clocks in `zone`."""

    zone = ""

    def environment(self, hooks: Mapping[str, Any] | None = None) -> dict[str, str]:
        return {**super().environment(hooks), "TZ": self.zone}


def _changes(zone: ZoneInfo) -> list[datetime]:
    """The next two moments at which the clocks of a zone are changed: one to summer time, one from it."""
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(days=2)
    year = (hour + timedelta(hours=number) for number in range(366 * 24))
    before = timedelta(hours=1)
    found = [one for one in year if one.astimezone(zone).utcoffset() != (one - before).astimezone(zone).utcoffset()]
    return found[:2]


@pytest.mark.fault("34", "the clocks are changed under a worker: its hours open by the new ones")
def test_hours_over_a_change_of_the_clocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chance = drawn(34)
    home = _Abroad(tmp_path / "home")
    home.zone = chance.choice(["America/New_York", "Europe/Berlin", "Australia/Sydney"])
    clock = ShiftedClock(home.root / "clock")
    clock.install(monkeypatch.setattr)
    try:
        for change in _changes(ZoneInfo(home.zone)):
            opens = change + timedelta(hours=2)  # by the clocks as they were, an hour before or behind it
            shown = [(opens + timedelta(hours=more)).astimezone(ZoneInfo(home.zone)) for more in (0, 1)]
            clock.sleep(int(change.timestamp() * 1000) - _in(60))
            worker = home.start({"clock": str(home.root / "clock"), "daemon": {"SWEEP_S": 0.1}})
            waits = home.submit("noop", window="-".join(f"{one:%H:%M}" for one in shown))
            clock.sleep(60 * MINUTE_MS + 90 * MINUTE_MS)
            assert home.wait_final(home.submit("noop")).state is State.SUCCEEDED
            time.sleep(0.5)  # some sweeps
            assert home.job(waits).state is State.QUEUED, (change, shown)
            clock.sleep(31 * MINUTE_MS)
            assert home.wait_final(waits).state is State.SUCCEEDED, (change, shown)
            assert worker.stop() == 0
    finally:
        home.close()
