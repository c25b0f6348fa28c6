"""Whether a jobs table is sound beyond what SQLite can tell: rows of jobs that are not there, numbers out of order.

Everything is asked of a plain connection that need not write.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass

from workers.jobs import FINAL, LIVE
from workers.store.tables import listed
from workers.users import OURSELVES

_NO_JOB = "NOT EXISTS (SELECT 1 FROM job j WHERE j.id = t.{})"
_STRAYS = {
    "outcomes of inputs": f"item t WHERE {_NO_JOB.format('job_id')}",
    # 0 is no job, on purpose; and what people ordered outlives its job.
    "lines of history": f"job_event t WHERE t.job_id <> 0 AND t.by IN {OURSELVES} AND {_NO_JOB.format('job_id')}",
    "dependencies": f"job_after t WHERE {_NO_JOB.format('job_id')}",
}
_REPORT = "nothing reads them, they only take room; please report it with what `spool doctor --full --json` prints"
_LARGEST = {
    "job_id": ("id", "SELECT max(id) FROM job"),
    "revision": (
        "revision",
        "SELECT max(r) FROM (SELECT max(revision) AS r FROM job UNION ALL SELECT max(revision) FROM job_event)",
    ),
}
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Unsound:
    """One thing that should not be, and what to do about it."""

    what: str
    todo: str


def unsound(connection: sqlite3.Connection, worker_runs: bool) -> Iterator[Unsound]:
    """All that is found. sqlite3.Error."""
    yield from _strays(connection)
    yield from _endless_waits(connection)
    yield from _numbers(connection)
    if not worker_runs:
        yield from _orphans(connection)


def _strays(connection: sqlite3.Connection) -> Iterator[Unsound]:
    for name, source in _STRAYS.items():
        count, example = connection.execute(f"SELECT count(*), min(t.job_id) FROM {source}").fetchone()
        if count:
            yield Unsound(f"{count:,} {name} belong to jobs that do not exist, such as {example}", _REPORT)


def _endless_waits(connection: sqlite3.Connection) -> Iterator[Unsound]:
    rows = connection.execute(
        "SELECT t.job_id, t.on_id FROM job_after t JOIN job w ON w.id = t.job_id"
        f" WHERE w.state NOT IN ({listed(FINAL)}) AND {_NO_JOB.format('on_id')} LIMIT {_SHOWN}"
    )
    for job_id, on_id in rows.fetchall():
        yield Unsound(
            f"job {job_id} waits for job {on_id}, which does not exist", f"`spool cancel {job_id}`, and submit it anew"
        )


def _numbers(connection: sqlite3.Connection) -> Iterator[Unsound]:
    given = dict(connection.execute("SELECT key, value FROM meta").fetchall())
    for key, (name, query) in _LARGEST.items():
        largest = connection.execute(query).fetchone()[0] or 0
        if largest > given.get(key, 0):
            yield Unsound(
                f"there is a {name} {largest:,}, and only {given.get(key, 0):,} were given out",
                "`spool stop`, then `spool restore` brings the newest backup back",
            )


def _orphans(connection: sqlite3.Connection) -> Iterator[Unsound]:
    (count,) = connection.execute(f"SELECT count(*) FROM job WHERE state IN ({listed(LIVE)})").fetchone()
    if count:
        yield Unsound(
            f"{count:,} listed as running or paused while no worker runs",
            "`spool worker --detach`, or open the console: the worker rescues them",
        )


def states_and_leases(connection: sqlite3.Connection) -> dict[int, tuple[str, int]]:
    """State and lease of every job by its id. sqlite3.Error."""
    return {job_id: (state, lease) for job_id, state, lease in connection.execute("SELECT id, state, lease FROM job")}


def outputs(connection: sqlite3.Connection) -> list[str]:
    """What jobs made: JSON texts, each a list of paths. sqlite3.Error."""
    return [str(row[0]) for row in connection.execute("SELECT DISTINCT outputs FROM job WHERE outputs <> '[]'")]
