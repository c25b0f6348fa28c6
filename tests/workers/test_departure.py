"""The words for an end; that jobs leave rightly is proved with real processes in flows and faults."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.support.databases import opened, running
from workers.departure import remove_recorded_staging
from workers.runner.context import StagingFolders
from workers.runner.failures import how_it_died
from workers.runner.messages import JobMessage, Staging
from workers.store import questions, reports
from workers.store.database import transaction
from workers.store.tables import JobRow


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
