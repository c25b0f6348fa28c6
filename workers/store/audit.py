"""Orders in the history: noting those that change no job, and reading who ordered what.

What people ordered of a job outlives the job; it is forgotten when it is old enough by itself.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from peewee import Database, fn

from workers.jobs import JobEvent
from workers.store.database import delete, transaction
from workers.store.moves import bump, record_event
from workers.store.records import event_of
from workers.store.tables import EventRow, JobRow
from workers.text import clean, redacted, shorten
from workers.users import OURSELVES

_SHOWN = 80  # characters of a value
_AT_ONCE = 50  # things that one line of history names


def note_order(db: Database, order: str, by: str, reason: str, *, job_id: int = 0) -> None:
    """Add an order to the history, of a job or (0) of none. A transaction of its own."""
    with transaction(db):
        record_event(db, bump(db), job_id, order, ("", ""), by, reason)


def note_all(db: Database, order: str, by: str, kind: str, names: Sequence[str], *, job_id: int = 0) -> None:
    """The same for an order about many things, all of which are named: in as many lines as that takes."""
    with transaction(db):
        for start in range(0, len(names), _AT_ONCE):
            reason = f"{kind} {', '.join(names[start : start + _AT_ONCE])}"
            record_event(db, bump(db), job_id, order, ("", ""), by, reason)


def differences(before: Mapping[str, Any], after: Mapping[str, Any], secret: Collection[str] = ()) -> str:
    """What an edit changes, in words: each option that differs with both values, but for those that are `secret`."""
    told = []
    for name in {**before, **after}:
        old, new = before.get(name), after.get(name)
        if old != new:
            told.append(f"{name} changed" if name in secret else f"{name} {_value(old)} -> {_value(new)}")
    return ", ".join(told)


def _value(value: Any) -> str:
    text = value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False)
    return shorten(clean(redacted(text, queries=False)), _SHOWN)


def without_orders(job_id: int) -> Any:
    """Of the history of a job: the lines that go with it, which tell what we did and not what people ordered."""
    return (EventRow.job_id == job_id) & EventRow.by.in_(OURSELVES)


def ordered(
    db: Database, since_ms: int = 0, *, by: str | None = None, after_id: int = 0, limit: int = 500
) -> list[JobEvent]:
    """What people ordered from a time on, oldest first: at most `limit` events whose own id is above `after_id`."""
    told = (EventRow.id > after_id) & (EventRow.at >= since_ms) & EventRow.by.not_in(OURSELVES)
    if by is not None:
        # Somebody who is called as we are is listed with his number.
        told &= EventRow.by.startswith(f"{by} (uid ") if by in OURSELVES else EventRow.by == by
    rows = EventRow.select().where(told).order_by(EventRow.id).limit(limit).dicts().execute(db)
    return [event_of(row) for row in rows]


def forget_orders(db: Database, before_ms: int) -> int:
    """Forget the events from before a time that are of no job, or of one that is not there any more. How many went."""
    there = JobRow.select(JobRow.id).where(JobRow.id == EventRow.job_id)
    with transaction(db):
        gone: int = delete(EventRow, (EventRow.at < before_ms) & ~fn.EXISTS(there)).execute(db)
    return gone
