"""Keeping the write-ahead log small: the one connection of a home that brings it into the database.

No other connection checkpoints, because two at once can damage the file before SQLite 3.51.3. Up to the log's first
bound nothing is done; beyond it what can be brought in is brought in beside everybody, and then the log is emptied,
for which writers wait a moment at most. Readers that come and go are waited for; one that stays cannot be, so after
each vain attempt the next one is made later, and who it is gets told.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
import threading
import time
from pathlib import Path

log = logging.getLogger(__name__)

BOUND = 4 << 20  # bytes of log up to which nothing is done
_LARGE = 64 << 20  # bytes of log that a person should know of
_LOOK_S = 0.25  # between looks, while nobody writes
_SOON_S = 0.03  # until the next one, while somebody does
_WAIT_S = 0.15  # that writers wait for readers at most, each time
_LONGEST_PAUSE_S = 15.0  # between vain attempts
_PATIENCE_S = 60.0  # that a reader may hold a large log before it is told, and between two such lines
_READ_LOCKS = range(123, 128)  # the bytes of the shared file that readers of the log lock


class Checkpointer:
    """A thread that keeps the log of one database small."""

    def __init__(self, database: Path) -> None:
        self._database = database
        self._wal = Path(f"{database}-wal")
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="checkpointer", daemon=True)
        self._seen = (0, 0)
        self._pause_s = 0.0
        self._next = 0.0
        self._large_since: float | None = None

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def close(self) -> None:
        """End, with the log emptied if no reader is in the way."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        with contextlib.closing(self._connected()) as connection:
            wait_s = _LOOK_S
            while not self._stop.wait(wait_s):
                wait_s, before = _LOOK_S, self._seen
                with contextlib.suppress(sqlite3.Error, OSError):  # whoever reads or writes next tells what is wrong
                    self._look(connection)
                    wait_s = _LOOK_S if self._seen == before else _SOON_S
            with contextlib.suppress(sqlite3.Error):
                self._empty(connection)

    def _connected(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._database, timeout=_WAIT_S, isolation_level=None, check_same_thread=False)
        connection.execute("PRAGMA mmap_size=0").fetchall()
        connection.execute("PRAGMA wal_autocheckpoint=0").fetchall()
        return connection

    def _look(self, connection: sqlite3.Connection) -> None:
        size, _ = self._seen = self._state()
        now = time.monotonic()
        if size <= BOUND:
            self._pause_s, self._next, self._large_since = 0.0, 0.0, None
            return
        connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()  # nobody waits for this
        if now < self._next:
            return
        if self._empty(connection):
            self._pause_s = 0.0
        else:
            self._pause_s = min(_LONGEST_PAUSE_S, max(_SOON_S, 2 * self._pause_s))
            self._next = time.monotonic() + self._pause_s
            self._tell(size, now)

    def _state(self) -> tuple[int, int]:
        """The size of the log in bytes, and when it was written to last."""
        try:
            facts = self._wal.stat()
        except FileNotFoundError:
            return 0, 0
        return facts.st_size, facts.st_mtime_ns

    def _empty(self, connection: sqlite3.Connection) -> bool:
        """Bring in the whole log and cut it to nothing; whether that could be done."""
        (busy, _, _) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        return not busy

    def _tell(self, size: int, now: float) -> None:
        if size <= _LARGE:
            return
        if self._large_since is None:
            self._large_since = now
        if now - self._large_since >= _PATIENCE_S:
            self._large_since = now
            readers = ", ".join(map(str, readers_of(self._database))) or "unknown"
            log.warning(
                "the write-ahead log has %.0f MB and cannot be emptied: process %s has been reading for long",
                size / 1e6,
                readers,
            )


def readers_of(database: Path) -> list[int]:
    """Other processes that read a moment of the past now, as the kernel's list of locks has them; empty if unknown.

    The list is read because asking the file would drop this process's own locks on it.
    """
    try:
        shared = os.stat(f"{database}-shm")
        lines = Path("/proc/locks").read_text(encoding="ascii").splitlines()
    except (OSError, ValueError):
        return []
    found = {pid for line in lines if (pid := _reader_in(line, shared.st_ino)) is not None}
    return sorted(found - {os.getpid()})


def _reader_in(line: str, inode: int) -> int | None:
    """The process of a line such as `5: POSIX ADVISORY READ 1234 08:01:99 123 123`, if it reads the log there."""
    words = line.split()
    if len(words) < 8 or words[1] != "POSIX" or words[3] != "READ" or not words[5].endswith(f":{inode}"):
        return None
    return int(words[4]) if words[6].isdigit() and int(words[6]) in _READ_LOCKS else None
