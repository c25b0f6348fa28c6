"""Opening the database: SQLite in WAL mode, or PostgreSQL, for threads and for asyncio.

One connection of the worker checkpoints; all others leave the write-ahead log alone, because two that
checkpoint at once can corrupt it before SQLite 3.51.3.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from peewee import (
    Database,
    DatabaseError,
    Model,
    OperationalError,
    PeeweeException,
    PostgresqlDatabase,
    SqliteDatabase,
)

from workers.absent import absent
from workers.errors import ReadOnlyError, StoreError
from workers.files import made_beside
from workers.wording import words_of

__all__ = [
    "ChangePoll",
    "DatabaseError",  # whoever writes must be ready for it, and need not know peewee
    "OperationalError",
    "ask",
    "close_async",
    "delete",
    "inode_of",
    "is_postgres_url",
    "is_sqlite",
    "open_async_database",
    "open_database",
    "snapshot",
    "spoken",
    "told",
    "transaction",
]

P = ParamSpec("P")
T = TypeVar("T")

BUSY_TIMEOUT_S = 10.0
_WRITE_LOCK = 0x53504F4F4C  # "SPOOL": the number of our advisory lock on PostgreSQL
_PRAGMAS = (
    ("journal_mode", "wal"),
    ("synchronous", "full"),  # an accepted job and a final state survive a power cut
    ("wal_autocheckpoint", 0),
    ("mmap_size", 0),
    ("temp_store", "memory"),
)


def spoken(method: Callable[P, T]) -> Callable[P, T]:
    """Errors of the database in it become a StoreError in words."""

    @functools.wraps(method)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> T:
        with told(method.__name__.replace("_", " ")):
            return method(*args, **kwargs)

    return wrapped


def is_sqlite(db: Database) -> bool:
    """Whether `db` is SQLite."""
    return isinstance(db, SqliteDatabase)


def is_postgres_url(target: str) -> bool:
    """Whether `target` names a PostgreSQL server and not a file."""
    return target.startswith(("postgresql://", "postgres://"))


def _make_private(path: Path) -> None:
    """Make sure of a database file that only the user can read, in WAL mode from its first moment.

    One that exists is never opened here: closing it would drop this process's locks on it, which its open connections
    lean on.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not os.path.lexists(path):
            _make_empty(path)
        if not path.is_file() or not os.access(path, os.R_OK | os.W_OK):
            raise StoreError(f"{path}: the database cannot be opened: no file that may be read and written")
    except (OSError, sqlite3.Error) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise StoreError(f"{path}: the database cannot be opened: {reason}") from None


def _make_empty(path: Path) -> None:
    """An empty database, named once it is in WAL mode: two that switch one file to it lock each other out."""
    # The -wal and -shm files take the mode of the database, so it is there before SQLite sees it.
    with made_beside(path) as made, contextlib.closing(sqlite3.connect(made)) as connection:
        connection.execute("PRAGMA journal_mode=wal")


class _NamedDatabase(SqliteDatabase):
    """Connects to the file that has the name, once nobody can exchange it any more.

    Who waits while a restored database takes the place of another would go on with the one that was replaced.
    """

    def _connect(self) -> Any:
        base: Any = super()
        while True:
            before = inode_of(self.database)
            connection = base._connect()
            if before == inode_of(self.database):
                return connection
            connection.close()


def inode_of(path: str | Path) -> int | None:
    """Which file has that name now; None when there is none."""
    try:
        return os.stat(path).st_ino
    except FileNotFoundError:
        return None


def open_database(target: str) -> Any:
    """A database for threads: a file name, or a `postgresql://` URL. Each thread gets a connection of its own."""
    db: Any
    if is_postgres_url(target):
        db = PostgresqlDatabase(target, prefer_psycopg3=True)
    else:
        _make_private(Path(target))
        db = _NamedDatabase(target, pragmas=_PRAGMAS, timeout=BUSY_TIMEOUT_S)
    # Writers of one process queue here fairly: SQLite's own waiting sleeps in steps of up to 0.1 s.
    db.spool_lock = threading.RLock()
    return db


def open_async_database(target: str) -> Any:
    """The same database driven by asyncio (aiosqlite or asyncpg). Run plain functions by `await ask(db, fn, db, …)`."""
    with absent("asyncpg", "aiomysql"):
        from playhouse import pwasyncio

    bridge: Any = pwasyncio
    db: Any
    if is_postgres_url(target):
        bridge.asyncpg = importlib.import_module("asyncpg")
        db = bridge.AsyncPostgresqlDatabase(target, pool_size=4, pool_min_size=1)
    else:
        _make_private(Path(target))
        db = bridge.AsyncSqliteDatabase(target, pragmas=_PRAGMAS, timeout=BUSY_TIMEOUT_S, pool_size=3)
    db.spool_asks = set()
    return db


async def ask(db: Any, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run a plain function over an asyncio database; its connection goes back to the pool afterwards.

    Who asks may be cancelled, the question is not: the bridge would hand back a connection whose BEGIN is still on
    its way to the database, and the pool would hold the write lock for ever.
    """
    import asyncio  # not loaded by a short command

    async def whole() -> T:
        try:
            result: T = await db.run(function, *args, **kwargs)
            return result
        finally:
            await db.aclose()

    task = asyncio.ensure_future(whole())
    db.spool_asks.add(task)  # the loop itself would not keep it
    task.add_done_callback(db.spool_asks.discard)
    return await asyncio.shield(task)


async def close_async(db: Any) -> None:
    """Wait for the questions that are under way, then close the connections."""
    import asyncio

    await asyncio.gather(*db.spool_asks, return_exceptions=True)
    await db.close_pool()


@contextmanager
def _first_trouble() -> Iterator[None]:
    """After a full disk SQLite has rolled back by itself: that it cannot again is not what went wrong."""
    try:
        yield
    except DatabaseError as error:
        first: BaseException | None = error
        while first is not None and "no transaction is active" in str(first):
            first = first.__context__
        if first is None or first is error:
            raise
        raise DatabaseError(str(first)) from error


@contextmanager
def transaction(db: Database, *, durable: bool = True) -> Iterator[None]:
    """A write transaction. One writes at a time, so that what is read in it stays true.

    One that is not `durable` is written as whole as others and no process that dies takes it back, but it does not
    wait for the disk: a power cut may undo it, and it alone.

    SQLite takes its write lock at once; an advisory lock gives the same on PostgreSQL. So revisions are committed in
    their order, "two from one site" holds over all hosts, and orders over many jobs never wait for each other.
    """
    if getattr(db, "spool_read_only", False):
        raise ReadOnlyError
    durable = durable or db.in_transaction()  # as durable as what it is a part of
    if is_sqlite(db):
        sync = nullcontext() if durable else _without_sync(db)
        with getattr(db, "spool_lock", nullcontext()), sync, _first_trouble(), db.atomic("IMMEDIATE"):
            yield
    else:
        connection: Any = db
        with db.atomic():
            connection.execute_sql(f"SELECT pg_advisory_xact_lock({_WRITE_LOCK})")
            if not durable:
                connection.execute_sql("SET LOCAL synchronous_commit = off")
            yield


@contextmanager
def _without_sync(db: Any) -> Iterator[None]:
    """The thread's connection commits without waiting for the disk; a later checkpoint waits for all."""
    db.execute_sql("PRAGMA synchronous=normal")
    try:
        yield
    finally:
        db.execute_sql("PRAGMA synchronous=full")


@contextmanager
def snapshot(db: Database) -> Iterator[None]:
    """Several questions about one moment: what commits meanwhile is not seen."""
    if db.in_transaction():
        yield
        return
    with db.atomic():
        if not is_sqlite(db):
            connection: Any = db
            connection.execute_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        yield


def delete(table: type[Model], where: Any) -> Any:
    """A statement that deletes those rows of a table."""
    model: Any = table
    return model.delete().where(where)


def _way_out(error: Exception) -> str:
    """What a person can do about a file that SQLite finds damaged."""
    if any(word in str(error) for word in ("malformed", "file is not a database")):
        return "; `spool restore newest` brings the last backup back, `spool doctor --full` tells what is wrong"
    return ""


@contextmanager
def told(what: str) -> Iterator[None]:
    """Turn the database library's errors into a StoreError that says what was being done."""
    try:
        yield
    except (PeeweeException, sqlite3.Error) as error:
        raise StoreError(f"{what}: {words_of(error)}{_way_out(error)}") from error
    except (OverflowError, UnicodeEncodeError) as error:
        raise StoreError(f"{what}: the database cannot hold a value: {error}") from error


class ChangePoll:
    """Notices commits of others by `PRAGMA data_version` on a connection of its own: 4 microseconds a look."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, timeout=1.0, isolation_level=None, check_same_thread=False)
        self._last = -1

    def changed(self) -> bool:
        """Whether anything was committed since the last call; true the first time."""
        (version,) = self._connection.execute("PRAGMA data_version").fetchone()
        changed = bool(version != self._last)
        self._last = version
        return changed

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()
