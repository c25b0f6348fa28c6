"""Writes the newest progress of all live jobs: at once after a quiet time, then at most ten times a second."""

from __future__ import annotations

import logging
import threading
import time
from typing import Any

from workers.jobs import Progress
from workers.store import reports
from workers.store.database import is_sqlite

log = logging.getLogger(__name__)

INTERVAL_S = 0.1


class Recorder:
    """One thread that writes for all supervisors; a newer figure replaces one that was not written yet."""

    def __init__(self, db: Any) -> None:
        self._db = db
        self._newest: dict[tuple[int, int], Progress] = {}
        self._noted = threading.Condition()
        self._stopping = False
        self._refused = False
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def note(self, job_id: int, lease: int, progress: Progress) -> None:
        """Remember the newest progress of a job; returns at once."""
        with self._noted:
            self._newest[(job_id, lease)] = progress
            self._noted.notify()

    def forget(self, job_id: int, lease: int) -> None:
        """The job's attempt is over; what was not written yet is of no use."""
        with self._noted:
            self._newest.pop((job_id, lease), None)

    def stop(self) -> None:
        """Write what is left and end the thread."""
        with self._noted:
            self._stopping = True
            self._noted.notify()
        self._thread.join(5)

    def _take(self) -> dict[tuple[int, int], Progress] | None:
        with self._noted:
            self._noted.wait_for(lambda: self._newest or self._stopping)
            taken, self._newest = self._newest, {}
        return taken or None

    def _run(self) -> None:
        # Losing the last figures in a power cut is no loss, so these writes need not wait for the disk.
        self._db.connect(reuse_if_open=True)
        if is_sqlite(self._db):
            self._db.execute_sql("PRAGMA synchronous=NORMAL")
        while (taken := self._take()) is not None:
            self._write(taken)
            time.sleep(INTERVAL_S)
        self._db.close()

    def _write(self, taken: dict[tuple[int, int], Progress]) -> None:
        """Whatever is wrong with these figures or the database, the next ones may be written; told once."""
        try:
            reports.write_progress(self._db, taken)
            self._refused = False
        except Exception as error:
            if not self._refused:
                log.warning("progress of %d jobs not written: %s", len(taken), error)
            self._refused = True
