"""Waits for the next attempt when somebody sets the clock: they are spans, and no times that a person named."""

from __future__ import annotations

from collections.abc import Sequence

from peewee import Database, fn

from workers.jobs import Move, State
from workers.store.answers import change
from workers.store.database import transaction
from workers.store.moves import bump, locked_state
from workers.store.planned import told_starts
from workers.store.records import parts
from workers.store.tables import EventRow, JobRow

_FAILED = (JobRow.state == State.QUEUED.value) & JobRow.error_class.is_null(False)
_SKEW_MS = 60_000  # of clocks of hosts that share a table, and of what rounding costs


def shift(db: Database, by_ms: int, then: int, longest_ms: int) -> int:
    """Let jobs wait for their next attempt as long as they would have, had the clock not been set; how many did.

    `by_ms` is by how much it was set, forth or back, and `then` what it showed before, in milliseconds. What waits
    longer than `longest_ms` waits for a time that somebody named, and stays.
    """
    waits = _FAILED & JobRow.run_after.between(then + 1, then + longest_ms)
    with transaction(db):
        ids = [row[0] for row in JobRow.select(JobRow.id).where(waits).tuples().execute(db)]
        revision = bump(db, len(ids)) - len(ids) if ids else 0
        for number, job_id in enumerate(ids, 1):
            later = {"run_after": JobRow.run_after + by_ms, "revision": revision + number}
            JobRow.update(later).where(JobRow.id == job_id).execute(db)
    return len(ids)


def bring_back(db: Database, now: int, longest_ms: int) -> int:
    """Let jobs that failed under a clock ahead of `now` wait as long from now on as they were to; how many did.

    `shift` does it where a worker lives when the clock is put right; this is for clocks that are put right without
    one. No wait of ours is longer than `longest_ms`; a time that a person named is left, however far it is. Harmless
    where `now` itself is wrong: they try again a little early then.
    """
    ahead = _FAILED & (JobRow.run_after > now + _SKEW_MS)
    found = dict(JobRow.select(JobRow.id, JobRow.run_after).where(ahead).tuples().execute(db))
    due = _right(found, told_starts(db, list(found)), _failed_at(db, list(found)), now, longest_ms)
    brought = 0
    for part in parts(list(due)):
        with transaction(db):
            brought += sum(_put_right(db, job_id, found[job_id], due[job_id]) for job_id in part)
    return brought


def _put_right(db: Database, job_id: int, was: int, due: int) -> bool:
    """Give it the other time, unless it was started or got another time meanwhile."""
    locked_state(db, job_id)
    if JobRow.select(JobRow.run_after).where(_FAILED & (JobRow.id == job_id)).scalar(db) != was:
        return False
    why = "its next attempt was to be at a time by a clock that was wrong"
    change(db, job_id, "times put right", "worker", why, run_after=due)
    return True


def _failed_at(db: Database, ids: Sequence[int]) -> dict[int, int]:
    """When these jobs began to wait, by the clock of then."""
    found: dict[int, int] = {}
    back = EventRow.move.in_((Move.RETRIED.value, Move.RELEASED.value))
    for part in parts(ids):
        last = EventRow.select(fn.MAX(EventRow.id)).where(EventRow.job_id.in_(part) & back).group_by(EventRow.job_id)
        found.update(EventRow.select(EventRow.job_id, EventRow.at).where(EventRow.id.in_(last)).tuples().execute(db))
    return found


def _right(
    waits: dict[int, int], named: dict[int, int], failed_at: dict[int, int], now: int, longest_ms: int
) -> dict[int, int]:
    """When those are to try again whose time is wrong, by job. Pure."""
    due = {}
    for job_id, run_after in waits.items():
        if named.get(job_id) == run_after:
            continue
        began = failed_at.get(job_id, now)
        if began > now + _SKEW_MS and 0 <= run_after - began <= longest_ms:
            due[job_id] = now + run_after - began
        elif run_after > now + longest_ms + _SKEW_MS:
            due[job_id] = now  # the clock was set while it waited, so nobody knows how long it was to
    return due
