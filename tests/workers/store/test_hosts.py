"""Workers and queues: lives, signs of life, what people set, what a dead worker left, what is old."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.databases import claimed, ended, running, submitted
from workers.errors import UsageError
from workers.jobs import QUEUES, Move, State, Wish
from workers.store import hosts, moves, orders, questions, reports
from workers.store.database import transaction
from workers.store.records import now_ms
from workers.store.tables import JobRow

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
    orders.pause(db, [job_id], "ann")
    (orphan,) = hosts.orphans(db)
    assert (orphan.job_id, orphan.state, orphan.wish, orphan.wish_by) == (job_id, State.RUNNING, Wish.PAUSE, "ann")
    assert (orphan.runner_pid, orphan.runner_start, orphan.boot_id) == (4321, 2**40, "boot")
    moves.move(db, Move.RESCUED, job_id, by="worker")
    assert hosts.orphans(db) == []


def test_settings_of_queues(db: Any) -> None:
    assert set(hosts.queue_settings(db)) == set(QUEUES)
    hosts.set_queue(db, "video", slots=4)
    hosts.set_queue(db, "video", paused=True, paused_until=None, paused_by="ann")
    setting = hosts.queue_settings(db)["video"]
    assert (setting.slots, setting.paused, setting.paused_by) == (4, True, "ann")
    hosts.set_queue(db, "video", paused_until=now_ms() - 1)
    setting = hosts.queue_settings(db)["video"]
    assert (setting.slots, setting.paused, setting.paused_until, setting.paused_by) == (4, False, None, "")
    assert hosts.pauses_over(db, now_ms()) == ["video"]
    with pytest.raises(UsageError, match="no queue 'vidio'"):
        hosts.set_queue(db, "vidio", slots=1)


def test_counts_by_queue(db: Any) -> None:
    running(db, queue="video")
    submitted(db, queue="video")
    submitted(db, queue="images")
    expected = {("video", State.RUNNING): 1, ("video", State.QUEUED): 1, ("images", State.QUEUED): 1}
    assert hosts.queue_counts(db) == expected


def test_resuming_a_queue_resumes_what_was_paused_with_it(db: Any) -> None:
    alone, together = running(db, queue="video"), running(db, queue="video")
    for job, by in ((alone, "ann"), (together, "ann" + hosts.WITH_QUEUE)):
        orders.pause(db, [job.id], by)
        moves.move(db, Move.PAUSED, job.id, by=by)
    hosts.set_queue(db, "video", paused=True)
    orders.resume_queue(db, "video", "ann")
    assert not hosts.queue_settings(db)["video"].paused
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
