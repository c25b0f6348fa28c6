"""Batches of the in-memory front door: the part of `FakeStore` that `workers.groups` is of the client."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from workers.client import Answer, Batch
from workers.errors import UsageError
from workers.jobs import FINAL, ItemCounts, Job, Pause, Scope, State

_ITEMS = ("total", "done", "failed", "skipped", "cached")


class FakeBatches:
    """Batches made of the jobs in `rows`."""

    rows: dict[int, Job]
    commits: int
    orders: list[tuple[str, tuple[int, ...]]]
    _each: Callable[[str, Sequence[int], Callable[[Job], Job | str]], list[Answer]]
    cancel: Callable[..., list[Answer]]
    remove: Callable[..., list[Answer]]

    def __init__(self) -> None:
        self.limits: dict[str, int] = {}
        self.batch_pauses: dict[str, Pause] = {}
        self.pauses_asked: list[tuple[str, int | None, bool]] = []  # (name, until, soft)

    def batches(self, name: str | None = None) -> list[Batch]:
        members: dict[str, list[Job]] = {one: [] for one in (*self.limits, *self.batch_pauses)}
        for job in self.rows.values():
            if job.batch:
                members.setdefault(job.batch, []).append(job)
        return [self._batch(one, jobs) for one, jobs in sorted(members.items()) if name in (None, one)]

    def _batch(self, name: str, jobs: list[Job]) -> Batch:
        counts = dict(Counter(job.state for job in jobs))
        done = sum(1.0 if job.final else job.progress.fraction or 0.0 for job in jobs)
        items = ItemCounts(*(sum(getattr(job.items, one) for job in jobs) for one in _ITEMS))
        ends = [job.finished_at for job in jobs if job.finished_at is not None]
        return Batch(
            name,
            self.limits.get(name),
            counts,
            items,
            done / len(jobs) if jobs else None,
            min((job.submitted_at for job in jobs), default=None),
            max(ends) if jobs and len(ends) == len(jobs) else None,
            self.batch_pauses.get(name),
        )

    def batch(self, name: str) -> Batch:
        found = self.batches(name)
        if not found:
            raise UsageError(f"no batch {name!r}")
        return found[0]

    def batch_members(self, name: str) -> dict[int, State]:
        self.batch(name)
        return {job.id: job.state for job in self.rows.values() if job.batch == name}

    def assign_batch(self, ids: Sequence[int], name: str | None, **_by: Any) -> list[Answer]:
        return self._each("assign_batch", ids, lambda job: replace(job, batch=name))

    def limit_batch(self, name: str, limit: int | None, **_by: Any) -> None:
        self.limits.pop(name, None)
        if limit is not None:
            self.limits[name] = limit
        self.commits += 1

    def pause_scope(
        self, scope: Scope, name: str, *, until: int | None = None, soft: bool = True, **_by: Any
    ) -> list[Answer]:
        self.batch_pauses[name] = Pause(scope, name, 0, until, "ada")
        self.pauses_asked.append((name, until, soft))
        self.commits += 1
        running = [job_id for job_id, state in self.batch_members(name).items() if state is State.RUNNING]
        return [] if soft else [Answer(job_id, True, "is being paused") for job_id in running]

    def resume_scope(self, scope: Scope, name: str, **_by: Any) -> bool:
        self.commits += 1
        return self.batch_pauses.pop(name, None) is not None

    def cancel_batch(self, name: str, **_by: Any) -> list[Answer]:
        return self.cancel([one for one, state in self.batch_members(name).items() if state not in FINAL])

    def remove_batch(self, name: str, **_by: Any) -> list[Answer]:
        members = self.batch_members(name)
        if any(state not in FINAL for state in members.values()):
            raise UsageError("jobs have not ended: cancel the batch first")
        self.limits.pop(name, None)
        self.batch_pauses.pop(name, None)
        return self.remove(list(members))
