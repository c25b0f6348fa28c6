"""Why a job waits that waits for others: what keeps those is told, with what lifts it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.databases import opened, running, situation, submitted
from workers.ahead import TOLD, Reasons
from workers.errors import ErrorClass, Failure
from workers.jobs import Job, Move, Scope, Waiting
from workers.status import QueueStatus
from workers.store import links, moves, pauses, pausing, questions
from workers.store.database import transaction
from workers.store.records import error_fields
from workers.store.tables import After
from workers.turn import AFTER_TURN


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Any]:
    with opened(str(tmp_path / "spool.db")) as database:
        yield database


def _why(db: Any, job: Job, **more: Any) -> tuple[Waiting, ...]:
    queues, chain = more.pop("queues", {}), more.pop("chain", True)
    asked = Reasons(db, situation(**more), queues)
    return asked.of(questions.job_by_id(db, job.id), worker_runs=True, chain=chain)


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
    assert why.lifts == f"{plain.lifts}; for job {other.id}: spool unhold {other.id}"
    assert why.ahead == ((other.id, "hold"),)
    assert _one(db, job, chain=False) == plain


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


def test_one_that_had_its_turn_is_told_apart(db: Any) -> None:
    job = submitted(db)
    queues = {"default": QueueStatus("default", slots=1, running=1, paused_jobs=0, waiting=1, failed=0, pause=None)}
    asked = Reasons(db, situation(), queues)
    for position, turned in ((job.position, False), (AFTER_TURN + 1, True)):
        (why,) = asked.of(replace(job, position=position), worker_runs=True, chain=True)
        assert why.reason == "slot" and why.detail.startswith("it had its turn") is turned


def test_what_keeps_the_beginning_of_a_chain_is_told_at_its_end(db: Any) -> None:
    first = submitted(db, hold=True)
    middle = submitted(db, after=(first.id,))
    why = _one(db, submitted(db, after=(middle.id,)))
    assert why.detail == f"waits for job {middle.id} (queued); further ahead job {first.id}: it is on hold"
    assert why.lifts == f"it starts when that job has succeeded; for job {first.id}: spool unhold {first.id}"


def test_the_beginning_of_a_long_chain_is_found_at_once(db: Any) -> None:
    first = submitted(db, hold=True)
    last = first
    for _ in range(60):
        last = submitted(db, after=(last.id,))
    why = _one(db, last)
    assert why.ahead == ((first.id, "hold"),) and f"for job {first.id}: spool unhold {first.id}" in why.lifts
    pausing.set_hold(db, [last.id - 30], True, "bob")  # a link in its middle, as well
    assert _one(db, last).ahead == ((last.id - 30, "hold"), (first.id, "hold"))


def test_where_the_first_of_a_chain_runs_that_is_all_there_is_to_tell(db: Any) -> None:
    first = running(db)
    middle = submitted(db, after=(first.id,))
    assert _one(db, middle).detail == f"waits for job {first.id} (running)"
    why = _one(db, submitted(db, after=(middle.id,)))
    assert why.detail == f"waits for job {middle.id} (queued); further ahead job {first.id} runs" and not why.ahead


def test_no_more_links_are_read_than_the_bound_says(db: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    chain = [submitted(db, hold=True)]
    for _ in range(6):
        chain.append(submitted(db, after=(chain[-1].id,)))
    monkeypatch.setattr(links, "MOST_ROWS", 4)
    why = _one(db, chain[-1])
    assert not why.ahead
    assert why.lifts.endswith(f"; spool why {chain[2].id} tells what keeps that one")
    assert _one(db, chain[2]).ahead == ((chain[0].id, "hold"),)


def test_of_many_jobs_of_a_chain_each_link_is_read_once(db: Any) -> None:
    chain = [submitted(db, hold=True)]
    for _ in range(20):
        chain.append(submitted(db, after=(chain[-1].id,)))
    asked, read = Reasons(db, situation(), {}), _statements(db)
    asked.of(chain[-1], worker_runs=True, chain=True)
    first = len(read)
    asked.of(chain[-2], worker_runs=True, chain=True)
    assert len(read) - first < 10 < len(chain) <= first


def test_without_their_chains_what_is_asked_of_many_does_not_grow_with_their_length(db: Any) -> None:
    chain = [submitted(db, hold=True)]
    for _ in range(20):
        chain.append(submitted(db, after=(chain[-1].id,)))
    read, asked = _statements(db), Reasons(db, situation(), {})
    for job in chain[1:]:
        asked.of(job, worker_runs=True, chain=False)
    assert len(read) == 2 * len(chain[1:])


def _statements(db: Any) -> list[str]:
    """What the database is asked from now on."""
    asked: list[str] = []
    plain = db.execute_sql

    def heard(sql: str, *more: Any, **named: Any) -> Any:
        asked.append(sql)
        return plain(sql, *more, **named)

    db.execute_sql = heard
    return asked


def test_jobs_that_wait_for_each_other_end_the_search(db: Any) -> None:
    first = submitted(db)
    second = submitted(db, after=(first.id,))
    with transaction(db):
        After.insert(job_id=first.id, on_id=second.id, ended=False).execute(db)
    assert _one(db, second) == _one(db, second, chain=False)


def test_what_keeps_is_told_before_what_only_waits_its_turn(db: Any) -> None:
    ready = [submitted(db).id for _ in range(TOLD + 1)]
    held = submitted(db, hold=True).id
    why = _one(db, submitted(db, after=(*ready, held)))
    assert why.ahead == ((held, "hold"),) and "tells what keeps" not in why.lifts


def test_of_very_many_the_first_are_named(db: Any) -> None:
    many = [submitted(db, hold=True).id for _ in range(12)]
    why = _one(db, submitted(db, after=tuple(many)))
    assert f"{many[4]} (queued) and 7 more" in why.detail and why.detail.count("on hold") == TOLD
    assert why.lifts.endswith(f"spool why {many[TOLD]} tells what keeps that one")
