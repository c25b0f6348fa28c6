"""Looking at an SQLite file without a trace: no file is made, changed, locked against writers or removed.

In WAL mode even a reader writes: it makes the shared memory file where there is none, and notes in it what it reads.
So the file is opened read only with its shared memory read only where somebody uses it, and as immutable where nobody
does. Which of the two holds should be looked at before each question.
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from urllib.parse import quote

from workers.errors import StoreError

_PATIENCE_S = 10.0


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
    return connected(looking_uri(path))


def connected(uri: str) -> sqlite3.Connection:
    """A connection by a name of `looking_uri`. sqlite3.Error."""
    connection = sqlite3.connect(uri, uri=True, timeout=_PATIENCE_S, isolation_level=None, check_same_thread=False)
    for pragma in ("query_only = 1", "temp_store = memory"):
        connection.execute(f"PRAGMA {pragma}")
    return connection
