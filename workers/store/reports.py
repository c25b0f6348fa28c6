"""What a live job reports: progress, items, and what its runner is about to leave on the disk.

Every write names the lease: a runner or worker that was replaced changes nothing.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from typing import Any

from peewee import Database

from workers.errors import Failure
from workers.jobs import LIVE, ItemOutcome, Outcome, Progress, Wish
from workers.store.database import transaction
from workers.store.moves import bump
from workers.store.prepared import Prepared, hole
from workers.store.records import failure_of, finite, folded, storable, to_json, whole
from workers.store.tables import After, ItemRow, JobRow
from workers.text import clean

_LIVE = [state.value for state in LIVE]
_ITEMS_AT_ONCE = 500  # rows of one statement; each has eight values, and SQLite takes 32,766


_PROGRESS = Prepared(
    lambda sqlite: JobRow.update(
        {name: hole(name) for name in ("revision", *(field.name for field in dataclasses.fields(Progress)))}
    ).where(_ours(hole("id"), hole("old_lease")))
)


def _ours(job_id: Any, lease: Any) -> Any:
    return (JobRow.id == job_id) & (JobRow.lease == lease) & JobRow.state.in_(_LIVE)


def set_runner(db: Database, job_id: int, lease: int, pid: int, start: int) -> bool:
    """Record which process runs a job, so that it can be found after a crash."""
    with transaction(db):
        return bool(JobRow.update(runner_pid=pid, runner_start=start).where(_ours(job_id, lease)).execute(db))


def write_progress(db: Database, newest: Mapping[tuple[int, int], Progress]) -> None:
    """The newest progress of many jobs, by (job id, lease), in one transaction."""
    if not newest:
        return
    with transaction(db):
        revision = bump(db, len(newest)) - len(newest)
        for number, ((job_id, lease), progress) in enumerate(newest.items(), 1):
            _PROGRESS.run(db, id=job_id, old_lease=lease, revision=revision + number, **_figures(progress))


def _figures(progress: Progress) -> dict[str, Any]:
    """What a runner told, without what no column holds."""
    fraction = finite(progress.fraction)
    return {
        "fraction": None if fraction is None else min(1.0, max(0.0, fraction)),
        "phase": storable(progress.phase),
        "done": whole(progress.done),
        "total": whole(progress.total),
        "rate": finite(progress.rate),
        "eta_s": finite(progress.eta_s),
        "unit": storable(progress.unit),
    }


def _append(db: Database, job_id: int, lease: int, column: Any, entry: Any) -> bool:
    with transaction(db):
        value = JobRow.select(column).where(_ours(job_id, lease)).scalar(db)
        if value is None:
            return False
        entries = [*json.loads(value), entry]
        return bool(JobRow.update({column: to_json(entries)}).where(_ours(job_id, lease)).execute(db))


def add_staging(db: Database, job_id: int, lease: int, folder: str) -> bool:
    """Record a folder that the next worker must remove if this one dies. False when the lease is lost."""
    return _append(db, job_id, lease, JobRow.staging, folder)


def add_published(db: Database, job_id: int, lease: int, entry: Mapping[str, Any]) -> bool:
    """Record a file that is about to be renamed into place. False when the lease is lost: it must not be."""
    return _append(db, job_id, lease, JobRow.published, dict(entry))


def published_entries(db: Database, job_id: int) -> list[dict[str, Any]]:
    """What runners of this job were allowed to rename into place and no outcome of an item tells yet."""
    value = JobRow.select(JobRow.published).where(JobRow.id == job_id).scalar(db)
    return [dict(entry) for entry in json.loads(value or "[]")]


def staging_folders(db: Database, job_id: int) -> list[str]:
    """Folders that runners of this job said they would make."""
    value = JobRow.select(JobRow.staging).where(JobRow.id == job_id).scalar(db)
    return [str(folder) for folder in json.loads(value or "[]")]


def set_title(db: Database, job_id: int, lease: int, title: str) -> None:
    """What people call the job, and find it by."""
    shown = storable(clean(title))
    if shown:
        with transaction(db):
            values = {"title": shown, "folded": folded(shown), "revision": bump(db)}
            JobRow.update(values).where(_ours(job_id, lease)).execute(db)


def set_items_total(db: Database, job_id: int, lease: int, total: int) -> None:
    """How many inputs the job has."""
    total = min(max(0, total), 2**31 - 1)
    with transaction(db):
        JobRow.update(revision=bump(db), items_total=total).where(_ours(job_id, lease)).execute(db)


def _item_row(job_id: int, outcome: ItemOutcome) -> dict[str, Any]:
    failure = outcome.failure
    return {
        "job_id": job_id,
        "key": to_json(outcome.key),
        "outcome": outcome.outcome.value,
        "outputs": to_json(list(outcome.outputs)),
        "error_class": None if failure is None else failure.error_class.value,
        "error_message": "" if failure is None else storable(failure.message),
        "error_detail": "" if failure is None else storable(failure.detail),
        "detail": to_json(dict(outcome.detail)),
    }


def _counted(db: Database, job_id: int, rows: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """How writing these rows changes the job's counts."""
    keys = [row["key"] for row in rows]
    had = ItemRow.select(ItemRow.key, ItemRow.outcome).where((ItemRow.job_id == job_id) & ItemRow.key.in_(keys))
    before = dict(had.tuples().execute(db))
    change = {"done": 0, "failed": 0, "skipped": 0, "cached": 0}
    for row in rows:
        if row["key"] in before:
            change[before[row["key"]]] -= 1
        change[row["outcome"]] += 1
    return change


def _still_open(published: str, ended: set[str]) -> str:
    """What was published for items that have no outcome yet: of the others the outcome tells."""
    return to_json([entry for entry in json.loads(published) if entry["item"] not in ended])


def write_items(db: Database, job_id: int, lease: int, outcomes: Sequence[ItemOutcome]) -> bool:
    """Outcomes of items and the job's counts, in one transaction. A later outcome of an item replaces the earlier."""
    rows = list({row["key"]: row for row in (_item_row(job_id, outcome) for outcome in outcomes)}.values())
    if not rows:
        return True
    with transaction(db):
        if JobRow.select(JobRow.id).where(_ours(job_id, lease)).scalar(db) is None:
            return False
        published = JobRow.select(JobRow.published).where(JobRow.id == job_id).scalar(db)
        still_open = _still_open(published, {outcome.key for outcome in outcomes})
        JobRow.update(published=still_open).where(JobRow.id == job_id).execute(db)
        for start in range(0, len(rows), _ITEMS_AT_ONCE):
            _write_part(db, job_id, rows[start : start + _ITEMS_AT_ONCE])
    return True


def _write_part(db: Database, job_id: int, rows: Sequence[Mapping[str, Any]]) -> None:
    change = _counted(db, job_id, rows)
    ItemRow.insert_many(rows).on_conflict(
        conflict_target=[ItemRow.job_id, ItemRow.key],
        preserve=[
            ItemRow.outcome,
            ItemRow.outputs,
            ItemRow.error_class,
            ItemRow.error_message,
            ItemRow.error_detail,
            ItemRow.detail,
        ],
    ).execute(db)
    JobRow.update(
        revision=bump(db),
        items_done=JobRow.items_done + change["done"],
        items_failed=JobRow.items_failed + change["failed"],
        items_skipped=JobRow.items_skipped + change["skipped"],
        items_cached=JobRow.items_cached + change["cached"],
    ).where(JobRow.id == job_id).execute(db)


def item_outputs(db: Database, job_id: int, limit: int = 1000) -> list[str]:
    """The files that the items of a job left, at most those of `limit` items."""
    query = ItemRow.select(ItemRow.outputs).where((ItemRow.job_id == job_id) & (ItemRow.outputs != "[]"))
    rows = query.order_by(ItemRow.key).limit(limit).tuples().execute(db)
    return [output for (outputs,) in rows for output in json.loads(outputs)]


def failure_of_all_items(db: Database, job_id: int) -> Failure | None:
    """Why the first item failed, when every item of the job did; else None."""
    counts = (JobRow.items_total > 0) & (JobRow.items_failed >= JobRow.items_total)
    if JobRow.select(JobRow.id).where((JobRow.id == job_id) & counts).scalar(db) is None:
        return None
    failed = (ItemRow.job_id == job_id) & (ItemRow.outcome == Outcome.FAILED.value)
    rows = ItemRow.select().where(failed).order_by(ItemRow.key).limit(1).dicts().execute(db)
    return next((failure_of({**row, "error_input": json.loads(row["key"])}) for row in rows), None)


def finished_items(db: Database, job_id: int) -> list[str]:
    """Keys of the inputs that need no more work: all but the failed."""
    query = ItemRow.select(ItemRow.key).where((ItemRow.job_id == job_id) & (ItemRow.outcome != "failed"))
    return [json.loads(row[0]) for row in query.tuples().execute(db)]


def clear_wish(db: Database, job_id: int, lease: int, wish: Wish) -> None:
    """A wish that was fulfilled already."""
    with transaction(db):
        mine = _ours(job_id, lease) & (JobRow.wish == wish.value)
        JobRow.update(revision=bump(db), wish="").where(mine).execute(db)


def wish_of(db: Database, job_id: int) -> tuple[Wish, str]:
    """What a person wants of a job now, and who; ask inside the transaction of the move that answers it."""
    rows = JobRow.select(JobRow.wish, JobRow.wish_by).where(JobRow.id == job_id).tuples().execute(db)
    wish, by = next(iter(rows), ("", ""))
    return Wish(wish), str(by)


_WAITING_FOR = Prepared(
    lambda sqlite: (
        JobRow.select(JobRow.queue)
        .distinct()
        .join(After, on=(After.job_id == JobRow.id))
        .where(After.on_id == hole("id"))
    )
)


def queues_waiting_for(db: Database, job_id: int) -> list[str]:
    """Queues in which jobs wait for this one."""
    return [row[0] for row in _WAITING_FOR.run(db, id=job_id).fetchall()]
