"""Chains of jobs that wait for each other: trying again, and whom an end sets free.

A job never waits for one that will not succeed. What was skipped because another job failed comes back with that one;
alone it is refused, and the command that helps is named.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from peewee import Database, fn

from workers.jobs import Move, State
from workers.store.answers import Answer, change, each, missing
from workers.store.moves import in_vain, locked_state, move_inside
from workers.store.prepared import Prepared, hole
from workers.store.tables import FINAL_STATES, After, EventRow, JobRow

_AGAIN = "waits to be tried again"


def retry(db: Database, ids: Sequence[int], by: str) -> list[Answer]:
    """Ended jobs start over (finished items stay finished); one that waits for its next attempt starts at once.

    With a job comes back what was skipped because of it.
    """
    back: set[int] = set()

    def act(job_id: int) -> Answer:
        state = locked_state(db, job_id)
        if state is None:
            return missing(job_id)
        if state is State.QUEUED:
            return Answer(job_id, True, _AGAIN) if job_id in back else _at_once(db, job_id, by)
        if state is State.SUCCEEDED and not _failed_items(db, job_id):
            return Answer(job_id, False, "succeeded; submit it anew to do it again")
        if lost := _lost(db, job_id):
            helps = " ".join(str(on_id) for on_id in sorted(lost))
            return Answer(job_id, False, f"waits for what did not succeed; spool retry {helps} brings it back too")
        if not move_inside(db, Move.RESTARTED, job_id, by=by):
            return Answer(job_id, False, f"cannot be tried again: it is {state.value}")
        chain = _bring_back(db, job_id, by)
        back.update(chain)
        return Answer(job_id, True, f"{_AGAIN}, with those that waited for it: {len(chain)}" if chain else _AGAIN)

    # A job was submitted after those that it waits for.
    answers = {answer.job_id: answer for answer in each(db, sorted(ids), act)}
    return [answers[job_id] for job_id in dict.fromkeys(ids)]


def _at_once(db: Database, job_id: int, by: str) -> Answer:
    if JobRow.select(JobRow.run_after).where(JobRow.id == job_id).scalar(db) is None:
        return Answer(job_id, False, "waits already")
    change(db, job_id, "retry asked", by, run_after=None)
    return Answer(job_id, True, "tries again now")


def _failed_items(db: Database, job_id: int) -> int:
    return int(JobRow.select(JobRow.items_failed).where(JobRow.id == job_id).scalar(db) or 0)


def _lost(db: Database, job_id: int) -> set[int]:
    """The jobs at the beginning of its chain that did not succeed, for which it would wait in vain."""
    first, seen = set[int](), {job_id}
    ahead = [on_id for on_id, _ in in_vain(db, job_id)]
    while ahead:
        on_id = ahead.pop()
        if on_id in seen:
            continue
        seen.add(on_id)
        before = [one for one, _ in in_vain(db, on_id)]
        ahead += before
        if not before:
            first.add(on_id)
    return first


def _bring_back(db: Database, job_id: int, by: str) -> list[int]:
    """Start over what was skipped because of a job that is tried again, and so on down the chain; their ids."""
    back: list[int] = []
    again = [job_id]
    while again:
        on_id = again.pop(0)
        waited = After.select(After.job_id).where((After.on_id == on_id) & ~After.ended).order_by(After.job_id)
        for (dependent,) in waited.tuples().execute(db):
            if _skipped_unstarted(db, dependent) and not in_vain(db, dependent):
                reason = f"job {on_id}, which it waits for, is tried again"
                move_inside(db, Move.RESTARTED, dependent, by=by, reason=reason, fields=_set_by_people(db, dependent))
                again.append(dependent)
                back.append(dependent)
    return back


def _skipped_unstarted(db: Database, job_id: int) -> bool:
    """Whether it was skipped while it waited; one that found itself needless was so while it ran."""
    if locked_state(db, job_id) is not State.SKIPPED:
        return False
    skips = (EventRow.job_id == job_id) & (EventRow.move == Move.SKIPPED.value)
    before = EventRow.select(EventRow.before).where(skips).order_by(EventRow.id.desc()).limit(1).scalar(db)
    return bool(before == State.QUEUED.value)


def _set_by_people(db: Database, job_id: int) -> dict[str, object]:
    """What of a waiting job is theirs to change, and stays when it comes back unasked."""
    names = ("hold", "pause_until", "run_after")
    columns = [getattr(JobRow, name) for name in names]
    row = next(iter(JobRow.select(*columns).where(JobRow.id == job_id).tuples().execute(db)))
    return dict(zip(names, row, strict=True))


def _freed(sqlite: bool) -> Any:
    ended = JobRow.alias("ended")
    # Found by what has changed lately, which is little, and not by all that waits or has ended: hence no plain columns.
    over = (ended.revision > hole("before")) & fn.COALESCE(ended.state, "").in_(FINAL_STATES)
    waits = JobRow.select(JobRow.queue).distinct().join(After, on=(After.job_id == JobRow.id))
    waits = waits.join(ended, on=(ended.id == After.on_id))
    return waits.where(over & (fn.COALESCE(JobRow.state, "") == State.QUEUED.value))


_FREED = Prepared(_freed)


def freed_since(db: Database, before: int) -> list[str]:
    """Queues in which jobs wait for one that has ended after the revision `before`: those to ring for.

    One end may end a whole chain, and behind each that was skipped may be a job for which any end will do.
    """
    return [row[0] for row in _FREED.run(db, before=before).fetchall()]
