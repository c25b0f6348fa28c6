"""That a job ends although what should have ended it raises; all else of the floor is proved in flows and faults."""

from __future__ import annotations

from pathlib import Path

from tests.support.home import CONFIG, opened
from workers.jobs import State


def test_a_job_that_cannot_be_ended_rightly_ends_all_the_same(tmp_path: Path) -> None:
    broken = {
        "modules": {"workers.departure": {"free_bytes": None}}
    }  # what is asked for when a job fails for want of room
    with opened(tmp_path / "home", CONFIG + "attempts = 1\n") as home:
        home.start(broken)
        job_id = home.submit("items", {"inputs": ["full"]})
        follower = home.submit("noop", after_ended=(job_id,))
        job = home.wait_final(job_id)
        assert job.state is State.FAILED and job.failure is not None
        assert "failed to end it rightly" in job.failure.message
        assert home.wait_final(follower).state is State.SUCCEEDED  # and its slot is free
