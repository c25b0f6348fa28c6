"""The order in which jobs wait: moving them forward and back among those of their queue and priority."""

from __future__ import annotations

from collections.abc import Sequence

from peewee import Database

from workers.jobs import State
from workers.store.answers import Answer, change, each, missing
from workers.store.moves import bump, count_on, locked_state
from workers.store.records import parts
from workers.store.tables import JobRow
from workers.turn import AFTER_TURN, had_one

_FORWARD = ("first", "up")


def after_turn(db: Database) -> float:
    """The position, within a transaction, of a job that makes room: the last of those that had a turn."""
    return AFTER_TURN + count_on(db, "back")


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


def _last(db: Database, job_id: int) -> float:
    """A position behind all that wait where this job does, those that had their turn among them."""
    me = JobRow.alias()
    beside = (me.id == job_id) & (JobRow.queue == me.queue) & (JobRow.priority == me.priority)
    waiting = JobRow.select(JobRow.position).join(me, on=beside).where(JobRow.state == State.QUEUED.value)
    ((farthest,),) = waiting.order_by(JobRow.position.desc()).limit(1).tuples().execute(db)
    back = float(count_on(db, "back"))
    return AFTER_TURN + back if had_one(farthest) else back


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
            return missing(job_id)
        if state is not State.QUEUED:
            return Answer(job_id, False, f"does not wait: it is {state.value}")
        position, near = _nearest(db, job_id, forward)
        if near is None or near[0] in stuck:
            stuck.add(job_id)  # those behind it do not overtake it
            return Answer(job_id, False, "is there already")
        if where in ("first", "last"):
            place = -float(count_on(db, "front")) if forward else _last(db, job_id)
        else:
            other, place = near
            JobRow.update(position=position, revision=bump(db)).where(JobRow.id == other).execute(db)
        change(db, job_id, "moved", by, where, position=place)
        return Answer(job_id, True, f"moved {where}")

    ordered = _in_order(db, ids)
    # The last of several goes first to the front, so that the first ends up before it.
    answers = each(db, list(reversed(ordered)) if where in ("first", "down") else ordered, act)
    by_id = {answer.job_id: answer for answer in answers}
    return [by_id[job_id] for job_id in dict.fromkeys(ids)]
