"""A chain of jobs that wait for each other, link by link: who is ahead of one, and whom something else keeps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from peewee import Database

from workers.jobs import State
from workers.store.prepared import Prepared, hole
from workers.store.records import parts
from workers.store.tables import LIVE_STATES, After, JobRow
from workers.store.waiting import DEPENDENCY, RULES, Situation, holds_up

MOST_ROWS = 10_000  # links that are read for one job
_UNFINISHED = (State.QUEUED.value, *LIVE_STATES)


def _ahead(sqlite: bool) -> Any:
    other = JobRow.alias("other")
    links = After.select(After.on_id, other.state).join(other, on=(other.id == After.on_id))
    mine = (After.job_id == hole("id")) & holds_up(other) & other.state.in_(_UNFINISHED)
    return links.where(mine).order_by(After.on_id).limit(MOST_ROWS)


_AHEAD = Prepared(_ahead)


def ahead(db: Database, job_id: int) -> tuple[tuple[int, State], ...]:
    """The unfinished jobs that one waits for itself, by id: `MOST_ROWS` at most."""
    return tuple((on_id, State(state)) for on_id, state in _AHEAD.run(db, id=job_id).fetchall())


def ends(db: Database, ids: Sequence[int], situation: Situation) -> dict[int, bool]:
    """Those of these jobs that are no mere links, and whether more keeps each of them than what a slot may.

    A job at the beginning of its chain waits for no other; one that is paused, on hold or the like has its own reason.
    """
    own: Any = JobRow.state == State.PAUSED.value
    for rule in RULES:
        if rule.name != DEPENDENCY:
            own = own | rule.holds(situation)
    (waits,) = (rule.holds(situation) for rule in RULES if rule.name == DEPENDENCY)
    found: dict[int, bool] = {}
    for part in parts(ids):
        chosen = JobRow.select(JobRow.id, own).where(JobRow.id.in_(part) & (own | ~waits))
        found.update((row[0], bool(row[1])) for row in chosen.tuples().execute(db))
    return found
