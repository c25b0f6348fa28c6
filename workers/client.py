"""The front door: everything that people and scripts ask of Spool goes through here.

`Client` has one set of plain methods over a database. The command line calls them; the console runs the very same
ones through the asyncio bridge (`AsyncClient.ask`). Importing this module loads no media library and no console.
"""

from __future__ import annotations

import difflib
import importlib
from array import array
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

from workers.backups import Plan as RestorePlan
from workers.backups import (
    backup_as_json,
    bring_up,
    find_backup,
    list_backups,
    list_replaced,
    make_backup,
    plan_restore,
    restore_backup,
)
from workers.cache.care import Cleared, Verified
from workers.cache.figures import CacheStats, CategoryStats, Counts
from workers.errors import UsageError
from workers.groups import Groups
from workers.health.figures import HostFigures
from workers.home import prepare_home
from workers.jobs import LATEST_MS, ItemOutcome, Job, JobEvent, Priority, State, Waiting
from workers.kept import KeptResults
from workers.launch import start_worker, stop_worker, worker_pid
from workers.logs import read_log, remove_log
from workers.notices.desk import NoticeDesk, Tried
from workers.operations.contract import Operation
from workers.settings import Settings
from workers.situation import situation
from workers.status import QueueStatus, WorkerStatus
from workers.store import hosts, orders, questions
from workers.store.backup import Backup, Contents
from workers.store.batches import Batch, Template
from workers.store.batches import checked as checked_batch
from workers.store.database import ChangePoll, ask, close_async, open_async_database, open_database, spoken, told
from workers.store.orders import Answer
from workers.store.records import now_ms
from workers.store.waiting import reasons, stopped
from workers.store.watching import WatchPoll, open_watched
from workers.text import clean
from workers.trash import Entry as TrashEntry
from workers.trashbin import Done as Trashed
from workers.trashbin import TrashBin
from workers.trashbin import entry_as_json as trash_entry_as_json
from workers.undo import UndoStep
from workers.undo import step_as_json as undo_step_as_json
from workers.undoing import Undoing
from workers.users import login_name
from workers.watcher import Watcher
from workers.why import explain
from workers.windows import canonical as canonical_window

if TYPE_CHECKING:
    pass

__all__ = [
    "Answer",
    "AsyncClient",
    "Backup",
    "Batch",
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
    "Template",
    "TrashBin",
    "TrashEntry",
    "Trashed",
    "Tried",
    "UndoStep",
    "Verified",
    "WorkerStatus",
    "backup_as_json",
    "canonical_window",
    "find_backup",
    "list_backups",
    "list_replaced",
    "login_name",
    "make_backup",
    "open_client",
    "plan_restore",
    "restore_backup",
    "start_worker",
    "stop_worker",
    "trash_entry_as_json",
    "undo_step_as_json",
]

DEFAULT_REGISTRY = "workers.operations.registry"

P = ParamSpec("P")
T = TypeVar("T")


def load_registry(registry: str = DEFAULT_REGISTRY) -> tuple[Operation[Any], ...]:
    """The operations that a registry module lists."""
    found: tuple[Operation[Any], ...] = importlib.import_module(registry).REGISTRY
    return found


class Client(Groups, KeptResults, Undoing):
    """One home, for one thread at a time (or one asyncio task, through the bridge)."""

    def __init__(self, settings: Settings, db: Any, registry: str = DEFAULT_REGISTRY) -> None:
        self.settings = settings
        self._db = db
        self._registry = registry

    def close(self) -> None:
        """Close this thread's connection."""
        self._db.close()

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

    @spoken
    def submit(
        self,
        operation: str,
        values: Mapping[str, Any],
        *,
        priority: Priority = Priority.NORMAL,
        run_after: int | None = None,
        window: str | None = None,
        after: Sequence[int] = (),
        after_ended: Sequence[int] = (),
        batch: str | None = None,
        hold: bool = False,
        submission_key: str | None = None,
        by: str | None = None,
    ) -> Job:
        """Accept a job. When this returns it survives a power cut. InvalidParams names every wrong option at once.

        `window` is when in the week it may start (see `workers.windows`); of `after_ended` any end will do.
        """
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
                window=canonical_window(window) if window else None,
                after=tuple(after),
                after_ended=tuple(after_ended),
                batch=None if batch is None else checked_batch(clean(batch)),
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

    @spoken
    def cancel(self, ids: Sequence[int], *, by: str | None = None) -> list[Answer]:
        """Waiting jobs end at once; running ones are stopped with all that they started."""
        return self._ordered(orders.cancel(self._db, ids, by or login_name()))

    @spoken
    def pause(
        self, ids: Sequence[int], *, until: int | None = None, soft: bool = False, by: str | None = None
    ) -> list[Answer]:
        """Running jobs are stopped where they are (`soft`: when they have ended what they have in hand); waiting ones
        are held. For good, or until a time in milliseconds."""
        if until is not None and until <= now_ms():
            raise UsageError("a pause until a time that has passed is none")
        return self._ordered(orders.pause(self._db, ids, by or login_name(), until=until, soft=soft))

    @spoken
    def resume(self, ids: Sequence[int], *, by: str | None = None) -> list[Answer]:
        """Paused jobs go on; held ones may start."""
        return self._may_start(orders.resume(self._db, ids, by or login_name()))

    @spoken
    def hold(self, ids: Sequence[int], *, by: str | None = None) -> list[Answer]:
        """Keep waiting jobs from starting."""
        return self._ordered(orders.set_hold(self._db, ids, True, by or login_name()))

    @spoken
    def unhold(self, ids: Sequence[int], *, by: str | None = None) -> list[Answer]:
        """Let held jobs start."""
        return self._may_start(orders.set_hold(self._db, ids, False, by or login_name()))

    @spoken
    def retry(self, ids: Sequence[int], *, by: str | None = None) -> list[Answer]:
        """Ended jobs start over, without the items that are done; those that wait for a retry start at once."""
        return self._may_start(orders.retry(self._db, ids, by or login_name()))

    @spoken
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
        new = self.submit(job.operation, {**job.params, "items": keys}, priority=job.priority, batch=job.batch, by=by)
        return Answer(job_id, True, f"job {new.id} takes the inputs that failed: {len(keys)}")

    @spoken
    def remove(self, ids: Sequence[int], *, by: str | None = None) -> list[Answer]:
        """Forget ended jobs, their history and their logs. Files that they made stay."""
        answers = self._ordered(orders.remove(self._db, ids, by or login_name()))
        for answer in answers:
            if answer.ok:
                remove_log(self.settings.paths.job_log(answer.job_id))
        self._note_removal([answer.job_id for answer in answers if answer.ok], by)
        return answers

    @spoken
    def set_priority(self, ids: Sequence[int], priority: Priority, *, by: str | None = None) -> list[Answer]:
        """Change how urgent jobs are."""
        return self._ordered(orders.set_priority(self._db, ids, priority, by or login_name()))

    @spoken
    def move_first(self, ids: Sequence[int], *, by: str | None = None) -> list[Answer]:
        """Put waiting jobs before all others of their queue and priority."""
        return self._ordered(orders.reorder(self._db, ids, "first", by or login_name()))

    @spoken
    def start_now(self, ids: Sequence[int], *, by: str | None = None) -> list[Answer]:
        """Start waiting jobs before all others: off hold, at once, urgent and first. Closed hours still count."""
        who = by or login_name()
        answers = orders.schedule(self._db, ids, who, run_after=0)
        waiting = [answer.job_id for answer in answers if answer.ok]
        orders.set_hold(self._db, waiting, False, who)
        orders.set_priority(self._db, waiting, Priority.URGENT, who)
        orders.reorder(self._db, waiting, "first", who)
        self._may_start(answers)
        held = self.why_each(waiting)
        return [Answer(answer.job_id, True, _told(held, answer.job_id)) if answer.ok else answer for answer in answers]

    @spoken
    def move_up(self, ids: Sequence[int], *, by: str | None = None) -> list[Answer]:
        """Put waiting jobs one place forward."""
        return self._ordered(orders.reorder(self._db, ids, "up", by or login_name()))

    @spoken
    def move_down(self, ids: Sequence[int], *, by: str | None = None) -> list[Answer]:
        """Put waiting jobs one place back."""
        return self._ordered(orders.reorder(self._db, ids, "down", by or login_name()))

    @spoken
    def schedule(
        self, ids: Sequence[int], *, run_after: int | None = None, window: str | None = None, by: str | None = None
    ) -> list[Answer]:
        """When waiting jobs may start: not before a time, and within windows of the week ("" for any time)."""
        if run_after is not None and not 0 <= run_after <= LATEST_MS:
            raise UsageError("a job can be scheduled up to the year 9999")
        text = canonical_window(window) if window else window
        return self._may_start(orders.schedule(self._db, ids, by or login_name(), run_after=run_after, window=text))

    @spoken
    def edit(self, job_id: int, values: Mapping[str, Any], *, by: str | None = None) -> Answer:
        """Change options of a waiting job; those not named stay. InvalidParams when the whole would be wrong."""

        def changed(job: Job) -> orders.Edited:
            kind = self.operation(job.operation)
            params = kind.validate({**job.params, **values})
            return orders.Edited(params.model_dump(mode="json"), clean(kind.label(params)), kind.site(params))

        return orders.edit(self._db, job_id, changed, by or login_name())

    # ---------------------------------------------------------------- questions

    @spoken
    def job(self, job_id: int) -> Job:
        """One job; NoSuchJob when there is none."""
        return questions.job_by_id(self._db, job_id)

    @spoken
    def jobs(self, query: str = "", *, sort: str = "", limit: int | None = None, offset: int = 0) -> list[Job]:
        """Jobs that match the words of a query, in order."""
        return questions.jobs(self._db, query, sort, limit, offset)

    @spoken
    def job_ids(self, query: str = "", *, sort: str = "") -> array[int]:
        """Ids of all jobs that match, in order."""
        return questions.job_ids(self._db, query, sort)

    @spoken
    def jobs_by_id(self, ids: Sequence[int]) -> dict[int, Job]:
        """Those of these jobs that exist."""
        return questions.jobs_by_id(self._db, ids)

    @spoken
    def jobs_since(self, revision: int, limit: int = 500) -> list[Job]:
        """Jobs that changed after a revision, oldest change first."""
        return questions.jobs_since(self._db, revision, limit)

    @spoken
    def removed_since(self, revision: int) -> list[int]:
        """Ids of jobs that were removed after a revision."""
        return questions.removed_since(self._db, revision)

    @spoken
    def revision(self) -> int:
        """The revision of the last change."""
        return questions.revision(self._db)

    @spoken
    def count(self, query: str = "") -> int:
        """How many jobs match."""
        return questions.count(self._db, query)

    @spoken
    def counts(self) -> dict[State, int]:
        """How many jobs are in each state."""
        return questions.counts(self._db)

    @spoken
    def events(self, since: int = 0, *, job_id: int | None = None, limit: int = 1000) -> list[JobEvent]:
        """History after a revision, oldest first."""
        return questions.events(self._db, since, job_id, limit)

    @spoken
    def items(self, job_id: int, *, outcome: str | None = None, offset: int = 0, limit: int = 200) -> list[ItemOutcome]:
        """How the inputs of a job ended, by key."""
        return questions.items(self._db, job_id, outcome, offset, limit)

    @spoken
    def result(self, job_id: int) -> Mapping[str, Any]:
        """The facts that a job without items ended with; of one with items only their counts."""
        return questions.result(self._db, job_id)

    @spoken
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

    @spoken
    def why(self, job_id: int) -> tuple[Waiting, ...]:
        """Why a queued job does not run, or who paused one, with what lifts it. Empty when nothing holds it back."""
        return self.why_each([job_id])[questions.job_by_id(self._db, job_id).id]

    @spoken
    def why_each(self, ids: Sequence[int]) -> dict[int, tuple[Waiting, ...]]:
        """As `why`, for many jobs at once."""
        jobs = questions.jobs_by_id(self._db, ids)
        names = tuple(operation.name for operation in self.operations())
        now = situation(self._db, self.settings, names)
        queues = {status.name: status for status in self.queues()}
        running = worker_pid(self.settings) is not None

        def told(job: Job) -> tuple[Waiting, ...]:
            if job.state is State.PAUSED:
                return (stopped(self._db, job, now),)
            waits = job.state is State.QUEUED
            return explain(reasons(self._db, job, now), running, queues.get(job.queue)) if waits else ()

        return {job.id: told(job) for job in jobs.values()}

    def log(self, job_id: int, offset: int = 0, limit: int = 65536) -> tuple[str, int]:
        """The job's log from a byte on, made safe for a terminal, and the next byte. Negative: from the end."""
        path = self.settings.paths.job_log(job_id)
        ended = path.exists() and all(job.final for job in questions.jobs_by_id(self._db, [job_id]).values())
        return read_log(path, offset, limit, complete=ended)


def open_client(settings: Settings, registry: str = DEFAULT_REGISTRY) -> Client:
    """The home's front door; the home and its database are made, or brought up to date, when needed."""
    if settings.read_only:
        with told(f"opening {settings.paths.database}"):
            return Client(settings, open_watched(settings.paths.database), registry)
    prepare_home(settings)
    with told(f"opening {settings.paths.database}"):
        db = open_database(str(settings.paths.database))
        bring_up(db, settings)
    return Client(settings, db, registry)


def _told(held: Mapping[int, tuple[Waiting, ...]], job_id: int) -> str:
    """What is true of a job that was put before all others."""
    still = [why.detail for why in held.get(job_id, ()) if why.reason not in ("slot", "no_worker")]
    return f"is first, and still waits: {'; '.join(still)}" if still else "is the next to start"


class AsyncClient:
    """The same front door for asyncio: `async with AsyncClient(settings) as client: await client.ask(Client.jobs)`."""

    def __init__(self, settings: Settings, registry: str = DEFAULT_REGISTRY) -> None:
        self.settings = settings
        self._registry = registry
        self._db: Any = None
        self._poll: ChangePoll | WatchPoll | None = None
        self._watcher: Watcher[Client] | None = None

    async def __aenter__(self) -> AsyncClient:
        if self.settings.read_only:
            self._watcher = Watcher()
            await self._watcher.open(lambda: open_client(self.settings, self._registry))
            self._poll = WatchPoll(self.settings.paths.database)
            return self
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
        if self._watcher is not None:
            await self._watcher.close(Client.close)
        if self._db is not None:
            await close_async(self._db)

    async def ask(self, method: Callable[Concatenate[Client, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a method of `Client` without blocking the loop. Cancelling ends the waiting, not what was asked."""
        if self._watcher is not None:
            return await self._watcher.ask(method, *args, **kwargs)
        return await ask(self._db, method, self._client, *args, **kwargs)

    def changed(self) -> bool:
        """Whether anything was committed since the last call; 4 microseconds. StoreError when that cannot be read."""
        assert self._poll is not None, "the client was not entered"
        with told("looking for changes"):
            return self._poll.changed()
