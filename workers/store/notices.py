"""What of the history is told to services and programs, and how far each of them is."""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from peewee import JOIN, Database, fn

from workers.jobs import Move, State
from workers.store.database import delete, transaction
from workers.store.moves import bump, record_event
from workers.store.tables import FINAL_STATES, Counter, EventRow, JobRow

_KEY = "noticed "  # begins the key of the counter of each way; its name follows
_PAGE = 500
_FINAL_MOVES = tuple(move.value for move in (Move.SUCCEEDED, Move.FAILED, Move.CANCELLED, Move.SKIPPED))
_NAMES = {Move.SUCCEEDED.value: "done", Move.FAILED.value: "failed"}
ALERTS = ("disk_low", "disk_ok", "worker_restarted")


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the history that is told, or the end of a batch that follows from one."""

    revision: int
    event: str
    job_id: int
    text: str
    batch: str


def record_alert(db: Database, alert: str, reason: str) -> None:
    """Write an alert (one of `ALERTS`) into the history: an event of no job."""
    with transaction(db):
        record_event(db, bump(db), 0, alert, ("", ""), "worker", reason)


def last_alert(db: Database, alerts: Collection[str]) -> str:
    """Which of these alerts came last; empty when none did."""
    query = EventRow.select(EventRow.move).where((EventRow.job_id == 0) & EventRow.move.in_(list(alerts)))
    return str(query.order_by(EventRow.id.desc()).limit(1).scalar(db) or "")


# ---------------------------------------------------------------- how far each way is


def begin(db: Database, names: Sequence[str]) -> dict[str, int]:
    """The last revision that was told on each of these ways. New ones begin now; those of no way are forgotten."""
    keys = {_KEY + name: name for name in names}
    with transaction(db):
        delete(Counter, Counter.key.startswith(_KEY) & Counter.key.not_in(list(keys) or [""])).execute(db)
        now = int(Counter.select(Counter.value).where(Counter.key == "revision").scalar(db))
        known = dict(Counter.select(Counter.key, Counter.value).where(Counter.key.in_(list(keys))).tuples().execute(db))
        for key in keys.keys() - known.keys():
            Counter.insert(key=key, value=now).execute(db)
    return {name: int(known.get(key, now)) for key, name in keys.items()}


def told_up_to(db: Database, name: str, revision: int) -> None:
    """Everything up to `revision` was told on this way, or need not be."""
    with transaction(db):
        Counter.update(value=revision).where(Counter.key == _KEY + name).execute(db)


# ---------------------------------------------------------------- what happened


def happened(db: Database, since: int, events: Collection[str]) -> tuple[list[Line], int]:
    """What of these events came after a revision, oldest first, and the revision up to which that is all.

    A batch has ended when none of its jobs waits or runs; the line of its end bears the revision of the last end.
    """
    latest = int(Counter.select(Counter.value).where(Counter.key == "revision").scalar(db))
    rows = _page(db, since, latest, events)
    if len(rows) == _PAGE:
        # The last revision may go on beyond the page, unless it is all of it: no change has so many lines.
        latest = max(rows[-1]["revision"] - 1, rows[0]["revision"])
        rows = [row for row in rows if row["revision"] <= latest]
    ends = _batch_ends(db, rows) if "batch_done" in events else {}
    found = []
    for row in rows:
        event = _NAMES.get(row["move"], row["move"])
        if event in events:
            found.append(Line(row["revision"], event, row["job_id"], row["reason"], row["batch"] or ""))
        if row["batch"] in ends and ends[row["batch"]] == row["revision"]:
            found.append(Line(row["revision"], "batch_done", 0, _how_ended(db, row["batch"]), row["batch"]))
    return found, latest


def _page(db: Database, since: int, latest: int, events: Collection[str]) -> list[dict[str, Any]]:
    moves = {move for move, name in _NAMES.items() if name in events} | set(events)
    wanted = EventRow.move.in_(sorted(moves))
    if "batch_done" in events:
        wanted |= EventRow.move.in_(_FINAL_MOVES) & JobRow.batch.is_null(False)
    query = (
        EventRow.select(EventRow.revision, EventRow.job_id, EventRow.move, EventRow.reason, JobRow.batch)
        .join(JobRow, JOIN.LEFT_OUTER, on=(JobRow.id == EventRow.job_id))
        .where((EventRow.revision > since) & (EventRow.revision <= latest) & wanted)
        .order_by(EventRow.revision, EventRow.id)
        .limit(_PAGE)
    )
    return list(query.dicts().execute(db))


def _batch_ends(db: Database, rows: Iterable[dict[str, Any]]) -> dict[str, int]:
    """Of each batch among these rows that has ended: the revision of its last end."""
    found = {}
    for batch in {row["batch"] for row in rows if row["batch"] and row["move"] in _FINAL_MOVES}:
        going = JobRow.select(JobRow.id).where((JobRow.batch == batch) & JobRow.state.not_in(FINAL_STATES)).limit(1)
        if going.scalar(db) is None:
            last = EventRow.select(fn.MAX(EventRow.revision)).join(JobRow, on=(JobRow.id == EventRow.job_id))
            found[batch] = last.where((JobRow.batch == batch) & EventRow.move.in_(_FINAL_MOVES)).scalar(db)
    return found


def _how_ended(db: Database, batch: str) -> str:
    query = JobRow.select(JobRow.state, fn.COUNT(JobRow.id)).where(JobRow.batch == batch).group_by(JobRow.state)
    counts = Tally({State(state): int(number) for state, number in query.tuples().execute(db)})
    return ", ".join(f"{counts[state]:,} {state.value}" for state in State if counts[state])
