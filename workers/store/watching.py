"""Watching the jobs table without a trace: opened for looking only, and anew when a writer comes or goes."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import time
from pathlib import Path
from typing import Any

from peewee import SqliteDatabase

from workers.errors import SchemaError
from workers.looking import connected, looking_uri
from workers.store.migrations import latest
from workers.store.tables import Counter

_YOUNG_NS = 50_000_000  # a time of change says nothing of what happens within the same tick of the clock


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
        return connected(self._seen[0])

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
