"""Why a job waits: each rule holds a job back, tells why and what lifts it, and lifting it lets the job start."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.support.databases import claimed, ended, running, situation, submitted
from workers.errors import ErrorClass, Failure
from workers.jobs import Job, Move, Scope, rfc3339
from workers.localtime import local
from workers.store import batches, chains, claims, moves, orders, pauses, pausing, questions
from workers.store.database import transaction
from workers.store.records import error_fields
from workers.store.tables import JobRow
from workers.store.waiting import RULES, Situation, reasons
from workers.windows import opens


def _why(db: Any, job: Job, now: Situation | None = None) -> list[str]:
    found = reasons(db, questions.job_by_id(db, job.id), now or situation())
    assert all(waiting.detail and waiting.lifts for waiting in found)
    return [waiting.reason for waiting in found]


def _starts(db: Any, job: Job, **more: Any) -> bool:
    found = claimed(db, **more)
    return found is not None and found.id == job.id


def test_nothing_holds_a_plain_job(db: Any) -> None:
    job = submitted(db)
    assert _why(db, job) == [] and _starts(db, job)


def test_hold(db: Any) -> None:
    job = submitted(db, hold=True)
    assert _why(db, job) == ["hold"] and not _starts(db, job)
    pausing.set_hold(db, [job.id], False, "ann")
    assert _starts(db, job)


def test_schedule(db: Any) -> None:
    job = submitted(db, run_after=5000)
    (waiting,) = reasons(db, job, situation(now=2000))
    assert waiting.reason == "schedule" and waiting.detail == "starts in 3s, at 1970-01-01T00:00:05.000Z"
    assert not _starts(db, job, now=4999)
    assert _why(db, job, situation(now=5000)) == []
    chains.retry(db, [job.id], "ann")
    assert _starts(db, job, now=0)


def test_retry(db: Any) -> None:
    job = running(db)
    fields = {**error_fields(Failure(ErrorClass.NETWORK, "no way")), "run_after": 9000}
    moves.move(db, Move.RETRIED, job.id, by="worker", fields=fields)
    (waiting,) = reasons(db, questions.job_by_id(db, job.id), situation(now=0))
    assert waiting.reason == "retry" and waiting.detail.endswith("no way")
    assert waiting.lifts == f"spool retry {job.id} tries at once"
    chains.retry(db, [job.id], "ann")
    assert _starts(db, job, now=0)


def test_dependency(db: Any) -> None:
    first = running(db, queue="video")
    second = submitted(db, queue="images")
    job = submitted(db, after=(first.id, second.id))
    (waiting,) = reasons(db, job, situation())
    assert waiting.reason == "dependency"
    assert waiting.detail == f"waits for job {first.id} (running), {second.id} (queued)"
    assert not _starts(db, job)
    assert claimed(db, "images") is not None
    for job_id in (first.id, second.id):
        moves.move(db, Move.SUCCEEDED, job_id, by="worker")
    assert _why(db, job) == [] and _starts(db, job)


def test_paused_queue(db: Any) -> None:
    job = submitted(db)
    pauses.pause(db, Scope.QUEUE, "default", until=None, by="bob\0")
    (waiting,) = reasons(db, job, situation())
    assert waiting.reason == "paused" and waiting.detail == "bob\\x00 paused the queue default"
    assert waiting.lifts == "spool queue resume default"
    assert not _starts(db, job)
    pauses.pause(db, Scope.QUEUE, "default", until=7000, by="bob")
    assert "1970-01-01T00:00:07" in reasons(db, job, situation(now=6999))[0].detail
    assert _why(db, job, situation(now=7000)) == []
    assert pauses.resume(db, Scope.QUEUE, "default", "bob")
    assert _starts(db, job)


def test_closed_hours_are_named_with_their_next_beginning(db: Any) -> None:
    job = submitted(db, queue="video", window="02:00-03:00")
    closed = situation(now=0, closed_queues=("video",))
    (waiting,) = reasons(db, job, replace(closed, hours={"video": "sat,sun"}))
    begins = rfc3339(int(opens("sat,sun", local(0)).timestamp() * 1000))
    assert waiting.detail.startswith(f"outside the hours of the queue video, sat,sun (next at {begins})")
    begins = rfc3339(int(opens("02:00-03:00", local(0)).timestamp() * 1000))
    assert waiting.detail.endswith(f" and outside its window 02:00-03:00 (next at {begins})")
    assert "windows.video in config.toml" in waiting.lifts and f"schedule {job.id} --window any" in waiting.lifts


def test_site(db: Any) -> None:
    first = running(db, site="example.org")
    job, other = submitted(db, site="EXAMPLE.org"), submitted(db, site="example.com")
    assert _why(db, job, situation(per_site=2)) == []
    (waiting,) = reasons(db, job, situation(per_site=1))
    assert waiting.reason == "site" and waiting.detail == "1 downloads from example.org are running"
    assert _starts(db, other, per_site=1)
    assert not _starts(db, job, per_site=1)
    moves.move(db, Move.PAUSED, first.id, by="ann")
    assert not _starts(db, job, per_site=1)
    (waiting,) = reasons(db, job, situation(per_site=1))
    assert waiting.detail.endswith("are running, 1 of them paused")
    assert f"; spool resume {first.id} lets these go on; " in waiting.lifts
    moves.move(db, Move.CANCELLED, first.id, by="ann")
    assert _starts(db, job, per_site=1)


def test_suspects_run_one_at_a_time(db: Any) -> None:
    first, second = submitted(db), submitted(db)
    with transaction(db):
        JobRow.update(worker_deaths=2).execute(db)
    assert _starts(db, first)
    assert _why(db, second) == ["suspect"] and not _starts(db, second)
    moves.move(db, Move.SUCCEEDED, first.id, by="worker")
    assert _starts(db, second)


def test_unknown_operation(db: Any) -> None:
    job = submitted(db, operation="later")
    (waiting,) = reasons(db, job, situation())
    assert waiting.reason == "unknown_operation" and "'later'" in waiting.detail
    assert not _starts(db, job)
    assert _starts(db, job, operations=("noop", "later"))


def test_a_worker_without_operations_starts_nothing(db: Any) -> None:
    job = submitted(db)
    assert _why(db, job, situation(operations=())) == ["unknown_operation"]
    assert not _starts(db, job, operations=())


def test_all_that_holds_is_told(db: Any) -> None:
    busy = running(db, queue="video", site="s", batch="b")
    wishes = {"hold": True, "run_after": 9, "after": (busy.id,), "site": "s", "batch": "b", "window": "22:00-23:00"}
    job = submitted(db, operation="later", **wishes)
    pauses.pause(db, Scope.QUEUE, "default", until=None, by="bob")
    batches.set_limit(db, "b", 1, "bob")
    told = _why(db, job, situation(now=8, per_site=1))
    assert told == [
        "hold",
        "schedule",
        "dependency",
        "paused",
        "batch",
        "window",
        "site",
        "unknown_operation",
    ]
    assert set(told) | {"suspect"} == {rule.name for rule in RULES}


def test_a_job_that_is_gone_waits_for_nothing(db: Any) -> None:
    job_id = ended(db)
    job = questions.job_by_id(db, job_id)
    orders.remove(db, [job_id], "ann")
    assert reasons(db, job, situation()) == []


def test_the_claim_and_the_words_agree(db: Any) -> None:
    """A job is claimable exactly if no reason is told."""
    busy = running(db, queue="video", site="s")
    choices: list[dict[str, Any]] = [{}, {"hold": True}, {"run_after": 9}, {"after": (busy.id,)}, {"site": "s"}]
    jobs = [submitted(db, **one, **two) for one in choices for two in choices if not set(one) & set(two)]
    now = situation(now=8, per_site=1)
    free = {job.id for job in jobs if not reasons(db, job, now)}
    assert claims.claimable(db, "default", 1000, now) == len(free)
    assert {job.id for job in iter(lambda: claimed(db, now=8, per_site=1), None)} == free
