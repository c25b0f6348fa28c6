"""Questions about jobs and the worker: a part of the front door."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from workers import configmark
from workers.ahead import Reasons
from workers.door import Door
from workers.health.figures import HostFigures
from workers.jobs import ItemOutcome, Job, JobEvent, State, Waiting
from workers.launch import worker_pid
from workers.logs import read_log
from workers.situation import situation
from workers.status import WorkerStatus
from workers.store import hosts, questions
from workers.store.database import spoken
from workers.store.records import now_ms
from workers.why import beside_worker, standstill

if TYPE_CHECKING:
    from workers.groups import Groups


class Asking(Door):
    """What `workers.client.Client` can tell."""

    @spoken
    def job(self, job_id: int) -> Job:
        """One job; NoSuchJob when there is none."""
        return questions.job_by_id(self._db, job_id)

    @spoken
    def jobs(self, query: str = "", *, sort: str = "", limit: int | None = None, offset: int = 0) -> list[Job]:
        """Jobs that match the words of a query, in order."""
        return questions.jobs(self._db, query, sort, limit, offset)

    @spoken
    def job_ids(self, query: str = "", *, sort: str = "") -> array[int]:
        """Ids of all jobs that match, in order."""
        return questions.job_ids(self._db, query, sort)

    @spoken
    def jobs_by_id(self, ids: Sequence[int]) -> dict[int, Job]:
        """Those of these jobs that exist."""
        return questions.jobs_by_id(self._db, ids)

    @spoken
    def jobs_since(self, revision: int, limit: int = 500) -> list[Job]:
        """Jobs that changed after a revision, oldest change first."""
        return questions.jobs_since(self._db, revision, limit)

    @spoken
    def removed_since(self, revision: int) -> list[int]:
        """Ids of jobs that were removed after a revision."""
        return questions.removed_since(self._db, revision)

    @spoken
    def revision(self) -> int:
        """The revision of the last change."""
        return questions.revision(self._db)

    @spoken
    def count(self, query: str = "") -> int:
        """How many jobs match."""
        return questions.count(self._db, query)

    @spoken
    def counts(self) -> dict[State, int]:
        """How many jobs are in each state."""
        return questions.counts(self._db)

    @spoken
    def events(self, since: int = 0, *, job_id: int | None = None, limit: int = 1000) -> list[JobEvent]:
        """History after a revision, oldest first."""
        return questions.events(self._db, since, job_id, limit)

    @spoken
    def items(self, job_id: int, *, outcome: str | None = None, offset: int = 0, limit: int = 200) -> list[ItemOutcome]:
        """How the inputs of a job ended, by key."""
        return questions.items(self._db, job_id, outcome, offset, limit)

    @spoken
    def result(self, job_id: int) -> Mapping[str, Any]:
        """The facts that a job without items ended with; of one with items only their counts."""
        return questions.result(self._db, job_id)

    @spoken
    def worker(self) -> WorkerStatus:
        """The worker of this home and its host."""
        pid = worker_pid(self.settings)
        row = hosts.latest_worker(self._db)
        if row is None:
            return WorkerStatus(pid is not None, pid)
        return WorkerStatus(
            running=pid is not None,
            pid=pid,
            host=row["host"],
            version=row["version"],
            started_at=row["started_at"],
            heartbeat=row["heartbeat"],
            age_s=max(0.0, (now_ms() - row["heartbeat"]) / 1000),
            report=tuple(row["report"]),
            figures=HostFigures.from_dict(row["figures"]),
            stale_config=pid is not None and configmark.stale(self.settings),
        )

    @spoken
    def why(self, job_id: int) -> tuple[Waiting, ...]:
        """Why a queued job does not run, or who paused one, with what lifts it. Empty when nothing holds it back.

        Of one that waits for others it tells what keeps these, too, down to the ends of its chain.
        """
        return self.why_each([job_id], chains=True)[questions.job_by_id(self._db, job_id).id]

    @spoken
    def why_each(self, ids: Sequence[int], *, chains: bool = False) -> dict[int, tuple[Waiting, ...]]:
        """As `why`, for many jobs at once; with `chains`, which is for few of them, to the ends of their chains."""
        jobs = questions.jobs_by_id(self._db, ids)
        names = tuple(operation.name for operation in self.operations())
        now = situation(self._db, self.settings, names)
        queues = {status.name: status for status in cast("Groups", self).queues()}
        worker = self.worker()
        asked = Reasons(self._db, now, queues)
        found = {job.id: asked.of(job, worker_runs=worker.running, chain=chains) for job in jobs.values()}
        return {job_id: beside_worker(jobs[job_id], reasons, worker) for job_id, reasons in found.items()}

    @spoken
    def standstill(self) -> Waiting | None:
        """Why no job that a worker began moves: no worker runs, or it is silent; None when one works."""
        return standstill(self.worker())

    def log(self, job_id: int, offset: int = 0, limit: int = 65536) -> tuple[str, int]:
        """The job's log from a byte on, made safe for a terminal, and the next byte. Negative: from the end."""
        path = self.settings.paths.job_log(job_id)
        ended = path.exists() and all(job.final for job in questions.jobs_by_id(self._db, [job_id]).values())
        return read_log(path, offset, limit, complete=ended)
