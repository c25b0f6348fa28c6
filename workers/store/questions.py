"""Every question about jobs, as plain functions over a database: threads call them, asyncio through the bridge."""

from __future__ import annotations

import json
from array import array
from collections.abc import Mapping, Sequence
from typing import Any

from peewee import Database, fn

from workers.errors import NoSuchJob, UsageError
from workers.jobs import ItemOutcome, Job, JobEvent, Outcome, State
from workers.store.database import snapshot
from workers.store.prepared import Prepared, as_dict, columns, hole
from workers.store.records import event_of, facts_of, is_id, item_of, job_of, jobs_of, parts
from workers.store.search import predicate
from workers.store.tables import FINAL_STATES, After, Counter, EventRow, ItemRow, JobRow, RemovedRow

_SORTS: dict[str, tuple[Any, ...]] = {
    "id": (JobRow.id,),
    "name": (JobRow.folded, JobRow.id),
    "queue": (JobRow.queue, JobRow.id),
    "operation": (JobRow.operation, JobRow.id),
    "state": (JobRow.state, JobRow.id),
    "age": (JobRow.submitted_at, JobRow.id),
    "priority": (JobRow.priority, JobRow.position, JobRow.id),
}
SORTS = ("", *_SORTS)


_COLUMNS = columns(JobRow)
_ONE = Prepared(lambda sqlite: JobRow.select().where(JobRow.id == hole("id")))
_AFTER = Prepared(
    lambda sqlite: After.select(After.on_id, After.ended).where(After.job_id == hole("id")).order_by(After.on_id)
)
_SINCE = Prepared(
    lambda sqlite: (
        JobRow.select().where(JobRow.revision > hole("revision")).order_by(JobRow.revision).limit(hole("limit"))
    )
)


def job_by_id(db: Database, job_id: int) -> Job:
    """One job; NoSuchJob when there is none."""
    row = _ONE.run(db, id=job_id).fetchone() if is_id(job_id) else None
    if row is None:
        raise NoSuchJob(f"there is no job {job_id}; `spool jobs` lists them")
    after = [(on_id, bool(ended)) for on_id, ended in _AFTER.run(db, id=job_id).fetchall()]
    return job_of(as_dict(_COLUMNS, row), after)


def states_by_id(db: Database, ids: Sequence[int]) -> dict[int, State]:
    """The states of those of these jobs that exist."""
    found: dict[int, State] = {}
    for part in parts(ids):
        rows = JobRow.select(JobRow.id, JobRow.state).where(JobRow.id.in_(part)).tuples().execute(db)
        found.update((job_id, State(state)) for job_id, state in rows)
    return found


def missing(db: Database, ids: Sequence[int]) -> list[int]:
    """Those of these ids that no job has."""
    there: set[int] = set()
    for part in parts(ids):
        there.update(row[0] for row in JobRow.select(JobRow.id).where(JobRow.id.in_(part)).tuples().execute(db))
    return [job_id for job_id in ids if job_id not in there]


def jobs_by_id(db: Database, ids: Sequence[int]) -> dict[int, Job]:
    """Those of these jobs that exist, by id."""
    found: dict[int, Job] = {}
    for part in parts(ids):
        rows = JobRow.select().where(JobRow.id.in_(part)).dicts().execute(db)
        found.update((job.id, job) for job in jobs_of(db, rows))
    return found


def _ids(db: Database, query: Any) -> array[int]:
    sql, params = query.sql()  # past the row wrappers: 100,000 ids come three times as quickly
    connection: Any = db
    return array("q", [row[0] for row in connection.execute_sql(sql, params).fetchall()])


def _select_ids(db: Database, where: Any, *parts: Any) -> Any:
    query = JobRow.select(JobRow.id)
    conditions = [part for part in (where, *parts) if part is not None]
    if conditions:
        query = query.where(*conditions)
    return query.bind(db)


def job_ids(db: Database, query: str = "", sort: str = "") -> array[int]:
    """The ids of all jobs that match, in order. UsageError for a wrong query word or sort.

    The order of "" is a person's: what runs, what waits in the order it will start, what ended last first.
    """
    where = predicate(query)
    name, down = (sort[1:], True) if sort.startswith("-") else (sort, False)
    if name:
        if name not in _SORTS:
            raise UsageError(f"no sort {name!r}: use one of {', '.join(_SORTS)}, with - before it to turn it round")
        order = [part.desc() if down else part for part in _SORTS[name]]
        return _ids(db, _select_ids(db, where).order_by(*order))
    live = [State.RUNNING.value, State.PAUSED.value]
    running = _select_ids(db, where, JobRow.state.in_(live)).order_by(JobRow.started_at, JobRow.id)
    waiting = _select_ids(db, where, JobRow.state == State.QUEUED.value).order_by(
        JobRow.priority.desc(), JobRow.position, JobRow.id
    )
    ended = _select_ids(db, where, JobRow.finished_at.is_null(False), JobRow.state.in_(FINAL_STATES))
    if where is None:
        # The same set, but answered from one index alone: 100,000 ids in tens of milliseconds.
        ended = _select_ids(db, None, JobRow.finished_at.is_null(False))
    ended = ended.order_by(JobRow.finished_at.desc(), JobRow.id.desc())
    with snapshot(db):  # or a job that moves meanwhile would be named twice, or not at all
        return _ids(db, running) + _ids(db, waiting) + _ids(db, ended)


def jobs(db: Database, query: str = "", sort: str = "", limit: int | None = None, offset: int = 0) -> list[Job]:
    """The jobs that match, in the order of `job_ids`."""
    with snapshot(db):
        ids = job_ids(db, query, sort)
        ids = ids[offset:] if limit is None else ids[offset : offset + limit]
        found = jobs_by_id(db, ids)
    return [found[job_id] for job_id in ids if job_id in found]


def jobs_since(db: Database, revision: int, limit: int) -> list[Job]:
    """Jobs that changed after `revision`, oldest change first."""
    rows = _SINCE.run(db, revision=revision, limit=limit).fetchall()
    return jobs_of(db, [as_dict(_COLUMNS, row) for row in rows])


def removed_since(db: Database, revision: int) -> list[int]:
    """Ids of jobs that were removed after `revision`."""
    query = RemovedRow.select(RemovedRow.job_id).where(RemovedRow.revision > revision).order_by(RemovedRow.revision)
    return [row[0] for row in query.tuples().execute(db)]


def revision(db: Database) -> int:
    """The revision of the last change."""
    return int(Counter.select(Counter.value).where(Counter.key == "revision").scalar(db))


def count(db: Database, query: str = "") -> int:
    """How many jobs match."""
    where = predicate(query)
    found = JobRow.select(fn.COUNT(JobRow.id))
    return int((found if where is None else found.where(where)).scalar(db))


def counts(db: Database) -> dict[State, int]:
    """How many jobs are in each state; states without jobs count 0."""
    query = JobRow.select(JobRow.state, fn.COUNT(JobRow.id)).group_by(JobRow.state).tuples()
    found = dict(query.execute(db))
    return {state: int(found.get(state.value, 0)) for state in State}


def events(db: Database, since: int = 0, job_id: int | None = None, limit: int = 1000) -> list[JobEvent]:
    """History after a revision, oldest first; of one job, or of all.

    About `limit` lines, and never a part of a revision: who goes on after the last one misses nothing.
    """
    query = EventRow.select().where(EventRow.revision > since)
    if job_id is not None:
        query = query.where(EventRow.job_id == job_id)
    query = query.order_by(EventRow.revision, EventRow.id)
    rows = list(query.limit(limit).dicts().execute(db))
    if rows and len(rows) == limit:
        last = rows[-1]
        rest = query.where((EventRow.revision == last["revision"]) & (EventRow.id > last["id"]))
        rows += rest.dicts().execute(db)
    return [event_of(row) for row in rows]


def items(
    db: Database, job_id: int, outcome: str | None = None, offset: int = 0, limit: int = 200
) -> list[ItemOutcome]:
    """How the inputs of a job ended, by key."""
    query = ItemRow.select().where(ItemRow.job_id == job_id)
    if outcome is not None:
        query = query.where(ItemRow.outcome == outcome)
    rows = query.order_by(ItemRow.key).offset(offset).limit(limit).dicts().execute(db)
    return [item_of(row) for row in rows]


def result(db: Database, job_id: int) -> Mapping[str, Any]:
    """The facts that a job without items ended with; of one with items only their counts. Empty before its end."""
    row = JobRow.select(JobRow.detail).where(JobRow.id == job_id).tuples().execute(db)
    return next((facts_of(text) for (text,) in row), {})


def failed_keys(db: Database, job_id: int) -> list[str]:
    """The inputs of a job that failed, by key."""
    failed = (ItemRow.job_id == job_id) & (ItemRow.outcome == Outcome.FAILED.value)
    rows = ItemRow.select(ItemRow.key).where(failed).order_by(ItemRow.key).tuples().execute(db)
    return [json.loads(key) for (key,) in rows]
