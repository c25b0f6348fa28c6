"""Processes that read a database as consoles do, and writers beside them."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.support.databases import opened
from workers.jobs import Move
from workers.store import moves, questions

# Looks as a console does: one moment for a few questions, then the next.
CONSOLE = """
import sqlite3, sys, time
connection = sqlite3.connect(sys.argv[1], timeout=10, isolation_level=None)
print("open", flush=True)
while True:
    connection.execute("BEGIN")
    connection.execute("SELECT max(revision) FROM job").fetchone()
    time.sleep(0.01)
    connection.execute("SELECT * FROM job ORDER BY revision DESC LIMIT 50").fetchall()
    connection.execute("COMMIT")
"""
# Begins to read, and does not end.
STAYS = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], timeout=10, isolation_level=None)
connection.execute("BEGIN")
connection.execute("SELECT max(revision) FROM job").fetchone()
print("open", flush=True)
sys.stdin.read()
"""


@contextlib.contextmanager
def reader(program: str, database: Path, count: int = 1) -> Iterator[list[int]]:
    """Processes that read; their ids."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(database)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(count)
    ]
    try:
        for process in processes:
            assert process.stdout is not None and process.stdout.readline() == "open\n"
        yield [process.pid for process in processes]
        assert all(process.poll() is None for process in processes), "a reader failed"
    finally:
        for process in processes:
            process.kill()
            process.communicate()


def log_size(database: Path) -> int:
    with contextlib.suppress(FileNotFoundError):
        return Path(f"{database}-wal").stat().st_size
    return 0


def write_moves(database: Path, count: int) -> int:
    """Make so many moves; how large the log was at most, in bytes."""
    largest = 0
    with opened(str(database)) as db:
        db.execute_sql("PRAGMA synchronous=off")  # as much as possible at once
        ids = list(questions.job_ids(db, ""))
        for number in range(count):
            job_id = ids[number // 2 % len(ids)]
            assert moves.move(db, (Move.CANCELLED, Move.RESTARTED)[number % 2], job_id, by="ann")
            largest = max(largest, log_size(database))
    return largest
