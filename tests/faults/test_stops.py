"""The worker is asked to stop, politely and twice and while it starts; a second one is refused."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tests.faults.conftest import HomeOf
from tests.support.home import ROOT, Home, WorkerProcess, frozen, gone, wait_for
from tests.support.matrix import drawn
from workers.client import open_client
from workers.jobs import State
from workers.launch import stop_worker, worker_pid


def _ask_to_stop(home: Home, worker: WorkerProcess) -> None:
    """Ask politely, and wait until it was heard."""
    worker.signal(signal.SIGTERM)
    wait_for(lambda: "stops" in home.log(), what="the worker has heard it")


@pytest.mark.fault("7", "SIGTERM, idle")
def test_idle_worker_stops_at_once_with_code_0(home: Home) -> None:
    worker = home.start()
    started = time.monotonic()
    assert worker.stop() == 0
    assert time.monotonic() - started < 1.0
    home.assert_no_process()
    assert not home.client.worker().running
    assert not home.settings.paths.wake_socket.exists()


@pytest.mark.fault("7", "SIGTERM, busy: released, no attempt counted")
def test_polite_stop_releases_jobs_without_counting_an_attempt(home: Home, tmp_path: Path) -> None:
    worker = home.start()
    running = home.submit("sleep", {"seconds": 1.0})
    ignoring = home.submit("hang", {"grandchild": True})
    paused = home.submit("sleep", {"seconds": 0.2})
    waiting = home.submit("noop", hold=True)
    home.wait_running(running)
    child = int(wait_for(lambda: home.job(ignoring).progress.phase))
    home.client.pause([paused])
    wait_for(lambda: home.job(paused).state is State.PAUSED or home.job(paused).hold, what="paused or held")
    started = time.monotonic()
    assert worker.stop() == 0
    assert time.monotonic() - started < 0.3 * 2 + 2.0  # both graces of the one that ignores signals
    home.assert_no_process()
    assert gone(child)
    for job_id in (running, ignoring, paused):
        job = home.job(job_id)
        assert (job.state, job.attempts, job.failures) == (State.QUEUED, 0, 0)
    assert [home.job(job_id).hold for job_id in (running, ignoring, paused, waiting)] == [False, False, True, True]
    assert home.moves(running)[-1] == "released"
    assert home.leftovers() == [] or all(Path(path).parent.name == "work" for path in home.leftovers())
    home.start()
    assert home.client.worker().report == ()
    home.client.cancel([ignoring])
    assert home.wait_final(running).state is State.SUCCEEDED
    home.client.resume([paused])
    assert home.wait_final(paused).state is State.SUCCEEDED
    assert home.job(running).attempts == home.job(paused).attempts == 1


@pytest.mark.fault("8", "SIGTERM twice: at once, released")
def test_second_term_ends_at_once_and_releases_too(home_with_graces: HomeOf) -> None:
    home = home_with_graces(20)
    worker = home.start()
    ids = [home.hanging(), home.hanging()]
    _ask_to_stop(home, worker)
    assert worker.process.poll() is None
    second = time.monotonic()
    worker.signal(signal.SIGTERM)
    assert worker.wait(5) == 0
    assert time.monotonic() - second < 1.5
    home.assert_no_process()
    assert [(home.job(job_id).state, home.job(job_id).attempts) for job_id in ids] == [(State.QUEUED, 0)] * 2
    assert all(home.moves(job_id)[-1] == "released" for job_id in ids)


@pytest.mark.fault("8", "SIGTERM and SIGINT in one breath")
def test_two_terms_in_one_breath(home_with_graces: HomeOf) -> None:
    home = home_with_graces(20)
    worker = home.start()
    job_id = home.hanging()
    with frozen(worker.pid):
        worker.signal(signal.SIGTERM)
        worker.signal(signal.SIGINT)  # two of one kind would be merged by the kernel
    assert worker.wait(5) == 0
    assert (home.job(job_id).state, home.job(job_id).attempts) == (State.QUEUED, 0)


@pytest.mark.fault("9", "SIGKILL in the grace")
def test_kill_in_the_grace_is_rescued(home_with_graces: HomeOf) -> None:
    home = home_with_graces(20)
    worker = home.start()
    job_id = home.hanging()
    _ask_to_stop(home, worker)
    time.sleep(drawn(9).uniform(0.0, 0.5))
    worker.kill()
    home.assert_no_process()
    home.start()
    assert home.client.worker().report
    assert home.wait_running(job_id).attempts == 2


@pytest.mark.fault("7", "cancel of a job while the worker stops")
def test_cancel_while_it_stops_stays_cancelled(home_with_graces: HomeOf) -> None:
    home = home_with_graces(1.0)
    worker = home.start()
    job_id = home.hanging()
    _ask_to_stop(home, worker)
    home.client.cancel([job_id])
    assert worker.wait() == 0
    assert home.job(job_id).state is State.CANCELLED
    home.assert_clean()


@pytest.mark.fault("7", "SIGTERM while starting")
def test_term_while_starting(home: Home) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "workers", "--registry", home.registry],
        env=home.environment(),
        cwd=ROOT,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for(lambda: worker_pid(home.settings) == process.pid, what="it has taken the home")
        time.sleep(drawn(7).uniform(0.0, 0.5))
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.wait()
    home.assert_no_process()


@pytest.mark.fault("14", "second worker on one home: exit 78, names the first")
def test_second_worker_is_refused_and_names_the_first(home: Home) -> None:
    first = home.start()
    second = home.spawn()
    assert second.wait() == 78
    assert str(first.pid) in second.answer and "spool stop" in second.answer
    assert first.process.poll() is None
    assert stop_worker(home.settings) is True
    assert first.wait() == 0
    assert stop_worker(home.settings) is False


@pytest.mark.fault("14", "five workers started at once on one home: one takes it")
def test_many_workers_at_once(home: Home) -> None:
    home.client.close()
    workers = []
    guard = threading.Lock()

    def start() -> None:
        worker = home.spawn()
        with guard:
            workers.append(worker)

    threads = [threading.Thread(target=start) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(worker.answer == "ready" for worker in workers) == [False] * 4 + [True]
    holder = next(worker for worker in workers if worker.answer == "ready")
    others = [worker for worker in workers if worker is not holder]
    assert {worker.wait() for worker in others} == {78}
    assert all(re.search(rf"\b{holder.pid}\b", worker.answer) for worker in others)
    client = open_client(home.settings, home.registry)
    ids = [client.submit("touch", {"folder": str(home.out)}).id for _ in range(30)]
    for job_id in ids:
        assert home.wait_final(job_id).attempts == 1
    client.close()
    assert len(home.made()) == 30
