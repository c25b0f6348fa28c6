"""What people order: each order, each refusal in words, and the order among waiting jobs."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.databases import claimed, ended, opened, running, submitted, target, wipe
from workers.errors import ErrorClass, Failure, UsageError
from workers.jobs import ItemRecord, Job, Move, Outcome, Priority, State, Wish
from workers.store import answers, audit, chains, moves, orders, pausing, places, questions, reports
from workers.store.database import transaction
from workers.store.records import error_fields, now_ms
from workers.store.tables import JobRow


def _job(db: Any, job_id: int) -> Job:
    return questions.job_by_id(db, job_id)


def _one(answers: list[answers.Answer]) -> tuple[bool, str]:
    (answer,) = answers
    return answer.ok, answer.message


def test_a_submitted_job_is_what_was_asked_for(db: Any) -> None:
    first = submitted(db).id
    job = submitted(
        db,
        title="Ein Film",
        params={"inputs": ["a", "b"], "size": 3},
        by="bob",
        priority=Priority.HIGH,
        run_after=123,
        after=(first, first),
        batch="films",
        hold=True,
        site="example.org",
        max_attempts=5,
        submission_key="key",
    )
    assert job == _job(db, job.id)
    assert (job.state, job.title, job.params, job.submitted_by) == (
        State.QUEUED,
        "Ein Film",
        {"inputs": ["a", "b"], "size": 3},
        "bob",
    )
    assert (job.priority, job.run_after, job.after, job.batch) == (Priority.HIGH, 123, (first,), "films")
    assert (job.hold, job.site, job.max_attempts, job.lease) == (True, "example.org", 5, 0)
    assert [event.move for event in questions.events(db, job_id=job.id)] == ["submitted"]


def test_the_same_submission_key_gives_the_first_job(db: Any) -> None:
    first = submitted(db, submission_key="k\0\udc80", title="first")
    revision = questions.revision(db)
    assert submitted(db, submission_key="k\0\udc80", title="second") == first
    assert questions.revision(db) == revision
    assert submitted(db, submission_key="other").id == first.id + 1


def test_a_job_cannot_wait_for_what_will_not_succeed(db: Any) -> None:
    failed = ended(db, Move.FAILED)
    for after, words in ((99, "no such job"), (2**40, "no such job"), (-1, "no such job"), (failed, "was failed")):
        with pytest.raises(UsageError, match=words):
            submitted(db, after=(after,))
    assert questions.count(db) == 1
    assert submitted(db).id == 2


def test_ids_are_never_given_again(db: Any) -> None:
    job_id = ended(db)
    orders.remove(db, [job_id], "ann")
    assert submitted(db).id == job_id + 1


def test_cancel(db: Any) -> None:
    live = running(db).id
    waits = submitted(db).id
    assert _one(orders.cancel(db, [waits], "ann")) == (True, "cancelled")
    assert _job(db, waits).state is State.CANCELLED
    assert _one(orders.cancel(db, [live], "ann")) == (True, "is being cancelled")
    assert (_job(db, live).state, _job(db, live).wish) == (State.RUNNING, Wish.CANCEL)
    assert _one(orders.cancel(db, [waits], "ann")) == (False, "has ended already: cancelled")
    assert _one(orders.cancel(db, [99], "ann")) == (False, "there is no job 99")
    assert _one(orders.cancel(db, [2**70], "ann"))[0] is False
    assert _one(pausing.pause(db, [live], "ann")) == (False, "is being cancelled")


def test_a_chain_is_cancelled_by_one_order_without_a_refusal(db: Any) -> None:
    first = submitted(db).id
    second = submitted(db, after=(first,)).id
    third = submitted(db, after=(second,)).id
    told = orders.cancel(db, [first, third, second], "ann")
    assert [(answer.ok, answer.message.split()[0]) for answer in told] == [
        (True, "cancelled"),
        (True, "skipped"),
        (True, "skipped"),
    ]
    assert _one(orders.cancel(db, [third], "ann")) == (False, "has ended already: skipped")


def test_one_answer_for_each_id_over_several_transactions(db: Any) -> None:
    ids = [submitted(db).id for _ in range(130)]
    answers = orders.cancel(db, [*ids, *ids, 999], "ann")
    assert [answer.job_id for answer in answers] == [*ids, 999]
    assert [answer.ok for answer in answers] == [True] * 130 + [False]


def test_pause_and_resume(db: Any) -> None:
    live = running(db)
    assert _one(pausing.pause(db, [live.id], "ann")) == (True, "is being paused")
    assert _job(db, live.id).wish is Wish.PAUSE
    assert _one(pausing.resume(db, [live.id], "ann")) == (True, "goes on")
    assert _job(db, live.id).wish is Wish.NONE
    assert moves.move(db, Move.PAUSED, live.id, by="ann", lease=live.lease)
    assert _one(pausing.pause(db, [live.id], "ann"))[0] is False
    assert _one(pausing.resume(db, [live.id], "ann")) == (True, "is being resumed")
    assert _job(db, live.id).wish is Wish.RESUME
    orders.cancel(db, [live.id], "ann")
    assert _one(pausing.resume(db, [live.id], "ann"))[0] is False
    waits = submitted(db).id
    assert _one(pausing.pause(db, [waits], "ann")) == (True, "held")
    assert claimed(db) is None
    assert _one(pausing.resume(db, [waits], "ann")) == (True, "may start")
    assert _one(pausing.resume(db, [waits], "ann")) == (False, "is not paused: it is queued")
    assert _one(pausing.resume(db, [99], "ann")) == (False, "there is no job 99")


def test_hold_and_unhold(db: Any) -> None:
    waits = submitted(db).id
    assert _one(pausing.set_hold(db, [waits], True, "ann")) == (True, "held")
    assert _job(db, waits).hold is True and claimed(db) is None
    assert _one(pausing.set_hold(db, [waits], False, "ann")) == (True, "may start")
    before, told = _job(db, waits), len(questions.events(db, job_id=waits))
    assert _one(pausing.set_hold(db, [waits], False, "ann"))[1].startswith("is not on hold; ")
    assert _job(db, waits) == before and len(questions.events(db, job_id=waits)) == told
    assert claimed(db) is not None
    assert _one(pausing.set_hold(db, [waits], True, "ann")) == (False, "does not wait: it is running")


def test_retry_of_each_state(db: Any) -> None:
    live = running(db)
    assert _one(chains.retry(db, [live.id], "ann")) == (False, "cannot be tried again: it is running")
    moves.move(db, Move.RETRIED, live.id, by="worker", fields={"run_after": 1 << 49})
    assert _one(chains.retry(db, [live.id], "ann")) == (True, "tries again now")
    assert _one(chains.retry(db, [live.id], "ann")) == (False, "waits already")
    for end in (Move.FAILED, Move.CANCELLED, Move.SKIPPED):
        job_id = ended(db, end, queue="video")
        assert _one(chains.retry(db, [job_id], "ann")) == (True, "waits to be tried again")
        again = claimed(db, "video")
        assert again is not None and again.attempts == 1
    succeeded = ended(db, queue="images")
    assert _one(chains.retry(db, [succeeded], "ann"))[0] is False


def test_a_job_with_failed_items_can_be_retried_for_these(db: Any) -> None:
    job = running(db)
    items = [ItemRecord("good", Outcome.DONE), ItemRecord("bad", Outcome.FAILED)]
    reports.write_items(db, job.id, job.lease, items)
    moves.move(db, Move.SUCCEEDED, job.id, by="worker", lease=job.lease)
    assert _one(chains.retry(db, [job.id], "ann")) == (True, "waits to be tried again")
    assert set(reports.finished_of(db, job.id, ["good", "bad"])) == {"good"}
    assert _job(db, job.id).items.failed == 0


def test_priority(db: Any) -> None:
    first, second = submitted(db).id, submitted(db).id
    assert _one(orders.set_priority(db, [second], Priority.URGENT, "ann")) == (True, "priority urgent")
    job = claimed(db)
    assert job is not None and job.id == second
    orders.cancel(db, [first], "ann")
    assert _one(orders.set_priority(db, [first], Priority.LOW, "ann")) == (False, "has ended: cancelled")


def test_edit_changes_a_waiting_job_and_how_it_is_found(db: Any) -> None:
    job_id = submitted(db, title="old").id
    assert orders.edit(
        db, job_id, lambda job: orders.Edited({**job.params, "b": 2}, "NEW \udc80", "example.org"), "ann"
    ).ok
    job = _job(db, job_id)
    assert (job.params, job.title, job.site) == ({"b": 2}, "NEW \\udc80", "example.org")
    assert list(questions.job_ids(db, "new")) == [job_id] and not questions.job_ids(db, "old")
    assert claimed(db) is not None
    assert (
        orders.edit(db, job_id, lambda job: orders.Edited({}, "x", None), "ann").message
        == "cannot be edited: it is running"
    )
    assert not orders.edit(db, 99, lambda job: orders.Edited({}, "x", None), "ann").ok


@pytest.mark.parametrize(("planned_ms", "left"), [(20_000, False), (3_600_000, True)])
def test_an_edit_lifts_that_a_disk_had_no_room(db: Any, planned_ms: int, left: bool) -> None:
    full = Failure(ErrorClass.DISK, "not enough room in /old")
    job = running(db)
    fields = {**error_fields(full), "run_after": now_ms() + planned_ms}
    assert moves.move(db, Move.RELEASED, job.id, by="worker", reason=full.message, lease=job.lease, fields=fields)
    assert orders.edit(db, job.id, lambda job: orders.Edited({"output": "/new"}, "x", None), "ann").ok
    edited = _job(db, job.id)
    assert edited.failure is None and (edited.run_after is not None) == left


def test_removing_forgets_all_of_an_ended_job_but_orders(db: Any) -> None:
    job = running(db)
    reports.write_items(db, job.id, job.lease, [ItemRecord("a", Outcome.DONE)])
    waits = submitted(db, after=(job.id,)).id
    assert _one(orders.remove(db, [job.id], "ann"))[0] is False
    moves.move(db, Move.SUCCEEDED, job.id, by="worker", lease=job.lease)
    revision = questions.revision(db)
    assert orders.remove(db, [job.id, 99], "ann")[0].ok
    assert questions.items(db, job.id) == []
    assert [event.by for event in questions.events(db, job_id=job.id)] == ["ann"], "what people ordered stays a while"
    assert audit.forget_orders(db, now_ms() + 1) == 1
    assert questions.events(db, job_id=job.id) == [] != questions.events(db, job_id=waits)
    assert questions.removed_since(db, revision) == [job.id]
    assert questions.removed_since(db, questions.revision(db)) == []
    assert _job(db, waits).after == ()
    following = claimed(db)
    assert following is not None and following.id == waits


@pytest.mark.parametrize(
    ("place", "ids", "expected"),
    [
        ("first", [3], [3, 1, 2, 4, 5]),
        ("first", [4, 2], [2, 4, 1, 3, 5]),
        ("last", [2], [1, 3, 4, 5, 2]),
        ("last", [3, 1], [2, 4, 5, 1, 3]),
        ("up", [1], [1, 2, 3, 4, 5]),
        ("up", [3, 2], [2, 3, 1, 4, 5]),
        ("up", [1, 2, 4], [1, 2, 4, 3, 5]),
        ("down", [5], [1, 2, 3, 4, 5]),
        ("down", [4, 5, 2], [1, 3, 2, 4, 5]),
        ("down", [1, 2], [3, 1, 2, 4, 5]),
    ],
)
def test_places(db: Any, place: str, ids: list[int], expected: list[int]) -> None:
    for _ in range(5):
        submitted(db)
    answers = places.reorder(db, ids, place, "ann")
    assert [answer.job_id for answer in answers] == ids
    assert list(questions.job_ids(db)) == expected
    assert [job.id for job in iter(lambda: claimed(db), None)] == expected


def test_a_place_is_among_jobs_of_the_same_queue_and_priority(db: Any) -> None:
    urgent = submitted(db, priority=Priority.URGENT).id
    other = submitted(db, queue="video").id
    mine = submitted(db).id
    assert _one(places.reorder(db, [mine], "first", "ann")) == (False, "is there already")
    assert _one(places.reorder(db, [urgent], "down", "ann")) == (False, "is there already")
    assert _one(places.reorder(db, [99], "up", "ann"))[0] is False
    assert list(questions.job_ids(db)) == [urgent, other, mine]


def test_what_is_submitted_later_comes_behind_what_was_moved_last(db: Any) -> None:
    first, second = submitted(db).id, submitted(db).id
    places.reorder(db, [first], "last", "ann")
    third = submitted(db).id
    assert list(questions.job_ids(db)) == [second, first, third]
    places.reorder(db, [third], "up", "ann")
    assert list(questions.job_ids(db)) == [second, third, first]


def test_what_had_its_turn_waits_behind_newer_ones_and_among_its_like(db: Any) -> None:
    def takes_turn(job_id: int) -> None:
        with transaction(db):
            JobRow.update(position=places.after_turn(db)).where(JobRow.id == job_id).execute(db)

    big, other, third = (submitted(db).id for _ in range(3))
    takes_turn(big)
    takes_turn(other)
    small = submitted(db).id
    assert list(questions.job_ids(db)) == [third, small, big, other]
    takes_turn(big)
    assert list(questions.job_ids(db)) == [third, small, other, big]
    places.reorder(db, [small], "last", "ann")
    assert list(questions.job_ids(db)) == [third, other, big, small]
    places.reorder(db, [big], "first", "ann")
    assert list(questions.job_ids(db)) == [big, third, other, small]


def _moved(order: list[int], ids: list[int], where: str) -> list[int]:
    """The model: a list."""
    chosen = [job_id for job_id in order if job_id in ids]
    rest = [job_id for job_id in order if job_id not in ids]
    if where == "first":
        return chosen + rest
    if where == "last":
        return rest + chosen
    if where == "down":
        return list(reversed(_moved(list(reversed(order)), ids, "up")))
    result = list(order)
    for index in range(1, len(result)):
        if result[index] in chosen and result[index - 1] not in chosen:
            result[index - 1], result[index] = result[index], result[index - 1]
    return result


_STEPS = st.lists(
    st.tuples(st.sampled_from(["first", "last", "up", "down"]), st.lists(st.integers(1, 6), min_size=1, max_size=4)),
    max_size=12,
)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_any_sequence_of_places_is_that_of_a_list(kind: str) -> None:
    with tempfile.TemporaryDirectory() as folder, opened(target(kind, Path(folder))) as db:

        @settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
        @given(_STEPS)
        def check(steps: list[tuple[str, list[int]]]) -> None:
            wipe(db)
            order = [submitted(db).id for _ in range(6)]
            for where, ids in steps:
                places.reorder(db, ids, where, "ann")
                order = _moved(order, ids, where)
                assert list(questions.job_ids(db)) == order

        check()


def test_a_thousand_steps_up_and_down_lose_no_precision(db: Any) -> None:
    ids = [submitted(db).id for _ in range(3)]
    for _ in range(60):
        places.reorder(db, [ids[2]], "up", "ann")
        places.reorder(db, [ids[1]], "up", "ann")
    positions = {job.position for job in questions.jobs(db)}
    assert positions == {1.0, 2.0, 3.0}
