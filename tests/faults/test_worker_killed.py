"""The worker dies by SIGKILL at chosen moments and at random; the next one puts everything right."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import time
from pathlib import Path

import pytest

from tests.support.fault_operations import WORKER_MOMENTS
from tests.support.home import CONFIG, Home, final_moves, gone, opened, wait_for
from tests.support.matrix import drawn, often, seed
from workers.errors import ErrorClass
from workers.jobs import State

CHAOS = CONFIG.replace("default = 4", "default = 6") + "attempts = 100\n"


@pytest.mark.fault("1", "kill -9 of the worker and all its processes, jobs running")
def test_kill_everything(home: Home) -> None:
    worker = home.start()
    chance = drawn(1)
    ids = [home.submit("sleep", {"seconds": 0.8}) for _ in range(4)]
    waiting = [home.submit("noop") for _ in range(4)]
    for job_id in ids:
        home.wait_running(job_id)
    time.sleep(chance.uniform(0.0, 0.2))
    for pid in chance.sample(everybody := list(home.processes()), len(everybody)):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    worker.wait()
    home.assert_no_process()
    assert all(home.job(job_id).state is State.RUNNING for job_id in ids)
    home.start()
    for job_id in (*ids, *waiting):
        assert home.wait_final(job_id).state is State.SUCCEEDED
        assert final_moves(home.moves(job_id)) == ["succeeded"]
    assert [home.job(job_id).attempts for job_id in (*ids, *waiting)] == [2] * 4 + [1] * 4
    report = home.client.worker().report
    assert report and report[0].startswith("4 jobs were running when the last worker died: 4 queued again")
    home.assert_clean()


@pytest.mark.fault("2", "kill -9 of the worker alone leaves no process")
def test_kill_of_the_worker_alone(home: Home) -> None:
    worker = home.start()
    hanging = home.submit("hang", {"grandchild": True})
    group = home.submit("group", {"seconds": 60})
    home.submit("grandchild")
    for job_id in (hanging, group):
        home.wait_phase(job_id)
    assert len(home.processes()) >= 6  # worker, forkserver, two runners, two children
    time.sleep(drawn(2).uniform(0.0, 0.2))
    worker.kill()
    home.assert_no_process()


@pytest.mark.fault("57", "kill -9 of the worker while a job is paused")
def test_kill_of_the_worker_while_a_job_is_paused(home: Home) -> None:
    worker = home.start()
    job_id = home.submit("group", {"seconds": 60})
    wait_for(lambda: home.job(job_id).progress.phase)
    home.client.pause([job_id])
    home.wait_state(job_id, State.PAUSED)
    time.sleep(drawn(57).uniform(0.0, 0.2))
    worker.kill()
    home.assert_no_process()  # a stopped group too
    home.start()
    job = home.wait_state(job_id, State.QUEUED)
    assert job.hold
    assert "put on hold" in home.client.worker().report[0]
    home.client.cancel([job_id])


@pytest.mark.fault("57", "kill -9 of worker and forkserver at once while a job is paused: swept at start")
def test_stopped_group_whose_leader_died_is_swept(home: Home) -> None:
    worker = home.start()
    job_id = home.submit("group", {"seconds": 60})
    child = int(wait_for(lambda: home.job(job_id).progress.phase))
    home.client.pause([job_id])
    home.wait_state(job_id, State.PAUSED)
    server = home.forkserver_pid()
    for pid in (server, worker.pid):
        os.kill(pid, signal.SIGKILL)
    worker.wait()
    home.start()
    wait_for(lambda: gone(child), what="the runner's child is gone")
    assert home.wait_state(job_id, State.QUEUED).hold


@pytest.mark.fault("1", "kill -9 of the worker from within a job")
@pytest.mark.parametrize("moment", ["start", "granted", "renamed", "done"])
def test_worker_killed_at_a_moment_of_the_job(home: Home, moment: str) -> None:
    target = home.out / "file.txt"
    values = {"target": str(target), "victim": "worker", "moment": moment, "mark": str(home.root / "mark")}
    worker = home.start()
    job_id = home.submit("fatal", values)
    assert worker.wait() == -signal.SIGKILL
    home.assert_no_process()
    assert home.job(job_id).state is State.RUNNING
    home.start()
    job = home.wait_final(job_id)
    assert (job.state, job.attempts, job.outputs) == (State.SUCCEEDED, 2, (str(target),))
    assert final_moves(home.moves(job_id)) == ["succeeded"]
    assert home.made() == ["file.txt"] and target.read_text() == "whole"
    assert home.client.worker().report[0].startswith("1 job was running when the last worker died: 1 queued again")
    home.assert_clean()


@pytest.mark.fault("1", "kill -9 of the worker at a moment of its own")
@pytest.mark.parametrize("moment", WORKER_MOMENTS)
def test_worker_killed_at_a_moment_of_its_own(home: Home, moment: str) -> None:
    job_id = home.submit("publish", {"target": str(home.out / "file.txt")})
    worker = home.spawn({"kill_at": moment})
    assert worker.wait() == -signal.SIGKILL
    home.assert_no_process()
    before = home.job(job_id).state
    assert before is (State.SUCCEEDED if moment == "after the final move" else State.RUNNING)
    home.start()
    job = home.wait_final(job_id)
    assert (job.state, job.attempts) == (State.SUCCEEDED, 1 if before is State.SUCCEEDED else 2)
    assert final_moves(home.moves(job_id)) == ["succeeded"]
    assert job.outputs == (str(home.out / "file.txt"),)
    assert home.made() == ["file.txt"]
    assert bool(home.client.worker().report) or before is State.SUCCEEDED
    home.assert_clean()


@pytest.mark.fault("1", "kill -9 of the worker while a job waits, and with a wish to cancel unheard")
def test_worker_killed_with_a_wish_unheard(home: Home) -> None:
    worker = home.start()
    ignoring = home.submit("hang")
    home.wait_running(ignoring)
    worker.signal(signal.SIGSTOP)
    waiting = home.submit("noop")
    home.client.cancel([ignoring])
    worker.kill()
    home.start()
    assert home.wait_final(ignoring).state is State.CANCELLED
    assert home.wait_final(waiting).state is State.SUCCEEDED
    assert "cancelled as asked" in home.client.worker().report[0]


@pytest.mark.fault("4", "poison job kills its worker: parked at the third death, with its story")
def test_poison_of_workers(home: Home) -> None:
    armed = home.root / "armed"
    armed.touch()
    poison = home.submit("poison", {"armed": str(armed)})
    others = [home.submit("touch", {"folder": str(home.out), "seconds": 1.0}) for _ in range(3)]  # in its company
    for _ in range(3):
        worker = home.spawn()
        assert worker.wait() == -signal.SIGKILL
    home.start()
    job = home.wait_final(poison)
    assert job.state is State.FAILED and job.failure is not None
    assert job.failure.error_class is ErrorClass.CRASHED and "3 workers died" in job.failure.message
    assert home.moves(poison).count("rescued") == 2 and final_moves(home.moves(poison)) == ["failed"]
    assert "given up after 3 workers died" in home.client.worker().report[0]
    assert all(home.wait_final(other).state is State.SUCCEEDED for other in others)
    armed.unlink()  # and a person may try again
    home.client.retry([poison])
    assert home.wait_final(poison).state is State.SUCCEEDED


def _ended(home: Home) -> bool:
    """Whether every job has ended; those that wait for a retry are told not to."""
    waiting = [job.id for job in home.client.jobs() if not job.final]
    home.client.retry(waiting)
    return not waiting


def _chaos(home: Home, chance: random.Random, kills: int, others: bool) -> list[int]:
    """Ten jobs and one SIGKILL of the worker, so often; with `others` runners and forkservers die or stop too.

    The kill comes at a random moment from the first claim to after the last end, once the jobs of the round before
    have ended: by design a job that is hit three times counts as poison, and no innocent one is to be.
    """
    ids: list[int] = []
    for _ in range(kills):
        worker = home.spawn()
        wait_for(lambda: _ended(home), 60, 0.05, "the round before has ended")
        for number in range(len(ids) + 1, len(ids) + 11):
            values = {"target": str(home.out / f"{number}.txt"), "pause_s": chance.uniform(0.0, 0.15)}
            ids.append(home.submit("publish", values))
        deadline = time.monotonic() + chance.uniform(0.0, 0.4)
        while time.monotonic() < deadline:
            time.sleep(0.01)
            if others and chance.random() < 0.2:
                _harm_somebody(home, chance, worker.pid)
        worker.kill()
    return ids


def _harm_somebody(home: Home, chance: random.Random, worker: int) -> None:
    victims = [pid for pid in sorted(home.processes()) if pid != worker]
    if not victims:
        return
    pid = chance.choice(victims)
    with contextlib.suppress(ProcessLookupError):
        if chance.random() < 0.5:
            os.kill(pid, signal.SIGKILL)
        else:
            os.kill(pid, signal.SIGSTOP)
            time.sleep(chance.uniform(0, 0.05))
            os.kill(pid, signal.SIGCONT)


def _assert_all_whole(home: Home, ids: list[int], poison: int) -> None:
    for job_id in ids:
        job = home.job(job_id)
        assert job.state is State.SUCCEEDED, (job, home.moves(job_id))
        assert final_moves(home.moves(job_id)) == ["succeeded"], home.moves(job_id)
        assert job.outputs == (str(home.out / f"{job_id}.txt"),)
    assert home.job(poison).state is State.FAILED
    assert home.made() == sorted(f"{job_id}.txt" for job_id in ids)
    assert home.sql("PRAGMA integrity_check") == [("ok",)]


@pytest.mark.fault("56", "soak: jobs under random SIGKILLs of the worker, one poison job")
@pytest.mark.parametrize("others", [False, True], ids=["of the worker alone", "of runners too"])
def test_soak(tmp_path: Path, others: bool) -> None:
    chance = random.Random(seed(20 + others))
    with opened(tmp_path / "home", CHAOS) as home:
        kills = often(3, 5) if others else often(5, 10)
        ids = _chaos(home, chance, kills, others)
        worker = home.spawn()
        wait_for(lambda: _ended(home), 60, 0.05, "all ended")
        armed = home.root / "armed"
        armed.touch()
        poison = home.submit("poison", {"armed": str(armed)})
        for _ in range(3):
            assert worker.wait() == -signal.SIGKILL
            worker = home.spawn()
        wait_for(lambda: _ended(home), 60, 0.05, "all ended")
        assert len(ids) == 10 * kills
        _assert_all_whole(home, ids, poison)
        assert worker.stop() == 0
        home.assert_no_process()
        home.assert_clean()


@pytest.mark.fault("1", "partial work of a job that is cancelled while it waits is removed by the worker")
def test_work_of_a_job_cancelled_while_it_waited(home: Home) -> None:
    home.start()
    job_id = home.submit("fail", {"error_class": "throttled"})
    home.wait_failure(job_id)
    work = home.settings.paths.job_work(job_id)
    work.mkdir(mode=0o700, exist_ok=True)
    (work / "partial").write_text("half a film")
    home.client.cancel([job_id])
    wait_for(lambda: not work.exists(), what="no partial work")
    failed = home.submit("publish", {"target": "/proc/nowhere/file"})
    assert home.wait_final(failed).state is State.FAILED
    kept = home.settings.paths.job_work(failed)
    assert kept.exists()  # it can resume, should a person retry it
    home.client.remove([failed])
    wait_for(lambda: not kept.exists(), what="nothing of a removed job")
