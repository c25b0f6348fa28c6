"""Batches: the jobs that bear a name, how many of them may run at once, and templates made of them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from peewee import Database, fn

from workers.errors import UsageError
from workers.jobs import FINAL, LIVE, MOST_AT_ONCE, ItemCounts, Pause, Scope, State
from workers.store import pauses, pausing
from workers.store.answers import Answer
from workers.store.database import delete, transaction
from workers.store.moves import bump, record_event
from workers.store.records import now_ms, parts, storable, to_json
from workers.store.tables import FINAL_STATES, LIVE_STATES, BatchRow, JobRow, TemplateRow


@dataclass(frozen=True, slots=True)
class Batch:
    """A named group of jobs as it stands. Times are milliseconds since 1970 in UTC."""

    name: str
    limit: int | None  # jobs that run at once; 0: as many as the host is good for; None: no limit of its own
    counts: Mapping[State, int]
    items: ItemCounts
    fraction: float | None  # of all its jobs that nobody cancelled and that were needed, 0 to 1; None: it has none such
    first_at: int | None  # when its first job was submitted
    last_end: int | None  # when its last job ended; None while some have not
    pause: Pause | None

    @property
    def jobs(self) -> int:
        """How many jobs it has."""
        return sum(self.counts.values())

    @property
    def live(self) -> int:
        """How many of them run or are paused."""
        return sum(self.counts.get(state, 0) for state in LIVE)

    @property
    def over(self) -> bool:
        """Whether all of them have ended."""
        return self.jobs > 0 and all(state in FINAL for state, count in self.counts.items() if count)


@dataclass(frozen=True, slots=True)
class Template:
    """Jobs to be submitted again: each as an object, see `workers.batching`."""

    name: str
    jobs: Sequence[Mapping[str, Any]]
    limit: int | None  # of the batch, see `Batch`
    by: str
    at: int


def new_batch_name(name: str) -> str:
    """A name that a batch or template may be given, as the table holds it; UsageError when nobody could write it again.

    Every name that is given passes here: by submissions, orders, templates and limits. One that is only looked up
    need not: an older version may have given it.
    """
    name = name.strip()
    if not name.isprintable():
        raise UsageError(f"{name!r} holds characters that cannot be shown, such as a line break; leave them out")
    return pauses.scope_name(Scope.BATCH, name)


def batches(db: Database, name: str | None = None) -> list[Batch]:
    """Every batch that has jobs, a limit or a pause, or the one of that name, by name."""
    chosen = JobRow.batch.is_null(False) if name is None else JobRow.batch == name
    counts: dict[str, dict[State, int]] = {}
    query = JobRow.select(JobRow.batch, JobRow.state, fn.COUNT(JobRow.id)).where(chosen)
    for batch, state, number in query.group_by(JobRow.batch, JobRow.state).tuples().execute(db):
        counts.setdefault(batch, {})[State(state)] = number
    limits = dict(BatchRow.select(BatchRow.name, BatchRow.limit).tuples().execute(db))
    paused = {pause.name: pause for pause in pauses.pauses(db, Scope.BATCH)}
    known = {*counts, *limits, *paused}
    sums = _sums(db, chosen)
    return [
        Batch(one, limits.get(one), counts.get(one, {}), *sums.get(one, _NOTHING), paused.get(one))
        for one in sorted(known)
        if name is None or one == name
    ]


_NOTHING: tuple[ItemCounts, float | None, int | None, int | None] = (ItemCounts(), None, None, None)


def _sums(db: Database, chosen: Any) -> dict[str, tuple[ItemCounts, float | None, int | None, int | None]]:
    """Items, progress, first submission and last end of each batch. What was cancelled or skipped is no part of it."""
    ended = JobRow.state.in_(FINAL_STATES)
    dropped = JobRow.state.in_((State.CANCELLED.value, State.SKIPPED.value))
    query = JobRow.select(
        JobRow.batch,
        fn.SUM(JobRow.items_total),
        fn.SUM(JobRow.items_done),
        fn.SUM(JobRow.items_failed),
        fn.SUM(JobRow.items_skipped),
        fn.SUM(JobRow.items_cached),
        fn.SUM(fn.COALESCE(JobRow.fraction, 0.0)).filter(~ended),
        fn.COUNT(JobRow.id).filter(ended),
        fn.COUNT(JobRow.id).filter(dropped),
        fn.COUNT(JobRow.id),
        fn.MIN(JobRow.submitted_at),
        fn.MAX(JobRow.finished_at),
    ).where(chosen)
    found = {}
    for batch, *items, begun, over, lost, jobs, first, last in query.group_by(JobRow.batch).tuples().execute(db):
        fraction = (float(begun or 0.0) + over - lost) / (jobs - lost) if jobs > lost else None
        counted = ItemCounts(*(int(number or 0) for number in items))
        found[batch] = (counted, fraction, first, last if over == jobs else None)
    return found


def set_limit(db: Database, name: str, limit: int | None, by: str) -> None:
    """How many jobs of a batch may run at once: 1 to 32, 0 for as many as the host is good for, None for any."""
    name = new_batch_name(name)
    if limit is not None and not 0 <= limit <= MOST_AT_ONCE:
        raise UsageError(f"{limit} at once: a batch runs 1 to {MOST_AT_ONCE} jobs at once, or auto, or any")
    told = {None: "any", 0: "auto"}.get(limit, str(limit))
    with transaction(db):
        if limit is None:
            delete(BatchRow, BatchRow.name == name).execute(db)
        else:
            insert = BatchRow.insert(name=name, limit=limit)
            insert.on_conflict(conflict_target=[BatchRow.name], update={"limit": limit}).execute(db)
        record_event(db, bump(db), 0, "batch limited", ("", name), by, told)


def forget(db: Database, name: str, by: str) -> None:
    """Drop the limit and the pause of a batch: its jobs are removed by themselves."""
    name = pauses.scope_name(Scope.BATCH, name)
    with transaction(db):
        delete(BatchRow, BatchRow.name == name).execute(db)
        pauses.resume(db, Scope.BATCH, name, by, "the batch was deleted")
        record_event(db, bump(db), 0, "batch deleted", (name, ""), by)


def member_ids(db: Database, name: str) -> list[int]:
    """The jobs of a batch, in the order in which they were submitted."""
    query = JobRow.select(JobRow.id).where(JobRow.batch == name).order_by(JobRow.id)
    return [row[0] for row in query.tuples().execute(db)]


def assign(db: Database, ids: Sequence[int], name: str | None, by: str) -> list[Answer]:
    """Put jobs into a batch, out of any other that they were in; None takes them out. Also jobs that have ended."""
    name = None if name is None else new_batch_name(name)
    answers = []
    for part in parts(dict.fromkeys(ids)):
        with transaction(db):
            answers += [_assigned(db, job_id, name, by) for job_id in part]
    return answers


def _assigned(db: Database, job_id: int, name: str | None, by: str) -> Answer:
    found = next(iter(JobRow.select(JobRow.state, JobRow.batch).where(JobRow.id == job_id).tuples().execute(db)), None)
    if found is None:
        return Answer(job_id, False, f"there is no job {job_id}")
    state, before = found
    if before == name:
        return Answer(job_id, False, f"is in {before} already" if before else "is in no batch")
    revision = bump(db)
    JobRow.update(revision=revision, batch=name).where(JobRow.id == job_id).execute(db)
    told = f"into {name}" if name else f"out of {before}"
    record_event(db, revision, job_id, "batch changed", (state, state), by, told)
    paused = name is not None and state in LIVE_STATES and pausing.join_scope(db, job_id, Scope.BATCH, name, by)
    if before:
        pausing.leave_scope(db, job_id, Scope.BATCH, before, by, told)
    return Answer(job_id, True, f"{told}, and is being paused with it" if paused else told)


def save_template(
    db: Database, name: str, jobs: Sequence[Mapping[str, Any]], by: str, *, limit: int | None = None
) -> None:
    """Keep jobs, and how many of them run at once, under a name, in place of what had it."""
    name = new_batch_name(name)
    values = {"jobs": to_json({"limit": limit, "jobs": list(jobs)}), "by": storable(by), "at": now_ms()}
    with transaction(db):
        insert = TemplateRow.insert(name=name, **values)
        insert.on_conflict(conflict_target=[TemplateRow.name], update=values).execute(db)
        record_event(db, bump(db), 0, "template saved", ("", name), by, f"{len(jobs)} jobs")


def templates(db: Database) -> list[Template]:
    """Every template, by name."""
    rows = TemplateRow.select().order_by(TemplateRow.name).dicts().execute(db)
    return [_template(row["name"], json.loads(row["jobs"]), row["by"], row["at"]) for row in rows]


def _template(name: str, kept: Any, by: str, at: int) -> Template:
    if isinstance(kept, list):  # as they were kept at first
        kept = {"jobs": kept}
    return Template(name, kept["jobs"], kept.get("limit"), by, at)


def remove_template(db: Database, name: str, by: str) -> bool:
    """Forget a template; False when there is none of that name."""
    with transaction(db):
        gone = delete(TemplateRow, TemplateRow.name == name).execute(db)
        if gone:
            record_event(db, bump(db), 0, "template removed", (name, ""), by)
    return bool(gone)
