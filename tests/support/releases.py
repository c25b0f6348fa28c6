"""The state of each version of the jobs table, as text: `python -m tests.support.releases` writes that of this one.

Every state, dependencies, items, history, a removed job, a worker and settings of queues are in it.
"""

from __future__ import annotations

import contextlib
import sqlite3
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.support.databases import claimed, running, submitted
from workers.client import Client, open_client
from workers.config import load_settings
from workers.errors import ErrorClass, Failure
from workers.jobs import Move, Priority
from workers.store import hosts, moves, orders
from workers.store.migrations import latest
from workers.store.records import error_fields
from workers.store.tables import ItemRow

FOLDER = Path(__file__).parents[1] / "workers" / "store" / "releases"
RELEASES = sorted(FOLDER.glob("schema-*.sql"), key=lambda path: int(path.stem.partition("-")[2]))
_WORKER = {"host": "box", "pid": 4_000_000, "pid_start": 1, "boot_id": "boot", "version": "0.1.0", "operations": "[]"}


def fill(client: Client) -> None:
    """A bit of everything."""
    db = client._db
    hosts.add_worker(db, dict(_WORKER))
    _ended(db)
    running(db, title="runs", queue="video")
    paused = running(db, title="is paused", queue="images")
    assert moves.move(db, Move.PAUSED, paused.id, by="ann")
    first = submitted(db, title="waits: Grüße \U0001f600", batch="holiday", priority=Priority.HIGH)
    submitted(db, title="waits for it", after=(first.id,), batch="holiday")
    submitted(db, title="is held", hold=True, site="example.org")
    submitted(db, title="waits for its time", run_after=4_000_000_000_000)
    client.pause_queue("downloads", by="ann")
    client.set_slots("metadata", 1, by="ann")


def _ended(db: Any) -> None:
    job = running(db, title="has succeeded", submission_key="key 1")
    for number, outcome in enumerate(("done", "failed", "skipped")):
        ItemRow.insert(job_id=job.id, key=f'"/media/{number}.jpg"', outcome=outcome).execute(db)
    fields = {"outputs": '["/media/made.jpg"]', "items_total": 3, "items_done": 1, "items_failed": 1}
    assert moves.move(db, Move.SUCCEEDED, job.id, by="worker", lease=job.lease, fields=fields)
    job = running(db, title="has failed")
    submitted(db, title="is skipped", after=(job.id,))
    failure = error_fields(Failure(ErrorClass.NETWORK, "connection reset", "https://example.org/v", "curl: (56)"))
    assert moves.move(db, Move.FAILED, job.id, by="worker", reason="network", lease=job.lease, fields=failure)
    cancelled = submitted(db, title="is cancelled")
    orders.cancel(db, [cancelled.id], "ann")
    removed = submitted(db, title="is removed")
    orders.cancel(db, [removed.id], "ann")
    orders.remove(db, [removed.id], "ann")
    assert claimed(db) is None


def build(text: str, path: Path) -> None:
    """The database that such a text tells of."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=wal")
        connection.executescript(text)
    path.chmod(0o600)


def main() -> int:
    """Write the state of this version."""
    with tempfile.TemporaryDirectory() as folder:
        settings = load_settings({"SPOOL_HOME": folder})
        client = open_client(settings)
        fill(client)
        client.close()
        with contextlib.closing(sqlite3.connect(settings.paths.database)) as connection:
            text = "\n".join(connection.iterdump()) + "\n"
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / f"schema-{latest()}.sql").write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
