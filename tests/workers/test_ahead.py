"""Why a job waits that waits for others: what keeps those is told, with what lifts it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.databases import opened, running, situation, submitted
from workers.ahead import LINKS, Reasons
from workers.errors import ErrorClass, Failure
from workers.jobs import Job, Move, Scope, Waiting
from workers.status import QueueStatus
from workers.store import moves, pauses, pausing, questions
from workers.store.database import transaction
from workers.store.records import error_fields
from workers.store.tables import After


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Any]:
    with opened(str(tmp_path / "spool.db")) as database:
        yield database


def _why(db: Any, job: Job, **more: Any) -> tuple[Waiting, ...]:
    queues = more.pop("queues", {})
    return Reasons(db, situation(**more), queues).of(questions.job_by_id(db, job.id), worker_runs=True)


def _one(db: Any, job: Job, **more: Any) -> Waiting:
    (why,) = _why(db, job, **more)
    assert why.reason == "dependency"
    return why


def test_a_hold_of_the_other_is_told_with_the_verb(db: Any) -> None:
    other = submitted(db)
    job = submitted(db, after=(other.id,))
    plain = Waiting("dependency", f"waits for job {other.id} (queued)", "it starts when that job has succeeded")
    assert _one(db, job) == plain
    pausing.set_hold(db, [other.id], True, "bob")
    why = _one(db, job)
    assert why.detail == f"{plain.detail}; job {other.id}: it is on hold, by bob"
    assert why.lifts.startswith(f"{plain.lifts}; for job {other.id}: spool unhold {other.id}")


def test_each_kind_of_rest_is_told(db: Any) -> None:
    paused = running(db)
    moves.move(db, Move.PAUSED, paused.id, by="bob")
    retried = running(db)
    fields = {**error_fields(Failure(ErrorClass.NETWORK, "no way")), "run_after": 9000}
    moves.move(db, Move.RETRIED, retried.id, by="worker", fields=fields)
    closed = submitted(db, window="02:00-03:00")
    resting = submitted(db, queue="video")
    pauses.pause(db, Scope.QUEUE, "video", until=None, by="cem")
    full = submitted(db, queue="images")
    job = submitted(db, after=tuple(one.id for one in (paused, retried, closed, resting, full)))
    slots = {"images": QueueStatus("images", slots=1, running=1, paused_jobs=0, waiting=1, failed=0, pause=None)}
    why = _one(db, job, now=0, queues=slots)
    for one, words, verb in (
        (paused, "paused it", f"spool resume {paused.id}"),
        (retried, "tries again in 9s", f"spool retry {retried.id}"),
        (closed, "outside its window 02:00-03:00", f"spool schedule {closed.id} --window any"),
        (resting, "cem paused the queue video", "spool queue resume video"),
        (full, "1 of 1 slots of images are taken", "spool queue slots 2 images"),
    ):
        assert f"job {one.id}: " in why.detail and words in why.detail and f"for job {one.id}: " in why.lifts
        assert verb in why.lifts


def test_what_keeps_the_beginning_of_a_chain_is_told_at_its_end(db: Any) -> None:
    first = submitted(db, hold=True)
    middle = submitted(db, after=(first.id,))
    why = _one(db, submitted(db, after=(middle.id,)))
    assert f"job {middle.id}: waits for job {first.id} (queued); job {first.id}: it is on hold" in why.detail
    assert f"for job {first.id}: spool unhold {first.id}" in why.lifts and f"for job {middle.id}" not in why.lifts


def test_a_long_chain_is_followed_for_a_few_links(db: Any) -> None:
    chain = [submitted(db, hold=True)]
    for _ in range(LINKS + 1):
        chain.append(submitted(db, after=(chain[-1].id,)))
    why = _one(db, chain[-1])
    assert why.detail.count("; job ") == LINKS and "on hold" not in why.detail
    assert why.lifts.endswith(f"; spool why {chain[0].id} tells what keeps that one")
    assert "on hold" in _one(db, chain[-2]).detail


def test_jobs_that_wait_for_each_other_are_told_once(db: Any) -> None:
    first = submitted(db)
    second = submitted(db, after=(first.id,))
    with transaction(db):
        After.insert(job_id=first.id, on_id=second.id, ended=False).execute(db)
    why = _one(db, second)
    assert why.detail.endswith(f"; job {first.id}: waits for job {second.id} (queued)")
    assert "tells what keeps" not in why.lifts


def test_of_very_many_the_first_are_named(db: Any) -> None:
    many = [submitted(db, hold=True).id for _ in range(12)]
    why = _one(db, submitted(db, after=tuple(many)))
    assert f"{many[4]} (queued) and 7 more" in why.detail and why.detail.count("on hold") == LINKS
    assert why.lifts.endswith(f"spool why {many[LINKS]} tells what keeps that one")
