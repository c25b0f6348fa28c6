"""The items of one running job, as its supervisor sees them: which are over, and what became of them."""

from __future__ import annotations

import time
from collections.abc import Sequence

from workers.cachedesk import CacheDesk
from workers.jobs import ItemCounts, ItemRecord, Job, Outcome
from workers.runner import wire
from workers.store import reports
from workers.turn import Turn
from workers.workshop import Workshop

_FLUSH_S = 0.1  # items of a bulk job are written this often


class ItemDesk:
    """Takes outcomes as they come and writes them in parts; answers which items need no work any more."""

    def __init__(self, shop: Workshop, job: Job) -> None:
        self._shop = shop
        self._job = job
        self._cache = CacheDesk(shop.cache, job.id, shop.operations.get(job.operation), job.params)
        self._turn = Turn(time.monotonic())
        self._waiting: list[ItemRecord] = []
        self._due = 0.0
        self.total = 0  # items of the job, as its runner has counted them

    @property
    def due_s(self) -> float | None:
        """Seconds until outcomes are to be written; None when there are none."""
        return max(0.0, self._due - time.monotonic()) if self._waiting else None

    def had_turn(self, quantum_s: float) -> bool:
        """Whether the job has had its turn at the slot, which is to be so many seconds."""
        return self._turn.over(quantum_s, time.monotonic())

    def count(self, total: int) -> None:
        """The runner has counted its items."""
        self.total = total
        self._shop.persist(
            self._job.id, lambda: reports.set_items_total(self._shop.db, self._job.id, self._job.lease, total)
        )

    def ended(self, items: Sequence[ItemRecord]) -> None:
        """Items have ended; results that are worth keeping are kept."""
        self._cache.keep(items)
        self._take(items)

    def _take(self, items: Sequence[ItemRecord]) -> None:
        if items:
            self._turn.outcome(time.monotonic())
        if not self._waiting:
            self._due = time.monotonic() + _FLUSH_S
        self._waiting += items

    def flush(self, *, force: bool) -> None:
        """Write the outcomes that wait, if it is time, or at once."""
        if self._waiting and (force or time.monotonic() >= self._due):
            items, self._waiting = self._waiting, []
            job = self._job
            self._shop.persist(job.id, lambda: reports.write_items(self._shop.db, job.id, job.lease, items))

    def known(self, offered: wire.Offered) -> wire.Known:
        """Which of these items are finished already, or can be: what the cache knows of them is written as theirs."""
        finished, failed = set[int](), 0
        if begun(self._job.items):
            self.flush(force=True)
            keys = offered.keys
            over = self._shop.persist(self._job.id, lambda: reports.finished_of(self._shop.db, self._job.id, keys))
            finished = {place for place, key in enumerate(keys) if key in over}
            failed = sum(outcome is Outcome.FAILED for outcome in over.values())
        known = self._cache.sort(offered, finished)
        self._take(known.records)
        return wire.Known(offered.number, tuple(finished), known.cached, known.elsewhere, failed)

    def release(self) -> None:
        """Let other jobs make what this one was making for all."""
        self._cache.release()


def begun(items: ItemCounts) -> bool:
    """Whether an earlier attempt may have left outcomes. The total says nothing of that: it is told late."""
    return any((items.done, items.failed, items.skipped, items.cached))
