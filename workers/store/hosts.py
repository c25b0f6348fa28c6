"""Workers and their queues: who runs, how it fares, what a person set for a queue."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from peewee import JOIN, Database, fn

from workers.jobs import QUEUES, Pause, Scope, State, Wish
from workers.store import pauses
from workers.store.database import delete, transaction
from workers.store.moves import bump, record_event
from workers.store.prepared import Prepared, hole
from workers.store.records import now_ms, storable, to_json
from workers.store.tables import LIVE_STATES, Counter, JobRow, QueueRow, RemovedRow, WindowRow, WorkerRow


@dataclass(frozen=True, slots=True)
class Wished:
    """A live job of which a person wants something."""

    job_id: int
    lease: int
    wish: Wish
    by: str


@dataclass(frozen=True, slots=True)
class Orphan:
    """A job that a dead worker left live."""

    job_id: int
    state: State
    title: str
    runner_pid: int | None
    runner_start: int | None
    boot_id: str
    worker_deaths: int
    staging: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class QueueSetting:
    """What holds for one queue now. `slots` None means the configuration's."""

    queue: str
    slots: int | None = None
    pause: Pause | None = None


def add_worker(db: Database, values: Mapping[str, Any]) -> int:
    """Begin a life of a worker; its id."""
    with transaction(db):
        moment = now_ms()
        return int(WorkerRow.insert(started_at=moment, heartbeat=moment, **values).execute(db))


def heartbeat(db: Database, worker_id: int, figures: Mapping[str, Any] | None) -> None:
    """A sign of life with the host's figures. No revision: nobody repaints for it."""
    with transaction(db):
        WorkerRow.update(heartbeat=now_ms(), figures=to_json(figures)).where(WorkerRow.id == worker_id).execute(db)


def set_report(db: Database, worker_id: int, report: Sequence[str]) -> None:
    """What the worker did at its start about what an earlier one left."""
    with transaction(db):
        WorkerRow.update(report=to_json([storable(line) for line in report])).where(WorkerRow.id == worker_id).execute(
            db
        )
        bump(db)


def end_worker(db: Database, worker_id: int) -> None:
    """The worker stopped politely."""
    with transaction(db):
        WorkerRow.update(stopped_at=now_ms()).where(WorkerRow.id == worker_id).execute(db)
        bump(db)


def latest_worker(db: Database) -> dict[str, Any] | None:
    """The newest life of a worker as a plain row, its JSON read; None before the first."""
    for row in WorkerRow.select().order_by(WorkerRow.id.desc()).limit(1).dicts().execute(db):
        return {
            **row,
            "figures": json.loads(row["figures"]),
            "report": json.loads(row["report"]),
            "operations": json.loads(row["operations"]),
        }
    return None


_BELIEVED, _BEHIND = "believed", "behind"


def believed_time(db: Database) -> int | None:
    """The time by which things are old (`workers.ageing`), as a worker left it last, in milliseconds."""
    return _counter(db, _BELIEVED) or None


def lived_behind(db: Database) -> int:
    """For how long workers have lived while the clock was far behind that time, in milliseconds."""
    return _counter(db, _BEHIND)


def believe_time(db: Database, moment: int, behind_ms: int = 0) -> None:
    """Keep both for the workers to come. No revision: nobody repaints for it."""
    with transaction(db):
        for key, value in ((_BELIEVED, moment), (_BEHIND, behind_ms)):
            insert = Counter.insert(key=key, value=value)
            insert.on_conflict(conflict_target=[Counter.key], update={"value": value}).execute(db)


def _counter(db: Database, key: str) -> int:
    return int(Counter.select(Counter.value).where(Counter.key == key).scalar(db) or 0)


_WINDOWS = Prepared(lambda sqlite: WindowRow.select(WindowRow.text))
_WISHES = Prepared(
    lambda sqlite: JobRow.select(JobRow.id, JobRow.lease, JobRow.wish, JobRow.wish_by).where(
        (JobRow.wish != "") & (JobRow.worker_id == hole("worker_id"))
    )
)


def wishes(db: Database, worker_id: int) -> list[Wished]:
    """What people want of the jobs that this worker runs."""
    rows = _WISHES.run(db, worker_id=worker_id).fetchall()
    return [Wished(job_id, lease, Wish(wish), by) for job_id, lease, wish, by in rows]


def orphans(db: Database) -> list[Orphan]:
    """Live jobs and what is known of their runners. Ask only while holding the home's lock."""
    query = (
        JobRow.select(JobRow, WorkerRow.boot_id)
        .join(WorkerRow, JOIN.LEFT_OUTER, on=(WorkerRow.id == JobRow.worker_id))
        .where(JobRow.state.in_(LIVE_STATES))
        .order_by(JobRow.id)
        .dicts()
    )
    return [
        Orphan(
            row["id"],
            State(row["state"]),
            row["title"],
            row["runner_pid"],
            row["runner_start"],
            row["boot_id"] or "",
            row["worker_deaths"],
            tuple(json.loads(row["staging"])),
        )
        for row in query.execute(db)
    ]


def queue_settings(db: Database) -> dict[str, QueueSetting]:
    """What holds for each queue. A pause whose time has passed is none."""
    slots = dict(QueueRow.select(QueueRow.queue, QueueRow.slots).tuples().execute(db))
    paused = {pause.name: pause for pause in pauses.pauses(db, Scope.QUEUE)}
    return {queue: QueueSetting(queue, slots.get(queue), paused.get(queue)) for queue in QUEUES}


def set_slots(db: Database, queue: str, slots: int | None, by: str) -> None:
    """How many jobs of a queue may run at once; None: as the configuration says."""
    queue = pauses.scope_name(Scope.QUEUE, queue)
    with transaction(db):
        before = QueueRow.select(QueueRow.slots).where(QueueRow.queue == queue).scalar(db)
        insert = QueueRow.insert(queue=queue, slots=slots)
        insert.on_conflict(conflict_target=[QueueRow.queue], update={"slots": slots}).execute(db)
        words = tuple("configured" if number is None else str(number) for number in (before, slots))
        record_event(db, bump(db), 0, "slots set", (words[0], words[1]), by, f"queue {queue}")


def windows(db: Database) -> list[str]:
    """Every window that some job named, as `workers.windows.canonical` writes it."""
    return [row[0] for row in _WINDOWS.run(db).fetchall()]


def queue_counts(db: Database) -> dict[tuple[str, State], int]:
    """How many jobs are in each state, by queue."""
    query = JobRow.select(JobRow.queue, JobRow.state, fn.COUNT(JobRow.id)).group_by(JobRow.queue, JobRow.state)
    return {(queue, State(state)): number for queue, state, number in query.tuples().execute(db)}


def ended_before(db: Database, moment: int, limit: int = 1000) -> list[int]:
    """Ids of jobs that ended before `moment`, for retention."""
    query = JobRow.select(JobRow.id).where(JobRow.finished_at < moment).order_by(JobRow.finished_at).limit(limit)
    return [row[0] for row in query.tuples().execute(db)]


def forget_removed(db: Database, keep: int = 100_000) -> None:
    """Drop tombstones that no console can still be waiting for."""
    with transaction(db):
        last = int(Counter.select(Counter.value).where(Counter.key == "revision").scalar(db))
        delete(RemovedRow, RemovedRow.revision < last - keep).execute(db)


def forget_unused(db: Database, moment: int) -> None:
    """Drop lives of workers that ended before `moment`, but for the last, and windows that no job names any more."""
    with transaction(db):
        newest = WorkerRow.select(fn.MAX(WorkerRow.id)).scalar(db)
        of_jobs = JobRow.select(JobRow.worker_id).where(JobRow.worker_id.is_null(False))
        over = (WorkerRow.heartbeat < moment) & (WorkerRow.id != newest) & WorkerRow.id.not_in(of_jobs)
        delete(WorkerRow, over).execute(db)
        named = JobRow.select(JobRow.window).where(JobRow.window.is_null(False))
        delete(WindowRow, WindowRow.text.not_in(named)).execute(db)
