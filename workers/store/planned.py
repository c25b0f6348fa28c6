"""When jobs are to start, as people said: from the job while it waits for that time, else from its history.

A job that has started keeps no such time, and one that waits for its next attempt has that time in its place. The
lines of history are read again in other versions, so what `start_words` writes is a format: lines of all versions
must be understood.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

from peewee import Database

from workers.jobs import rfc3339
from workers.store.records import parts
from workers.store.tables import EventRow, JobRow

SUBMITTED, SCHEDULED = "submitted", "scheduled"  # the lines of history that tell it
_AT_ONCE = "at once"
_MOMENT = re.compile(r"\b[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z")  # no window of the week looks like this


def start_words(run_after: int | None) -> str:
    """Not before a time in milliseconds since 1970, in words; None or 0: at once."""
    return f"not before {rfc3339(run_after)}" if run_after else _AT_ONCE


def planned_starts(db: Database, ids: Sequence[int]) -> dict[int, int]:
    """Before which time, in milliseconds since 1970, those of these jobs were not to start that were given one."""
    found = told_starts(db, ids)
    for part in parts(ids):
        # Of a job that failed it is when the next attempt begins.
        waits = JobRow.id.in_(part) & JobRow.run_after.is_null(False) & JobRow.error_class.is_null()
        found.update(JobRow.select(JobRow.id, JobRow.run_after).where(waits).tuples().execute(db))
    return found


def told_starts(db: Database, ids: Sequence[int]) -> dict[int, int]:
    """The same by their histories alone, in which older versions did not tell the time of a submission."""
    found: dict[int, int] = {}
    for part in parts(ids):
        mine = EventRow.job_id.in_(part) & EventRow.move.in_((SUBMITTED, SCHEDULED))
        lines = EventRow.select(EventRow.job_id, EventRow.reason).where(mine).order_by(EventRow.id)
        for job_id, reason in lines.tuples().execute(db):
            if moment := _MOMENT.search(reason):
                found[job_id] = round(datetime.fromisoformat(moment[0]).timestamp() * 1000)
            elif reason.startswith(_AT_ONCE):
                found.pop(job_id, None)
    return found
