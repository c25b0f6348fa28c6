"""What people order about standing still: pauses and holds of jobs, and of a queue, site or batch with what it runs.

A job goes on only when nobody keeps it any more (see `workers.store.keepers`): the end of one pause leaves it where
it is while another lasts. Only who resumes the job itself overrules all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from peewee import Database

from workers.jobs import LIVE, Scope, State, Wish, rfc3339
from workers.store import pauses
from workers.store.answers import Answer, change, each, missing
from workers.store.database import transaction
from workers.store.keepers import Keepers, With, keepers
from workers.store.moves import locked_state
from workers.store.tables import LIVE_STATES, JobRow

_OVER = "its time is over"


@dataclass(frozen=True, slots=True)
class _Standing:
    """A job as far as pauses are concerned, its row locked."""

    job_id: int
    state: State
    hold: bool
    wish: Wish
    keepers: Keepers
    until: int | None

    @property
    def ending(self) -> bool:
        """Whether it runs or is paused, and somebody cancelled it."""
        return self.state in LIVE and self.wish is Wish.CANCEL


def _standing(db: Database, job_id: int) -> _Standing | None:
    state = locked_state(db, job_id)
    if state is None:
        return None
    columns = JobRow.select(JobRow.hold, JobRow.wish, JobRow.wish_by, JobRow.pause_until).where(JobRow.id == job_id)
    hold, wish, text, until = next(iter(columns.tuples().execute(db)))
    return _Standing(job_id, state, bool(hold), Wish(wish), keepers(state, bool(hold), Wish(wish), text), until)


def pause(db: Database, ids: Sequence[int], by: str, *, until: int | None = None, soft: bool = False) -> list[Answer]:
    """A running job's processes are stopped; a waiting one is held. For good, or until a time.

    `soft`: a running job ends what it has in hand, then waits on hold; one of a single input so runs to its end.
    One that was paused already is this person's to resume from now on.
    """
    lasts = f"until {rfc3339(until)}" if until is not None else ""

    def act(job_id: int) -> Answer:
        job = _standing(db, job_id)
        if job is None:
            return missing(job_id)
        if job.ending:
            return Answer(job_id, False, "is being cancelled")
        kept: dict[str, Any] = {"wish_by": str(job.keepers.taken_over(by)), "pause_until": until}
        if job.state is State.RUNNING:
            at_once = not soft or job.wish is Wish.PAUSE
            wish, asked = (Wish.PAUSE, "pause asked") if at_once else (Wish.HOLD, "hold asked")
            change(db, job_id, asked, by, lasts, wish=wish.value, **kept)
            return Answer(job_id, True, "is being paused" if at_once else "waits when it has ended what it has in hand")
        if job.state is State.QUEUED:
            change(db, job_id, "held", by, lasts, hold=True, **kept)
            return Answer(job_id, True, "held")
        if job.state is State.PAUSED and (job.keepers.person, job.until) != (by, until):
            change(db, job_id, "pause asked", by, lasts, wish=Wish.NONE.value, **kept)
            return Answer(job_id, True, "stays paused for that time" if until is not None else "stays paused")
        return Answer(job_id, False, f"cannot be paused: it is {job.state.value}")

    return each(db, ids, act)


def resume(db: Database, ids: Sequence[int], by: str) -> list[Answer]:
    """A paused job goes on, a held one may start, whoever kept it."""

    def act(job_id: int) -> Answer:
        job = _standing(db, job_id)
        return missing(job_id) if job is None else _let_go(db, job, by, "")

    return each(db, ids, act)


def _let_go(db: Database, job: _Standing, by: str, why: str) -> Answer:
    """Nobody keeps it any more."""
    job_id, wish = job.job_id, job.wish
    free: dict[str, Any] = {"wish_by": by, "pause_until": None}
    if job.state is State.PAUSED and wish is not Wish.CANCEL:
        change(db, job_id, "resume asked", by, why, wish=Wish.RESUME.value, **free)
        return Answer(job_id, True, "is being resumed")
    if job.state is State.RUNNING and wish in (Wish.PAUSE, Wish.HOLD):
        # A runner may have been told already that its job is to wait. Of a pause it hears when it is stopped.
        heard = Wish.RESUME if wish is Wish.HOLD else Wish.NONE
        change(db, job_id, "resume asked", by, why, wish=heard.value, **free)
        return Answer(job_id, True, "goes on")
    if job.state is State.QUEUED and job.hold:
        change(db, job_id, "unheld", by, why, hold=False, **{**free, "wish_by": ""})
        return Answer(job_id, True, "may start")
    return Answer(job_id, False, f"is not paused: it is {job.state.value}")


def _keep_less(db: Database, job: _Standing, left: Keepers, by: str, why: str) -> None:
    """One of those who kept it does so no more; it goes on when that was the last one."""
    if not left:
        _let_go(db, job, by, why)
        return
    fields: dict[str, Any] = {"wish_by": str(left)} | ({} if left.person else {"pause_until": None})
    change(db, job.job_id, "pause lifted", by, f"{why}; {left} paused it too".removeprefix("; "), **fields)


def set_hold(db: Database, ids: Sequence[int], hold: bool, by: str) -> list[Answer]:
    """Keep waiting jobs from starting, or let them."""

    def act(job_id: int) -> Answer:
        job = _standing(db, job_id)
        if job is None:
            return missing(job_id)
        if job.state is not State.QUEUED:
            return Answer(job_id, False, f"does not wait: it is {job.state.value}")
        if not hold and not job.hold:
            return Answer(job_id, False, f"is not on hold; `spool why {job_id}` says what it waits for")
        kept = str(job.keepers.taken_over(by)) if hold else ""
        change(db, job_id, "held" if hold else "unheld", by, hold=hold, wish_by=kept, pause_until=None)
        return Answer(job_id, True, "held" if hold else "may start")

    return each(db, ids, act)


# ---------------------------------------------------------------- queues, sites and batches


def pause_scope(
    db: Database, scope: Scope, name: str, by: str, *, until: int | None = None, soft: bool = True
) -> list[Answer]:
    """Start nothing of a queue, site or batch. Not `soft`: pause what of it runs, too; the answers are about that."""
    with transaction(db):
        name = pauses.pause(db, scope, name, until=until, by=by, soft=soft).name
        if soft:
            return []
        mine = pauses.members(scope, name) & JobRow.state.in_(LIVE_STATES)
        ids = [row[0] for row in JobRow.select(JobRow.id).where(mine).order_by(JobRow.id).tuples().execute(db)]
        answers = [_pause_with(db, job_id, With(by, scope, name), by) for job_id in ids]
    return [answer for answer in answers if answer is not None]


def _pause_with(db: Database, job_id: int, pause_: With, by: str) -> Answer | None:
    """A live job is kept with all of its queue, site or batch; None when it stood still already."""
    job, scope, name = _standing(db, job_id), pause_.scope, pause_.name
    if job is None or job.ending:
        return None if job is None else Answer(job_id, False, "is being cancelled")
    wish = Wish.PAUSE if job.state is State.RUNNING else Wish.NONE
    kept = str(job.keepers.joined(pause_.by, scope, name))
    change(db, job_id, "pause asked", by, f"with {scope.called(name)}", wish=wish.value, wish_by=kept)
    return Answer(job_id, True, "is being paused") if job.state is State.RUNNING else None


def resume_scope(db: Database, scope: Scope, name: str, by: str, why: str = "") -> bool:
    """End such a pause; jobs that were paused with it go on, those that others paused stay. False: it was none."""
    name = pauses.paused_name(db, scope, name)
    with transaction(db):
        was = pauses.resume(db, scope, name, by, why)
        for job in _kept_with(db, scope, name):
            _keep_less(db, job, job.keepers.without(scope, name), by, why)
    return was


def start_scope(db: Database, scope: Scope, name: str, ids: Sequence[int], by: str) -> list[Answer]:
    """As `resume_scope`, and those of its jobs `ids` go on, too, that were held or paused one by one.

    The answers are about those that stood still. A job that is paused with something else stays so.
    """
    kept = [job_id for job_id in ids if (job := _standing(db, job_id)) is not None and (job.hold or job.keepers)]
    resume_scope(db, scope, name, by)

    def act(job_id: int) -> Answer:
        job = _standing(db, job_id)
        if job is None:
            return missing(job_id)
        left = Keepers("", job.keepers.without(scope, name).scopes)
        if left and not job.ending:
            _keep_less(db, job, left, by, "")
            return Answer(job_id, False, f"stays paused: {left} paused it too")
        return _let_go(db, job, by, "") if job.hold or job.keepers else Answer(job_id, True, "goes on")

    return each(db, kept, act)


def join_scope(db: Database, job_id: int, scope: Scope, name: str, by: str) -> bool:
    """A job belongs to it from now on: whether it runs and is to be paused, as the rest of it. Within a transaction."""
    lasts = next((one for one in pauses.pauses(db, scope) if one.name == name), None)
    if lasts is None or lasts.soft or locked_state(db, job_id) not in LIVE:
        return False
    answer = _pause_with(db, job_id, With(lasts.by, scope, name), by)
    return answer is not None and answer.ok


def leave_scope(db: Database, job_id: int, scope: Scope, name: str, by: str, why: str) -> None:
    """A job belongs to it no more: what was paused with it is so no longer. Within a transaction."""
    job = _standing(db, job_id)
    if job is not None and job.keepers.kept_with(scope, name):
        _keep_less(db, job, job.keepers.without(scope, name), by, why)


def _kept_with(db: Database, scope: Scope, name: str) -> list[_Standing]:
    """Jobs that were paused with it, and those of them that a restart of the worker put on hold."""
    stands = JobRow.state.in_(LIVE_STATES) | ((JobRow.state == State.QUEUED.value) & JobRow.hold)
    marked = JobRow.select(JobRow.id).where(stands & JobRow.wish_by.contains(f"(with {scope.called(name)})"))
    found = [_standing(db, row[0]) for row in marked.order_by(JobRow.id).tuples().execute(db)]
    return [job for job in found if job is not None and job.keepers.kept_with(scope, name)]


def end_pauses(db: Database, moment: int) -> list[str]:
    """End every pause and hold whose time has passed at `moment`; what was ended, in words.

    Whether it has passed is asked in the transaction that ends it: one that was given anew meanwhile lasts.
    """
    ended = []
    for pause_ in pauses.over(db, moment):
        scope, name = pause_.scope, pause_.name
        with transaction(db):
            if pause_ in pauses.over(db, moment):
                resume_scope(db, scope, name, "worker", _OVER)
                ended.append(f"the pause of {scope.called(name)}")
    stands = JobRow.state.in_(LIVE_STATES) | ((JobRow.state == State.QUEUED.value) & JobRow.hold)
    due = JobRow.pause_until.is_null(False) & (JobRow.pause_until <= moment)
    ids = [row[0] for row in JobRow.select(JobRow.id).where(due & stands).tuples().execute(db)]

    def act(job_id: int) -> Answer:
        job = _standing(db, job_id)
        if job is None or job.ending or job.until is None or job.until > moment:
            return Answer(job_id, False, "is paused no more, or anew")
        _keep_less(db, job, Keepers("", job.keepers.scopes), "worker", _OVER)
        return Answer(job_id, True, _OVER)

    return ended + [f"the pause of job {answer.job_id}" for answer in each(db, ids, act) if answer.ok]
