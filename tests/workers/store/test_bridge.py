"""The same functions through asyncio: aiosqlite and asyncpg. Tasks are kept apart, and no connection is lost."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.support.databases import claimed, new_job, opened, running, situation, submitted
from workers.errors import NoSuchJob, StoreError, UsageError
from workers.jobs import ItemRecord, Job, Move, Outcome, Progress, Scope, State
from workers.store import claims, hosts, moves, orders, pausing, questions, reports, submissions, waiting
from workers.store.database import ask, close_async, open_async_database, open_database, told, transaction


@pytest_asyncio.fixture
async def adb(where: str) -> AsyncIterator[Any]:
    """The migrated database, driven by asyncio."""
    db = open_async_database(where)
    yield db
    await close_async(db)


async def _ask(adb: Any, function: Any, *args: Any, **kwargs: Any) -> Any:
    return await ask(adb, function, adb, *args, **kwargs)


async def test_every_function_works_as_it_does_for_threads(adb: Any, where: str) -> None:
    job = await _ask(adb, submissions.submit, new_job(title="TÜR 😀", submission_key="k", site="example.org"))
    assert await _ask(adb, submissions.submit, new_job(submission_key="k")) == job
    with opened(where) as db:
        assert questions.job_by_id(db, job.id) == job
    assert list(await _ask(adb, questions.job_ids, "tür state:queued site:example.org age<1h")) == [job.id]
    assert await _ask(adb, questions.count, "id:999999999999999") == 0
    assert (await _ask(adb, questions.counts))[State.QUEUED] == 1
    assert await _ask(adb, waiting.reasons, job, situation()) == []
    worker = {"host": "h", "pid": 1, "pid_start": 1, "boot_id": "b", "version": "1"}
    worker_id = await _ask(adb, hosts.add_worker, worker)
    found = await _ask(adb, claims.claim, "default", worker_id, situation())
    assert found is not None and found.job.id == job.id
    lease = found.job.lease
    assert await _ask(adb, reports.write_items, job.id, lease, [ItemRecord("a", Outcome.DONE)] * 2)
    await _ask(adb, reports.write_progress, {(job.id, lease): Progress(0.5)})
    assert (await _ask(adb, questions.items, job.id))[0].key == "a"
    await _ask(adb, pausing.pause_scope, Scope.QUEUE, "video", "ann")
    assert (await _ask(adb, hosts.queue_settings))["video"].pause is not None
    assert await _ask(adb, moves.move, Move.SUCCEEDED, job.id, by="worker", lease=lease)
    assert [event.move for event in await _ask(adb, questions.events)] == [
        "submitted",
        "claimed",
        "queue paused",
        "succeeded",
    ]
    assert (await _ask(adb, orders.remove, [job.id], "ann"))[0].ok
    with pytest.raises(NoSuchJob):
        await _ask(adb, questions.job_by_id, job.id)
    with pytest.raises(UsageError):
        await _ask(adb, questions.job_ids, "state:nowhere")


async def test_one_tasks_rollback_does_not_take_anothers_insert(adb: Any, where: str) -> None:
    """Both are inside their transactions at the same time, which one connection for both would mix."""
    for number in range(10):

        def fails(db: Any) -> None:
            with transaction(db):
                submissions.submit(db, new_job(title="lost"))
                raise ZeroDivisionError

        results = await asyncio.gather(
            _ask(adb, fails),
            _ask(adb, submissions.submit, new_job(title=f"kept {number}")),
            _ask(adb, fails),
            return_exceptions=True,
        )
        assert [type(result).__name__ for result in results] == ["ZeroDivisionError", "Job", "ZeroDivisionError"]
    with opened(where) as db:
        assert sorted(job.title for job in questions.jobs(db)) == [f"kept {number}" for number in range(10)]


async def test_many_tasks_share_few_connections(adb: Any) -> None:
    asks = [_ask(adb, questions.jobs, limit=5) for _ in range(200)]
    orders_ = [_ask(adb, submissions.submit, new_job(title=f"{number}")) for number in range(50)]
    await asyncio.wait_for(asyncio.gather(*asks, *orders_), 60)
    assert await _ask(adb, questions.count) == 50


async def test_cancelled_asks_give_their_connections_back(adb: Any) -> None:
    """More of them than there are connections, ended at every point of their way; then all still works."""
    for rounds in range(12):
        tasks = [asyncio.ensure_future(_ask(adb, submissions.submit, new_job())) for _ in range(6)]
        for _ in range(rounds * 5):
            await asyncio.sleep(0)
        if rounds % 2:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
        for outcome in await asyncio.gather(*tasks, return_exceptions=True):
            assert isinstance(outcome, asyncio.CancelledError | Job)
    await asyncio.gather(*adb.spool_asks)
    before = await asyncio.wait_for(_ask(adb, questions.count), 30)
    assert before >= 6
    again = await asyncio.wait_for(asyncio.gather(*(_ask(adb, submissions.submit, new_job()) for _ in range(8))), 30)
    jobs = await _ask(adb, questions.jobs, sort="id")
    assert len(jobs) == before + 8 and {job.id for job in again} <= {job.id for job in jobs}
    # Nothing half done was left: every job has its line of history, every id was counted.
    events = await _ask(adb, questions.events)
    assert [event.job_id for event in events] == [job.id for job in jobs] == list(range(1, len(jobs) + 1))


async def test_errors_of_the_database_are_told_in_words(adb: Any) -> None:
    def wrong(db: Any) -> None:
        with told("asking nonsense"):
            db.execute_sql("SELECT nonsense FROM nowhere")

    with pytest.raises(StoreError, match=r"asking nonsense: (the database refused|it lacks)"):
        await _ask(adb, wrong)


async def test_tasks_racing_for_claims_never_share_a_job(adb: Any, where: str) -> None:
    with opened(where) as db:
        for _ in range(20):
            submitted(db)

    async def take() -> list[int]:
        taken = []
        while (found := await _ask(adb, claims.claim, "default", 1, situation())) is not None:
            taken.append(found.job.id)
        return taken

    taken = await asyncio.gather(*(take() for _ in range(5)))
    assert sorted(job_id for part in taken for job_id in part) == list(range(1, 21))


async def test_threads_and_tasks_write_to_one_database(adb: Any, where: str) -> None:
    def write() -> None:
        with contextlib.closing(open_database(where)) as db:
            for _ in range(15):
                submitted(db, queue="video")

    thread = asyncio.to_thread(write)
    await asyncio.gather(thread, *(_ask(adb, submissions.submit, new_job()) for _ in range(15)))
    with opened(where) as db:
        assert [event.revision for event in questions.events(db)] == list(range(1, 31))
        assert claimed(db) is not None and running(db, queue="images") is not None
