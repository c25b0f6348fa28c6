"""A cancel ends within what is promised, whatever the configuration says and whoever does not answer."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.support.home import CONFIG, Home, opened, wait_for
from workers.jobs import Job, State

PROMISED_S = 10.0


def _cancelled(home: Home, job_id: int) -> Job:
    home.client.cancel([job_id])
    job = home.wait_final(job_id, PROMISED_S)
    assert job.state is State.CANCELLED
    return job


@pytest.mark.fault("10", "a tool that ignores signals is cancelled in 10 s, with graces of a minute too")
def test_a_cancel_does_not_wait_for_long_graces(tmp_path: Path) -> None:
    with opened(tmp_path / "home", CONFIG.replace("grace_seconds = 0.3", "grace_seconds = 60")) as home:
        worker = home.start()
        job_id = home.submit("hang")
        home.wait_running(job_id)
        _cancelled(home, job_id)
        home.assert_clean()
        worker.stop()


@pytest.mark.fault("58", "the forkserver does not answer: a job that waits for its runner is cancelled in 10 s")
def test_a_job_that_waits_for_its_runner_is_cancelled(home: Home) -> None:
    worker = home.start()
    assert home.wait_final(home.submit("noop")).state is State.SUCCEEDED
    forkserver = home.forkserver_pid()
    os.kill(forkserver, signal.SIGSTOP)
    try:
        job_id = home.submit("noop")
        wait_for(lambda: home.job(job_id).state is State.RUNNING, what="claimed")
        _cancelled(home, job_id)
    finally:
        os.kill(forkserver, signal.SIGCONT)
    assert home.wait_final(home.submit("noop")).state is State.SUCCEEDED, "the same forkserver goes on"
    assert home.forkserver_pid() == forkserver
    home.assert_clean()
    assert worker.stop() == 0


@pytest.mark.fault("58", "the forkserver does not answer: a job that runs is cancelled in 10 s")
def test_a_running_job_is_cancelled(home: Home) -> None:
    home.start()
    job_id = home.submit("hang", {"grandchild": True})
    home.wait_running(job_id)
    forkserver = home.forkserver_pid()
    os.kill(forkserver, signal.SIGSTOP)
    try:
        _cancelled(home, job_id)
    finally:
        os.kill(forkserver, signal.SIGCONT)
    home.assert_clean()


@pytest.mark.fault("58", "the forkserver does not answer: the worker stops politely, and no attempt is counted")
def test_the_worker_stops(home: Home) -> None:
    worker = home.start()
    assert home.wait_final(home.submit("noop")).state is State.SUCCEEDED
    forkserver = home.forkserver_pid()
    os.kill(forkserver, signal.SIGSTOP)
    job_id = home.submit("noop")
    wait_for(lambda: home.job(job_id).state is State.RUNNING, what="claimed")
    worker.signal(signal.SIGTERM)
    wait_for(lambda: home.job(job_id).state is State.QUEUED, PROMISED_S, what="released")
    os.kill(forkserver, signal.SIGCONT)
    assert worker.wait() == 0
    assert home.job(job_id).attempts == 0
