"""Why the jobs that a job waits for do not go on themselves: what keeps those at the ends of its chain."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from workers.jobs import Job, State, Waiting
from workers.status import QueueStatus
from workers.store import links, questions
from workers.store.standing import stopped
from workers.store.waiting import DEPENDENCY, Situation, reasons
from workers.turn import had_one
from workers.why import explain

TOLD = 5  # jobs of a chain whose reasons are told, so that a sentence stays one


@dataclass
class _Chain:
    """The jobs before one, the nearest first."""

    near: frozenset[int]  # those that it waits for itself
    states: dict[int, State] = field(default_factory=dict)
    unread: int | None = None  # the first that was not looked behind, where there are too many links


class Reasons:
    """What holds back jobs: what was found of one serves for all that wait for it."""

    def __init__(self, db: Any, now: Situation, queues: Mapping[str, QueueStatus]) -> None:
        self._db = db
        self._now = now
        self._queues = queues
        self._own: dict[int, tuple[Waiting, ...]] = {}
        self._links: dict[int, tuple[tuple[int, State], ...]] = {}
        self._end: dict[int, bool | None] = {}  # None: a mere link; else whether it surely has a reason of its own

    def of(self, job: Job, *, worker_runs: bool, chain: bool) -> tuple[Waiting, ...]:
        """Why a job does not go on; with `chain`, where it waits for others, what keeps those at the ends of that.

        Empty when nothing keeps it.
        """
        if job.state is State.PAUSED:
            return (stopped(self._db, job, self._now.now),)
        if job.state is not State.QUEUED:
            return ()
        held_back = reasons(self._db, job, self._now)
        if chain:
            held_back = [self._followed(job, one) if one.reason == DEPENDENCY else one for one in held_back]
        return self._explained(job, held_back, worker_runs)

    def _followed(self, job: Job, waiting: Waiting) -> Waiting:
        """That it waits for others, with what keeps these, and what lifts that."""
        before = self._before(job)
        kept, others = self._ends(before)
        shown = [*kept, *others][:TOLD]
        found = questions.jobs_by_id(self._db, shown)
        told, lifts, keepers = [waiting.detail], [waiting.lifts], []
        for other in (found[one] for one in shown if one in found):
            where = f"job {other.id}" if other.id in before.near else f"further ahead job {other.id}"
            if other.state is State.RUNNING:
                told.append(f"{where} runs")
            for reason in self._alone(other):
                told.append(f"{where}: {reason.detail}")
                lifts.append(f"for job {other.id}: {reason.lifts}")
                keepers.append((other.id, reason.reason))
        left = kept[TOLD] if len(kept) > TOLD else before.unread
        if left is not None:
            lifts.append(f"spool why {left} tells what keeps that one")
        return Waiting(waiting.reason, "; ".join(told), "; ".join(lifts), tuple(keepers))

    def _before(self, job: Job) -> _Chain:
        """All unfinished jobs that it waits for, and that these wait for; each once, so a ring of them ends."""
        first = self._linked(job.id)
        chain = _Chain(frozenset(on_id for on_id, _ in first), dict(first))
        line = [on_id for on_id, state in first if state is State.QUEUED]
        rows = len(first)
        for on_id in line:  # grows as it goes
            if rows >= links.MOST_ROWS:
                chain.unread = on_id
                break
            further = self._linked(on_id)
            rows += len(further)
            for one, state in further:
                if one != job.id and one not in chain.states:
                    chain.states[one] = state
                    if state is State.QUEUED:
                        line.append(one)
        return chain

    def _linked(self, job_id: int) -> tuple[tuple[int, State], ...]:
        if job_id not in self._links:
            self._links[job_id] = links.ahead(self._db, job_id)
        return self._links[job_id]

    def _ends(self, chain: _Chain) -> tuple[list[int], list[int]]:
        """Those before it that something other than a job keeps; and those that run or may wait for a slot.

        Which of the nearest run is told already.
        """
        still = [one for one, state in chain.states.items() if state is not State.RUNNING]
        unknown = [one for one in still if one not in self._end]
        ends = links.ends(self._db, unknown, self._now)
        self._end.update((one, ends.get(one)) for one in unknown)
        kept = [one for one in still if self._end[one]]
        run = [one for one, state in chain.states.items() if state is State.RUNNING and one not in chain.near]
        return kept, [*run, *(one for one in still if self._end[one] is False)]

    def _alone(self, job: Job) -> tuple[Waiting, ...]:
        """What besides other jobs keeps one that is waited for. That no worker runs is told of those that wait."""
        if job.id not in self._own:
            self._own[job.id] = tuple(self._besides_jobs(job))
        return self._own[job.id]

    def _besides_jobs(self, job: Job) -> Iterator[Waiting]:
        if job.state is State.PAUSED:
            yield stopped(self._db, job, self._now.now)
        elif job.state is State.QUEUED:
            all_of = self._explained(job, reasons(self._db, job, self._now), True)
            yield from (one for one in all_of if one.reason != DEPENDENCY)

    def _explained(self, job: Job, held_back: Sequence[Waiting], worker_runs: bool) -> tuple[Waiting, ...]:
        return explain(held_back, worker_runs, self._queues.get(job.queue), turned=had_one(job.position))
