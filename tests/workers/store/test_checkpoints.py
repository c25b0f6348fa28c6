"""The write-ahead log stays small beside writers and readers; a reader that stays is told, and stops nobody."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.databases import opened, submitted
from tests.support.home import wait_for
from tests.support.readers import CONSOLE, STAYS, log_size, reader, write_moves
from workers.store import checkpoints, questions
from workers.store.checkpoints import Checkpointer, readers_of
from workers.store.database import ChangePoll, ask, close_async, open_async_database, transaction


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "state" / "spool.db"
    with opened(str(path)) as db:
        for _ in range(20):
            submitted(db)
    return path


@contextlib.contextmanager
def keeping(database: Path) -> Iterator[Checkpointer]:
    keeper = Checkpointer(database)
    keeper.start()
    try:
        yield keeper
    finally:
        keeper.close()


def test_it_stays_small_beside_writers_and_constant_readers(database: Path) -> None:
    with reader(CONSOLE, database, 4), keeping(database):
        write_moves(database, 2000)
        wait_for(lambda: log_size(database) <= checkpoints.BOUND, what="a small log beside readers")
    with opened(str(database)) as db:
        assert questions.revision(db) >= 2020
        assert db.execute_sql("PRAGMA integrity_check").fetchall() == [("ok",)]
    # So that tells something: without it the log grows as long as somebody reads.
    with reader(CONSOLE, database):
        assert write_moves(database, 2000) > 12 * checkpoints.BOUND
        assert log_size(database) > 12 * checkpoints.BOUND


def test_a_reader_that_stays_stops_no_writer_and_is_named(
    database: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for name, value in (("BOUND", 1 << 16), ("_LARGE", 1 << 16), ("_PATIENCE_S", 0.3), ("_LOOK_S", 0.02)):
        monkeypatch.setattr(checkpoints, name, value)
    with reader(STAYS, database) as pids, keeping(database), caplog.at_level(logging.WARNING):
        write_moves(database, 100)
        assert log_size(database) > checkpoints.BOUND
        wait_for(lambda: "has been reading" in caplog.text, what="a word about it")
        assert f"process {pids[0]} " in caplog.text
    with keeping(database):  # it has gone: the log is emptied, without waiting for the next write
        wait_for(lambda: log_size(database) == 0, what="an empty log")


def test_the_log_is_emptied_at_the_end(database: Path) -> None:
    with opened(str(database)) as db:
        submitted(db)
        assert log_size(database) > 0
        with keeping(database):
            pass
        assert log_size(database) == 0


def test_readers_are_found_by_their_locks(database: Path) -> None:
    if not Path("/proc/locks").exists():
        pytest.skip("there is no list of locks here")
    with contextlib.closing(sqlite3.connect(database, isolation_level=None)) as mine:
        mine.execute("BEGIN")
        mine.execute("SELECT count(*) FROM job").fetchone()
        assert readers_of(database) == []
        with reader(STAYS, database, 2) as pids:
            assert readers_of(database) == sorted(pids)
    assert readers_of(database.with_name("none")) == []


def test_a_small_log_is_left_alone(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoints, "_LOOK_S", 0.01)
    with opened(str(database)) as db, keeping(database):
        submitted(db)
        size = log_size(database)
        assert 0 < size < checkpoints.BOUND
        time.sleep(0.1)
        assert log_size(database) == size


def test_a_database_that_vanishes_ends_nothing(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoints, "_LOOK_S", 0.01)
    monkeypatch.setattr(checkpoints, "BOUND", -1)
    with keeping(database) as keeper:
        for path in database.parent.glob("spool.db*"):
            os.unlink(path)
        time.sleep(0.05)
        assert keeper._thread.is_alive()


_FILL = (
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1500)"
    " INSERT INTO filler SELECT randomblob(4000) FROM n"
)


def _fill(db: Any) -> None:
    """Five megabytes: more than the thousand pages after which SQLite would by itself."""
    with transaction(db):
        db.execute_sql(_FILL)


async def _fill_asynchronously(database: Path) -> None:
    db = open_async_database(str(database))
    await ask(db, _fill, db)
    await close_async(db)


def test_nobody_else_brings_the_log_in(database: Path) -> None:
    """Before SQLite 3.51.3 two that do so at once can damage the file."""
    with opened(str(database)) as db:
        db.execute_sql("CREATE TABLE filler (a BLOB)")
        assert db.execute_sql("PRAGMA wal_autocheckpoint").fetchone() == (0,)
        assert db.execute_sql("PRAGMA mmap_size").fetchone() in ((0,), None)  # None where it was left out of SQLite
        size = database.stat().st_size
        _fill(db)
        asyncio.run(_fill_asynchronously(database))
        poll = ChangePoll(database)
        assert poll.changed()
        poll.close()
        assert database.stat().st_size == size and log_size(database) > 10 << 20
        with keeping(database):
            wait_for(lambda: log_size(database) == 0, what="an empty log")
        assert database.stat().st_size > 10 << 20
