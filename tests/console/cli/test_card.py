from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from console.cli.card import card
from tests.console.cli.conftest import Ran
from workers.client import Client
from workers.errors import ErrorClass, Failure
from workers.jobs import ItemCounts, Job, Progress, State


@pytest.fixture
def job(client: Client) -> Job:
    return client.submit("download", {"inputs": ["http://127.0.0.1:9/film.mp4"]}, batch="films")


def lines(client: Client, job: Job) -> str:
    return "\n".join(card(client, job))


def test_a_waiting_job(client: Client, job: Job, spool: Callable[..., Ran]) -> None:
    text = lines(client, job)
    assert text.startswith("job 1: ")
    assert "state:     queued" in text
    assert "batch:     films" in text
    assert "waits:     no worker is running" in text
    assert 'option:    inputs = ["http://127.0.0.1:9/film.mp4"]' in text
    assert "command:   spool download http://127.0.0.1:9/film.mp4" in text
    assert "submitted by" in text
    assert spool("show", "1").out == text + "\n"


def test_a_running_job(client: Client, job: Job) -> None:
    progress = Progress(0.42, "downloading", 42_000_000, 100_000_000, 2_000_000.0, 29.0, "bytes")
    text = lines(client, replace(job, state=State.RUNNING, started_at=job.submitted_at, attempts=1, progress=progress))
    assert "running, attempt 1 of 3" in text
    assert "downloading, 42%, 42.0 MB of 100 MB, 2.0M/s, 29s left" in text


def test_a_failed_job_tells_what_helps(client: Client, job: Job) -> None:
    failure = Failure(ErrorClass.NETWORK, "no route\x1b[2J", "http://other", "line one\nline \x07two")
    text = lines(client, replace(job, state=State.FAILED, failure=failure))
    assert "error:     network: no route\\x1b[2J (trying again can help)" in text
    assert "input:     http://other" in text
    assert "    | line one\n    | line \\x07two" in text
    assert "again:     spool retry 1" in text
    gone = replace(job, state=State.FAILED, failure=Failure(ErrorClass.GONE, "404"))
    assert "trying again does not help" in lines(client, gone)


def test_items_are_counted(client: Client, job: Job) -> None:
    text = lines(client, replace(job, items=ItemCounts(total=10, done=7, cached=2)))
    assert "items:     10 in all, 7 done, 2 cached" in text
