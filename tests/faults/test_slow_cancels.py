"""A cancel ends within what is promised, whatever the configuration says and whoever does not answer."""

from __future__ import annotations

import signal

import pytest

from tests.faults.conftest import HomeOf
from tests.support.home import Home, frozen
from workers.jobs import Job, State

PROMISED_S = 10.0


def _cancelled(home: Home, job_id: int) -> Job:
    home.client.cancel([job_id])
    job = home.wait_final(job_id, PROMISED_S)
    assert job.state is State.CANCELLED
    return job


def _claimed(home: Home) -> int:
    """A job that has a slot; its id."""
    job_id = home.submit("noop")
    home.wait_state(job_id, State.RUNNING)
    return job_id


@pytest.mark.fault("10", "a tool that ignores signals is cancelled in 10 s, with graces of a minute too")
def test_a_cancel_does_not_wait_for_long_graces(home_with_graces: HomeOf) -> None:
    home = home_with_graces(60)
    worker = home.start()
    _cancelled(home, home.hanging())
    home.assert_clean()
    worker.stop()


@pytest.mark.fault("58", "the forkserver does not answer: a job that waits for its runner is cancelled in 10 s")
def test_a_job_that_waits_for_its_runner_is_cancelled(home: Home) -> None:
    worker = home.start()
    assert home.wait_final(home.submit("noop")).state is State.SUCCEEDED
    forkserver = home.forkserver_pid()
    with frozen(forkserver):
        _cancelled(home, _claimed(home))
    assert home.wait_final(home.submit("noop")).state is State.SUCCEEDED, "the same forkserver goes on"
    assert home.forkserver_pid() == forkserver
    home.assert_clean()
    assert worker.stop() == 0


@pytest.mark.fault("58", "the forkserver does not answer: a job that runs is cancelled in 10 s")
def test_a_running_job_is_cancelled(home: Home) -> None:
    home.start()
    job_id = home.hanging(grandchild=True)
    with frozen(home.forkserver_pid()):
        _cancelled(home, job_id)
    home.assert_clean()


@pytest.mark.fault("58", "the forkserver does not answer: the worker stops politely, and no attempt is counted")
def test_the_worker_stops(home: Home) -> None:
    worker = home.start()
    assert home.wait_final(home.submit("noop")).state is State.SUCCEEDED
    with frozen(home.forkserver_pid()):
        job_id = _claimed(home)
        worker.signal(signal.SIGTERM)
        home.wait_state(job_id, State.QUEUED, timeout_s=PROMISED_S)
    assert worker.wait() == 0
    assert home.job(job_id).attempts == 0
