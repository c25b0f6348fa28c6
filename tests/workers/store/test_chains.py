"""Chains of jobs and trying again: nothing starts behind what did not succeed, and a retry brings all of it back."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.databases import claimed, running, situation, submitted
from workers.jobs import ItemRecord, Job, Move, Outcome, State
from workers.store import chains, moves, orders, pausing, questions, reports
from workers.store.database import transaction
from workers.store.tables import JobRow
from workers.store.waiting import reasons


def _state(db: Any, *ids: int) -> list[State]:
    return [questions.job_by_id(db, job_id).state for job_id in ids]


def _ended(db: Any, move: Move = Move.SUCCEEDED) -> Job:
    job = claimed(db)
    assert job is not None and moves.move(db, move, job.id, by="worker", lease=job.lease)
    return job


def _broken(db: Any) -> tuple[int, int, int, int]:
    """A failed job and what was skipped because of it: one behind it, one behind both, and one far down."""
    first = running(db).id
    second = submitted(db, after=(first,)).id
    both = submitted(db, after=(first, second)).id
    last = submitted(db, after=(both,)).id
    moves.move(db, Move.FAILED, first, by="worker")
    assert _state(db, first, second, both, last) == [State.FAILED, *[State.SKIPPED] * 3]
    return first, second, both, last


def test_a_retry_of_the_failed_one_brings_its_chain_back(db: Any) -> None:
    chain = _broken(db)
    (answer,) = chains.retry(db, chain[:1], "ann")
    assert (answer.ok, answer.message) == (True, "waits to be tried again, with those that waited for it: 3")
    assert _state(db, *chain) == [State.QUEUED] * 4
    assert [_ended(db).id for _ in chain] == list(chain)
    back = [event for event in questions.events(db, job_id=chain[3]) if event.move == Move.RESTARTED]
    assert [(event.by, event.reason) for event in back] == [
        ("ann", f"job {chain[2]}, which it waits for, is tried again")
    ]


def test_what_was_skipped_cannot_be_tried_again_alone(db: Any) -> None:
    chain = _broken(db)
    for job_id in chain[1:]:
        (answer,) = chains.retry(db, [job_id], "ann")
        assert not answer.ok
        assert answer.message == f"waits for what did not succeed; spool retry {chain[0]} brings it back too"
    assert _state(db, *chain[1:]) == [State.SKIPPED] * 3
    assert claimed(db) is None


def test_the_whole_chain_can_be_named_in_any_order(db: Any) -> None:
    chain = _broken(db)
    answers = chains.retry(db, list(reversed(chain)), "ann")
    assert [answer.job_id for answer in answers] == list(reversed(chain))
    assert all(answer.ok for answer in answers)
    assert _state(db, *chain) == [State.QUEUED] * 4


def test_only_what_was_skipped_for_its_sake_comes_back(db: Any) -> None:
    first = running(db).id
    other = running(db, queue="video").id
    cancelled, needless, held = (submitted(db, after=(first,)).id for _ in range(3))
    two = submitted(db, after=(first, other)).id
    orders.cancel(db, [cancelled], "ann")
    pausing.set_hold(db, [held], True, "bob")
    moves.move(db, Move.FAILED, other, by="worker")
    moves.move(db, Move.SUCCEEDED, first, by="worker")
    job = claimed(db)
    assert job is not None and job.id == needless
    moves.move(db, Move.SKIPPED, needless, by="worker", reason="it was there already")
    with_failed_items = ItemRecord("bad", Outcome.FAILED)
    moves.move(db, Move.RESTARTED, first, by="ann")
    again = claimed(db)
    assert again is not None and again.id == first
    reports.write_items(db, first, again.lease, [with_failed_items])
    moves.move(db, Move.FAILED, first, by="worker", lease=again.lease)
    assert _state(db, cancelled, needless, held, two) == [State.CANCELLED, *[State.SKIPPED] * 3]
    chains.retry(db, [first], "ann")
    assert _state(db, cancelled, needless, held, two) == [State.CANCELLED, State.SKIPPED, State.QUEUED, State.SKIPPED]
    assert questions.job_by_id(db, held).hold  # what a person set stays
    (answer,) = chains.retry(db, [two], "ann")
    assert f"spool retry {other} brings" in answer.message
    chains.retry(db, [other], "ann")
    assert _state(db, two) == [State.QUEUED]


@pytest.mark.parametrize("move", [Move.FAILED, Move.CANCELLED])
def test_removing_what_did_not_succeed_lets_nothing_start(db: Any, move: Move) -> None:
    first = running(db).id
    waits = submitted(db, after=(first,)).id
    easy = submitted(db, after_ended=(first,)).id
    moves.move(db, move, first, by="worker")
    with transaction(db):  # as an earlier version would have left it after a retry
        JobRow.update(state=State.QUEUED.value, finished_at=None).where(JobRow.id == waits).execute(db)
    assert orders.remove(db, [first], "worker")[0].ok
    assert _state(db, waits) == [State.SKIPPED]
    assert _ended(db).id == easy and claimed(db) is None


def test_a_job_that_waits_again_behind_what_failed_meanwhile_is_skipped(db: Any) -> None:
    """It ran when its predecessor, which had succeeded, was asked for again."""
    job = running(db)
    first = job.id
    reports.write_items(db, first, job.lease, [ItemRecord("bad", Outcome.FAILED)])
    follower = submitted(db, after=(first,)).id
    moves.move(db, Move.SUCCEEDED, first, by="worker", lease=job.lease)
    begun = claimed(db)
    assert begun is not None and begun.id == follower
    assert chains.retry(db, [first], "ann")[0].ok
    _ended(db, Move.FAILED)
    assert _state(db, first, follower) == [State.FAILED, State.RUNNING]
    assert moves.move(db, Move.RELEASED, follower, by="worker", lease=begun.lease)
    assert _state(db, follower) == [State.SKIPPED]
    last = questions.events(db, job_id=follower)[-1]
    assert (last.move, last.reason) == ("skipped", f"job {first}, which it waited for, failed")
    chains.retry(db, [first], "ann")
    assert _state(db, follower) == [State.QUEUED]


def test_why_names_what_lifts_a_dependency(db: Any) -> None:
    first = running(db).id
    waits = submitted(db, after=(first,))
    (why,) = reasons(db, waits, situation())
    assert (why.detail, why.lifts) == (f"waits for job {first} (running)", "it starts when that job has succeeded")
    second, third = submitted(db).id, submitted(db).id
    for after, after_ended, lifts in (
        ((), (first,), "it starts when that job has ended"),
        ((), (first, second), "it starts when these have ended"),
        ((first, second), (), "it starts when these have succeeded"),
        ((second,), (first,), f"it starts when {second} has succeeded and {first} has ended"),
        ((first, third), (second,), f"it starts when {first}, {third} have succeeded and {second} has ended"),
    ):
        (why,) = reasons(db, submitted(db, after=after, after_ended=after_ended), situation())
        assert why.lifts == lifts


def test_who_waits_behind_one_that_was_skipped_is_rung_for(db: Any) -> None:
    first, other = submitted(db), submitted(db)
    skipped = submitted(db, after=(first.id,))
    last = submitted(db, queue="images", after=(skipped.id,))
    submitted(db, queue="video", after_ended=(last.id,))
    submitted(db, queue="metadata", after=(other.id,))
    before = questions.revision(db)
    assert chains.freed_since(db, before) == []
    orders.cancel(db, [first.id], "ann")
    assert _state(db, skipped.id, last.id) == [State.SKIPPED] * 2
    assert chains.freed_since(db, before) == ["video"]
    assert chains.freed_since(db, questions.revision(db)) == []
