"""What the store costs on SQLite: claims, submits, and questions over 100,000 ended jobs.

`python -m tests.bench.store [FOLDER]` prints the figures.
"""

from __future__ import annotations

import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import peewee  # noqa: F401  (before workers.store)

from tests.support.databases import claimed, opened, situation, submitted
from workers.jobs import Move
from workers.store import claims, hosts, moves, questions
from workers.store.database import transaction
from workers.store.records import folded, now_ms
from workers.store.tables import Counter, JobRow

JOBS = 500
ENDED = 100_000


def _finish(db: Any) -> bool:
    job = claimed(db)
    return job is not None and moves.move(db, Move.SUCCEEDED, job.id, by="worker", lease=job.lease)


def _submits(db: Any) -> None:
    started = time.perf_counter()
    for number in range(JOBS):
        submitted(db, title=f"job {number}")
    print(f"submits                     {JOBS / (time.perf_counter() - started):8.0f} /s")


def _claims(db: Any, threads: int) -> None:
    def work() -> None:
        while _finish(db):
            pass
        db.close()

    for number in range(JOBS):
        submitted(db, title=f"job {number}")
    workers = [threading.Thread(target=work) for _ in range(threads)]
    started, processor = time.perf_counter(), time.process_time()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    wall, cpu = time.perf_counter() - started, time.process_time() - processor
    print(f"claim + finish, {threads} threads   {JOBS / wall:8.0f} /s   {cpu / JOBS * 1000:6.3f} ms CPU each")


def _fill(db: Any, number: int) -> None:
    """Ended jobs written straight into the table: their history does not matter here."""
    moment, first = now_ms(), int(questions.revision(db)) + 1
    rows = [
        {
            "id": first + offset,
            "operation": "noop",
            "queue": "default",
            "state": "succeeded",
            "priority": 50,
            "position": float(first + offset),
            "title": f"film {offset}",
            "folded": folded(f"film {offset}"),
            "params": "{}",
            "submitted_by": "ann",
            "submitted_at": moment - offset,
            "finished_at": moment - offset,
            "revision": first + offset,
        }
        for offset in range(number)
    ]
    with transaction(db):
        for start in range(0, number, 500):
            JobRow.insert_many(rows[start : start + 500]).execute(db)
        Counter.update(value=first + number).where(Counter.key != "schema").execute(db)


def _timed(name: str, act: Callable[[], object], times: int = 5) -> None:
    spans = []
    for _ in range(times):
        started = time.perf_counter()
        act()
        spans.append(time.perf_counter() - started)
    print(f"{name:27} {sorted(spans)[len(spans) // 2] * 1000:8.2f} ms")


def _questions(db: Any) -> None:
    last = questions.revision(db)
    _timed("job_ids('')", lambda: questions.job_ids(db))
    _timed("job_ids('film 99')", lambda: questions.job_ids(db, "film 99"))
    _timed("jobs('', limit=200)", lambda: questions.jobs(db, limit=200))
    _timed("jobs_since, nothing new", lambda: questions.jobs_since(db, last, 500), 50)
    _timed("jobs_since, 200 changed", lambda: questions.jobs_since(db, last - 201, 500))
    _timed("counts", lambda: questions.counts(db))
    _timed("wishes", lambda: hosts.wishes(db, 1), 50)
    _timed("claim, nothing waits", lambda: claims.claim(db, "default", 1, situation()), 50)
    _timed("submit", lambda: submitted(db), 50)
    _timed("claim + finish", lambda: _finish(db), 50)


def main() -> None:
    """Print all figures."""
    where = sys.argv[1] if len(sys.argv) > 1 else None
    with tempfile.TemporaryDirectory(dir=where) as folder:
        with opened(str(Path(folder) / "small" / "spool.db")) as db:
            _submits(db)
            while _finish(db):
                pass
            for threads in (1, 2, 4):
                _claims(db, threads)
        with opened(str(Path(folder) / "large" / "spool.db")) as db:
            _fill(db, ENDED)
            print(f"with {ENDED} ended jobs:")
            _questions(db)


if __name__ == "__main__":
    main()
