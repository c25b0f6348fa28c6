"""What people order: new jobs, wishes, priorities, places in the queue, holds, edits and removals.

Each order is one transaction, recorded in the history with who gave it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from peewee import Database, IntegrityError

from workers.errors import UsageError
from workers.jobs import FINAL, LIVE, Job, Move, Priority, Scope, State, Wish, rfc3339
from workers.store import pauses
from workers.store.database import delete, transaction
from workers.store.moves import bump, count_on, locked_state, move_inside, record_event
from workers.store.prepared import Prepared, hole
from workers.store.questions import job_by_id
from workers.store.records import folded, now_ms, parts, storable, to_json
from workers.store.tables import After, EventRow, ItemRow, JobRow, RemovedRow, WindowRow

_PART = 100  # jobs of one order handled in one transaction, so that others can write in between
_FORWARD = ("first", "up")


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of an order for one job."""

    job_id: int
    ok: bool
    message: str


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


def _know_window(db: Database, window: str | None) -> None:
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
    _know_window(db, new.window)
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
    record_event(db, revision, job_id, "submitted", ("", State.QUEUED.value), storable(new.by))
    return job_by_id(db, job_id)


def _each(db: Database, ids: Sequence[int], act: Callable[[int], Answer]) -> list[Answer]:
    answers = []
    wanted = list(dict.fromkeys(ids))
    for start in range(0, len(wanted), _PART):
        with transaction(db):
            answers += [act(job_id) for job_id in wanted[start : start + _PART]]
    return answers


def _change(db: Database, job_id: int, what: str, by: str, reason: str = "", **fields: Any) -> None:
    """A change that is no move: new revision, new values, one line of history."""
    state = locked_state(db, job_id)
    word = "" if state is None else state.value
    revision = bump(db)
    JobRow.update(revision=revision, **fields).where(JobRow.id == job_id).execute(db)
    record_event(db, revision, job_id, what, (word, word), by, reason)


def _missing(job_id: int) -> Answer:
    return Answer(job_id, False, f"there is no job {job_id}")


def cancel(db: Database, ids: Sequence[int], by: str) -> list[Answer]:
    """Waiting jobs end at once; a running one is asked, by a field that its supervisor reads."""

    def act(job_id: int) -> Answer:
        state = locked_state(db, job_id)
        if state is None:
            return _missing(job_id)
        if state is State.QUEUED:
            move_inside(db, Move.CANCELLED, job_id, by=by)
            return Answer(job_id, True, "cancelled")
        if state in LIVE:
            _change(db, job_id, "cancel asked", by, wish=Wish.CANCEL.value, wish_by=by)
            return Answer(job_id, True, "is being cancelled")
        return Answer(job_id, False, f"has ended already: {state.value}")

    return _each(db, ids, act)


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
            _change(db, job_id, asked, by, lasts, wish=wish.value, wish_by=by, pause_until=until)
            return Answer(job_id, True, "waits when it has ended what it has in hand" if soft else "is being paused")
        if state is State.QUEUED:
            _change(db, job_id, "held", by, lasts, hold=True, wish_by=by, pause_until=until)
            return Answer(job_id, True, "held")
        if state is State.PAUSED and until is not None:
            _change(db, job_id, "pause asked", by, lasts, wish_by=by, pause_until=until)
            return Answer(job_id, True, "stays paused for that time")
        return _missing(job_id) if state is None else Answer(job_id, False, f"cannot be paused: it is {state.value}")

    return _each(db, ids, act)


def resume(db: Database, ids: Sequence[int], by: str, why: str = "") -> list[Answer]:
    """A paused job goes on; a held one may start."""

    def act(job_id: int) -> Answer:
        state = locked_state(db, job_id)
        row = JobRow.select(JobRow.hold, JobRow.wish).where(JobRow.id == job_id).tuples().execute(db)
        held, wish = next(iter(row), (False, ""))
        if state is State.PAUSED and wish != Wish.CANCEL.value:
            _change(db, job_id, "resume asked", by, why, wish=Wish.RESUME.value, wish_by=by, pause_until=None)
            return Answer(job_id, True, "is being resumed")
        if state is State.RUNNING and wish in (Wish.PAUSE.value, Wish.HOLD.value):
            _change(db, job_id, "resume asked", by, why, wish=Wish.NONE.value, wish_by=by, pause_until=None)
            return Answer(job_id, True, "goes on")
        if state is State.QUEUED and held:
            _change(db, job_id, "unheld", by, why, hold=False, wish_by="", pause_until=None)
            return Answer(job_id, True, "may start")
        if state is None:
            return _missing(job_id)
        return Answer(job_id, False, f"is not paused: it is {state.value}")

    return _each(db, ids, act)


def set_hold(db: Database, ids: Sequence[int], hold: bool, by: str) -> list[Answer]:
    """Keep waiting jobs from starting, or let them."""

    def act(job_id: int) -> Answer:
        state = locked_state(db, job_id)
        if state is None:
            return _missing(job_id)
        if state is not State.QUEUED:
            return Answer(job_id, False, f"does not wait: it is {state.value}")
        _change(db, job_id, "held" if hold else "unheld", by, hold=hold, wish_by=by if hold else "", pause_until=None)
        return Answer(job_id, True, "held" if hold else "may start")

    return _each(db, ids, act)


def retry(db: Database, ids: Sequence[int], by: str) -> list[Answer]:
    """Ended jobs start over (finished items stay finished); one that waits for its next attempt starts at once."""

    def act(job_id: int) -> Answer:
        state = locked_state(db, job_id)
        if state is None:
            return _missing(job_id)
        if state is State.QUEUED:
            if JobRow.select(JobRow.run_after).where(JobRow.id == job_id).scalar(db) is None:
                return Answer(job_id, False, "waits already")
            _change(db, job_id, "retry asked", by, run_after=None)
            return Answer(job_id, True, "tries again now")
        if state is State.SUCCEEDED:
            failed = JobRow.select(JobRow.items_failed).where(JobRow.id == job_id).scalar(db)
            if not failed:
                return Answer(job_id, False, "succeeded; submit it anew to do it again")
        if move_inside(db, Move.RESTARTED, job_id, by=by):
            return Answer(job_id, True, "waits to be tried again")
        return Answer(job_id, False, f"cannot be tried again: it is {state.value}")

    return _each(db, ids, act)


def set_priority(db: Database, ids: Sequence[int], priority: Priority, by: str) -> list[Answer]:
    """Change how urgent jobs are; it matters while they wait."""

    def act(job_id: int) -> Answer:
        state = locked_state(db, job_id)
        if state is None:
            return _missing(job_id)
        if state in FINAL:
            return Answer(job_id, False, f"has ended: {state.value}")
        _change(db, job_id, "prioritised", by, priority.word, priority=priority.value)
        return Answer(job_id, True, f"priority {priority.word}")

    return _each(db, ids, act)


def _in_order(db: Database, ids: Sequence[int]) -> list[int]:
    """These jobs in the order in which they would start."""
    places: list[tuple[int, float, int]] = []
    for part in parts(dict.fromkeys(ids)):
        rows = JobRow.select(JobRow.priority, JobRow.position, JobRow.id).where(JobRow.id.in_(part)).tuples()
        places += [(-priority, position, job_id) for priority, position, job_id in rows.execute(db)]
    return list(dict.fromkeys([*(job_id for _, _, job_id in sorted(places)), *ids]))


def _nearest(db: Database, job_id: int, forward: bool) -> tuple[float, tuple[int, float] | None]:
    """A waiting job's position, and the id and position of the one right before it (or behind it), if any."""
    row = JobRow.select(JobRow.queue, JobRow.priority, JobRow.position).where(JobRow.id == job_id).tuples().execute(db)
    queue, priority, position = next(iter(row))
    beyond = JobRow.position < position if forward else JobRow.position > position
    others = JobRow.select(JobRow.id, JobRow.position).where(
        (JobRow.queue == queue) & (JobRow.priority == priority) & (JobRow.state == State.QUEUED.value) & beyond
    )
    order = JobRow.position.desc() if forward else JobRow.position
    return position, next(iter(others.order_by(order).limit(1).tuples().execute(db)), None)


def reorder(db: Database, ids: Sequence[int], where: str, by: str) -> list[Answer]:
    """Move waiting jobs `first`, `last`, `up` or `down` among those of their queue and priority.

    Several keep their order among each other. No two jobs have the same position: to go one place on, two jobs
    change positions; to go to an end, a position is taken that is farther out than any before.
    """
    forward = where in _FORWARD
    stuck: set[int] = set()

    def act(job_id: int) -> Answer:
        state = locked_state(db, job_id)
        if state is None:
            return _missing(job_id)
        if state is not State.QUEUED:
            return Answer(job_id, False, f"does not wait: it is {state.value}")
        position, near = _nearest(db, job_id, forward)
        if near is None or near[0] in stuck:
            stuck.add(job_id)  # those behind it do not overtake it
            return Answer(job_id, False, "is there already")
        if where in ("first", "last"):
            place = float(-count_on(db, "front") if forward else count_on(db, "back"))
        else:
            other, place = near
            JobRow.update(position=position, revision=bump(db)).where(JobRow.id == other).execute(db)
        _change(db, job_id, "moved", by, where, position=place)
        return Answer(job_id, True, f"moved {where}")

    ordered = _in_order(db, ids)
    # The last of several goes first to the front, so that the first ends up before it.
    answers = _each(db, list(reversed(ordered)) if where in ("first", "down") else ordered, act)
    by_id = {answer.job_id: answer for answer in answers}
    return [by_id[job_id] for job_id in dict.fromkeys(ids)]


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
            return _missing(job_id)
        if state is not State.QUEUED:
            return Answer(job_id, False, f"does not wait: it is {state.value}")
        _know_window(db, window or None)
        _change(db, job_id, "scheduled", by, ", ".join(told), **fields)
        return Answer(job_id, True, ", ".join(told))

    return _each(db, ids, act)


@dataclass(frozen=True, slots=True)
class Edited:
    """What an edit makes of a job."""

    params: Mapping[str, Any]
    title: str
    site: str | None


def edit(db: Database, job_id: int, change: Callable[[Job], Edited], by: str) -> Answer:
    """Other parameters for a job that waits: what `change` makes of it as it stands then."""

    def act(job_id: int) -> Answer:
        state = locked_state(db, job_id)
        if state is None:
            return _missing(job_id)
        if state is not State.QUEUED:
            return Answer(job_id, False, f"cannot be edited: it is {state.value}")
        edited = change(job_by_id(db, job_id))
        title, site = storable(edited.title), None if edited.site is None else storable(edited.site).lower()
        params = to_json(dict(edited.params))
        _change(db, job_id, "edited", by, params=params, title=title, folded=folded(title), site=site)
        return Answer(job_id, True, "edited")

    return _each(db, [job_id], act)[0]


def remove(db: Database, ids: Sequence[int], by: str) -> list[Answer]:
    """Forget ended jobs with their items and history."""

    def act(job_id: int) -> Answer:
        state = locked_state(db, job_id)
        if state is None:
            return _missing(job_id)
        if state not in FINAL:
            return Answer(job_id, False, f"has not ended: it is {state.value}; cancel it first")
        revision = bump(db)
        for table in (ItemRow, EventRow):
            delete(table, table.job_id == job_id).execute(db)
        delete(After, (After.job_id == job_id) | (After.on_id == job_id)).execute(db)
        delete(JobRow, JobRow.id == job_id).execute(db)
        RemovedRow.insert(job_id=job_id, revision=revision).execute(db)
        return Answer(job_id, True, f"removed by {by}")

    return _each(db, ids, act)
