"""Batches: limits, statistics, templates."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.databases import claimed, situation, submitted
from workers.errors import UsageError
from workers.jobs import Move, State
from workers.store import batches, moves, questions, reports
from workers.store.database import transaction
from workers.store.records import now_ms
from workers.store.tables import JobRow, TemplateRow
from workers.store.waiting import FRESH_MS, reasons


def test_a_limit_holds_back_the_rest(db: Any) -> None:
    for _ in range(3):
        submitted(db, batch="b")
    other = submitted(db, batch="c")
    batches.set_limit(db, "b", 1, "ann")
    first = claimed(db)
    assert first is not None and first.batch == "b"
    assert claimed(db) == questions.job_by_id(db, other.id)
    assert claimed(db) is None
    waiting = next(job for job in questions.jobs(db, "batch:b state:queued"))
    (why,) = reasons(db, waiting, situation())
    assert (why.reason, why.lifts) == ("batch", "it starts when one ends; spool batch limit b N")
    moves.move(db, Move.PAUSED, first.id, by="ann")
    assert claimed(db) is None  # a paused one keeps its place
    (why,) = reasons(db, waiting, situation())
    assert why.detail == "so many jobs of the batch b run as its limit allows: 1, 1 of them paused"
    assert f"; spool resume {first.id} lets these go on; " in why.lifts
    moves.move(db, Move.CANCELLED, first.id, by="ann")
    assert claimed(db) is not None


def test_the_verb_for_a_limit_can_be_given_as_it_is_told(db: Any) -> None:
    submitted(db, batch="my films")
    waiting = submitted(db, batch="my films")
    batches.set_limit(db, "my films", 1, "ann")
    assert claimed(db) is not None
    (why,) = reasons(db, waiting, situation())
    assert why.lifts.endswith("; spool batch limit 'my films' N")


def test_auto_is_as_many_as_the_host_is_good_for(db: Any) -> None:
    for _ in range(3):
        submitted(db, batch="b")
    batches.set_limit(db, "b", 0, "ann")
    assert claimed(db, batch_auto=2) and claimed(db, batch_auto=2)
    assert claimed(db, batch_auto=2) is None and claimed(db, batch_auto=3)
    batches.set_limit(db, "b", None, "ann")
    assert batches.batches(db, "b")[0].limit is None


def test_auto_leaves_room_in_memory_for_what_has_just_begun(db: Any) -> None:
    """Eight cores and two GiB: two begin, and more of them as soon as those have taken what they need."""
    for _ in range(6):
        submitted(db, batch="b")
    batches.set_limit(db, "b", 0, "ann")
    begun = now_ms()
    assert [claimed(db, now=begun, batch_auto=8, batch_room=2) is not None for _ in range(3)] == [True, True, False]
    waiting = next(job for job in questions.jobs(db, "batch:b state:queued"))
    (why,) = reasons(db, waiting, situation(now=begun, batch_auto=8, batch_room=2))
    assert "as its limit allows: auto, 2 now" in why.detail
    later = now_ms() + FRESH_MS
    assert claimed(db, now=later, batch_auto=8, batch_room=0) is None
    # Three beside those two, on a host that still has room for three when they have settled.
    assert reasons(db, waiting, situation(now=later, batch_auto=8, batch_room=3)) == []
    assert claimed(db, now=later, batch_auto=3, batch_room=3) is not None
    assert claimed(db, now=later, batch_auto=3, batch_room=3) is None
    (why,) = reasons(db, waiting, situation(now=later, batch_auto=3, batch_room=3))
    assert "auto, 3 now" in why.detail


def test_one_job_of_a_batch_may_always_run(db: Any) -> None:
    submitted(db, batch="b")
    batches.set_limit(db, "b", 0, "ann")
    assert claimed(db, batch_auto=1, batch_room=0) is not None


def test_what_a_batch_tells(db: Any) -> None:
    jobs = [submitted(db, batch="b") for _ in range(4)]
    first, second = claimed(db), claimed(db)
    assert first is not None and second is not None
    moves.move(db, Move.SUCCEEDED, first.id, by="worker")
    reports.set_items_total(db, second.id, second.lease, 10)
    with transaction(db):
        JobRow.update(fraction=0.5, items_done=5).where(JobRow.id == second.id).execute(db)
    (batch,) = batches.batches(db)
    assert (batch.name, batch.jobs, batch.live, batch.over) == ("b", 4, 1, False)
    assert batch.counts == {State.SUCCEEDED: 1, State.RUNNING: 1, State.QUEUED: 2}
    assert batch.fraction == pytest.approx(1.5 / 4)
    assert (batch.items.total, batch.items.done, batch.last_end) == (10, 5, None)
    for job in jobs[1:]:
        moves.move(db, Move.CANCELLED, job.id, by="ann")
    (batch,) = batches.batches(db, "b")
    assert batch.over and batch.last_end is not None and batch.fraction == 1.0
    moves.move(db, Move.CANCELLED, submitted(db, batch="none").id, by="ann")
    assert batches.batches(db, "none")[0].fraction is None  # nothing was done, and nothing is left to do
    assert batches.member_ids(db, "b") == [job.id for job in jobs]
    assert batches.batches(db, "c") == []


def test_limits_out_of_bounds(db: Any) -> None:
    for limit in (-1, 33):
        with pytest.raises(UsageError, match="1 to 32"):
            batches.set_limit(db, "b", limit, "ann")
    with pytest.raises(UsageError, match="name is empty"):
        batches.set_limit(db, " ", 1, "ann")


def test_templates(db: Any) -> None:
    jobs = [{"operation": "noop", "params": {"a": "\udcff"}, "priority": "high", "window": None}]
    batches.save_template(db, "t", jobs, "ann")
    batches.save_template(db, "t", jobs * 2, "bob")
    (template,) = batches.templates(db)
    assert (template.name, template.jobs, template.by) == ("t", jobs * 2, "bob")
    assert template.limit is None
    batches.save_template(db, "t", jobs, "bob", limit=3)
    assert batches.templates(db)[0].limit == 3
    with transaction(db):  # as they were kept at first
        TemplateRow.update(jobs=json.dumps(jobs)).execute(db)
    (template,) = batches.templates(db)
    assert (template.jobs, template.limit) == (jobs, None)
    assert batches.remove_template(db, "t", "ann") and not batches.remove_template(db, "t", "ann")


def test_jobs_are_put_into_a_batch_and_out_of_it(db: Any) -> None:
    first, second = submitted(db, batch="b"), submitted(db)
    batches.set_limit(db, "c", 1, "ann")
    answers = batches.assign(db, [first.id, second.id, 99], " c ", "ann")
    assert [answer.ok for answer in answers] == [True, True, False] and "no job 99" in answers[-1].message
    assert [batch.name for batch in batches.batches(db)] == ["c"]
    assert claimed(db) is not None and claimed(db) is None  # the limit counts for them from now on
    (again,) = batches.assign(db, [first.id], "c", "ann")
    assert not again.ok and again.message == "is in c already"
    before = questions.job_by_id(db, second.id).revision
    assert batches.assign(db, [second.id], None, "bob")[0].ok
    moved = questions.job_by_id(db, second.id)
    assert moved.batch is None and moved.revision > before
    event = questions.events(db, job_id=second.id)[-1]
    assert (event.move, event.by, event.reason) == ("batch changed", "bob", "out of c")
    assert claimed(db) == questions.job_by_id(db, second.id)
    with pytest.raises(UsageError, match="name is empty"):
        batches.assign(db, [first.id], " ", "ann")
