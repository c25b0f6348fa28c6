"""When jobs start: soft pauses, pauses for a time, sites, batches, hours, chains and full disks, by a real worker."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.home import CONFIG, Home, opened, wait_for
from tests.support.shifted import ShiftedClock
from workers.jobs import Scope, State, Wish


def _soon(seconds: float) -> int:
    return int((time.time() + seconds) * 1000)


def test_a_soft_pause_ends_what_is_in_hand_and_waits(busy_home: Home) -> None:
    home = busy_home
    job_id = home.submit("items", {"count": 40, "seconds": 0.2, "processes": 2})
    wait_for(lambda: home.job(job_id).items.done, what="a first item")
    assert home.client.pause([job_id], soft=True, by="ann")[0].ok
    job = home.wait_state(job_id, State.QUEUED)
    done = job.items.done
    assert job.hold and 0 < done < 40 and job.attempts == 0
    (why,) = home.client.why(job_id)
    assert why.reason == "hold" and "by ann" in why.detail
    home.client.resume([job_id])
    job = home.wait_final(job_id, 40)
    assert (job.state, job.items.done) == (State.SUCCEEDED, 40)


def test_a_soft_pause_that_is_taken_back_costs_a_job_neither_its_slot_nor_its_work(busy_home: Home) -> None:
    home = busy_home
    job_id = home.submit("items", {"count": 10, "seconds": 0.2, "processes": 1})
    wait_for(lambda: home.job(job_id).items.done, what="a first item")
    place = home.job(job_id).position
    os.killpg(home.runner_pid(job_id), signal.SIGSTOP)  # it cannot end its item before the resume
    home.client.pause([job_id], soft=True)
    home.wait_final(home.submit("noop"))  # the worker has looked since, and told the runner
    home.client.resume([job_id])
    wait_for(lambda: home.job(job_id).wish is Wish.NONE, what="the worker to hear that it goes on")
    os.killpg(home.runner_pid(job_id), signal.SIGCONT)
    job = home.wait_final(job_id, 40)
    assert (job.state, job.items.done, job.position, job.hold) == (State.SUCCEEDED, 10, place, False)
    assert home.moves(job_id) == ["submitted", "claimed", "hold asked", "resume asked", "succeeded"]


def test_a_soft_pause_lets_a_single_job_end(busy_home: Home, tmp_path: Path) -> None:
    job_id = busy_home.submit("touch-images", {"folder": str(tmp_path), "seconds": 0.5})
    busy_home.wait_running(job_id)
    busy_home.client.pause([job_id], soft=True)
    assert busy_home.wait_final(job_id).state is State.SUCCEEDED


def test_a_pause_for_a_time_ends_by_itself_even_over_a_restart(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = ShiftedClock(home.root / "clock")
    clock.install(monkeypatch.setattr)
    hooks = {"clock": str(home.root / "clock"), "daemon": {"SWEEP_S": 0.2}}
    worker = home.start(hooks)
    runs = home.submit("touch", {"folder": str(tmp_path), "seconds": 1.0})
    home.wait_running(runs)
    home.client.pause([runs], until=_soon(3600), by="ann")
    home.wait_state(runs, State.PAUSED)
    worker.stop()
    assert home.job(runs).hold
    home.start(hooks)
    assert home.wait_final(home.submit("noop")).state is State.SUCCEEDED
    assert home.job(runs).hold
    clock.sleep(3_600_000)
    job = home.wait_final(runs, 30)
    assert job.state is State.SUCCEEDED
    over = [event for event in home.client.events(job_id=runs) if event.reason == "its time is over"]
    assert [(event.move, event.by) for event in over] == [("unheld", "worker")]


def test_a_paused_site_keeps_its_downloads_and_no_others(busy_home: Home) -> None:
    home = busy_home
    home.client.pause_scope(Scope.SITE, "example.org", by="ann")
    waits = home.submit("site", {"site": "example.org", "seconds": 0})
    goes = home.submit("site", {"site": "example.com", "seconds": 0})
    assert home.wait_final(goes).state is State.SUCCEEDED
    assert home.job(waits).state is State.QUEUED and home.client.why(waits)[0].reason == "paused"
    assert home.client.resume_scope(Scope.SITE, "example.org", by="ann")
    assert home.wait_final(waits).state is State.SUCCEEDED


def test_a_batch_runs_as_many_as_its_limit_allows_and_is_cancelled_as_a_whole(busy_home: Home, tmp_path: Path) -> None:
    home = busy_home
    home.client.limit_batch("b", 1, new=True, by="ann")
    values = {"folder": str(tmp_path), "seconds": 60}
    ids = [home.submit("touch", values, batch="b") for _ in range(3)]
    home.wait_running(ids[0])
    beside = home.submit("touch", {"folder": str(tmp_path)})
    assert home.wait_final(beside).state is State.SUCCEEDED
    assert [home.job(job_id).state for job_id in ids] == [State.RUNNING, State.QUEUED, State.QUEUED]
    assert home.client.why(ids[1])[0].reason == "batch"
    home.client.limit_batch("b", 2, by="ann")
    home.wait_running(ids[1])
    assert all(answer.ok for answer in home.client.cancel_batch("b", by="ann"))
    assert {home.wait_final(job_id).state for job_id in ids} == {State.CANCELLED}
    assert home.client.batch("b").over
    home.client.remove_batch("b", by="ann")
    assert home.client.batches("b") == [] and home.client.jobs("batch:b") == []


def test_the_next_of_a_chain_starts_at_once_after_any_end(busy_home: Home) -> None:
    home = busy_home
    first = home.submit("items", {"inputs": ["bad1"]}, hold=True)
    strict, easy = home.submit("noop", after=(first,)), home.submit("noop", after_ended=(first,))
    home.client.unhold([first])
    assert home.wait_final(first).state is State.FAILED
    assert home.wait_final(easy).state is State.SUCCEEDED
    assert home.wait_final(strict).state is State.SKIPPED
    assert "which it waited for, failed" in home.client.events(job_id=strict)[-1].reason


def test_closed_hours_keep_a_queue_and_a_job(tmp_path: Path) -> None:
    now = time.localtime()
    day = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")[(now.tm_wday + 3) % 7]  # not today, nor about midnight
    with opened(tmp_path / "home", CONFIG + f'\n[windows]\nimages = "{day} 10:00-11:00"\n') as home:
        home.start()
        queue = home.submit("touch-images", {"folder": str(tmp_path)})
        job = home.submit("noop", window=f"{day} 10:00-11:00")
        free = home.submit("noop", window="00:00-24:00")
        assert home.wait_final(free).state is State.SUCCEEDED
        assert [home.client.why(one)[0].reason for one in (queue, job)] == ["window", "window"]
        assert home.client.schedule([job], window="")[0].ok
        assert home.wait_final(job).state is State.SUCCEEDED
        assert home.job(queue).state is State.QUEUED


class _Abroad(Home):
    """A home on a machine whose clocks are eleven hours behind UTC."""

    def environment(self, hooks: Mapping[str, Any] | None = None) -> dict[str, str]:
        return {**super().environment(hooks), "TZ": "Etc/GMT+11"}


def test_hours_are_those_of_the_machines_clocks(tmp_path: Path) -> None:
    def hours(behind: int) -> str:
        now = datetime.now(UTC) - timedelta(hours=behind)
        return f"{now - timedelta(hours=1):%H:%M}-{now + timedelta(hours=1):%H:%M}"

    home = _Abroad(tmp_path / "home")
    try:
        home.start()
        elsewhere = home.submit("noop", window=hours(0))
        assert home.wait_final(home.submit("noop", window=hours(11))).state is State.SUCCEEDED
        assert home.job(elsewhere).state is State.QUEUED
    finally:
        home.close()


@pytest.mark.fault("18", "an operation is told that the disk is full: the job waits, says so, and loses no attempt")
def test_a_full_disk_makes_jobs_wait_and_costs_no_attempt(tmp_path: Path) -> None:
    full = CONFIG.replace("min_free_mib = 0", "min_free_mib = 1000000000")
    with opened(tmp_path / "home", full) as home:
        home.start()
        job_id = home.submit("items", {"inputs": ["full"]})
        job = home.wait_state(job_id, State.QUEUED)
        wait_for(lambda: home.job(job_id).failure is not None, what="an attempt that found the disk full")
        job = home.wait_state(job_id, State.QUEUED)
        assert (job.attempts, job.failures) == (0, 0)
        (why,) = home.client.why(job_id)
        assert why.reason == "disk" and "No space left" in why.detail
        assert why.lifts == "it goes on when there is room"
        home.client.cancel([job_id])
        assert home.wait_final(job_id).state is State.CANCELLED
