"""Why a queued job does not run: what holds it back by the rules of the store, and what only the worker knows. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from workers.jobs import MOST_AT_ONCE, Job, State, Waiting, Wish
from workers.status import QueueStatus, WorkerStatus

NO_WORKER = Waiting("no_worker", "no worker is running", "spool worker --detach, or open the console")


def explain(
    held_back: Sequence[Waiting], worker_runs: bool, queue: QueueStatus | None, *, turned: bool = False
) -> tuple[Waiting, ...]:
    """All reasons: those of the rules, then a missing worker, else slots that are taken. Empty: it starts at once.

    `turned`: the job had a turn at a slot, and made room for others.
    """
    found = list(held_back)
    if not worker_runs:
        found.append(NO_WORKER)
    if not found and queue is not None and queue.running + queue.paused_jobs >= queue.slots:
        found.append(_slots_taken(queue, turned=turned))
    return tuple(found)


def standstill(worker: WorkerStatus) -> Waiting | None:
    """Why nothing that a worker began moves: none runs here, or the one that does gives no sign of life."""
    if not worker.running:
        lifts = "spool worker --detach starts one, which takes it up again"
        return Waiting("no_worker", "no worker runs here, so it does not move", lifts)
    if not worker.silent:
        return None
    told = f"the worker, process {worker.pid}, has been silent for {worker.age_s or 0:.0f} s, so it may not move"
    lifts = f"kill -CONT {worker.pid} if it was stopped; else spool stop and spool worker --detach start it anew"
    return Waiting("silent_worker", told, lifts)


def beside_worker(job: Job, found: tuple[Waiting, ...], worker: WorkerStatus) -> tuple[Waiting, ...]:
    """The reasons of a job that does not run, and what the worker has to do with it.

    That none runs is among those of a queued job already, see `explain`.
    """
    stands = standstill(worker)
    if stands is None or (job.state is State.QUEUED and not worker.running):
        return found
    if job.state is State.PAUSED and job.wish in (Wish.RESUME, Wish.CANCEL):
        found = tuple(replace(one, lifts="") for one in found)  # no worker sees to it
    return (*found, stands) if job.state in (State.QUEUED, State.PAUSED) else found


def _slots_taken(queue: QueueStatus, *, turned: bool) -> Waiting:
    busy = queue.running + queue.paused_jobs
    paused = f", {queue.paused_jobs} of them paused" if queue.paused_jobs else ""
    chosen = f" ({queue.slots_words})" if queue.slots_words else ""
    taken = f"{busy} of {queue.slots} slots of {queue.name} are taken"
    if not queue.slots:
        taken = f"{queue.name} has no slots now"
    elif busy > queue.slots:  # there were more when those started
        taken = f"{busy} jobs of {queue.name} are at work, and it may have {queue.slots} now"
    if turned:
        taken = f"it had its turn, and jobs that had less go before it until its next one; {taken}"
    ways = _ways_to_a_slot(queue, max(busy, queue.slots) + 1, turned=turned)
    return Waiting("slot", f"{taken}{paused}{chosen}", "; ".join(ways))


def _ways_to_a_slot(queue: QueueStatus, wanted: int, *, turned: bool) -> Iterator[str]:
    """What gives the next job its slot; `wanted` slots would be enough for it."""
    follows = queue.auto and not queue.by_hand
    if queue.slots:
        first = "it goes on by turns" if turned else "it starts when one ends"
        yield f"{first} or when the load allows more" if follows else first
    if wanted <= MOST_AT_ONCE:
        yield f"spool queue slots {wanted} {queue.name} {'insists' if follows else 'makes room for it'}"
    if queue.auto and queue.by_hand:
        yield f"spool queue slots auto {queue.name} lets the number follow the load again"
