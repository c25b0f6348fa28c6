"""Moves against the real store: the guard, the lease, the history, and what each move clears."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from tests.support.databases import claimed, ended, running, submitted
from workers.errors import ErrorClass, Failure
from workers.jobs import FINAL, MOVES, ItemRecord, Move, Outcome, Priority, Progress, State
from workers.store import moves, orders, questions, reports
from workers.store.records import error_fields

_WAYS: dict[State, tuple[Move, ...]] = {
    State.QUEUED: (),
    State.RUNNING: (Move.CLAIMED,),
    State.PAUSED: (Move.CLAIMED, Move.PAUSED),
    State.SUCCEEDED: (Move.CLAIMED, Move.SUCCEEDED),
    State.FAILED: (Move.CLAIMED, Move.FAILED),
    State.CANCELLED: (Move.CANCELLED,),
    State.SKIPPED: (Move.SKIPPED,),
}


def _job_in(db: Any, state: State) -> int:
    job_id = submitted(db).id
    for step in _WAYS[state]:
        assert moves.move(db, step, job_id, by="test")
    assert questions.job_by_id(db, job_id).state is state
    return job_id


def test_exactly_the_moves_of_the_table_are_made(db: Any) -> None:
    for state, move in itertools.product(State, Move):
        job_id = _job_in(db, state)
        before, history = questions.job_by_id(db, job_id), questions.events(db, job_id=job_id)
        allowed = state in MOVES[move].sources
        assert moves.move(db, move, job_id, by="test", reason="why") is allowed, (state, move)
        after, grown = questions.job_by_id(db, job_id), questions.events(db, job_id=job_id)
        if not allowed:
            assert (after, grown) == (before, history)
            continue
        last = grown[-1]
        assert after.state is MOVES[move].target
        assert after.lease == before.lease + MOVES[move].lease
        assert len(grown) == len(history) + 1
        assert (last.move, last.before, last.after, last.by, last.reason) == (move, state, after.state, "test", "why")
        assert last.revision == after.revision > before.revision


def _turn(db: Any, job_id: int) -> None:
    assert moves.move(db, Move.RELEASED, job_id, by="worker", reason=moves.TURN)
    assert moves.move(db, Move.CLAIMED, job_id, by="worker")


def test_a_job_that_takes_turns_does_not_fill_its_history(db: Any) -> None:
    job = running(db)
    for _ in range(20):
        before = questions.revision(db)
        _turn(db, job.id)
        assert questions.revision(db) == before + 2  # whoever follows the job sees each
    told = ["submitted", "claimed", "released", "claimed"]
    assert [event.move for event in questions.events(db, job_id=job.id)] == told
    orders.set_priority(db, [job.id], Priority.HIGH, "ann")
    for _ in range(20):
        _turn(db, job.id)
    told += ["prioritised", "released", "claimed"]
    assert [event.move for event in questions.events(db, job_id=job.id)] == told
    assert moves.move(db, Move.RELEASED, job.id, by="worker", reason="the worker stopped")
    assert moves.move(db, Move.CLAIMED, job.id, by="worker")
    assert moves.move(db, Move.RETRIED, job.id, by="worker", reason="no net")
    assert moves.move(db, Move.CLAIMED, job.id, by="worker")
    told += ["released", "claimed", "retried", "claimed"]
    assert [event.move for event in questions.events(db, job_id=job.id)] == told


def test_one_that_ends_while_it_waits_for_its_turn_tells_so(db: Any) -> None:
    job = running(db)
    for _ in range(3):
        _turn(db, job.id)
    assert moves.move(db, Move.RELEASED, job.id, by="worker", reason=moves.TURN)
    assert moves.move(db, Move.CANCELLED, job.id, by="ann")
    last = questions.events(db, job_id=job.id)[-1]
    assert (last.move, last.before, last.after) == ("cancelled", State.QUEUED, State.CANCELLED)


@pytest.mark.parametrize("move", [m for m in Move if State.RUNNING in MOVES[m].sources])
def test_a_stale_lease_changes_nothing(db: Any, move: Move) -> None:
    job = running(db)
    revision = questions.revision(db)
    for lease in (job.lease - 1, job.lease + 1):
        assert not moves.move(db, move, job.id, by="worker", lease=lease)
    assert questions.job_by_id(db, job.id) == job
    assert questions.revision(db) == revision
    assert moves.move(db, move, job.id, by="worker", lease=job.lease)


def test_a_late_writer_is_fenced_after_a_rescue(db: Any) -> None:
    first = running(db)
    assert moves.move(db, Move.RESCUED, first.id, by="worker")
    second = claimed(db)
    assert second is not None and second.lease > first.lease
    late = Progress(0.9, "late")
    reports.write_progress(db, {(first.id, first.lease): late})
    assert not reports.write_items(db, first.id, first.lease, [ItemRecord("a", Outcome.DONE)])
    assert not reports.add_staging(db, first.id, first.lease, "/x/.spool-1")
    assert not reports.add_published(db, first.id, first.lease, {"item": "", "path": "/x"})
    assert not reports.set_runner(db, first.id, first.lease, 1, 1)
    assert not moves.move(db, Move.SUCCEEDED, first.id, by="worker", lease=first.lease)
    assert questions.job_by_id(db, first.id).progress == Progress()
    assert moves.move(db, Move.SUCCEEDED, second.id, by="worker", lease=second.lease)


def test_a_move_on_no_job_is_refused(db: Any) -> None:
    assert not moves.move(db, Move.CLAIMED, 77, by="worker")
    assert questions.revision(db) == 0


def test_an_old_error_does_not_stay_on_a_job_that_succeeds(db: Any) -> None:
    job = running(db)
    failure = Failure(ErrorClass.NETWORK, "no\0 way \udc80", "http://x/\ud800", "de\0tail")
    assert moves.move(db, Move.RETRIED, job.id, by="w", fields={**error_fields(failure), "run_after": 5})
    waits = questions.job_by_id(db, job.id)
    assert waits.failure == Failure(ErrorClass.NETWORK, "no\\x00 way \\udc80", "http://x/\\ud800", "de\\x00tail")
    assert (waits.state, waits.failures, waits.attempts, waits.run_after) == (State.QUEUED, 1, 1, 5)
    again = claimed(db)
    assert again is not None and again.failure is None and again.run_after is None and again.attempts == 2
    assert moves.move(db, Move.SUCCEEDED, job.id, by="w", lease=again.lease)
    done = questions.job_by_id(db, job.id)
    assert done.failure is None and done.progress.fraction == 1.0 and done.finished_at is not None


def test_a_polite_stop_counts_no_attempt_and_a_crash_counts_one(db: Any) -> None:
    job = running(db)
    assert moves.move(db, Move.RELEASED, job.id, by="worker", lease=job.lease)
    released = questions.job_by_id(db, job.id)
    assert (released.attempts, released.failures) == (0, 0)
    again = claimed(db)
    assert again is not None and again.attempts == 1
    assert moves.move(db, Move.RESCUED, job.id, by="worker")
    rescued = questions.job_by_id(db, job.id)
    assert (rescued.attempts, rescued.failures) == (1, 1)


def test_restarting_clears_counts_and_failed_items_but_keeps_finished_ones(db: Any) -> None:
    job = running(db)
    reports.set_items_total(db, job.id, job.lease, 3)
    bad = ItemRecord("bad", Outcome.FAILED, failure=Failure(ErrorClass.BAD_INPUT, "broken"))
    reports.write_items(db, job.id, job.lease, [ItemRecord("a", Outcome.DONE), ItemRecord("b", Outcome.CACHED), bad])
    fields = {"outputs": '["/a"]', "detail": '{"a":1}'}
    assert moves.move(db, Move.SUCCEEDED, job.id, by="worker", lease=job.lease, fields=fields)
    assert moves.move(db, Move.RESTARTED, job.id, by="ann")
    again = questions.job_by_id(db, job.id)
    assert (again.attempts, again.failures, again.outputs, again.hold) == (0, 0, (), False)
    assert (again.started_at, again.finished_at, again.run_after) == (None, None, None)
    assert (again.items.done, again.items.cached, again.items.failed) == (1, 1, 0)
    assert sorted(reports.finished_of(db, job.id, ["a", "b", "bad", "c"])) == ["a", "b"]
    assert [item.key for item in questions.items(db, job.id)] == ["a", "b"]


def test_final_states_are_left_by_restarting_only(db: Any) -> None:
    for move in Move:
        if MOVES[move].sources & FINAL:
            assert move is Move.RESTARTED


@pytest.mark.parametrize(
    ("end", "words"), [(Move.FAILED, "failed"), (Move.CANCELLED, "was cancelled"), (Move.SKIPPED, "was skipped")]
)
def test_what_waits_for_a_job_that_ends_badly_is_skipped_and_says_why(db: Any, end: Move, words: str) -> None:
    first = running(db)
    second = submitted(db, after=(first.id,)).id
    third = submitted(db, after=(second,)).id
    other = submitted(db).id
    assert moves.move(db, end, first.id, by="worker")
    skipped = [questions.job_by_id(db, job_id).state for job_id in (second, third, other)]
    assert skipped == [State.SKIPPED, State.SKIPPED, State.QUEUED]
    assert questions.events(db, job_id=second)[-1].reason == f"job {first.id}, which it waited for, {words}"
    assert questions.events(db, job_id=third)[-1].reason == f"job {second}, which it waited for, was skipped"


def test_a_chain_longer_than_the_stack_is_skipped(db: Any) -> None:
    head = running(db).id
    last = head
    for _ in range(400):
        last = submitted(db, after=(last,)).id
    assert moves.move(db, Move.FAILED, head, by="worker")
    assert questions.counts(db)[State.SKIPPED] == 400
    assert questions.job_by_id(db, last).state is State.SKIPPED


def test_a_dependent_that_runs_already_goes_on_when_its_dependency_is_restarted_and_fails(db: Any) -> None:
    first = ended(db)
    second = submitted(db, after=(first,)).id
    job = claimed(db)
    assert job is not None and job.id == second
    for move in (Move.RESTARTED, Move.CLAIMED, Move.FAILED):
        assert moves.move(db, move, first, by="test")
    assert questions.job_by_id(db, second).state is State.RUNNING
    assert moves.move(db, Move.SUCCEEDED, second, by="worker", lease=job.lease)


def test_names_and_reasons_of_any_kind_are_recorded(db: Any) -> None:
    job = running(db)
    assert moves.move(db, Move.CANCELLED, job.id, by="m\0e\udcff", reason="so\0\ud800")
    last = questions.events(db)[-1]
    assert (last.by, last.reason) == ("m\\x00e\\udcff", "so\\x00\\ud800")
