"""Orders and questions about queues, sites and batches: a part of the front door."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from workers.door import Door
from workers.errors import UsageError
from workers.health.figures import AutoSlots, HostFigures
from workers.jobs import FINAL, QUEUES, Job, Pause, Priority, Scope, State
from workers.launch import worker_pid
from workers.settings import slots_of
from workers.slotrange import MOST_SLOTS
from workers.status import QueueStatus
from workers.store import batches, hosts, orders, pauses, pausing, questions
from workers.store.answers import Answer
from workers.store.batches import Batch, Template
from workers.store.database import spoken
from workers.store.records import now_ms
from workers.text import clean
from workers.users import login_name

if TYPE_CHECKING:
    pass


class Groups(Door):
    """What `workers.client.Client` can do with many jobs under one name."""

    # Of another part of the front door:
    submit: Callable[..., Job]
    remove: Callable[..., list[Answer]]

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
        if slots is not None and not 0 <= slots <= MOST_SLOTS:
            raise UsageError(f"{slots} slots: a queue has 0 to {MOST_SLOTS}")
        hosts.set_slots(self._db, queue, slots, by or login_name())
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
        answers = pausing.pause_scope(self._db, scope, name, by or login_name(), until=until, soft=soft)
        self._bells.wake()
        return answers

    @spoken
    def resume_scope(self, scope: Scope, name: str, *, by: str | None = None) -> bool:
        """Let it start jobs again; jobs that were paused with it go on. False when it was not paused."""
        was = pausing.resume_scope(self._db, scope, name, by or login_name())
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

    def resume_queue(self, queue: str | None, *, by: str | None = None) -> None:
        """As `resume_scope`, of one queue or (None) of each."""
        for name in QUEUES if queue is None else (queue,):
            self.resume_scope(Scope.QUEUE, name, by=by)

    # ---------------------------------------------------------------- batches

    @spoken
    def batches(self, name: str | None = None) -> list[Batch]:
        """Every batch, or the one of that name, with counts, progress, limit and pause."""
        return batches.batches(self._db, name)

    def batch(self, name: str) -> Batch:
        """One batch; UsageError when there is none of that name."""
        found = self.batches(batches.checked(name))
        if not found:
            known = ", ".join(batch.name for batch in self.batches()[:10])
            raise UsageError(f"no batch {clean(name)!r}: {f'there are {known}' if known else 'no job names one'}")
        return found[0]

    @spoken
    def limit_batch(self, name: str, limit: int | None, *, by: str | None = None) -> None:
        """How many of its jobs run at once: 1 to 32, 0 for as many as the host is good for, None for any."""
        batches.set_limit(self._db, name, limit, by or login_name())
        for queue in QUEUES:
            self._bells.ring(queue)
        self._bells.wake()

    @spoken
    def assign_batch(self, ids: Sequence[int], name: str | None, *, by: str | None = None) -> list[Answer]:
        """Put jobs into a batch, a new one if none has that name; None takes them out of theirs."""
        answers = batches.assign(self._db, ids, name, by or login_name())
        for queue in QUEUES:  # a limit or a pause may hold them back no longer
            self._bells.ring(queue)
        self._bells.wake()
        return answers

    @spoken
    def cancel_batch(self, name: str, *, by: str | None = None) -> list[Answer]:
        """Cancel those of its jobs that have not ended."""
        open_ids = [job_id for job_id, state in self._members(name).items() if state not in FINAL]
        answers = orders.cancel(self._db, open_ids, by or login_name())
        self._bells.wake()
        return answers

    @spoken
    def remove_batch(self, name: str, *, by: str | None = None) -> list[Answer]:
        """Forget all its jobs, its limit and its pause; UsageError while some of them have not ended. Files stay."""
        members = self._members(name)
        waiting = sum(state not in FINAL for state in members.values())
        if waiting:
            raise UsageError(f"{waiting} jobs of {clean(name)!r} have not ended: cancel the batch first")
        answers = self.remove(list(members), by=by)
        batches.forget(self._db, name, by or login_name())
        return answers

    @spoken
    def batch_members(self, name: str) -> dict[int, State]:
        """The state of each of its jobs by id, in the order in which they were submitted; as `batch` refuses."""
        return dict(self._members(name))

    def _members(self, name: str) -> Mapping[int, State]:
        self.batch(name)
        return questions.states_by_id(self._db, batches.member_ids(self._db, batches.checked(name)))

    # ---------------------------------------------------------------- templates

    @spoken
    def templates(self) -> list[Template]:
        """Every template, by name."""
        return batches.templates(self._db)

    @spoken
    def save_template(self, batch: str, name: str, *, by: str | None = None) -> Template:
        """Keep what the jobs of a batch ask for under a name, in place of what had it."""
        jobs = questions.jobs_by_id(self._db, list(self._members(batch))).values()
        if not jobs:
            raise UsageError(f"the batch {clean(batch)!r} has no jobs, so there is nothing to keep")
        kept = [
            {
                "operation": job.operation,
                "params": dict(job.params),
                "priority": job.priority.word,
                "window": job.window,
            }
            for job in sorted(jobs, key=lambda job: job.id)
        ]
        batches.save_template(self._db, name, kept, by or login_name())
        return next(template for template in self.templates() if template.name == batches.checked(name))

    @spoken
    def use_template(
        self, name: str, batch: str, *, inputs: Sequence[str] = (), hold: bool = False, by: str | None = None
    ) -> list[Job]:
        """Submit the jobs of a template as a batch; `inputs` take the place of those that each had.

        UsageError when there is no such template; InvalidParams when one of its jobs is none any more: then none is
        submitted.
        """
        found = {template.name: template for template in self.templates()}
        if name not in found:
            known = ", ".join(found) or "none is kept"
            raise UsageError(f"no template {clean(name)!r}: {known}")
        wanted = [(job, {**job["params"], **({"inputs": list(inputs)} if inputs else {})}) for job in found[name].jobs]
        for job, values in wanted:
            self.operation(job["operation"]).validate(values)
        return [
            self.submit(
                job["operation"],
                values,
                priority=Priority.parse(job["priority"]),
                window=job["window"],
                batch=batches.checked(batch),
                hold=hold,
                by=by,
            )
            for job, values in wanted
        ]

    @spoken
    def remove_template(self, name: str, *, by: str | None = None) -> None:
        """Forget a template; UsageError when there is none of that name."""
        if not batches.remove_template(self._db, name, by or login_name()):
            raise UsageError(f"no template {clean(name)!r}")
