"""The front door: everything that people and scripts ask of Spool goes through here.

`Client` has one set of plain methods over a database. The command line calls them; the console runs the very same
ones through the asyncio bridge (`AsyncClient.ask`). Importing this module loads no media library and no console.
"""

from __future__ import annotations

import difflib
import functools
import getpass
import importlib
import os
from array import array
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

from workers.backups import (
    backup_as_json,
    before_migration,
    find_backup,
    list_backups,
    list_replaced,
    make_backup,
    plan_restore,
    restore_backup,
)
from workers.backups import Plan as RestorePlan
from workers.cache.care import Cleared, Verified
from workers.cache.figures import CacheStats, CategoryStats, Counts
from workers.errors import UsageError
from workers.health.figures import AutoSlots, HostFigures
from workers.home import prepare_home
from workers.jobs import LATEST_MS, QUEUES, ItemOutcome, Job, JobEvent, Priority, State, Waiting
from workers.kept import KeptResults
from workers.launch import start_worker, stop_worker, worker_pid
from workers.logs import read_log, remove_log
from workers.notices.desk import NoticeDesk, Tried
from workers.operations.contract import Operation
from workers.settings import Settings, slots_of
from workers.slotrange import MOST_SLOTS
from workers.status import QueueStatus, WorkerStatus
from workers.store import hosts, orders, questions
from workers.store.backup import Backup, Contents
from workers.store.database import ChangePoll, ask, close_async, open_async_database, open_database, told
from workers.store.migrations import migrate
from workers.store.orders import Answer
from workers.store.records import now_ms
from workers.store.waiting import Situation, reasons
from workers.text import clean
from workers.trash import Entry as TrashEntry
from workers.trashbin import Done as Trashed
from workers.trashbin import TrashBin
from workers.trashbin import entry_as_json as trash_entry_as_json
from workers.why import explain

if TYPE_CHECKING:
    from workers.queues import Bells

__all__ = [
    "Answer",
    "AsyncClient",
    "Backup",
    "CacheStats",
    "CategoryStats",
    "Cleared",
    "Client",
    "Contents",
    "Counts",
    "HostFigures",
    "NoticeDesk",
    "QueueStatus",
    "RestorePlan",
    "TrashBin",
    "TrashEntry",
    "Trashed",
    "Tried",
    "Verified",
    "WorkerStatus",
    "backup_as_json",
    "find_backup",
    "list_backups",
    "list_replaced",
    "make_backup",
    "open_client",
    "plan_restore",
    "restore_backup",
    "start_worker",
    "stop_worker",
    "trash_entry_as_json",
]

DEFAULT_REGISTRY = "workers.operations.registry"

P = ParamSpec("P")
T = TypeVar("T")


def login_name() -> str:
    """Who gives an order: the user's name, else the number."""
    try:
        return clean(getpass.getuser())
    except (KeyError, OSError):
        return f"uid {os.getuid()}"


def load_registry(registry: str = DEFAULT_REGISTRY) -> tuple[Operation[Any], ...]:
    """The operations that a registry module lists."""
    found: tuple[Operation[Any], ...] = importlib.import_module(registry).REGISTRY
    return found


def _spoken(method: Callable[P, T]) -> Callable[P, T]:
    """Errors of the database become a StoreError in words."""

    @functools.wraps(method)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> T:
        with told(method.__name__.replace("_", " ")):
            return method(*args, **kwargs)

    return wrapped


class Client(KeptResults):
    """One home, for one thread at a time (or one asyncio task, through the bridge)."""

    def __init__(self, settings: Settings, db: Any, registry: str = DEFAULT_REGISTRY) -> None:
        self.settings = settings
        self._db = db
        self._registry = registry

    def close(self) -> None:
        """Close this thread's connection."""
        self._db.close()

    @functools.cached_property
    def _bells(self) -> Bells:
        from workers.queues import Bells  # huey is not loaded by those who only look

        return Bells(self.settings.paths.rings, self.settings.paths.wake_socket)

    @property
    def trash(self) -> TrashBin:
        """The originals that jobs of this home replaced."""
        return TrashBin(self.settings.paths.state, self.settings.trash.keep_days)

    # ---------------------------------------------------------------- operations

    def operations(self) -> tuple[Operation[Any], ...]:
        """Every operation that can be asked for."""
        return load_registry(self._registry)

    def operation(self, name: str) -> Operation[Any]:
        """The operation of that name; UsageError with the nearest one."""
        found = {operation.name: operation for operation in self.operations()}
        if name in found:
            return found[name]
        near = difflib.get_close_matches(name, found, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(found)}"
        raise UsageError(f"no operation {clean(name)!r}: {hint}")

    # ---------------------------------------------------------------- orders

    @_spoken
    def submit(
        self,
        operation: str,
        values: Mapping[str, Any],
        *,
        priority: Priority = Priority.NORMAL,
        run_after: int | None = None,
        after: Sequence[int] = (),
        batch: str | None = None,
        hold: bool = False,
        submission_key: str | None = None,
        by: str | None = None,
    ) -> Job:
        """Accept a job. When this returns it survives a power cut. InvalidParams names every wrong option at once."""
        kind = self.operation(operation)
        params = kind.validate(values)
        if run_after is not None and not 0 <= run_after <= LATEST_MS:
            raise UsageError("a job can be scheduled up to the year 9999")
        job = orders.submit(
            self._db,
            orders.NewJob(
                operation=kind.name,
                queue=kind.queue,
                title=clean(kind.label(params)),
                params=params.model_dump(mode="json"),
                by=by or login_name(),
                priority=priority,
                run_after=run_after,
                after=tuple(after),
                batch=None if batch is None else clean(batch),
                hold=hold,
                site=kind.site(params),
                max_attempts=self.settings.jobs.attempts,
                submission_key=submission_key,
            ),
        )
        self._bells.ring(job.queue, priority=job.priority.value, at=run_after)
        return job

    def _ordered(self, answers: list[Answer]) -> list[Answer]:
        self._bells.wake()
        return answers

    def _may_start(self, answers: list[Answer]) -> list[Answer]:
        started = [answer.job_id for answer in answers if answer.ok]
        for queue in {job.queue for job in questions.jobs_by_id(self._db, started).values()}:
            self._bells.ring(queue)
        return self._ordered(answers)

    @_spoken
    def cancel(self, ids: Sequence[int], *, by: str | None = None) -> list[Answer]:
        """Waiting jobs end at once; running ones are stopped with all that they started."""
        return self._ordered(orders.cancel(self._db, ids, by or login_name()))

    @_spoken
    def pause(self, ids: Sequence[int], *, by: str | None = None) -> list[Answer]:
        """Running jobs are stopped where they are; waiting ones are held."""
        return self._ordered(orders.pause(self._db, ids, by or login_name()))

    @_spoken
    def resume(self, ids: Sequence[int], *, by: str | None = None) -> list[Answer]:
        """Paused jobs go on; held ones may start."""
        return self._may_start(orders.resume(self._db, ids, by or login_name()))

    @_spoken
    def hold(self, ids: Sequence[int], *, by: str | None = None) -> list[Answer]:
        """Keep waiting jobs from starting."""
        return self._ordered(orders.set_hold(self._db, ids, True, by or login_name()))

    @_spoken
    def unhold(self, ids: Sequence[int], *, by: str | None = None) -> list[Answer]:
        """Let held jobs start."""
        return self._may_start(orders.set_hold(self._db, ids, False, by or login_name()))

    @_spoken
    def retry(self, ids: Sequence[int], *, by: str | None = None) -> list[Answer]:
        """Ended jobs start over, without the items that are done; those that wait for a retry start at once."""
        return self._may_start(orders.retry(self._db, ids, by or login_name()))

    @_spoken
    def retry_anew(self, ids: Sequence[int], *, by: str | None = None) -> list[Answer]:
        """The inputs of ended jobs that failed, as a new job for each, with the same options."""
        return self._ordered([self._retried_anew(job_id, by) for job_id in dict.fromkeys(ids)])

    def _retried_anew(self, job_id: int, by: str | None) -> Answer:
        job = questions.jobs_by_id(self._db, [job_id]).get(job_id)
        if job is None:
            return Answer(job_id, False, f"there is no job {job_id}")
        if not job.final:
            return Answer(job_id, False, f"has not ended: it is {job.state.value}")
        keys = questions.failed_keys(self._db, job_id)
        if not keys:
            return Answer(job_id, False, "none of its inputs failed")
        new = self.submit(job.operation, {**job.params, "inputs": keys}, priority=job.priority, batch=job.batch, by=by)
        return Answer(job_id, True, f"job {new.id} takes the inputs that failed: {len(keys)}")

    @_spoken
    def remove(self, ids: Sequence[int], *, by: str | None = None) -> list[Answer]:
        """Forget ended jobs, their history and their logs. Files that they made stay."""
        answers = self._ordered(orders.remove(self._db, ids, by or login_name()))
        for answer in answers:
            if answer.ok:
                remove_log(self.settings.paths.job_log(answer.job_id))
        return answers

    @_spoken
    def set_priority(self, ids: Sequence[int], priority: Priority, *, by: str | None = None) -> list[Answer]:
        """Change how urgent jobs are."""
        return self._ordered(orders.set_priority(self._db, ids, priority, by or login_name()))

    @_spoken
    def move_first(self, ids: Sequence[int], *, by: str | None = None) -> list[Answer]:
        """Put waiting jobs before all others of their queue and priority."""
        return self._ordered(orders.reorder(self._db, ids, "first", by or login_name()))

    @_spoken
    def move_up(self, ids: Sequence[int], *, by: str | None = None) -> list[Answer]:
        """Put waiting jobs one place forward."""
        return self._ordered(orders.reorder(self._db, ids, "up", by or login_name()))

    @_spoken
    def move_down(self, ids: Sequence[int], *, by: str | None = None) -> list[Answer]:
        """Put waiting jobs one place back."""
        return self._ordered(orders.reorder(self._db, ids, "down", by or login_name()))

    @_spoken
    def edit(self, job_id: int, values: Mapping[str, Any], *, by: str | None = None) -> Answer:
        """Change options of a waiting job; those not named stay. InvalidParams when the whole would be wrong."""

        def changed(job: Job) -> orders.Edited:
            kind = self.operation(job.operation)
            params = kind.validate({**job.params, **values})
            return orders.Edited(params.model_dump(mode="json"), clean(kind.label(params)), kind.site(params))

        return orders.edit(self._db, job_id, changed, by or login_name())

    @_spoken
    def pause_queue(
        self, queue: str | None, *, until: int | None = None, soft: bool = True, by: str | None = None
    ) -> None:
        """Start nothing more of a queue (None: of all), for good or until a time. Not `soft`: pause what runs too."""
        who = by or login_name()
        for name in QUEUES if queue is None else (queue,):
            hosts.set_queue(self._db, name, paused=True, paused_until=until, paused_by=who)
            if not soft:
                running = questions.job_ids(self._db, f"state:running queue:{name}")
                orders.pause(self._db, running, who + hosts.WITH_QUEUE)
        self._bells.wake()

    @_spoken
    def resume_queue(self, queue: str | None, *, by: str | None = None) -> None:
        """Let a queue (None: all) start jobs again; jobs that were paused with it go on."""
        for name in QUEUES if queue is None else (queue,):
            orders.resume_queue(self._db, name, by or login_name())
            self._bells.ring(name)
        self._bells.wake()

    @_spoken
    def set_slots(self, queue: str, slots: int | None, *, by: str | None = None) -> None:
        """How many jobs of a queue may run at once, from now on; None gives it back to the configuration."""
        if slots is not None and not 0 <= slots <= MOST_SLOTS:
            raise UsageError(f"{slots} slots: a queue has 0 to {MOST_SLOTS}")
        hosts.set_queue(self._db, queue, slots=slots)
        self._bells.wake()

    # ---------------------------------------------------------------- questions

    @_spoken
    def job(self, job_id: int) -> Job:
        """One job; NoSuchJob when there is none."""
        return questions.job_by_id(self._db, job_id)

    @_spoken
    def jobs(self, query: str = "", *, sort: str = "", limit: int | None = None, offset: int = 0) -> list[Job]:
        """Jobs that match the words of a query, in order."""
        return questions.jobs(self._db, query, sort, limit, offset)

    @_spoken
    def job_ids(self, query: str = "", *, sort: str = "") -> array[int]:
        """Ids of all jobs that match, in order."""
        return questions.job_ids(self._db, query, sort)

    @_spoken
    def jobs_by_id(self, ids: Sequence[int]) -> dict[int, Job]:
        """Those of these jobs that exist."""
        return questions.jobs_by_id(self._db, ids)

    @_spoken
    def jobs_since(self, revision: int, limit: int = 500) -> list[Job]:
        """Jobs that changed after a revision, oldest change first."""
        return questions.jobs_since(self._db, revision, limit)

    @_spoken
    def removed_since(self, revision: int) -> list[int]:
        """Ids of jobs that were removed after a revision."""
        return questions.removed_since(self._db, revision)

    @_spoken
    def revision(self) -> int:
        """The revision of the last change."""
        return questions.revision(self._db)

    @_spoken
    def count(self, query: str = "") -> int:
        """How many jobs match."""
        return questions.count(self._db, query)

    @_spoken
    def counts(self) -> dict[State, int]:
        """How many jobs are in each state."""
        return questions.counts(self._db)

    @_spoken
    def events(self, since: int = 0, *, job_id: int | None = None, limit: int = 1000) -> list[JobEvent]:
        """History after a revision, oldest first."""
        return questions.events(self._db, since, job_id, limit)

    @_spoken
    def items(self, job_id: int, *, outcome: str | None = None, offset: int = 0, limit: int = 200) -> list[ItemOutcome]:
        """How the inputs of a job ended, by key."""
        return questions.items(self._db, job_id, outcome, offset, limit)

    @_spoken
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
                paused=setting.paused,
                paused_until=setting.paused_until,
                paused_by=setting.paused_by,
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

    @_spoken
    def worker(self) -> WorkerStatus:
        """The worker of this home and its host."""
        pid = worker_pid(self.settings)
        row = hosts.latest_worker(self._db)
        if row is None:
            return WorkerStatus(pid is not None, pid)
        return WorkerStatus(
            running=pid is not None,
            pid=pid,
            host=row["host"],
            version=row["version"],
            started_at=row["started_at"],
            heartbeat=row["heartbeat"],
            age_s=max(0.0, (now_ms() - row["heartbeat"]) / 1000),
            report=tuple(row["report"]),
            figures=HostFigures.from_dict(row["figures"]),
        )

    @_spoken
    def why(self, job_id: int) -> tuple[Waiting, ...]:
        """Why a queued job does not run, each reason with what lifts it. Empty when nothing holds it back."""
        return self.why_each([job_id])[questions.job_by_id(self._db, job_id).id]

    @_spoken
    def why_each(self, ids: Sequence[int]) -> dict[int, tuple[Waiting, ...]]:
        """As `why`, for many jobs at once."""
        jobs = questions.jobs_by_id(self._db, ids)
        names = tuple(operation.name for operation in self.operations())
        situation = Situation(now_ms(), self.settings.jobs.per_site, names)
        queues = {status.name: status for status in self.queues()}
        running = worker_pid(self.settings) is not None
        return {
            job.id: explain(reasons(self._db, job, situation), running, queues.get(job.queue))
            if job.state is State.QUEUED
            else ()
            for job in jobs.values()
        }

    def log(self, job_id: int, offset: int = 0, limit: int = 65536) -> tuple[str, int]:
        """The job's log from a byte on, made safe for a terminal, and the next byte. Negative: from the end."""
        path = self.settings.paths.job_log(job_id)
        ended = path.exists() and all(job.final for job in questions.jobs_by_id(self._db, [job_id]).values())
        return read_log(path, offset, limit, complete=ended)


def open_client(settings: Settings, registry: str = DEFAULT_REGISTRY) -> Client:
    """The home's front door; the home and its database are made, or brought up to date, when needed."""
    prepare_home(settings)
    with told(f"opening {settings.paths.database}"):
        db = open_database(str(settings.paths.database))
        migrate(db, before=lambda: before_migration(settings))
    return Client(settings, db, registry)


class AsyncClient:
    """The same front door for asyncio: `async with AsyncClient(settings) as client: await client.ask(Client.jobs)`."""

    def __init__(self, settings: Settings, registry: str = DEFAULT_REGISTRY) -> None:
        self.settings = settings
        self._registry = registry
        self._db: Any = None
        self._poll: ChangePoll | None = None

    async def __aenter__(self) -> AsyncClient:
        open_client(self.settings, self._registry).close()
        self._db = open_async_database(str(self.settings.paths.database))
        self._client = Client(self.settings, self._db, self._registry)
        # Made before anybody may cancel it: a pool that is half made leaves threads behind.
        await self.ask(Client.revision)
        self._poll = ChangePoll(self.settings.paths.database)
        return self

    async def __aexit__(self, *error: object) -> None:
        if self._poll is not None:
            self._poll.close()
        if self._db is not None:
            await close_async(self._db)

    async def ask(self, method: Callable[Concatenate[Client, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a method of `Client` without blocking the loop. Cancelling ends the waiting, not what was asked."""
        return await ask(self._db, method, self._client, *args, **kwargs)

    def changed(self) -> bool:
        """Whether anything was committed since the last call; 4 microseconds. StoreError when that cannot be read."""
        assert self._poll is not None, "the client was not entered"
        with told("looking for changes"):
            return self._poll.changed()
