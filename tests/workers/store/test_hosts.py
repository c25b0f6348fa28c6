"""Workers and queues: lives, signs of life, what people set, what a dead worker left, what is old."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.databases import claimed, ended, running, submitted
from workers.errors import UsageError
from workers.jobs import QUEUES, Move, Scope, State, Wish
from workers.store import hosts, moves, orders, pauses, pausing, questions, reports
from workers.store.database import transaction
from workers.store.records import now_ms
from workers.store.tables import JobRow, WorkerRow

_WORKER = {"host": "h", "pid": 7, "pid_start": 9, "boot_id": "boot", "version": "1", "operations": '["noop"]'}


def test_the_lives_of_workers(db: Any) -> None:
    assert hosts.latest_worker(db) is None
    first = hosts.add_worker(db, _WORKER)
    second = hosts.add_worker(db, {**_WORKER, "pid": 8})
    assert second > first
    hosts.heartbeat(db, second, {"disk_path": "/media/\udcff", "cpu_percent": 3.5})
    hosts.set_report(db, second, ["1 job \0 \udc80 was rescued"])
    row = hosts.latest_worker(db)
    assert row is not None and (row["id"], row["pid"], row["operations"]) == (second, 8, ["noop"])
    assert row["figures"] == {"disk_path": "/media/\udcff", "cpu_percent": 3.5}
    assert row["report"] == ["1 job \\x00 \\udc80 was rescued"] and row["stopped_at"] is None
    assert abs(row["heartbeat"] - now_ms()) < 60_000
    hosts.end_worker(db, second)
    row = hosts.latest_worker(db)
    assert row is not None and row["stopped_at"] is not None


def test_a_sign_of_life_is_no_change(db: Any) -> None:
    worker = hosts.add_worker(db, _WORKER)
    revision = questions.revision(db)
    hosts.heartbeat(db, worker, None)
    assert questions.revision(db) == revision


def test_orphans_tell_where_their_runner_was(db: Any) -> None:
    worker = hosts.add_worker(db, _WORKER)
    job_id = submitted(db, title="left").id
    job = claimed(db, worker_id=worker)
    assert job is not None
    assert reports.set_runner(db, job_id, job.lease, 4321, 2**40)
    (orphan,) = hosts.orphans(db)
    assert (orphan.job_id, orphan.state) == (job_id, State.RUNNING)
    assert (orphan.runner_pid, orphan.runner_start, orphan.boot_id) == (4321, 2**40, "boot")
    moves.move(db, Move.RESCUED, job_id, by="worker")
    assert hosts.orphans(db) == []


def test_settings_of_queues(db: Any) -> None:
    assert set(hosts.queue_settings(db)) == set(QUEUES)
    hosts.set_slots(db, "video", 4, "ann")
    pauses.pause(db, Scope.QUEUE, "video", until=None, by="ann")
    setting = hosts.queue_settings(db)["video"]
    assert setting.pause is not None and (setting.slots, setting.pause.by) == (4, "ann")
    pauses.pause(db, Scope.QUEUE, "video", until=now_ms() - 1, by="ann")
    setting = hosts.queue_settings(db)["video"]
    assert (setting.slots, setting.pause) == (4, None)
    hosts.set_slots(db, "video", None, "bob")
    assert hosts.queue_settings(db)["video"].slots is None
    told = [(event.move, event.before, event.after, event.by) for event in questions.events(db, job_id=0)]
    assert told[0] == ("slots set", "configured", "4", "ann") and told[-1] == ("slots set", "4", "configured", "bob")
    with pytest.raises(UsageError, match="no queue 'vidio'"):
        hosts.set_slots(db, "vidio", 1, "ann")


def test_counts_by_queue(db: Any) -> None:
    running(db, queue="video")
    submitted(db, queue="video")
    submitted(db, queue="images")
    expected = {("video", State.RUNNING): 1, ("video", State.QUEUED): 1, ("images", State.QUEUED): 1}
    assert hosts.queue_counts(db) == expected


def test_resuming_a_queue_resumes_what_was_paused_with_it(db: Any) -> None:
    alone, together = running(db, queue="video"), running(db, queue="video")
    pausing.pause(db, [alone.id], "ann")
    moves.move(db, Move.PAUSED, alone.id, by="ann")
    answers = pausing.pause_scope(db, Scope.QUEUE, "video", "ann", soft=False)
    assert [answer.job_id for answer in answers] == [together.id]
    moves.move(db, Move.PAUSED, together.id, by="ann")
    assert hosts.queue_settings(db)["video"].pause is not None
    assert pausing.resume_scope(db, Scope.QUEUE, "video", "ann")
    assert hosts.queue_settings(db)["video"].pause is None
    assert [questions.job_by_id(db, job.id).wish for job in (alone, together)] == [Wish.NONE, Wish.RESUME]


def test_what_ended_long_ago(db: Any) -> None:
    old, new = ended(db), ended(db)
    submitted(db)
    with transaction(db):
        JobRow.update(finished_at=1000).where(JobRow.id == old).execute(db)
    assert hosts.ended_before(db, 1000) == [] and hosts.ended_before(db, 1001) == [old]
    assert hosts.ended_before(db, now_ms() + 10_000) == [old, new]
    assert hosts.ended_before(db, now_ms() + 10_000, limit=1) == [old]


def test_tombstones_go_when_no_console_can_wait_for_them(db: Any) -> None:
    for _ in range(3):
        orders.remove(db, [ended(db)], "ann")
    assert len(questions.removed_since(db, 0)) == 3
    hosts.forget_removed(db)
    assert len(questions.removed_since(db, 0)) == 3
    hosts.forget_removed(db, keep=0)
    assert len(questions.removed_since(db, 0)) == 1


def test_old_lives_and_windows_are_forgotten_but_those_that_are_needed(db: Any) -> None:
    lives = [hosts.add_worker(db, _WORKER) for _ in range(4)]
    submitted(db)
    assert claimed(db, worker_id=lives[1]) is not None
    submitted(db, window="22:00-06:00")
    gone = submitted(db, window="sat,sun").id
    orders.cancel(db, [gone], "ann")
    orders.remove(db, [gone], "ann")
    hosts.forget_unused(db, now_ms() - 60_000)
    assert _lives(db) == lives, "too young"
    hosts.forget_unused(db, now_ms() + 60_000)
    assert _lives(db) == [lives[1], lives[3]]
    assert hosts.windows(db) == ["22:00-06:00"]


def _lives(db: Any) -> list[int]:
    return [row[0] for row in WorkerRow.select(WorkerRow.id).order_by(WorkerRow.id).tuples().execute(db)]
