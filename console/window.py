"""The rows of one query and order: all ids as 8-byte integers, and only the jobs that are looked at. Pure."""

from __future__ import annotations

from array import array
from collections import OrderedDict
from collections.abc import Iterable, Sequence

from workers.jobs import Job

PAGE = 200
_KEPT = 20 * PAGE


class JobWindow:
    """Ids in order, a bounded memory of jobs by id, and every live job. Marks and cursor are ids, never places."""

    def __init__(self) -> None:
        self.ids: array[int] = array("q")
        self.live: dict[int, Job] = {}
        self.marks: dict[int, None] = {}
        self._kept: OrderedDict[int, Job] = OrderedDict()
        self.order_changed = False

    def __len__(self) -> int:
        return len(self.ids)

    def reorder(self, ids: array[int]) -> None:
        """Take a fresh answer of the query."""
        self.ids = ids
        self.order_changed = False

    def place(self, job_id: int, near: int = 0) -> int | None:
        """Where an id stands, or None. Looks about `near` first: rows move little between two answers."""
        low = max(0, near - 64)
        try:
            return low + self.ids[low : near + 64].index(job_id)
        except ValueError:
            pass
        try:
            return self.ids.index(job_id)
        except ValueError:
            return None

    def job(self, job_id: int) -> Job | None:
        """The job as last seen, or None when it must be asked for first."""
        found = self.live.get(job_id)
        if found is None:
            found = self._kept.get(job_id)
            if found is not None:
                self._kept.move_to_end(job_id)
        return found

    def at(self, place: int) -> Job | None:
        """The job at a place; None when it is unknown or the place does not exist."""
        return self.job(self.ids[place]) if 0 <= place < len(self.ids) else None

    def missing(self, first: int, last: int) -> list[int]:
        """Ids between two places (widened to whole pages) that are not in memory; empty when all that show are."""
        shown = self.ids[max(0, first) : last]
        if all(job_id in self.live or job_id in self._kept for job_id in shown):
            return []
        low = max(0, first) // PAGE * PAGE
        high = min(len(self.ids), -(-last // PAGE) * PAGE)
        return [job_id for job_id in self.ids[low:high] if job_id not in self.live and job_id not in self._kept]

    def keep(self, jobs: Iterable[Job]) -> None:
        """Remember jobs that were asked for; an older revision never replaces a newer one."""
        for job in jobs:
            known = self.job(job.id)
            if known is None or known.revision <= job.revision:
                self._put(job)
        while len(self._kept) > _KEPT:
            self._kept.popitem(last=False)

    def _put(self, job: Job) -> None:
        if job.live:
            self.live[job.id] = job
            self._kept.pop(job.id, None)
        else:
            self.live.pop(job.id, None)
            self._kept[job.id] = job
            self._kept.move_to_end(job.id)

    def changed(self, jobs: Sequence[Job], removed: Sequence[int]) -> None:
        """Take what the store says has changed. Notes whether the order must be asked for again."""
        for job in jobs:
            known = self.job(job.id)
            if known is None or _order_key(known) != _order_key(job):
                self.order_changed = True
            if job.live or known is not None:
                self._put(job)
        for job_id in removed:
            self.order_changed = True
            self.marks.pop(job_id, None)
            self.live.pop(job_id, None)
            self._kept.pop(job_id, None)


def _order_key(job: Job) -> tuple[object, ...]:
    """What decides whether a job is listed, and where."""
    return (job.state, job.priority, job.position, job.hold, job.title, job.queue, job.batch, job.finished_at)
