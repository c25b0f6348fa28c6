"""How far a job has come, as lists tell it. Pure."""

from __future__ import annotations

from workers.jobs import Job, State

_WITHOUT_SUCCESS = (State.FAILED, State.CANCELLED, State.SKIPPED)


def reached(job: Job) -> float | None:
    """The share from 0 to 1 of its work that a job has done; None when unknown.

    Progress counts inputs that failed as well, and is full when nothing is left to do. Of a job that ended without
    success only what was done counts, and a full share is none.
    """
    share = job.progress.fraction
    if job.state not in _WITHOUT_SUCCESS:
        return share
    items = job.items
    if items.total:
        return (items.done + items.skipped + items.cached) / items.total
    return None if share is not None and share >= 1 else share
