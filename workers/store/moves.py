"""The one function that changes a job's state, and the revision that every change carries.

A move is a guarded UPDATE (still in a state that the table of moves allows, still the same lease) and its row of
history, in one transaction. When the guard fails nothing is written: the world moved on, and the caller is told.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

from peewee import Database

from workers.jobs import FINAL, MOVES, Move, State
from workers.store.database import delete, transaction
from workers.store.prepared import Prepared, hole
from workers.store.records import error_fields, is_id, now_ms, storable
from workers.store.tables import After, Counter, EventRow, ItemRow, JobRow

_UNSUCCESSFUL = FINAL - {State.SUCCEEDED}

_FRESH_PROGRESS: Mapping[str, Any] = {
    "fraction": None,
    "phase": "",
    "done": None,
    "total": None,
    "rate": None,
    "eta_s": None,
    "unit": "",
}
_NO_RUNNER: Mapping[str, Any] = {"runner_pid": None, "runner_start": None, "worker_id": None}
_ENDED: Mapping[str, Any] = {**_NO_RUNNER, "wish": "", "rate": None, "eta_s": None, "staging": "[]"}
_QUEUED: Mapping[str, Any] = {**_NO_RUNNER, "wish": "", "rate": None, "eta_s": None, "staging": "[]"}

# What each move clears, so that nothing of an earlier attempt stays on the job.
_CLEARS: Mapping[Move, Mapping[str, Any]] = {
    Move.CLAIMED: {
        **_FRESH_PROGRESS,
        **error_fields(None),
        "wish": "",
        "run_after": None,
        "pause_until": None,
        "finished_at": None,
    },
    Move.SUCCEEDED: {**_ENDED, **error_fields(None), "fraction": 1.0, "phase": ""},
    Move.FAILED: _ENDED,
    Move.RETRIED: _QUEUED,
    Move.RESCUED: _QUEUED,
    Move.RELEASED: _QUEUED,
    Move.CANCELLED: {**_ENDED, "phase": ""},
    Move.PAUSED: {"wish": "", "rate": None, "eta_s": None},
    Move.RESUMED: {"wish": "", "pause_until": None},
    Move.SKIPPED: _ENDED,
    Move.RESTARTED: {
        **_QUEUED,
        **_FRESH_PROGRESS,
        **error_fields(None),
        "attempts": 0,
        "failures": 0,
        "worker_deaths": 0,
        "runner_deaths": 0,
        "pause_until": None,
        "started_at": None,
        "finished_at": None,
        "run_after": None,
        "hold": False,
        "outputs": "[]",
        "detail": "{}",
        "items_failed": 0,
    },
}


_COUNT = Prepared(
    lambda sqlite: (
        Counter.update(value=Counter.value + hole("steps")).where(Counter.key == hole("key")).returning(Counter.value)
    )
)
_EVENT = Prepared(
    lambda sqlite: EventRow.insert(
        {name: hole(name) for name in ("revision", "job_id", "at", "move", "before", "after", "by", "reason")}
    )
)


TURN = "it made room for jobs that have had less"  # why a job that takes turns with others is released


def _standing(sqlite: bool) -> Any:
    query = JobRow.select(JobRow.state, JobRow.lease, JobRow.started_at).where(JobRow.id == hole("id"))
    return query if sqlite else query.for_update()


_STANDING = Prepared(_standing)
_LATEST = Prepared(
    lambda sqlite: (
        EventRow.select(EventRow.move, EventRow.reason)
        .where(EventRow.job_id == hole("id"))
        .order_by(EventRow.id.desc())
        .limit(2)
    )
)


def count_on(db: Database, key: str, steps: int = 1) -> int:
    """Move one of the numbers of `tables.Counter` on, within a transaction; its new value."""
    return int(_COUNT.value(db, key=key, steps=steps))


def bump(db: Database, changes: int = 1) -> int:
    """The next revision; of several changes the last one's. Every change of a job has its own."""
    return count_on(db, "revision", changes)


def locked_state(db: Database, job_id: int) -> State | None:
    """The job's state, its row locked until the transaction ends; None when there is no such job."""
    value = _STANDING.value(db, id=job_id) if is_id(job_id) else None
    return None if value is None else State(value)


def record_event(
    db: Database, revision: int, job_id: int, move: str, states: tuple[str, str], by: str, reason: str = ""
) -> None:
    """Add one line of history."""
    values = {
        "move": move,
        "before": states[0],
        "after": states[1],
        "by": storable(by),
        "reason": storable(reason),
    }
    _EVENT.run(db, revision=revision, job_id=job_id, at=now_ms(), **values)


@functools.lru_cache(maxsize=256)
def _guarded_update(move: Move, fields: tuple[str, ...]) -> Prepared:
    """The UPDATE of a move that also sets `fields`: still in a state it may leave, still the same lease."""
    rule = MOVES[move]
    values: dict[str, Any] = {
        "state": rule.target.value,
        "lease": JobRow.lease + rule.lease,
        "attempts": JobRow.attempts + rule.attempts,
        "failures": JobRow.failures + rule.failures,
        **_CLEARS[move],
        **{name: hole(name) for name in (*fields, "revision")},
    }
    guard = JobRow.state.in_([state.value for state in rule.sources]) & (JobRow.lease == hole("old_lease"))
    return Prepared(lambda sqlite: JobRow.update(values).where((JobRow.id == hole("id")) & guard))


def move(
    db: Database,
    move: Move,
    job_id: int,
    *,
    by: str,
    reason: str = "",
    lease: int | None = None,
    fields: Mapping[str, Any] | None = None,
) -> bool:
    """Make `move` on a job. False when the guard refused: another state, or another lease than the given one."""
    with transaction(db):
        return move_inside(db, move, job_id, by=by, reason=reason, lease=lease, fields=fields)


def move_inside(
    db: Database,
    move: Move,
    job_id: int,
    *,
    by: str,
    reason: str = "",
    lease: int | None = None,
    fields: Mapping[str, Any] | None = None,
) -> bool:
    """As `move`, within a transaction that the caller holds."""
    if not _make(db, move, job_id, by, reason, lease, fields or {}):
        return False
    target = MOVES[move].target
    if target in _UNSUCCESSFUL:
        skip_dependents(db, job_id, target)
    elif target is State.QUEUED:
        _skip_in_vain(db, job_id)
    return True


def _make(
    db: Database, move: Move, job_id: int, by: str, reason: str, lease: int | None, fields: Mapping[str, Any]
) -> bool:
    rule = MOVES[move]
    row = _STANDING.run(db, id=job_id).fetchone()
    if row is None or State(row[0]) not in rule.sources or lease not in (None, row[1]):
        return False
    before = State(row[0])
    values = dict(fields)
    if move is Move.CLAIMED and row[2] is None:  # a job that takes turns, or tries again, began when it first began
        values["started_at"] = now_ms()
    if rule.target in FINAL:
        values["finished_at"] = now_ms()
    revision = bump(db)
    statement = _guarded_update(move, tuple(sorted(values)))
    if statement.run(db, id=job_id, old_lease=row[1], revision=revision, **values).rowcount != 1:
        return False
    if move is Move.RESTARTED:
        delete(ItemRow, (ItemRow.job_id == job_id) & (ItemRow.outcome == "failed")).execute(db)
    if not _next_turn(db, move, job_id, reason, begun=row[2] is not None):
        record_event(db, revision, job_id, move.value, (before.value, rule.target.value), by, reason)
    return True


def _next_turn(db: Database, move: Move, job_id: int, reason: str, *, begun: bool) -> bool:
    """Whether a job only goes on taking turns with others, thousands a day: the first is told, the rest is no news.

    A claim after a claim is one: the release between them was not told.
    """
    if move is Move.CLAIMED and begun:
        latest = _LATEST.run(db, id=job_id).fetchall()
        return bool(latest) and latest[0][0] == Move.CLAIMED.value
    if move is Move.RELEASED and reason == TURN:
        latest = _LATEST.run(db, id=job_id).fetchall()
        return [tuple(row) for row in latest[1:]] == [(Move.RELEASED.value, TURN)] and latest[0][
            0
        ] == Move.CLAIMED.value
    return False


_DEPENDENTS = Prepared(
    lambda sqlite: After.select(After.job_id).where((After.on_id == hole("id")) & ~After.ended).order_by(After.job_id)
)


def skip_dependents(db: Database, job_id: int, ended: State) -> None:
    """Jobs that wait for one that will not succeed cannot run: they are skipped, say why, and so on down the chain."""
    gone = [(job_id, ended)]
    while gone:
        on_id, state = gone.pop()
        for (dependent,) in _DEPENDENTS.run(db, id=on_id).fetchall():
            waits = locked_state(db, dependent) is State.QUEUED  # one that runs already goes on
            if waits and _make(db, Move.SKIPPED, dependent, "worker", _why_skipped(on_id, state), None, {}):
                gone.append((dependent, State.SKIPPED))


def _why_skipped(on_id: int, state: State) -> str:
    return f"job {on_id}, which it waited for, {'failed' if state is State.FAILED else f'was {state.value}'}"


_IN_VAIN = Prepared(
    lambda sqlite: (
        After.select(After.on_id, JobRow.state)
        .join(JobRow, on=(JobRow.id == After.on_id))
        .where((After.job_id == hole("id")) & ~After.ended & JobRow.state.in_([one.value for one in _UNSUCCESSFUL]))
        .order_by(After.on_id)
    )
)


def in_vain(db: Database, job_id: int) -> list[tuple[int, State]]:
    """Of the jobs that it waits for those that have ended without success: it can never start."""
    return [(on_id, State(state)) for on_id, state in _IN_VAIN.run(db, id=job_id).fetchall()]


def _skip_in_vain(db: Database, job_id: int) -> None:
    """A job that comes back to its queue may find that what it waited for was tried again meanwhile, and failed."""
    lost = in_vain(db, job_id)
    if lost and _make(db, Move.SKIPPED, job_id, "worker", _why_skipped(*lost[0]), None, {}):
        skip_dependents(db, job_id, State.SKIPPED)
