from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import pytest

from tests.support.databases import KINDS, migrated, opened, running
from workers.jobs import Progress
from workers.recorder import Recorder
from workers.store import questions, reports


def _until(true: Any) -> None:
    deadline = time.monotonic() + 20
    while not true():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.005)


@pytest.mark.parametrize("kind", KINDS)
def test_the_newest_figures_are_written(kind: str, tmp_path: Path) -> None:
    with opened(migrated(kind, tmp_path)) as db:
        job = running(db)
        recorder = Recorder(db)
        recorder.start()
        for step in range(1, 500):
            recorder.note(job.id, job.lease, Progress(step / 1000))
        recorder.note(job.id, job.lease, Progress(1.0, "last"))
        recorder.stop()
        assert questions.job_by_id(db, job.id).progress == Progress(1.0, "last")
        # One at once, and then at most ten a second: far fewer writes than reports.
        assert questions.revision(db) - job.revision < 50


def test_what_was_forgotten_is_not_written(tmp_path: Path) -> None:
    with opened(migrated("sqlite", tmp_path)) as db:
        job = running(db)
        recorder = Recorder(db)
        recorder.note(job.id, job.lease, Progress(0.5))
        recorder.forget(job.id, job.lease)
        recorder.forget(job.id, 99)
        recorder.start()
        recorder.stop()
        assert questions.job_by_id(db, job.id).progress == Progress()


def test_an_error_does_not_end_the_recording(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with opened(migrated("sqlite", tmp_path)) as db:
        job = running(db)
        real, failed = reports.write_progress, threading.Event()

        def broken(*args: Any) -> None:
            failed.set()
            raise RuntimeError("a bug")

        monkeypatch.setattr(reports, "write_progress", broken)
        recorder = Recorder(db)
        recorder.start()
        recorder.note(job.id, job.lease, Progress(0.1))
        assert failed.wait(20)
        monkeypatch.setattr(reports, "write_progress", real)
        recorder.note(job.id, job.lease, Progress(0.2))
        _until(lambda: questions.job_by_id(db, job.id).progress.fraction == 0.2)
        recorder.stop()
