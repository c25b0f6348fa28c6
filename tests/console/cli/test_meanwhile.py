from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.console.cli.conftest import Ran
from workers.client import Client
from workers.jobs import State

URL = "http://127.0.0.1:9/x.mp4"


@pytest.fixture
def answer(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], None]:
    """A person who says yes, after something has happened."""

    def after(happens: Callable[[], object]) -> None:
        def say_yes() -> str:
            happens()
            return "y"

        monkeypatch.setattr("console.cli.change.person_present", lambda: True)
        monkeypatch.setattr("builtins.input", say_yes)

    return after


@pytest.fixture
def ended(client: Client) -> Client:
    """Two cancelled jobs and a waiting one."""
    for _ in range(3):
        client.submit("download", {"inputs": [URL]})
    client.cancel([1, 2])
    return client


def test_a_job_that_was_restarted_meanwhile_is_not_removed(
    spool: Callable[..., Ran], ended: Client, answer: Callable[[Callable[[], object]], None]
) -> None:
    answer(lambda: ended.retry([2]))
    ran = spool("rm", "state:cancelled")
    assert ran.code == 1 and "job 2: was run again while you were asked" in ran.err
    assert [job.id for job in ended.jobs(sort="id")] == [2, 3]


def test_nor_when_it_has_ended_again(
    spool: Callable[..., Ran], ended: Client, answer: Callable[[Callable[[], object]], None]
) -> None:
    def again() -> None:
        ended.retry([2])
        ended.cancel([2])
        ended._db.execute_sql("UPDATE job SET finished_at = finished_at + 1 WHERE id = 2")

    answer(again)
    assert spool("rm", "1,2").code == 1
    assert [job.id for job in ended.jobs(sort="id")] == [2, 3]


def test_nor_cancelled(
    spool: Callable[..., Ran], ended: Client, answer: Callable[[Callable[[], object]], None]
) -> None:
    answer(lambda: ended.retry([1]))
    ran = spool("cancel", "queue:downloads")
    assert ran.code == 0 and "cancel 1 job?" in ran.err  # which waits; another had ended when that was asked
    assert ended.job(1).state is State.QUEUED and ended.job(3).state is State.CANCELLED


def test_what_stayed_as_it_was_is_done(
    spool: Callable[..., Ran], ended: Client, answer: Callable[[Callable[[], object]], None]
) -> None:
    answer(lambda: None)
    assert spool("rm", "state:cancelled").code == 0
    assert [job.id for job in ended.jobs()] == [3]


@pytest.mark.parametrize("words", [("rm", "1"), ("rm", "state:cancelled"), ("cancel", "queue:downloads")])
def test_nothing_is_done_where_nobody_can_be_asked(spool: Callable[..., Ran], ended: Client, words: list[str]) -> None:
    before = [job.state for job in ended.jobs(sort="id")]
    ran = spool(*words)
    assert ran.code == 2 and "--yes" in ran.err
    assert [job.state for job in ended.jobs(sort="id")] == before


@pytest.mark.parametrize("action", ["cancel", "delete"])
def test_a_batch_that_a_job_came_into_meanwhile_is_let_be(
    spool: Callable[..., Ran], client: Client, answer: Callable[[Callable[[], object]], None], action: str
) -> None:
    client.submit("download", {"inputs": [URL]}, batch="summer")
    if action == "delete":
        client.cancel([1])
    answer(lambda: client.submit("download", {"inputs": [URL]}, batch="summer"))
    ran = spool("batch", action, "summer")
    assert ran.code == 1 and "jobs came into summer or left it while you were asked" in ran.err
    assert [job.id for job in client.jobs(sort="id")] == [1, 2]
    assert client.job(2).state is State.QUEUED
    answer(lambda: None)
    assert spool("batch", "cancel", "summer").code == 0 and client.job(2).state is State.CANCELLED
