"""Somebody sets the clock under a worker: what goes by the clock follows it, what does not is left alone."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest

from tests.support.home import CONFIG, final_moves, opened
from tests.support.matrix import seed
from tests.support.shifted import ShiftedClock
from workers.jobs import State

MINUTE_MS = 60_000
FAILING = 8


def _in(minutes: float) -> int:
    return time.time_ns() // 1_000_000 + int(minutes * MINUTE_MS)


@pytest.mark.fault("33", "the clock of a working host is set: leases, schedules, pauses and retries")
@pytest.mark.parametrize("forth", [True, False], ids=["forth", "back"])
def test_clock_is_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, forth: bool) -> None:
    hours = random.Random(seed(33)).uniform(0.6, 3.0) * (1 if forth else -1)
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
