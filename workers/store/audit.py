"""Orders in the history: noting those that change no job, and reading who ordered what."""

from __future__ import annotations

from peewee import Database

from workers.jobs import JobEvent
from workers.store.database import delete, transaction
from workers.store.moves import bump, record_event
from workers.store.records import event_of
from workers.store.tables import EventRow

OURSELVES = ("", "worker", "runner")
"""Who acts without having been told by a person; all others in the history are users."""


def note_order(db: Database, order: str, by: str, reason: str, *, job_id: int = 0) -> None:
    """Add an order to the history, of a job or (0) of none. A transaction of its own."""
    with transaction(db):
        record_event(db, bump(db), job_id, order, ("", ""), by, reason)


def ordered(
    db: Database, since_ms: int = 0, *, by: str | None = None, after_id: int = 0, limit: int = 500
) -> list[JobEvent]:
    """What people ordered from a time on, oldest first: at most `limit` events whose own id is above `after_id`."""
    told = (EventRow.id > after_id) & (EventRow.at >= since_ms) & EventRow.by.not_in(OURSELVES)
    if by is not None:
        told &= EventRow.by == by
    rows = EventRow.select().where(told).order_by(EventRow.id).limit(limit).dicts().execute(db)
    return [event_of(row) for row in rows]


def forget_orders(db: Database, before_ms: int) -> int:
    """Forget the events of no job from before a time; those of jobs go with their jobs. How many went."""
    with transaction(db):
        gone: int = delete(EventRow, (EventRow.job_id == 0) & (EventRow.at < before_ms)).execute(db)
    return gone
