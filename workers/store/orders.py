"""What people order of jobs that there are: wishes, priorities, holds, edits and removals.

Each order is one transaction, recorded in the history with who gave it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from peewee import Database

from workers.errors import ErrorClass
from workers.jobs import FINAL, LIVE, Job, Move, Priority, State, Wish
from workers.store.answers import Answer, change, each, missing
from workers.store.audit import differences, without_orders
from workers.store.database import delete
from workers.store.moves import bump, locked_state, move_inside, skip_dependents
from workers.store.planned import SCHEDULED, start_words
from workers.store.questions import job_by_id, revision
from workers.store.records import error_fields, folded, now_ms, storable, to_json
from workers.store.submissions import know_window
from workers.store.tables import After, EventRow, ItemRow, JobRow, RemovedRow

LOOK_FOR_ROOM_MS = 30_000  # how long a job waits that found a disk full, before it looks again


def cancel(db: Database, ids: Sequence[int], by: str) -> list[Answer]:
    """Waiting jobs end at once; a running one is asked, by a field that its supervisor reads.

    One that ended by this very order, since it waits for another of it, is no refusal.
    """
    before = revision(db)

    def act(job_id: int) -> Answer:
        state = locked_state(db, job_id)
        if state is None:
            return missing(job_id)
        if state is State.QUEUED:
            move_inside(db, Move.CANCELLED, job_id, by=by)
            return Answer(job_id, True, "cancelled")
        if state in LIVE:
            change(db, job_id, "cancel asked", by, wish=Wish.CANCEL.value, wish_by=by)
            return Answer(job_id, True, "is being cancelled")
        if state is State.SKIPPED and job_by_id(db, job_id).revision > before:
            return Answer(job_id, True, "skipped with one that it waits for")
        return Answer(job_id, False, f"has ended already: {state.value}")

    return each(db, ids, act)


def set_priority(db: Database, ids: Sequence[int], priority: Priority, by: str) -> list[Answer]:
    """Change how urgent jobs are; it matters while they wait."""

    def act(job_id: int) -> Answer:
        state = locked_state(db, job_id)
        if state is None:
            return missing(job_id)
        if state in FINAL:
            return Answer(job_id, False, f"has ended: {state.value}")
        change(db, job_id, "prioritised", by, priority.word, priority=priority.value)
        return Answer(job_id, True, f"priority {priority.word}")

    return each(db, ids, act)


def schedule(
    db: Database, ids: Sequence[int], by: str, *, run_after: int | None = None, window: str | None = None
) -> list[Answer]:
    """When waiting jobs may start: not before `run_after` (0: at once), within `window` ("" for any time).

    None changes nothing.
    """
    fields: dict[str, Any] = {}
    told = []
    if run_after is not None:
        fields["run_after"] = run_after or None
        told.append(start_words(run_after))
    if window is not None:
        fields["window"] = window or None
        told.append(f"within {window}" if window else "at any time")

    def act(job_id: int) -> Answer:
        state = locked_state(db, job_id)
        if state is None:
            return missing(job_id)
        if state is not State.QUEUED:
            return Answer(job_id, False, f"does not wait: it is {state.value}")
        know_window(db, window or None)
        change(db, job_id, SCHEDULED, by, ", ".join(told), **fields)
        return Answer(job_id, True, ", ".join(told))

    return each(db, ids, act)


@dataclass(frozen=True, slots=True)
class Edited:
    """What an edit makes of a job."""

    params: Mapping[str, Any]
    title: str
    site: str | None
    secret: frozenset[str] = frozenset()  # options whose values are told nowhere


def edit(db: Database, job_id: int, editing: Callable[[Job], Edited], by: str) -> Answer:
    """Other parameters for a job that waits: what `editing` makes of it as it stands then."""

    def act(job_id: int) -> Answer:
        state = locked_state(db, job_id)
        if state is None:
            return missing(job_id)
        if state is not State.QUEUED:
            return Answer(job_id, False, f"cannot be edited: it is {state.value}")
        job = job_by_id(db, job_id)
        edited = editing(job)
        title, site = storable(edited.title), None if edited.site is None else storable(edited.site).lower()
        params, what = to_json(dict(edited.params)), differences(job.params, edited.params, edited.secret)
        fields = {"params": params, "title": title, "folded": folded(title), "site": site, **_looked_anew(job)}
        change(db, job_id, "edited", by, what, **fields)
        return Answer(job_id, True, "edited")

    return each(db, [job_id], act)[0]


def _looked_anew(job: Job) -> dict[str, Any]:
    """What an edit lifts: that a disk had no room was about where the job wrote before."""
    if job.failure is None or job.failure.error_class is not ErrorClass.DISK:
        return {}
    soon = job.run_after is not None and job.run_after <= now_ms() + LOOK_FOR_ROOM_MS
    return error_fields(None) | ({"run_after": None} if soon else {})  # later is when a person wants it


def remove(db: Database, ids: Sequence[int], by: str) -> list[Answer]:
    """Forget ended jobs with their items and their history; what people ordered of them stays for a time."""

    def act(job_id: int) -> Answer:
        state = locked_state(db, job_id)
        if state is None:
            return missing(job_id)
        if state not in FINAL:
            return Answer(job_id, False, f"has not ended: it is {state.value}; cancel it first")
        if state is not State.SUCCEEDED:
            skip_dependents(db, job_id, state)  # that it is forgotten lets nobody start who needs its success
        revision = bump(db)
        delete(ItemRow, ItemRow.job_id == job_id).execute(db)
        delete(EventRow, without_orders(job_id)).execute(db)
        delete(After, (After.job_id == job_id) | (After.on_id == job_id)).execute(db)
        delete(JobRow, JobRow.id == job_id).execute(db)
        RemovedRow.insert(job_id=job_id, revision=revision).execute(db)
        return Answer(job_id, True, f"removed by {by}")

    return each(db, ids, act)
