"""Why the jobs that a job waits for do not go on themselves: their own reasons, a few links down the chain."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workers.jobs import Job, State, Waiting
from workers.status import QueueStatus
from workers.store import questions
from workers.store.standing import stopped
from workers.store.waiting import DEPENDENCY, Situation, blockers, reasons
from workers.why import explain

LINKS = 5  # jobs down the chain whose reasons are told, so that a sentence stays one


class Reasons:
    """What holds back many jobs, each of them asked once."""

    def __init__(self, db: Any, now: Situation, queues: Mapping[str, QueueStatus]) -> None:
        self._db = db
        self._now = now
        self._queues = queues
        self._own: dict[int, tuple[Waiting, ...]] = {}

    def of(self, job: Job, *, worker_runs: bool) -> tuple[Waiting, ...]:
        """Why a job does not go on; where it waits for others, why these do not either. Empty when nothing keeps it."""
        if job.state is State.PAUSED:
            return self._alone(job)
        if job.state is not State.QUEUED:
            return ()
        held_back = [self._followed(job, one) for one in reasons(self._db, job, self._now)]
        return explain(held_back, worker_runs, self._queues.get(job.queue))

    def _alone(self, job: Job) -> tuple[Waiting, ...]:
        """What keeps one that others wait for. That no worker runs is told of those."""
        if job.id not in self._own:
            if job.state is State.PAUSED:
                self._own[job.id] = (stopped(self._db, job, self._now.now),)
            else:
                self._own[job.id] = explain(reasons(self._db, job, self._now), True, self._queues.get(job.queue))
        return self._own[job.id]

    def _followed(self, job: Job, waiting: Waiting) -> Waiting:
        """A reason as it is, or that it waits for others with what keeps these, and what lifts that."""
        if waiting.reason != DEPENDENCY:
            return waiting
        told, lifts = [waiting.detail], [waiting.lifts]
        line, seen = self._ahead(job), {job.id}
        while line and len(seen) <= LINKS:
            other = line.pop(0)
            if other.id in seen:
                continue
            seen.add(other.id)
            for reason in self._alone(other):
                told.append(f"job {other.id}: {reason.detail}")
                if reason.reason == DEPENDENCY:
                    line += self._ahead(other)
                else:
                    lifts.append(f"for job {other.id}: {reason.lifts}")
        left = next((other.id for other in line if other.id not in seen and self._alone(other)), None)
        if left is not None:
            lifts.append(f"spool why {left} tells what keeps that one")
        return Waiting(waiting.reason, "; ".join(told), "; ".join(lifts))

    def _ahead(self, job: Job) -> list[Job]:
        """The first of those that it waits for that do not run."""
        still = [on_id for on_id, state, _ in blockers(self._db, job.id) if state in (State.QUEUED, State.PAUSED)]
        found = questions.jobs_by_id(self._db, still[: LINKS + 1])
        return [found[on_id] for on_id in still if on_id in found]
