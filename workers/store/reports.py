"""What a live job reports: progress, items, and what its runner is about to leave on the disk.

Every write names the lease: a runner or worker that was replaced changes nothing.
"""

from __future__ import annotations

import dataclasses
import functools
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from peewee import Database

from workers.errors import Failure
from workers.jobs import MOVES, ItemRecord, Move, Outcome, Progress, State, Wish
from workers.store.database import delete, is_sqlite, transaction
from workers.store.moves import bump
from workers.store.prepared import Prepared, hole
from workers.store.records import failure_of, finite, folded, storable, to_json, whole
from workers.store.tables import LIVE_STATES, EventRow, ItemRow, JobRow
from workers.text import clean

_PROGRESS = Prepared(
    lambda sqlite: JobRow.update(
        {name: hole(name) for name in ("revision", *(field.name for field in dataclasses.fields(Progress)))}
    ).where(_ours(hole("id"), hole("old_lease")))
)


def _ours(job_id: Any, lease: Any) -> Any:
    return (JobRow.id == job_id) & (JobRow.lease == lease) & JobRow.state.in_(LIVE_STATES)


def set_runner(db: Database, job_id: int, lease: int, pid: int, start: int) -> bool:
    """Record which process runs a job, so that it can be found after a crash."""
    with transaction(db):
        return bool(JobRow.update(runner_pid=pid, runner_start=start).where(_ours(job_id, lease)).execute(db))


def write_progress(db: Database, newest: Mapping[tuple[int, int], Progress]) -> None:
    """The newest progress of many jobs, by (job id, lease), in one transaction."""
    if not newest:
        return
    with transaction(db, durable=False):
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


def _list_of(name: str) -> tuple[Prepared, Prepared]:
    """Reading and writing of a column that holds a JSON list, under the lease."""
    ours = _ours(hole("id"), hole("lease"))
    column = getattr(JobRow, name)
    return (
        Prepared(lambda sqlite: JobRow.select(column).where(ours)),
        Prepared(lambda sqlite: JobRow.update({column: hole("value")}).where(ours)),
    )


_STAGING, _PUBLISHED = _list_of("staging"), _list_of("published")


def _append(
    db: Database,
    job_id: int,
    lease: int,
    column: tuple[Prepared, Prepared],
    entry: Any,
    gone: Sequence[Any] = (),
    *,
    durable: bool = True,
) -> bool:
    read, write = column
    with transaction(db, durable=durable):
        value = read.value(db, id=job_id, lease=lease)
        if value is None:
            return False
        text = to_json([*(old for old in json.loads(value) if old not in gone), entry])
        return bool(write.run(db, id=job_id, lease=lease, value=text).rowcount)


def add_staging(db: Database, job_id: int, lease: int, folder: str, gone: Sequence[str] = ()) -> bool:
    """Record a folder that the next worker must remove if this one dies. False when the lease is lost.

    `gone` are earlier ones that are removed: without them the record stays short, however many folders a job fills.
    """
    return _append(db, job_id, lease, _STAGING, folder, gone)


def add_published(db: Database, job_id: int, lease: int, entry: Mapping[str, Any], *, durable: bool = True) -> bool:
    """Record a file that is about to be renamed into place. False when the lease is lost: it must not be."""
    return _append(db, job_id, lease, _PUBLISHED, dict(entry), durable=durable)


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


_ITEM_COLUMNS = ("job_id", "key", "outcome", "outputs", "error_class", "error_message", "error_detail", "detail")
_SIZES = (256, 64, 16, 4, 1)  # items of one statement: few texts of SQL, so that the database knows them all


def _item_row(job_id: int, record: ItemRecord) -> tuple[Any, ...]:
    """The values of `_ITEM_COLUMNS`."""
    failure = record.failure
    told = record.detail if record.detail.isascii() and "\0" not in record.detail else "{}"
    outputs = to_json(list(record.outputs)) if record.outputs else "[]"
    if failure is None:
        return (job_id, to_json(record.key), record.outcome.value, outputs, None, "", "", told)
    words = (failure.error_class.value, storable(failure.message), storable(failure.detail))
    return (job_id, to_json(record.key), record.outcome.value, outputs, *words, told)


def _in_parts(rows: Sequence[tuple[Any, ...]]) -> Iterator[Sequence[tuple[Any, ...]]]:
    start = 0
    for size in _SIZES:
        while len(rows) - start >= size:
            yield rows[start : start + size]
            start += size


@functools.lru_cache(maxsize=2 * len(_SIZES))
def _insert_items(size: int, sqlite: bool) -> str:
    """SQL that writes so many items; peewee would take longer to write it than the database to run it."""
    row = f"({', '.join(['?' if sqlite else '%s'] * len(_ITEM_COLUMNS))})"
    kept = ", ".join(f'"{name}" = EXCLUDED."{name}"' for name in _ITEM_COLUMNS[2:])
    names = ", ".join(f'"{name}"' for name in _ITEM_COLUMNS)
    return (
        f'INSERT INTO "item" ({names}) VALUES {", ".join([row] * size)}'
        f' ON CONFLICT ("job_id", "key") DO UPDATE SET {kept}'
    )


@functools.lru_cache(maxsize=2 * len(_SIZES))
def _select_items(size: int, sqlite: bool) -> str:
    hole = "?" if sqlite else "%s"
    return f'SELECT "key", "outcome" FROM "item" WHERE "job_id" = {hole} AND "key" IN ({", ".join([hole] * size)})'


def _outcomes(db: Any, job_id: int, keys: Sequence[str]) -> dict[str, str]:
    """The outcomes that these items (keys as JSON) of a job have so far."""
    found: dict[str, str] = {}
    for part in _in_parts([(key,) for key in keys]):
        sql = _select_items(len(part), is_sqlite(db))
        found.update(db.execute_sql(sql, (job_id, *(key for (key,) in part))).fetchall())
    return found


def _change_of_counts(db: Database, job_id: int, rows: Sequence[tuple[Any, ...]]) -> dict[str, int]:
    """How writing these rows changes the job's counts."""
    before = _outcomes(db, job_id, [row[1] for row in rows])
    change = {"done": 0, "failed": 0, "skipped": 0, "cached": 0}
    for outcome in before.values():
        change[outcome] -= 1
    for row in rows:
        change[row[2]] += 1
    return change


def _still_open(published: str, ended: set[str]) -> str:
    """What was published for items that have no outcome yet: of the others the outcome tells."""
    return to_json([entry for entry in json.loads(published) if entry["item"] not in ended])


_COUNTS = Prepared(
    lambda sqlite: JobRow.update(
        revision=hole("revision"),
        published=hole("published"),
        items_done=JobRow.items_done + hole("done"),
        items_failed=JobRow.items_failed + hole("failed"),
        items_skipped=JobRow.items_skipped + hole("skipped"),
        items_cached=JobRow.items_cached + hole("cached"),
    ).where(JobRow.id == hole("id"))
)


def write_items(db: Any, job_id: int, lease: int, records: Sequence[ItemRecord]) -> bool:
    """Outcomes of items and the job's counts, in one transaction. A later outcome of an item replaces the earlier."""
    rows = list({row[1]: row for row in (_item_row(job_id, record) for record in records)}.values())
    if not rows:
        return True
    with transaction(db):
        published = _PUBLISHED[0].value(db, id=job_id, lease=lease)
        if published is None:
            return False
        change = _change_of_counts(db, job_id, rows)
        for part in _in_parts(rows):
            db.execute_sql(_insert_items(len(part), is_sqlite(db)), tuple(value for row in part for value in row))
        still = _still_open(published, {record.key for record in records})
        _COUNTS.run(db, id=job_id, revision=bump(db), published=still, **change)
    return True


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


def finished_of(db: Database, job_id: int, keys: Sequence[str]) -> dict[str, Outcome]:
    """Those of these inputs that need no more work, and how they ended."""
    texts = {to_json(key): key for key in keys}
    return {texts[text]: Outcome(outcome) for text, outcome in _outcomes(db, job_id, list(texts)).items()}


_BACK = [move.value for move, rule in MOVES.items() if rule.target is State.QUEUED]


def forget_failed(db: Database, job_id: int, lease: int) -> bool:
    """Before an attempt because the job failed as a whole: items that failed are to be done again, too. Whether any.

    An attempt for another reason goes on where the last one was, and what failed then has failed.
    """
    with transaction(db):
        came_back = (EventRow.job_id == job_id) & EventRow.move.in_(_BACK)
        last = EventRow.select(EventRow.move).where(came_back).order_by(EventRow.id.desc()).limit(1).scalar(db)
        if last != Move.RETRIED.value:
            return False
        if not JobRow.update(revision=bump(db), items_failed=0).where(_ours(job_id, lease)).execute(db):
            return False
        gone = delete(ItemRow, (ItemRow.job_id == job_id) & (ItemRow.outcome == Outcome.FAILED.value))
        return bool(gone.execute(db))


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


def count_runner_death(db: Database, job_id: int, lease: int) -> int:
    """One more runner of this job died; how many have."""
    with transaction(db):
        JobRow.update(runner_deaths=JobRow.runner_deaths + 1).where(_ours(job_id, lease)).execute(db)
        return int(JobRow.select(JobRow.runner_deaths).where(JobRow.id == job_id).scalar(db) or 0)
