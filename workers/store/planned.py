"""When jobs are to start, as people said: in their history, since a job that has started keeps no such time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from peewee import Database

from workers.jobs import rfc3339
from workers.store.records import parts
from workers.store.tables import EventRow

SUBMITTED, SCHEDULED = "submitted", "scheduled"  # the lines of history that tell it
_AT_ONCE, _BEFORE = "at once", "not before "


def start_words(run_after: int | None) -> str:
    """Not before a time in milliseconds since 1970, in words; None or 0: at once."""
    return f"{_BEFORE}{rfc3339(run_after)}" if run_after else _AT_ONCE


def planned_starts(db: Database, ids: Sequence[int]) -> dict[int, int]:
    """Before which time, in milliseconds since 1970, those of these jobs were not to start that were given one."""
    found: dict[int, int] = {}
    for part in parts(ids):
        mine = EventRow.job_id.in_(part) & EventRow.move.in_((SUBMITTED, SCHEDULED))
        lines = EventRow.select(EventRow.job_id, EventRow.reason).where(mine).order_by(EventRow.id)
        for job_id, reason in lines.tuples().execute(db):
            said = reason.partition(", ")[0]  # of the hours of the week tells the rest
            if said == _AT_ONCE:
                found.pop(job_id, None)
            elif said.startswith(_BEFORE):
                moment = datetime.fromisoformat(said.removeprefix(_BEFORE))
                found[job_id] = round(moment.timestamp() * 1000)
    return found
