from __future__ import annotations

import asyncio
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from workers import lock
from workers.client import AsyncClient, Client, open_client
from workers.config import load_settings
from workers.errors import ConfigError, InvalidParams, NoSuchJob, SchemaError, StoreError, UsageError
from workers.jobs import LATEST_MS, Move, State
from workers.logs import old_part
from workers.queues import Bells
from workers.settings import Settings
from workers.store import moves
from workers.store.database import open_database, transaction
from workers.store.tables import Counter

REGISTRY = "tests.support.operations"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings({"SPOOL_HOME": str(tmp_path / "home")})


@pytest.fixture
def client(settings: Settings) -> Iterator[Client]:
    opened = open_client(settings, REGISTRY)
    yield opened
    opened.close()


def test_the_home_is_private(settings: Settings, client: Client) -> None:
    client.submit("noop", {})
    home = settings.paths.state.parent
    for path in (home, *home.rglob("*")):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


def test_submitting(client: Client) -> None:
    job = client.submit("noop", {}, by="ann", batch=" b ", submission_key="k")
    assert (job.operation, job.state, job.submitted_by, job.batch) == ("noop", State.QUEUED, "ann", "b")
    assert client.submit("noop", {}, submission_key="k") == job
    assert client.submit("noop", {}).submitted_by
    assert client.counts()[State.QUEUED] == 2 == client.count() == len(client.jobs())


def test_wrong_orders_are_refused_in_words(client: Client) -> None:
    with pytest.raises(UsageError, match="did you mean 'noop'"):
        client.submit("nop", {})
    with pytest.raises(InvalidParams) as refused:
        client.submit("sleep", {"seconds": "long", "more": 1})
    assert {field for field, _ in refused.value.problems} == {"seconds", "more"}
    for when in (-1, LATEST_MS + 1, 2**70):
        with pytest.raises(UsageError, match="year 9999"):
            client.submit("noop", {}, run_after=when)
    for ask in (lambda: client.job(2**80), lambda: client.why(0)):
        with pytest.raises(NoSuchJob):
            ask()
    assert [answer.ok for answer in client.cancel([2**80, -1])] == [False, False]
    with pytest.raises(UsageError, match="0 to 32"):
        client.set_slots("video", 33)
    with pytest.raises(UsageError, match="no queue"):
        client.pause_queue("vidio")
    assert client.count() == 0


@pytest.mark.parametrize("name", ["b\x1b[31m", "a\nb", "a\u202eb", "\udcff"])
def test_a_batch_gets_no_name_that_nobody_could_write_again(client: Client, name: str) -> None:
    job = client.submit("noop", {}, batch="good")
    client.save_template("good", "kept")
    for way in (
        lambda: client.submit("noop", {}, batch=name),
        lambda: client.assign_batch([job.id], name),
        lambda: client.limit_batch(name, 2, new=True),
        lambda: client.save_template("good", name),
        lambda: client.use_template("kept", name),
    ):
        with pytest.raises(UsageError, match="holds characters that cannot be shown"):
            way()
    assert [batch.name for batch in client.batches()] == ["good"] and client.count() == 1


def test_a_limit_is_for_a_batch_that_there_is_or_that_is_said_to_be_new(client: Client) -> None:
    with pytest.raises(UsageError, match="no batch 'summer': no job names one"):
        client.limit_batch("summer", 2)
    client.submit("noop", {}, batch="summer")
    with pytest.raises(UsageError, match=r"did you mean 'summer'\? \(--new limits"):
        client.limit_batch("sumer", 2)
    client.save_template("summer", "nightly")
    for name, new in (("summer", False), ("nightly", False), ("winter", True), ("winter", False)):
        client.limit_batch(name, 2, new=new)
    assert [(batch.name, batch.limit) for batch in client.batches()] == [("nightly", 2), ("summer", 2), ("winter", 2)]


def test_why_names_the_missing_worker_and_the_full_queue(client: Client, settings: Settings) -> None:
    job = client.submit("noop", {})
    assert [waiting.reason for waiting in client.why(job.id)] == ["no_worker"]
    client.set_slots("default", 0)
    assert [waiting.reason for waiting in client.why(job.id)] == ["no_worker"]
    held = lock.take(settings.paths.lock)  # as if a worker ran
    assert [waiting.reason for waiting in client.why(job.id)] == ["slot"]
    lock.release(held)
    client.hold([job.id])
    assert client.why(job.id)[0].reason == "hold"
    client.cancel([job.id])
    assert client.why(job.id) == ()


def test_a_cancel_rings_for_those_behind_all_that_it_ended(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    first = client.submit("noop", {}, batch="b").id
    skipped = client.submit("noop", {}, after=[first]).id
    behind = client.submit("noop", {}, after_ended=[skipped])
    rung: list[str] = []
    monkeypatch.setattr(Bells, "ring", lambda bells, queue, **how: rung.append(queue))
    client.cancel([client.submit("noop", {}).id])
    assert rung == [behind.queue]  # of the submission alone
    client.cancel_batch("b")
    assert client.job(skipped).state is State.SKIPPED and rung == [behind.queue] * 2


def test_edit_keeps_what_is_not_named(client: Client) -> None:
    job = client.submit("sleep", {"seconds": 5, "report": False})
    assert client.edit(job.id, {"seconds": 7}).ok
    assert client.job(job.id).params == {"seconds": 7.0, "report": False}
    with pytest.raises(InvalidParams):
        client.edit(job.id, {"seconds": "x"})


def test_two_edits_at_once_keep_each_other(client: Client, settings: Settings) -> None:
    job = client.submit("sleep", {"seconds": 5})
    other = open_client(settings, REGISTRY)
    assert client.edit(job.id, {"seconds": 7}).ok and other.edit(job.id, {"report": False}).ok
    assert (client.job(job.id).params["seconds"], client.job(job.id).params["report"]) == (7.0, False)
    other.close()


async def test_a_client_that_could_not_be_entered_can_be_left(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("no folder")
    refused = AsyncClient(load_settings({"SPOOL_HOME": str(tmp_path)}))
    with pytest.raises(ConfigError):
        await refused.__aenter__()
    await refused.__aexit__(None, None, None)


def test_queues_are_paused_and_resumed(client: Client) -> None:
    client.pause_queue(None, by="ann")
    assert {(queue.paused, queue.paused_by) for queue in client.queues()} == {(True, "ann")}
    client.resume_queue("video")
    assert [queue.name for queue in client.queues() if not queue.paused] == ["video"]


def test_removing_takes_the_log_along(client: Client, settings: Settings) -> None:
    job = client.submit("noop", {})
    settings.paths.job_log(job.id).write_text("--- attempt\npartial")
    assert client.log(job.id)[0] == "--- attempt\n"
    client.cancel([job.id])
    assert client.log(job.id)[0] == "--- attempt\npartial"
    old_part(settings.paths.job_log(job.id)).write_text("the part before")
    assert client.remove([job.id])[0].ok
    assert not list(settings.paths.job_logs.iterdir()) and client.log(job.id) == ("", 0)


def test_a_newer_database_ends_with_78(settings: Settings, client: Client) -> None:
    db = open_database(str(settings.paths.database))
    with transaction(db):
        Counter.update(value=99).where(Counter.key == "schema").execute(db)
    db.close()
    with pytest.raises(SchemaError) as refused:
        open_client(settings, REGISTRY)
    assert refused.value.exit_code == 78


def test_homes_that_cannot_be_used(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "home").write_text("")
    with pytest.raises(ConfigError, match="home"):
        open_client(settings, REGISTRY)
    (tmp_path / "home").unlink()
    settings.paths.database.parent.mkdir(parents=True)
    settings.paths.database.write_bytes(b"no database " * 500)
    with pytest.raises(StoreError, match="not a database"):
        open_client(settings, REGISTRY)


def test_a_home_with_a_very_long_name(tmp_path: Path) -> None:
    settings = load_settings({"SPOOL_HOME": str(tmp_path / ("long" * 40))})
    client = open_client(settings, REGISTRY)
    assert client.submit("noop", {}).id == 1
    client.close()


async def test_the_console_asks_the_same_functions(settings: Settings, client: Client) -> None:
    async with AsyncClient(settings, REGISTRY) as console:
        assert console.changed() and not console.changed()
        job = await console.ask(Client.submit, "noop", {}, by="ann")
        assert client.job(job.id) == job == (await console.ask(Client.jobs, "state:queued", limit=5))[0]
        console.changed()
        client.cancel([job.id])
        assert console.changed() and not console.changed()
        assert (await console.ask(Client.jobs_since, job.revision))[0].state is State.CANCELLED
        with pytest.raises(UsageError):
            await console.ask(Client.jobs, "state:nowhere")


async def test_cancelled_questions_lock_nobody_out(settings: Settings, client: Client) -> None:
    async with AsyncClient(settings, REGISTRY) as console:
        for _ in range(5):
            tasks = [asyncio.ensure_future(console.ask(Client.submit, "noop", {})) for _ in range(6)]
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        job = await asyncio.to_thread(client.submit, "noop", {})
        assert await asyncio.wait_for(console.ask(Client.job, job.id), 20) == job


def test_ended_jobs_are_retried(client: Client, settings: Settings) -> None:
    job = client.submit("noop", {})
    db = open_database(str(settings.paths.database))
    for move in (Move.CLAIMED, Move.FAILED):
        assert moves.move(db, move, job.id, by="worker")
    db.close()
    assert client.retry([job.id])[0].ok and client.job(job.id).state is State.QUEUED
