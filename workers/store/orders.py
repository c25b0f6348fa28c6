"""What people order of jobs that there are: wishes, priorities, holds, edits and removals.

Each order is one transaction, recorded in the history with who gave it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from peewee import Database

from workers.jobs import FINAL, LIVE, Job, Move, Priority, Scope, State, Wish, rfc3339
from workers.store import pauses
from workers.store.answers import Answer, change, each, missing
from workers.store.database import delete
from workers.store.moves import bump, locked_state, move_inside
from workers.store.questions import job_by_id
from workers.store.records import folded, storable, to_json
from workers.store.submissions import know_window
from workers.store.tables import After, EventRow, ItemRow, JobRow, RemovedRow


def cancel(db: Database, ids: Sequence[int], by: str) -> list[Answer]:
    """Waiting jobs end at once; a running one is asked, by a field that its supervisor reads."""

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
        return Answer(job_id, False, f"has ended already: {state.value}")

    return each(db, ids, act)


def pause(db: Database, ids: Sequence[int], by: str, *, until: int | None = None, soft: bool = False) -> list[Answer]:
    """A running job's processes are stopped; a waiting one is held. For good, or until a time.

    `soft`: a running job ends what it has in hand, then waits on hold; one of a single input so runs to its end.
    """
    wish, asked = (Wish.HOLD, "hold asked") if soft else (Wish.PAUSE, "pause asked")
    lasts = f"until {rfc3339(until)}" if until is not None else ""

    def act(job_id: int) -> Answer:
        state = locked_state(db, job_id)
        if state is State.RUNNING:
            if JobRow.select(JobRow.wish).where(JobRow.id == job_id).scalar(db) == Wish.CANCEL.value:
                return Answer(job_id, False, "is being cancelled")
            change(db, job_id, asked, by, lasts, wish=wish.value, wish_by=by, pause_until=until)
            return Answer(job_id, True, "waits when it has ended what it has in hand" if soft else "is being paused")
        if state is State.QUEUED:
            change(db, job_id, "held", by, lasts, hold=True, wish_by=by, pause_until=until)
            return Answer(job_id, True, "held")
        if state is State.PAUSED and until is not None:
            change(db, job_id, "pause asked", by, lasts, wish_by=by, pause_until=until)
            return Answer(job_id, True, "stays paused for that time")
        return missing(job_id) if state is None else Answer(job_id, False, f"cannot be paused: it is {state.value}")

    return each(db, ids, act)


def resume(db: Database, ids: Sequence[int], by: str, why: str = "") -> list[Answer]:
    """A paused job goes on; a held one may start."""

    def act(job_id: int) -> Answer:
        state = locked_state(db, job_id)
        row = JobRow.select(JobRow.hold, JobRow.wish).where(JobRow.id == job_id).tuples().execute(db)
        held, wish = next(iter(row), (False, ""))
        if state is State.PAUSED and wish != Wish.CANCEL.value:
            change(db, job_id, "resume asked", by, why, wish=Wish.RESUME.value, wish_by=by, pause_until=None)
            return Answer(job_id, True, "is being resumed")
        if state is State.RUNNING and wish in (Wish.PAUSE.value, Wish.HOLD.value):
            change(db, job_id, "resume asked", by, why, wish=Wish.NONE.value, wish_by=by, pause_until=None)
            return Answer(job_id, True, "goes on")
        if state is State.QUEUED and held:
            change(db, job_id, "unheld", by, why, hold=False, wish_by="", pause_until=None)
            return Answer(job_id, True, "may start")
        if state is None:
            return missing(job_id)
        return Answer(job_id, False, f"is not paused: it is {state.value}")

    return each(db, ids, act)


def set_hold(db: Database, ids: Sequence[int], hold: bool, by: str) -> list[Answer]:
    """Keep waiting jobs from starting, or let them."""

    def act(job_id: int) -> Answer:
        state = locked_state(db, job_id)
        if state is None:
            return missing(job_id)
        if state is not State.QUEUED:
            return Answer(job_id, False, f"does not wait: it is {state.value}")
        change(db, job_id, "held" if hold else "unheld", by, hold=hold, wish_by=by if hold else "", pause_until=None)
        return Answer(job_id, True, "held" if hold else "may start")

    return each(db, ids, act)


def retry(db: Database, ids: Sequence[int], by: str) -> list[Answer]:
    """Ended jobs start over (finished items stay finished); one that waits for its next attempt starts at once."""

    def act(job_id: int) -> Answer:
        state = locked_state(db, job_id)
        if state is None:
            return missing(job_id)
        if state is State.QUEUED:
            if JobRow.select(JobRow.run_after).where(JobRow.id == job_id).scalar(db) is None:
                return Answer(job_id, False, "waits already")
            change(db, job_id, "retry asked", by, run_after=None)
            return Answer(job_id, True, "tries again now")
        if state is State.SUCCEEDED:
            failed = JobRow.select(JobRow.items_failed).where(JobRow.id == job_id).scalar(db)
            if not failed:
                return Answer(job_id, False, "succeeded; submit it anew to do it again")
        if move_inside(db, Move.RESTARTED, job_id, by=by):
            return Answer(job_id, True, "waits to be tried again")
        return Answer(job_id, False, f"cannot be tried again: it is {state.value}")

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


def pause_scope(
    db: Database, scope: Scope, name: str, by: str, *, until: int | None = None, soft: bool = True
) -> list[Answer]:
    """Start nothing of a queue, site or batch. Not `soft`: pause what of it runs, too; the answers are about that."""
    paused = pauses.pause(db, scope, name, until=until, by=by)
    if soft:
        return []
    return pause(db, pauses.running_of(db, scope, paused.name), pauses.mark(by, scope, paused.name))


def resume_scope(db: Database, scope: Scope, name: str, by: str, why: str = "") -> bool:
    """End such a pause; jobs that were paused with it go on, those paused one by one stay. False: it was none."""
    name = pauses.checked(scope, name)
    was = pauses.resume(db, scope, name, by, why)
    resume(db, pauses.paused_with(db, scope, name), by, why)
    return was


_OVER = "its time is over"


def end_pauses(db: Database, moment: int) -> list[str]:
    """End every pause and hold whose time has passed at `moment`; what was ended, in words."""
    ended = []
    for pause_ in pauses.over(db, moment):
        resume_scope(db, pause_.scope, pause_.name, "worker", _OVER)
        ended.append(f"the pause of {pause_.scope.called(pause_.name)}")
    stopped = (JobRow.state == State.PAUSED.value) | ((JobRow.state == State.QUEUED.value) & JobRow.hold)
    due = JobRow.pause_until.is_null(False) & (JobRow.pause_until <= moment)
    ids = [row[0] for row in JobRow.select(JobRow.id).where(due & stopped).tuples().execute(db)]
    ended += [f"the pause of job {answer.job_id}" for answer in resume(db, ids, "worker", _OVER) if answer.ok]
    return ended


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
        told.append(f"not before {rfc3339(run_after)}" if run_after else "at once")
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
        change(db, job_id, "scheduled", by, ", ".join(told), **fields)
        return Answer(job_id, True, ", ".join(told))

    return each(db, ids, act)


@dataclass(frozen=True, slots=True)
class Edited:
    """What an edit makes of a job."""

    params: Mapping[str, Any]
    title: str
    site: str | None


def edit(db: Database, job_id: int, editing: Callable[[Job], Edited], by: str) -> Answer:
    """Other parameters for a job that waits: what `editing` makes of it as it stands then."""

    def act(job_id: int) -> Answer:
        state = locked_state(db, job_id)
        if state is None:
            return missing(job_id)
        if state is not State.QUEUED:
            return Answer(job_id, False, f"cannot be edited: it is {state.value}")
        edited = editing(job_by_id(db, job_id))
        title, site = storable(edited.title), None if edited.site is None else storable(edited.site).lower()
        params = to_json(dict(edited.params))
        change(db, job_id, "edited", by, params=params, title=title, folded=folded(title), site=site)
        return Answer(job_id, True, "edited")

    return each(db, [job_id], act)[0]


def remove(db: Database, ids: Sequence[int], by: str) -> list[Answer]:
    """Forget ended jobs with their items and history."""

    def act(job_id: int) -> Answer:
        state = locked_state(db, job_id)
        if state is None:
            return missing(job_id)
        if state not in FINAL:
            return Answer(job_id, False, f"has not ended: it is {state.value}; cancel it first")
        revision = bump(db)
        for table in (ItemRow, EventRow):
            delete(table, table.job_id == job_id).execute(db)
        delete(After, (After.job_id == job_id) | (After.on_id == job_id)).execute(db)
        delete(JobRow, JobRow.id == job_id).execute(db)
        RemovedRow.insert(job_id=job_id, revision=revision).execute(db)
        return Answer(job_id, True, f"removed by {by}")

    return each(db, ids, act)
