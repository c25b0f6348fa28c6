"""Runners and the forkserver die, hang or lie; the worker goes on and the job ends where it should."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.home import CONFIG, Home, final_moves, gone, opened, wait_for
from tests.support.matrix import drawn
from workers.client import WorkerStatus
from workers.errors import ErrorClass
from workers.jobs import State
from workers.launch import worker_pid


@pytest.fixture(scope="module")
def quick_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """A home that calls a job stalled after 0.6 s, gives two attempts, and bounds memory."""
    config = CONFIG + "stall_minutes = 0.01\nattempts = 2\nmemory_mib = 512\n"
    with opened(tmp_path_factory.mktemp("quick") / "home", config) as home:
        home.start()
        yield home


def _again_now(home: Home, job_id: int) -> None:
    """Wait for the failure of an attempt, and let the next one begin at once."""
    wait_for(lambda: home.job(job_id).run_after is not None, what="a retry")
    home.client.retry([job_id])


@pytest.mark.fault("3", "kill -9 of a runner")
def test_killed_runner_is_tried_again(busy_home: Home) -> None:
    home = busy_home
    worker = worker_pid(home.settings)
    job_id = home.submit("sleep", {"seconds": 0.8})
    home.wait_running(job_id)
    time.sleep(drawn(3).uniform(0.0, 0.2))
    os.kill(home.runner_pid(job_id), signal.SIGKILL)
    waiting = home.wait_failure(job_id)
    assert waiting.failure is not None
    assert waiting.failure.error_class is ErrorClass.CRASHED and "SIGKILL" in waiting.failure.message
    assert waiting.run_after is not None and waiting.run_after / 1000 - time.time() < 15
    assert waiting.attempts == 1
    job = home.wait_final(job_id)
    assert (job.state, job.attempts) == (State.SUCCEEDED, 2)
    assert worker_pid(home.settings) == worker


@pytest.mark.fault("4", "poison job kills its runner each time")
def test_poison_of_runners_fails_and_others_go_on(busy_home: Home) -> None:
    home = busy_home
    job_id = home.submit("kill-self")
    for _ in range(2):
        _again_now(home, job_id)
    others = [home.submit("noop") for _ in range(5)]
    job = home.wait_final(job_id)
    assert (job.state, job.attempts, job.failures) == (State.FAILED, 3, 3)
    assert job.failure is not None and job.failure.error_class is ErrorClass.CRASHED
    assert all(home.wait_final(other).state is State.SUCCEEDED for other in others)
    assert final_moves(home.moves(job_id)) == ["failed"]


@pytest.mark.fault("5", "segfault in an operation")
def test_segfault(quick_home: Home) -> None:
    home = quick_home
    job_id = home.submit("segfault")
    _again_now(home, job_id)
    job = home.wait_final(job_id)
    assert job.state is State.FAILED and job.failure is not None
    assert job.failure.error_class is ErrorClass.CRASHED and "SIGSEGV" in job.failure.message


@pytest.mark.fault("5", "a bulk job goes on behind the item that killed its runner")
def test_bulk_job_keeps_what_was_done(quick_home: Home) -> None:
    home = quick_home
    names = ["ok1", "ok2", "kill1", "ok3", "kill2", "ok4"]
    job = home.wait_final(home.submit("items", {"inputs": names, "folder": str(home.out / "bulk")}))
    assert (job.state, job.attempts, job.failures) == (State.SUCCEEDED, 1, 0)
    assert (job.items.total, job.items.done, job.items.failed) == (6, 4, 2)
    failed = {item.key: item.failure for item in home.client.items(job.id, outcome="failed")}
    assert list(failed) == ["kill1", "kill2"]
    assert all(
        f is not None and f.error_class is ErrorClass.CRASHED and "SIGKILL" in f.message for f in failed.values()
    )
    assert sorted(path.name for path in (home.out / "bulk").iterdir()) == ["ok1.txt", "ok2.txt", "ok3.txt", "ok4.txt"]


@pytest.mark.fault("5", "a bulk job whose every item kills its runner fails, and ends")
def test_bulk_job_of_killers(quick_home: Home) -> None:
    home = quick_home
    job_id = home.submit("items", {"inputs": ["kill1", "kill2"]})
    _again_now(home, job_id)
    job = home.wait_final(job_id)
    assert (job.state, job.items.failed) == (State.FAILED, 2)
    assert job.failure is not None and job.failure.error_class is ErrorClass.CRASHED


@pytest.mark.fault("6", "sys.exit(3) and os._exit(3) in an operation")
@pytest.mark.parametrize("hard", [False, True], ids=["sys.exit", "os._exit"])
def test_exit(quick_home: Home, hard: bool) -> None:
    home = quick_home
    job_id = home.submit("exit", {"code": 3, "hard": hard})
    _again_now(home, job_id)
    job = home.wait_final(job_id)
    assert (job.state, job.failures) == (State.FAILED, 2)
    assert job.failure is not None and "exit code 3" in job.failure.message


@pytest.mark.fault("10", "hung operation that swallows exceptions is stalled")
def test_hung_job_stalls(quick_home: Home) -> None:
    home = quick_home
    job_id = home.submit("hang", {"grandchild": True})
    child = int(wait_for(lambda: home.job(job_id).progress.phase))
    runner = home.runner_pid(job_id)
    waiting = home.wait_failure(job_id)
    assert waiting.failure is not None and waiting.failure.error_class is ErrorClass.STALLED
    wait_for(lambda: gone(child) and gone(runner))
    home.client.cancel([job_id])


@pytest.mark.fault("10", "a slow job that reports, and a paused one, never stall")
def test_slow_and_paused_jobs_do_not_stall(quick_home: Home) -> None:
    home = quick_home
    slow = home.submit("sleep", {"seconds": 2.0})
    paused = home.submit("sleep", {"seconds": 0.5})
    home.wait_running(paused)
    home.client.pause([paused])
    home.wait_state(paused, State.PAUSED)
    assert home.wait_final(slow).state is State.SUCCEEDED  # more than three times the limit
    assert home.job(paused).state is State.PAUSED
    home.client.resume([paused])
    assert home.wait_final(paused).state is State.SUCCEEDED
    assert home.job(slow).attempts == home.job(paused).attempts == 1


@pytest.mark.fault("11", "grandchildren are gone after success")
def test_grandchildren_end_with_the_job(busy_home: Home) -> None:
    home = busy_home
    before = set(home.processes())
    job_id = home.submit("grandchild")
    assert home.wait_final(job_id).state is State.SUCCEEDED
    wait_for(lambda: set(home.processes()) <= before, what="no process more than before")


@pytest.mark.fault("45", "runner out of memory")
def test_out_of_memory(quick_home: Home) -> None:
    home = quick_home
    job_id = home.submit("eat-memory", {"megabytes": 5000})
    waiting = home.wait_failure(job_id)
    assert waiting.failure is not None and waiting.failure.error_class is ErrorClass.CRASHED
    assert "out of memory" in waiting.failure.message
    home.client.cancel([job_id])
    status: WorkerStatus = home.client.worker()
    assert status.running


@pytest.mark.fault("58", "forkserver killed")
def test_killed_forkserver_is_started_anew(busy_home: Home) -> None:
    home = busy_home
    job_id = home.submit("sleep", {"seconds": 0.8})
    home.wait_running(job_id)
    time.sleep(drawn(58).uniform(0.0, 0.3))
    runner, old = home.runner_pid(job_id), home.forkserver_pid()
    os.kill(old, signal.SIGKILL)
    wait_for(lambda: gone(runner), what="its runners are gone")
    next_one = home.submit("noop")
    assert home.wait_final(next_one).state is State.SUCCEEDED
    job = home.wait_final(job_id)
    assert (job.state, job.attempts) == (State.SUCCEEDED, 2)
    assert home.forkserver_pid() != old


@pytest.mark.fault("58", "forkserver stopped and killed while jobs are asked for")
def test_forkserver_killed_while_spawning(busy_home: Home) -> None:
    home = busy_home
    old = home.forkserver_pid()
    os.kill(old, signal.SIGSTOP)
    ids = [home.submit("noop") for _ in range(4)]
    wait_for(lambda: sum(home.job(job_id).state is State.RUNNING for job_id in ids) == 4, what="four claims")
    os.kill(old, signal.SIGKILL)
    for job_id in ids:
        job = home.wait_final(job_id)
        assert (job.state, job.attempts) == (State.SUCCEEDED, 1)


@pytest.mark.fault("3", "kill -9 of a runner or the forkserver at a chosen moment")
@pytest.mark.parametrize("victim", ["runner", "forkserver"])
def test_killed_at_each_moment(quick_home: Home, tmp_path: Path, victim: str) -> None:
    """Whatever the moment, one file and one end; after the rename the file is found again and kept."""
    home = quick_home
    for moment in ("start", "staged", "granted", "renamed", "done"):
        target = tmp_path / f"{moment}.txt"
        values = {"target": str(target), "victim": victim, "moment": moment, "mark": str(tmp_path / f"{moment}.mark")}
        job_id = home.submit("fatal", values)
        _again_now(home, job_id)
        job = home.wait_final(job_id)
        assert (job.state, job.attempts, job.outputs) == (State.SUCCEEDED, 2, (str(target),)), moment
        assert target.read_text() == "whole"
        assert final_moves(home.moves(job_id)) == ["succeeded"]
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".mark"] * 5 + [".txt"] * 5
    home.assert_clean()


@pytest.mark.fault("35", "retry storm: spread, capped, Retry-After kept")
def test_retries_are_spread(busy_home: Home) -> None:
    home = busy_home
    home.client.set_slots("default", 8)
    ids = [home.submit("fail", {"error_class": "throttled"}) for _ in range(40)]
    asked = home.submit("fail", {"error_class": "throttled", "retry_after_s": 500.0})
    for job_id in (*ids, asked):
        home.wait_failure(job_id)
    home.client.set_slots("default", 4)
    waits = []
    for job_id in ids:
        failed = next(event.at for event in home.client.events(job_id=job_id) if event.move == "retried")
        waits.append(((home.job(job_id).run_after or 0) - failed) / 1000)
    assert all(60 * 0.75 - 0.1 <= wait <= 60 * 1.25 + 0.1 for wait in waits)
    assert max(waits) - min(waits) > 12.0  # not all at once
    assert (home.job(asked).run_after or 0) / 1000 - time.time() > 490
    home.client.cancel([*ids, asked])
