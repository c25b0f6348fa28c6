"""Claiming: one statement picks the best job that may run now and gives it to this worker."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

from peewee import Database

from workers.jobs import Job, Move
from workers.store.database import transaction
from workers.store.moves import move_inside
from workers.store.prepared import Prepared, hole
from workers.store.questions import job_by_id
from workers.store.tables import JobRow
from workers.store.waiting import Situation, free_to_run, shaped
from workers.turn import AFTER_TURN


@dataclass(frozen=True, slots=True)
class Claimed:
    """A job that is ours now, with what only its supervisor needs to know."""

    job: Job
    published: str  # JSON list, see the table
    worker_deaths: int


@functools.lru_cache(maxsize=64)
def _best(shape: Any, *, lock: bool, turned: bool = False) -> Prepared:
    """Id and priority of the best job of a queue that may run now.

    `lock` on PostgreSQL locks its row and passes over others'; `turned` takes only those of one priority that had a
    turn already.
    """
    situation = shaped(shape)

    def build(sqlite: bool) -> Any:
        which = (JobRow.queue == hole("queue")) & free_to_run(situation)
        if turned:
            which = which & (JobRow.priority == hole("priority")) & (JobRow.position >= AFTER_TURN)
        order = (JobRow.priority.desc(), JobRow.position, JobRow.id)
        query = JobRow.select(JobRow.id, JobRow.priority).where(which).order_by(*order).limit(1)
        return query.for_update(skip_locked=True, of=JobRow) if lock and not sqlite else query

    return Prepared(build)


_PUBLISHED = Prepared(
    lambda sqlite: JobRow.select(JobRow.published, JobRow.worker_deaths).where(JobRow.id == hole("id"))
)


def claim(
    db: Database, queue: str, worker_id: int, situation: Situation, *, turned_first: bool = False
) -> Claimed | None:
    """Move the best job of `queue` to running and give it to `worker_id`; None when none may run now.

    `turned_first`: of the jobs of the highest priority one that had a turn, if there is one.
    """
    values = {"queue": queue, **situation.values}
    if next_priority(db, queue, situation) is None:
        return None  # an empty ring costs a question, not the write lock
    with transaction(db):
        found = _best(situation.shape, lock=True).run(db, **values).fetchone()
        if found is None:
            return None
        job_id, priority = found
        if turned_first:
            turned = _best(situation.shape, lock=True, turned=True).value(db, priority=priority, **values)
            job_id = job_id if turned is None else turned
        if not move_inside(db, Move.CLAIMED, job_id, by="worker", fields={"worker_id": worker_id}):
            return None
        published, deaths = _PUBLISHED.run(db, id=job_id).fetchone()
        return Claimed(job_by_id(db, job_id), published, deaths)


def next_priority(db: Database, queue: str, situation: Situation) -> int | None:
    """The priority of the job of `queue` that would be claimed next; None when none may run now."""
    found = _best(situation.shape, lock=False).run(db, queue=queue, **situation.values).fetchone()
    return None if found is None else int(found[1])


@functools.lru_cache(maxsize=32)
def _some(shape: Any) -> Prepared:
    """Jobs of a queue that may run now, in any order, up to a number."""
    situation = shaped(shape)
    return Prepared(
        lambda sqlite: (
            JobRow.select(JobRow.id).where((JobRow.queue == hole("queue")) & free_to_run(situation)).limit(hole("most"))
        )
    )


def claimable(db: Database, queue: str, most: int, situation: Situation) -> int:
    """How many jobs of `queue` could start now, counted up to `most`: what the sweep rings for."""
    values = {"queue": queue, "most": most, **situation.values}
    return len(_some(situation.shape).run(db, **values).fetchall())
