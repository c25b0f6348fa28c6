"""Jobs that ended at a time that has not come yet: a wrong clock said so, and it has been put right since."""

from __future__ import annotations

from typing import Any

from peewee import Database

from workers.store.database import transaction
from workers.store.moves import bump, record_event
from workers.store.tables import JobRow

_AT_ONCE = 1000  # jobs in one transaction


def bring_back(db: Database, now: int, tolerance_ms: int) -> int:
    """Let jobs that ended more than `tolerance_ms` after `now` (milliseconds) have ended now; how many there were.

    Else they would be kept until that time had come and as long again, and stand before all others. What they took
    stays what it was. `now` must be right: set back to a wrong one, jobs would be taken for old.
    """
    brought = 0
    while True:
        with transaction(db):
            late = JobRow.select(JobRow.id, JobRow.submitted_at, JobRow.started_at, JobRow.finished_at)
            late = late.where(JobRow.finished_at > now + tolerance_ms).order_by(JobRow.finished_at).limit(_AT_ONCE)
            found = list(late.tuples().execute(db))
            revision = bump(db, len(found)) - len(found) if found else 0
            for number, (job_id, submitted_at, started_at, finished_at) in enumerate(found, 1):
                times = _times(submitted_at, started_at, finished_at, now)
                JobRow.update({**times, "revision": revision + number}).where(JobRow.id == job_id).execute(db)
            brought += len(found)
            if brought and len(found) < _AT_ONCE:
                what = (
                    f"{brought} job{'s' * (brought > 1)} had ended at a time that has not come yet: dated back to now"
                )
                record_event(db, bump(db), 0, "times put right", ("", ""), "worker", what)
        if len(found) < _AT_ONCE:
            return brought


def _times(submitted_at: int, started_at: int | None, finished_at: int, now: int) -> dict[str, Any]:
    """When it was submitted, began and ended, none of it later than now and what was ahead as far apart as it was."""
    began = started_at
    if started_at is not None and started_at > now:
        began = now - max(0, finished_at - started_at)
    if submitted_at > now:
        waited = max(0, (started_at if started_at is not None else finished_at) - submitted_at)
        submitted_at = (began if began is not None else now) - waited
    return {"submitted_at": submitted_at, "started_at": began, "finished_at": now}
