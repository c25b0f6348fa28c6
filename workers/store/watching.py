"""Looking at a database without a trace: no file is made, changed, locked against writers or removed.

In WAL mode even a reader writes: it makes the shared memory file where there is none, and notes in it what it reads.
So the file is opened read only with its shared memory read only where somebody uses it, and as immutable where nobody
does. Which of the two holds is looked at before each question.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

from peewee import SqliteDatabase

from workers.errors import SchemaError, StoreError
from workers.store.database import BUSY_TIMEOUT_S
from workers.store.migrations import latest
from workers.store.tables import Counter

_YOUNG_NS = 50_000_000  # a time of change says nothing of what happens within the same tick of the clock


def looking_uri(path: Path) -> str:
    """The name by which SQLite opens the database at `path` for looking only, as its files stand now. StoreError."""
    shared, wal = (os.path.lexists(f"{path}{end}") for end in ("-shm", "-wal"))
    if not path.is_file():
        raise StoreError(f"{path}: there is no database here, so nothing to watch yet")
    if not shared and wal and os.stat(f"{path}-wal").st_size:
        raise StoreError(f"{path}: its last user was cut short; open it once without --read-only, which mends it")
    how = "readonly_shm=1" if shared else "immutable=1"
    return f"file:{quote(os.path.abspath(path))}?mode=ro&{how}"


def look_at(path: Path) -> sqlite3.Connection:
    """A plain connection that cannot write. StoreError, sqlite3.Error."""
    return _connected(looking_uri(path))


def _connected(uri: str) -> sqlite3.Connection:
    connection = sqlite3.connect(uri, uri=True, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)
    for pragma in ("query_only = 1", "temp_store = memory"):
        connection.execute(f"PRAGMA {pragma}")
    return connection


class WatchedDatabase(SqliteDatabase):
    """Opens its file for looking only, anew whenever a writer has come or gone, or another file has its name.

    For one thread.
    """

    spool_read_only = True

    def __init__(self, path: Path) -> None:
        super().__init__(str(path))
        self._path = path
        self._seen: tuple[str, int] = ("", 0)
        self.spool_lock = threading.RLock()

    def _connect(self) -> sqlite3.Connection:
        self._seen = self._look()
        return _connected(self._seen[0])

    def _look(self) -> tuple[str, int]:
        """How the file can be opened now, and which one it is: a restored one takes the place of another."""
        return looking_uri(self._path), os.stat(self._path).st_ino

    def execute_sql(self, sql: str, params: Any = None) -> Any:
        """As of every database, on a connection that fits how the files stand now."""
        if not self.is_closed() and not self.in_transaction() and self._seen != self._look():
            self.close()
        base: Any = super()
        return base.execute_sql(sql, params)


def open_watched(path: Path) -> Any:
    """The database at `path` for looking only. StoreError when there is none, SchemaError when it is of another age."""
    db = WatchedDatabase(path)
    version = int(Counter.select(Counter.value).where(Counter.key == "schema").scalar(db) or 0)
    if version != latest():
        db.close()
        whose = "a newer Spool" if version > latest() else "an older Spool, and watching cannot bring it up to date"
        raise SchemaError(f"{path}: this database is of version {version}, made by {whose}")
    return db


class WatchPoll:
    """Notices commits of others by the files alone; three system calls a look."""

    def __init__(self, path: Path) -> None:
        self._files = (str(path), f"{path}-wal")
        self._last: tuple[object, ...] = ()
        self._again = True

    def changed(self) -> bool:
        """Whether anything may have been committed since the last call; true the first time."""
        facts: list[object] = []
        newest = 0
        for file in self._files:
            with contextlib.suppress(FileNotFoundError):
                found = os.stat(file)
                facts.append((found.st_ino, found.st_size, found.st_mtime_ns))
                newest = max(newest, found.st_mtime_ns)
        changed = self._again or tuple(facts) != self._last
        self._last, self._again = tuple(facts), 0 <= time.time_ns() - newest < _YOUNG_NS
        return changed

    def close(self) -> None:
        """Nothing is held."""
