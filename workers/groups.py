"""Orders and questions about queues and sites, and pauses of all kinds: a part of the front door."""

from __future__ import annotations

from collections.abc import Mapping

from workers.door import Door
from workers.errors import UsageError
from workers.health.figures import AutoSlots, HostFigures
from workers.jobs import MOST_AT_ONCE, QUEUES, Pause, Scope, State
from workers.launch import worker_pid
from workers.settings import slots_of
from workers.status import QueueStatus
from workers.store import hosts, pauses, pausing
from workers.store.answers import Answer
from workers.store.database import spoken
from workers.store.records import now_ms
from workers.users import user_of


class Groups(Door):
    """What `workers.client.Client` can do with queues, and with the pauses of queues, sites and batches."""

    # ---------------------------------------------------------------- queues and sites

    @spoken
    def queues(self) -> list[QueueStatus]:
        """Every queue: its slots, what runs and waits, and whether somebody paused it."""
        settings, counts = hosts.queue_settings(self._db), hosts.queue_counts(self._db)
        following = self._following(settings)
        by_hand = {name: setting.slots for name, setting in settings.items() if setting.slots is not None}
        numbers = {**slots_of(self.settings), **{name: told.slots for name, told in following.items()}, **by_hand}
        ranges = {name: self.settings.slots.range_of(name) for name in settings}
        return [
            QueueStatus(
                name=name,
                slots=numbers[name],
                running=counts.get((name, State.RUNNING), 0),
                paused_jobs=counts.get((name, State.PAUSED), 0),
                waiting=counts.get((name, State.QUEUED), 0),
                failed=counts.get((name, State.FAILED), 0),
                pause=setting.pause,
                auto=str(ranges[name] or ""),
                by_hand=name in by_hand,
                slots_reason=following[name].reason if name in following else "",
            )
            for name, setting in settings.items()
        ]

    def _following(self, settings: Mapping[str, hosts.QueueSetting]) -> Mapping[str, AutoSlots]:
        """The queues whose slots follow the load now, as the worker that runs has told of them."""
        free = [name for name, one in settings.items() if one.slots is None and self.settings.slots.range_of(name)]
        if not free or worker_pid(self.settings) is None:
            return {}
        row = hosts.latest_worker(self._db)
        figures = None if row is None or row["stopped_at"] else HostFigures.from_dict(row["figures"])
        told = figures.auto_slots if figures else {}
        return {name: told[name] for name in free if name in told}

    @spoken
    def set_slots(self, queue: str, slots: int | None, *, by: str | None = None) -> None:
        """How many jobs of a queue may run at once, from now on; None gives it back to the configuration."""
        if slots is not None and not 0 <= slots <= MOST_AT_ONCE:
            raise UsageError(f"{slots} slots: a queue has 0 to {MOST_AT_ONCE}")
        hosts.set_slots(self._db, queue, slots, user_of(by))
        self._bells.wake()

    @spoken
    def pauses(self, scope: Scope | None = None) -> list[Pause]:
        """Which queues, sites and batches are paused now."""
        return pauses.pauses(self._db, scope)

    @spoken
    def pause_scope(
        self, scope: Scope, name: str, *, until: int | None = None, soft: bool = True, by: str | None = None
    ) -> list[Answer]:
        """Start nothing more of a queue, site or batch, for good or until a time. Not `soft`: pause what runs too."""
        if until is not None and until <= now_ms():
            raise UsageError("a pause until a time that has passed is none")
        answers = pausing.pause_scope(self._db, scope, name, user_of(by), until=until, soft=soft)
        self._bells.wake()
        return answers

    @spoken
    def resume_scope(self, scope: Scope, name: str, *, by: str | None = None) -> bool:
        """Let it start jobs again; jobs that were paused with it go on. False when it was not paused."""
        was = pausing.resume_scope(self._db, scope, name, user_of(by))
        for queue in (name,) if scope is Scope.QUEUE else QUEUES:
            self._bells.ring(queue)
        self._bells.wake()
        return was

    def pause_queue(
        self, queue: str | None, *, until: int | None = None, soft: bool = True, by: str | None = None
    ) -> None:
        """As `pause_scope`, of one queue or (None) of each."""
        for name in QUEUES if queue is None else (queue,):
            self.pause_scope(Scope.QUEUE, name, until=until, soft=soft, by=by)

    def resume_queue(self, queue: str | None, *, by: str | None = None) -> list[str]:
        """As `resume_scope`, of one queue or (None) of each; those that were paused."""
        names = QUEUES if queue is None else (queue,)
        return [name for name in names if self.resume_scope(Scope.QUEUE, name, by=by)]
