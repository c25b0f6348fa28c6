"""The jobs that a worker runs: claimed by threads that hold a slot, one after the other, each with its supervisor."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence

from workers.departure import abandon
from workers.jobs import Job, Wish
from workers.queues import QueueConsumer
from workers.situation import situation
from workers.slots import Slots
from workers.store import claims, hosts
from workers.store.database import DatabaseError
from workers.store.waiting import Situation
from workers.supervisor import Supervisor
from workers.turn import FIRST_QUANTUM_S, QUANTUM_S, Shares, had_one
from workers.workshop import Stop, Workshop

log = logging.getLogger(__name__)


class Floor:
    """What runs now, and what may run next."""

    def __init__(self, shop: Workshop, stopping: Callable[[], bool]) -> None:
        """`stopping` tells whether the worker ends: then nothing more is claimed."""
        self._shop = shop
        self._stopping = stopping
        self._names = tuple(shop.operations)
        self._supervisors: dict[int, Supervisor] = {}
        self._guard = threading.Lock()  # of the supervisors
        self._claims_refused = False
        self._shares = Shares()

    def situation(self) -> Situation:
        """What claims depend on, now."""
        return situation(self._shop.db, self._shop.settings, self._names)

    def waits(self, queue: str) -> bool:
        """Whether a job of that queue could start now."""
        return claims.next_priority(self._shop.db, queue, self.situation()) is not None

    # ---------------------------------------------------------------- consumer threads

    def work(self, queue: str, slots: Slots) -> None:
        """A ring was taken by a thread that holds one of these slots: run what may run, one job after the other."""
        while not self._stopping() and not slots.crowded:
            try:
                claimed = claims.claim(
                    self._shop.db,
                    queue,
                    self._shop.worker_id,
                    self.situation(),
                    turned_first=self._shares.turned_first(queue),
                )
            except DatabaseError as error:
                if not self._claims_refused:  # told once, not at every ring
                    log.warning("nothing claimed for %s: %s", queue, error)
                self._claims_refused = True
                return  # the sweep rings again
            self._claims_refused = False
            if claimed is None:
                return
            position, started = claimed.job.position, time.monotonic()
            self._shares.claimed(queue, position)
            self._supervise(Supervisor(self._shop, claimed))
            self._shares.used(queue, position, time.monotonic() - started)

    def _supervise(self, supervisor: Supervisor) -> None:
        job = supervisor.job
        with self._guard:
            self._supervisors[job.id] = supervisor
        try:
            if self._stopping():
                supervisor.tell(Stop.RELEASE, "worker")
            supervisor.run()
        except Exception as error:
            # A bug of ours, or a disk that was pulled out, must not take the consumer thread along.
            log.exception("job %d: its supervision failed", job.id)
            self._abandon(job, error)
        finally:
            with self._guard:
                # Another slot may have the job's next attempt already.
                if self._supervisors.get(job.id) is supervisor:
                    del self._supervisors[job.id]

    def _abandon(self, job: Job, error: Exception) -> None:
        try:
            abandon(self._shop, job, error)
        except Exception:
            log.exception("job %d: it stays as it is until the next worker rescues it", job.id)

    # ---------------------------------------------------------------- the main thread of the worker

    def heed_wishes(self) -> None:
        """Tell supervisors what people want of their jobs."""
        for wished in hosts.wishes(self._shop.db, self._shop.worker_id):
            with self._guard:
                supervisor = self._supervisors.get(wished.job_id)
            if supervisor is not None and wished.wish is not Wish.NONE:
                supervisor.tell(wished.wish, wished.by)

    def share(self, consumers: Mapping[str, QueueConsumer]) -> None:
        """Where all slots of a queue are taken: a job of many items makes room for one that has waited its turn.

        So a small job is done long before a big one that was there first, and big ones take turns. One that is more
        urgent need not wait for the turn.
        """
        for name, consumer in consumers.items():
            if consumer.slots.limit and not consumer.slots.free:
                self._make_room(name)

    def _make_room(self, queue: str) -> None:
        here = [supervisor for supervisor in self._here() if supervisor.job.queue == queue]
        able = [supervisor for supervisor in here if supervisor.may_yield()]
        if not able:
            return
        situation = self.situation()
        leaving = sum(supervisor.yielding for supervisor in here)
        if claims.claimable(self._shop.db, queue, leaving + 1, situation) <= leaving:
            return  # nobody waits for whom none makes room already
        waiting = claims.next_priority(self._shop.db, queue, situation)
        for supervisor in sorted(able, key=lambda supervisor: supervisor.job.priority):
            mine = supervisor.job.priority.value
            quantum = QUANTUM_S if had_one(supervisor.job.position) else FIRST_QUANTUM_S
            if waiting is not None and (mine < waiting or (mine == waiting and supervisor.had_turn(quantum))):
                supervisor.tell(Stop.YIELD, "worker")
                break

    def release(self) -> None:
        """Ask every supervisor to end its job, which no attempt is counted for."""
        for supervisor in self._here():
            supervisor.tell(Stop.RELEASE, "worker")

    def hurry(self) -> None:
        """Have every job end at once. Takes no lock: a signal may call it while its own thread holds one."""
        for supervisor in list(self._supervisors.values()):
            supervisor.hurry()

    def _here(self) -> Sequence[Supervisor]:
        with self._guard:
            return list(self._supervisors.values())
