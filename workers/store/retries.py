"""Waits for the next attempt when somebody sets the clock: they are spans, and no times that a person named."""

from __future__ import annotations

from peewee import Database

from workers.jobs import State
from workers.store.database import transaction
from workers.store.moves import bump
from workers.store.tables import JobRow


def shift(db: Database, by_ms: int, then: int, longest_ms: int) -> int:
    """Let jobs wait for their next attempt as long as they would have, had the clock not been set; how many did.

    `by_ms` is by how much it was set, forth or back, and `then` what it showed before, in milliseconds. What waits
    longer than `longest_ms` waits for a time that somebody named, and stays.
    """
    failed = (JobRow.state == State.QUEUED.value) & JobRow.error_class.is_null(False)
    waits = failed & JobRow.run_after.between(then + 1, then + longest_ms)
    with transaction(db):
        ids = [row[0] for row in JobRow.select(JobRow.id).where(waits).tuples().execute(db)]
        revision = bump(db, len(ids)) - len(ids) if ids else 0
        for number, job_id in enumerate(ids, 1):
            later = {"run_after": JobRow.run_after + by_ms, "revision": revision + number}
            JobRow.update(later).where(JobRow.id == job_id).execute(db)
    return len(ids)
