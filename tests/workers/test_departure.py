"""The words for an end; that jobs leave rightly is proved with real processes in flows and faults."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.support.databases import opened, running, submitted
from workers.departure import Departure, End, abandon, remove_recorded_staging
from workers.errors import ErrorClass, Failure
from workers.jobs import Job, State
from workers.runner import wire
from workers.runner.context import StagingFolders
from workers.runner.failures import how_it_died
from workers.runner.messages import JobMessage, Staging
from workers.store import orders, questions, reports
from workers.store.database import transaction
from workers.store.tables import JobRow
from workers.workshop import Stop


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (None, "with the process that had started it"),
        (0, "exit code 0 without a result"),
        (3, "exit code 3 without a result"),
        (-9, "killed by SIGKILL, perhaps out of memory"),
        (-11, "killed by SIGSEGV"),
        (-99, "killed by signal 99"),
    ],
)
def test_how_a_runner_died(status: int | None, words: str) -> None:
    assert how_it_died(status) == words


class _Recording:
    """A worker that records what a runner of the job says."""

    def __init__(self, db: Any, job_id: int, lease: int) -> None:
        self._to = db, job_id, lease

    def ask(self, question: Staging) -> None:
        assert reports.add_staging(*self._to, question.path, question.gone)


def test_what_another_holder_of_the_job_makes_is_left_to_him(tmp_path: Path) -> None:
    with opened(str(tmp_path / "spool.db")) as db:
        job = running(db)
        made = []
        for lease in (job.lease, job.lease + 1):
            with transaction(db):
                JobRow.update(lease=lease).where(JobRow.id == job.id).execute(db)
            message = JobMessage(job.id, lease, 1, "noop", {}, str(tmp_path / "work"))
            recording: Any = _Recording(db, job.id, lease)
            made.append(StagingFolders(message, recording).fresh(tmp_path / "films").parent)
        shop: Any = SimpleNamespace(db=db, persist=lambda job_id, write: write())
        remove_recorded_staging(shop, job)
        assert [folder.is_dir() for folder in made] == [False, True]
        remove_recorded_staging(shop, questions.job_by_id(db, job.id))
        assert not made[1].exists()


class _Shop:
    """What an end needs of a worker; it notes for which queues is rung."""

    def __init__(self, db: Any, folder: Path) -> None:
        self.db = db
        self.rung: list[str] = []
        self.bells = SimpleNamespace(ring=lambda queue, **how: self.rung.append(queue))
        self.operations: dict[str, Any] = {}
        self.settings = SimpleNamespace(paths=SimpleNamespace(job_work=lambda job_id: folder / str(job_id)))

    def persist(self, job_id: int, write: Callable[[], Any]) -> Any:
        return write()


def _failed(shop: Any, job: Job) -> None:
    Departure(shop, job, End(wire.Failed(Failure(ErrorClass.GONE, "it is gone")), None, "", False, False, 0)).leave()


def _cancelled(shop: Any, job: Job) -> None:
    Departure(shop, job, End(None, Stop.CANCEL, "ann", False, False, -15)).leave()


def _cancelled_as_the_worker_stops(shop: Any, job: Job) -> None:
    orders.cancel(shop.db, [job.id], "ann")
    Departure(shop, job, End(None, Stop.RELEASE, "worker", False, False, -15)).leave()


def _abandoned(shop: Any, job: Job) -> None:
    abandon(shop, job, ValueError("no way"))


@pytest.mark.parametrize("end", [_failed, _cancelled, _cancelled_as_the_worker_stops, _abandoned])
def test_an_end_rings_for_those_behind_what_it_skips(tmp_path: Path, end: Callable[[Any, Job], None]) -> None:
    with opened(str(tmp_path / "spool.db")) as db:
        job = running(db)
        skipped = submitted(db, queue="images", after=(job.id,))
        submitted(db, queue="video", after_ended=(skipped.id,))
        shop = _Shop(db, tmp_path)
        end(shop, job)
        assert questions.job_by_id(db, skipped.id).state is State.SKIPPED
        assert shop.rung == ["video"]
