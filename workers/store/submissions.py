"""Accepting jobs: each in one transaction, with what it waits for and a line of history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from peewee import Database, IntegrityError

from workers.errors import UsageError
from workers.jobs import FINAL, Job, Priority, State
from workers.store.database import transaction
from workers.store.moves import bump, count_on, locked_state, record_event
from workers.store.planned import SUBMITTED, start_words
from workers.store.prepared import Prepared, hole
from workers.store.questions import job_by_id
from workers.store.records import folded, now_ms, storable, to_json
from workers.store.tables import After, JobRow, WindowRow


@dataclass(frozen=True, slots=True)
class NewJob:
    """A job as it is submitted; its parameters have been checked."""

    operation: str
    queue: str
    title: str
    params: Mapping[str, Any]
    by: str
    priority: Priority = Priority.NORMAL
    run_after: int | None = None
    after: tuple[int, ...] = ()
    after_ended: tuple[int, ...] = ()  # those that need not succeed
    window: str | None = None  # as `workers.windows.canonical` writes it
    batch: str | None = None
    hold: bool = False
    site: str | None = None
    max_attempts: int = 3
    submission_key: str | None = None


_SUBMITTED = (
    "id",
    "submission_key",
    "operation",
    "queue",
    "priority",
    "position",
    "title",
    "folded",
    "params",
    "submitted_by",
    "submitted_at",
    "run_after",
    "window",
    "hold",
    "max_attempts",
    "batch",
    "site",
    "revision",
)
_INSERT = Prepared(
    lambda sqlite: JobRow.insert({"state": State.QUEUED.value, **{name: hole(name) for name in _SUBMITTED}})
)
_KEYED = Prepared(lambda sqlite: JobRow.select(JobRow.id).where(JobRow.submission_key == hole("key")))


def know_window(db: Database, window: str | None) -> None:
    """Note a window that some job names: which are open is asked of all that are noted."""
    if window is not None:
        WindowRow.insert(text=window).on_conflict_ignore().execute(db)


def _check_dependencies(db: Database, after: Sequence[int], *, any_end: bool = False) -> None:
    for on_id in after:
        state = locked_state(db, on_id)
        if state is None:
            raise UsageError(f"after {on_id}: there is no such job")
        if state in FINAL and state is not State.SUCCEEDED and not any_end:
            raise UsageError(f"after {on_id}: that job was {state.value} and will not succeed")


def submit(db: Database, new: NewJob) -> Job:
    """Accept a job: when this returns it is durable. The same submission key twice gives the first job."""
    try:
        with transaction(db):
            return _submit_inside(db, new)
    except IntegrityError:
        existing = _by_key(db, new.submission_key)
        if existing is None:
            raise
        return existing


def _by_key(db: Database, key: str | None) -> Job | None:
    if key is None:
        return None
    job_id = _KEYED.value(db, key=storable(key))
    return None if job_id is None else job_by_id(db, job_id)


def _submit_inside(db: Database, new: NewJob) -> Job:
    existing = _by_key(db, new.submission_key)
    if existing is not None:
        return existing
    _check_dependencies(db, new.after)
    _check_dependencies(db, new.after_ended, any_end=True)
    know_window(db, new.window)
    revision = bump(db)
    job_id = count_on(db, "job_id")
    _INSERT.run(
        db,
        id=job_id,
        submission_key=None if new.submission_key is None else storable(new.submission_key),
        operation=new.operation,
        queue=new.queue,
        priority=new.priority.value,
        position=float(count_on(db, "back")),
        title=storable(new.title),
        folded=folded(storable(new.title)),
        params=to_json(dict(new.params)),
        submitted_by=storable(new.by),
        submitted_at=now_ms(),
        run_after=new.run_after,
        window=new.window,
        hold=new.hold,
        max_attempts=new.max_attempts,
        batch=None if new.batch is None else storable(new.batch),
        site=None if new.site is None else storable(new.site).lower(),
        revision=revision,
    )
    # Of a job that is named in both ways success is asked.
    for on_id, ended in {**dict.fromkeys(new.after_ended, True), **dict.fromkeys(new.after, False)}.items():
        After.insert(job_id=job_id, on_id=on_id, ended=ended).execute(db)
    told = start_words(new.run_after) if new.run_after else ""
    record_event(db, revision, job_id, SUBMITTED, ("", State.QUEUED.value), storable(new.by), told)
    return job_by_id(db, job_id)
