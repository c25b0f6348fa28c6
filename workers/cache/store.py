"""The store layer: an SQLite file of its own, which may be lost at any time and is then made anew.

Many threads read, one writes; other processes may read and clear beside them. One connection, the writer's of the
worker, checkpoints: two that do so at once can corrupt the write-ahead log before SQLite 3.51.3.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from workers.cache.memory import Kept
from workers.files import made_beside
from workers.wording import words_of

log = logging.getLogger(__name__)

APPLICATION_ID = 0x53504B43
VERSION = 2
BUSY_S = 5.0
OVERHEAD = 160  # bytes that a row and its place in the indexes take beside path and value

_SCHEMA = f"""
PRAGMA auto_vacuum = INCREMENTAL;
PRAGMA journal_mode = WAL;
BEGIN IMMEDIATE;
CREATE TABLE entry (
    id INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE, category TEXT NOT NULL, stamp BLOB NOT NULL, path TEXT NOT NULL,
    value BLOB NOT NULL, bytes INTEGER NOT NULL, cost REAL NOT NULL, made_at REAL NOT NULL, used_at REAL NOT NULL
);
CREATE INDEX entry_used ON entry (category, used_at);
CREATE INDEX entry_made ON entry (category, made_at);
CREATE TABLE total (category TEXT PRIMARY KEY, entries INTEGER NOT NULL, bytes INTEGER NOT NULL);
CREATE TABLE kept (category TEXT PRIMARY KEY, entries INTEGER NOT NULL, bytes INTEGER NOT NULL);
CREATE TRIGGER entry_in AFTER INSERT ON entry BEGIN
    INSERT INTO total VALUES (new.category, 1, new.bytes)
    ON CONFLICT (category) DO UPDATE SET entries = entries + 1, bytes = bytes + new.bytes;
END;
CREATE TRIGGER entry_out AFTER DELETE ON entry BEGIN
    UPDATE total SET entries = entries - 1, bytes = bytes - old.bytes WHERE category = old.category;
END;
CREATE TRIGGER entry_new AFTER UPDATE OF category, bytes ON entry
WHEN new.bytes <> old.bytes OR new.category <> old.category BEGIN
    UPDATE total SET entries = entries - 1, bytes = bytes - old.bytes WHERE category = old.category;
    INSERT INTO total VALUES (new.category, 1, new.bytes)
    ON CONFLICT (category) DO UPDATE SET entries = entries + 1, bytes = bytes + new.bytes;
END;
CREATE TABLE meta (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
INSERT INTO meta VALUES ('generation', 0);
CREATE TABLE counted (
    at INTEGER NOT NULL, category TEXT NOT NULL, hits INTEGER NOT NULL, misses INTEGER NOT NULL,
    bytes INTEGER NOT NULL, saved_s REAL NOT NULL, evictions INTEGER NOT NULL, PRIMARY KEY (at, category)
) WITHOUT ROWID;
CREATE TABLE since_start (
    category TEXT PRIMARY KEY, hits INTEGER NOT NULL, misses INTEGER NOT NULL,
    bytes INTEGER NOT NULL, saved_s REAL NOT NULL, evictions INTEGER NOT NULL
) WITHOUT ROWID;
PRAGMA application_id = {APPLICATION_ID};
PRAGMA user_version = {VERSION};
COMMIT;
"""

_PUT = """
INSERT INTO entry (key, category, stamp, path, value, bytes, cost, made_at, used_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (key) DO UPDATE SET category = excluded.category, stamp = excluded.stamp, path = excluded.path,
value = excluded.value, bytes = excluded.bytes, cost = excluded.cost, made_at = excluded.made_at,
used_at = excluded.used_at
"""


Found = tuple[bytes, bytes, bytes, float, float, float]
"""Key, stamp, value, cost, made at, used at."""


class Foreign(Exception):
    """The file is no cache of this version."""


def database(folder: Path) -> Path:
    """Where the store of a cache folder lies."""
    return folder / "cache.db"


def connect(path: Path, *, create: bool = False) -> sqlite3.Connection:
    """A connection to a store, made when missing if `create`. sqlite3.Error, OSError, or Foreign."""
    if create and not os.path.lexists(path):
        _make(path)
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=rw", timeout=BUSY_S, uri=True, isolation_level=None, check_same_thread=False
    )
    try:
        for pragma in ("synchronous = NORMAL", "wal_autocheckpoint = 0", "temp_store = MEMORY"):
            connection.execute(f"PRAGMA {pragma}")
        its = [connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version")]
        if its != [APPLICATION_ID, VERSION]:
            raise Foreign(f"{path} is no cache of this version")
    except BaseException:
        connection.close()
        raise
    return connection


def _make(path: Path) -> None:
    """An empty store."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with made_beside(path) as made, contextlib.closing(sqlite3.connect(made, isolation_level=None)) as connection:
        connection.executescript(_SCHEMA)


def set_aside(path: Path) -> None:
    """Put a file that cannot be used out of the way; one such file is kept. OSError."""
    for ending in ("-wal", "-shm"):
        path.with_name(path.name + ending).unlink(missing_ok=True)
    with contextlib.suppress(FileNotFoundError):
        os.replace(path, path.with_name(path.name + ".broken"))


def spoiled(error: BaseException) -> bool:
    """Whether an error says that the file itself is of no use, and no waiting helps."""
    if isinstance(error, Foreign):
        return True
    if not isinstance(error, sqlite3.DatabaseError):
        return False
    code = getattr(error, "sqlite_errorcode", None)
    missing = isinstance(error, sqlite3.OperationalError) and str(error).startswith("no such")  # a table or column
    return missing or (code is not None and code & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB))


def _said(error: Exception) -> str:
    return str(error) if isinstance(error, Foreign) else words_of(error)


def connected(path: Path) -> sqlite3.Connection:
    """As `connect` with `create`; what cannot be used is set aside and made anew. sqlite3.Error or OSError."""
    try:
        return connect(path, create=True)
    except (sqlite3.Error, Foreign) as error:
        if not spoiled(error):
            raise
        log.warning("%s cannot be used and is set aside: %s", path, _said(error))
        set_aside(path)
    try:
        return connect(path, create=True)
    except Foreign as error:
        raise sqlite3.DatabaseError(str(error)) from None


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """All or nothing, with the right to write from the first statement on."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield connection
    except BaseException:
        with contextlib.suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def generation(connection: sqlite3.Connection) -> int:
    """A number that grows whenever entries are dropped by somebody else than the writer."""
    return int(connection.execute("SELECT value FROM meta WHERE name = 'generation'").fetchone()[0])


def raise_generation(connection: sqlite3.Connection) -> None:
    """Tell whoever remembers entries that some were dropped."""
    connection.execute("UPDATE meta SET value = value + 1 WHERE name = 'generation'")


def read(connection: sqlite3.Connection, keys: Sequence[bytes]) -> Iterator[Found]:
    """Those of the keys that the store has."""
    for start in range(0, len(keys), 500):
        some = keys[start : start + 500]
        marks = ",".join("?" * len(some))
        yield from connection.execute(
            f"SELECT key, stamp, value, cost, made_at, used_at FROM entry WHERE key IN ({marks})", some
        )


def write(connection: sqlite3.Connection, rows: Iterable[tuple[bytes, Kept, bytes]]) -> None:
    """Put results by their keys, each with its packed text; each replaces the one of its key."""
    connection.executemany(
        _PUT,
        (
            (key, k.category, k.stamp, k.path, value, len(value) + len(k.path) + OVERHEAD, k.cost, k.made_at, k.used_at)
            for key, k, value in rows
        ),
    )


def touch(connection: sqlite3.Connection, keys: Iterable[bytes], at: float) -> None:
    """Note that these were used."""
    connection.executemany("UPDATE entry SET used_at = ? WHERE key = ?", ((at, key) for key in keys))


def drop(connection: sqlite3.Connection, keys: Iterable[bytes]) -> None:
    """Forget these."""
    connection.executemany("DELETE FROM entry WHERE key = ?", ((key,) for key in keys))


def totals(connection: sqlite3.Connection, table: str = "total") -> dict[str, tuple[int, int]]:
    """Entries and bytes by category: of rows, or with `kept` of the files as they were last counted."""
    assert table in ("total", "kept")
    return {row[0]: (row[1], row[2]) for row in connection.execute(f"SELECT category, entries, bytes FROM {table}")}


def drop_old(connection: sqlite3.Connection, category: str, made_before: float) -> int:
    """Forget what was made before a time; how many."""
    return connection.execute("DELETE FROM entry WHERE category = ? AND made_at < ?", (category, made_before)).rowcount


def drop_least_used(connection: sqlite3.Connection, category: str, bytes: int) -> int:
    """Forget the least recently used until so many bytes are free; how many."""
    chosen: list[tuple[int]] = []
    freed = 0
    rows = connection.execute("SELECT id, bytes FROM entry WHERE category = ? ORDER BY used_at, id", (category,))
    for row_id, size in rows:
        if freed >= bytes:
            break
        chosen.append((row_id,))
        freed += size
    rows.close()
    connection.executemany("DELETE FROM entry WHERE id = ?", chosen)
    return len(chosen)


def free(connection: sqlite3.Connection) -> None:
    """Give the pages that are of no use back to the disk."""
    connection.execute("PRAGMA incremental_vacuum").fetchall()


def shrink(connection: sqlite3.Connection) -> None:
    """As `free`, a piece at a time, and bring the write-ahead log into the file."""
    connection.execute("PRAGMA incremental_vacuum(2000)").fetchall()
    connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
