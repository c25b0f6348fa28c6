"""An in-memory front door with the names and types of `workers.client`, for tests of the console alone.

`FakeStore` holds up to 100k jobs; `FakeAsyncClient.ask(Client.jobs, …)` calls the method of that name here.
Every call is counted in `FakeStore.calls`.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Concatenate, Literal, ParamSpec, TypeVar

from pydantic import Field

from tests.support.fake_batches import FakeBatches
from workers.client import Answer, CacheStats, CategoryStats, Client, Counts, HostFigures, QueueStatus, WorkerStatus
from workers.errors import ErrorClass, Failure, NoSuchJob, UsageError
from workers.jobs import (
    FINAL,
    QUEUES,
    ItemCounts,
    ItemOutcome,
    Job,
    JobEvent,
    Move,
    Pause,
    Priority,
    Progress,
    Scope,
    State,
    Waiting,
    Wish,
    allowed,
)
from workers.operations.contract import Operation, Params
from workers.query import Term, parse
from workers.settings import CACHE_CATEGORIES, CacheSettings, Settings

P = ParamSpec("P")
T = TypeVar("T")

NOW_MS = 1_790_000_000_000  # a fixed clock: 2026-09-21 14:13:20 UTC


class FetchParams(Params):
    """A form like that of the download operation."""

    inputs: tuple[str, ...] = Field(min_length=1)
    """What to fetch: one or more URLs."""

    quality: Literal["best", "1080p", "720p", "480p"] = "best"
    """The best picture to take."""

    audio_only: bool = False
    """Take only the sound."""

    output: str = Field(default="", json_schema_extra={"path": True})
    """Folder for the file. Empty: the configured one."""

    rate_limit: int = Field(default=0, ge=0, json_schema_extra={"advanced": True})
    """Bytes a second; 0 sets no limit."""


class ConvertParams(Params):
    """A form with every kind of field."""

    inputs: tuple[str, ...] = Field(min_length=1, json_schema_extra={"path": True})
    """Files or folders."""

    preset: Literal["web", "small"] = "web"
    """What the result is for."""

    height: int = Field(default=0, ge=0, le=8640)
    """Largest picture in pixels; 0 leaves it to the preset."""

    speed: float | None = Field(default=None, gt=0, json_schema_extra={"advanced": True})
    """How much faster than life."""

    reencode: bool = Field(default=False, json_schema_extra={"advanced": True})
    """Encode even what fits."""


DOWNLOAD = Operation(
    name="download",
    title="Download",
    summary="Fetch media from a URL",
    queue="downloads",
    params=FetchParams,
    label=lambda params: params.inputs[0],
    run=lambda params, context: (_ for _ in ()).throw(NotImplementedError),
    primary=("inputs", "quality", "audio_only", "output"),
)
TRANSCODE = Operation(
    name="transcode",
    title="Transcode",
    summary="Convert films and sound by presets",
    queue="video",
    params=ConvertParams,
    label=lambda params: params.inputs[0].rpartition("/")[2],
    items=lambda params: params.inputs,
    process=lambda params, key, context: (_ for _ in ()).throw(NotImplementedError),
)


def make_job(job_id: int, state: State = State.QUEUED, **changes: Any) -> Job:
    """A job with plausible values; `changes` replace any of them."""
    started = NOW_MS - 95_000 if state is not State.QUEUED else None
    finished = NOW_MS - 20_000 if state in FINAL else None
    values: dict[str, Any] = {
        "id": job_id,
        "operation": "transcode",
        "queue": "video",
        "state": state,
        "priority": Priority.NORMAL,
        "title": f"clip-{job_id:06}.mov",
        "params": {"inputs": [f"/media/in/clip-{job_id:06}.mov"], "preset": "web"},
        "submitted_by": "ada",
        "submitted_at": NOW_MS - 3_600_000 + job_id % 1000,
        "started_at": started,
        "finished_at": finished,
        "run_after": None,
        "hold": False,
        "attempts": 0 if state is State.QUEUED else 1,
        "failures": 0,
        "max_attempts": 3,
        "lease": 0 if state is State.QUEUED else 1,
        "wish": Wish.NONE,
        "progress": Progress(),
        "items": ItemCounts(),
        "failure": None,
        "outputs": (f"/media/out/clip-{job_id:06}.mp4",) if state is State.SUCCEEDED else (),
        "batch": None,
        "after": (),
        "after_ended": (),
        "window": None,
        "pause_until": None,
        "site": None,
        "position": float(job_id),
        "revision": job_id,
    }
    if state is State.FAILED:
        values["failure"] = Failure(ErrorClass.NETWORK, "the site answered 503", f"/media/in/clip-{job_id:06}.mov")
    if state is State.RUNNING:
        values["progress"] = Progress(0.25, "encoding", 15_000, 60_000, 2400.0, 18.0, "ms")
    return Job(**{**values, **changes})


def make_jobs(count: int, *, running: int = 0, queued: int = 0) -> list[Job]:
    """`count` jobs: the last `running` run, those before them wait, all others have ended."""
    jobs = []
    for job_id in range(1, count + 1):
        if job_id > count - running:
            jobs.append(make_job(job_id, State.RUNNING))
        elif job_id > count - running - queued:
            jobs.append(make_job(job_id))
        else:
            jobs.append(make_job(job_id, State.FAILED if job_id % 10 == 0 else State.SUCCEEDED))
    return jobs


def _order(job: Job) -> tuple[float, ...]:
    if job.live:
        return (0, -(job.started_at or 0), job.id)
    if job.state is State.QUEUED:
        return (1, -job.priority, job.position)
    return (2, -(job.finished_at or 0), -job.id)


_SORTS: Mapping[str, Callable[[Job], Any]] = {
    "": _order,
    "id": lambda job: job.id,
    "name": lambda job: job.title,
    "queue": lambda job: job.queue,
    "state": lambda job: job.state,
    "age": lambda job: -job.submitted_at,
    "priority": lambda job: job.priority,
}


def _matches(job: Job, term: Term) -> bool:
    values: dict[str, str] = {
        "state": job.state.value,
        "queue": job.queue,
        "operation": job.operation,
        "priority": job.priority.word,
        "site": job.site or "",
        "batch": job.batch or "",
        "id": str(job.id),
        "by": job.submitted_by,
    }
    found = term.values[0].lower() in job.title.lower() if term.key == "text" else values[term.key] in term.values
    return found is not term.negated


def kept_results() -> CacheStats:
    """Figures of a cache that helps with two categories."""
    settings = CacheSettings()
    asked = {
        "metadata": (10_000, 6_650_000, Counts(9_800, 200, 24_000_000, 4_000.0), Counts(19_800, 10_200, 50, 8_100.0)),
        "thumbnail": (420, 260_000_000, Counts(), Counts(30, 70, 900_000, 12.0, 1_250)),
    }
    categories = []
    for name in CACHE_CATEGORIES:
        entries, size, hour, start = asked.get(name, (0, 0, Counts(), Counts()))
        spans = {"1m": Counts(), "1h": hour, "24h": hour, "start": start}
        categories.append(CategoryStats(name, entries, size, settings.limit_bytes(name), settings.ttl_s(name), spans))
    return CacheStats(tuple(categories), settings.size_mib << 20, NOW_MS / 1000 - 7200)


class FakeStore(FakeBatches):
    """Jobs, queues, a worker and logs in memory."""

    def __init__(self, jobs: Iterable[Job] = (), *, worker: bool = True) -> None:
        super().__init__()
        self.rows = {job.id: job for job in jobs}
        self.last_revision = max((job.revision for job in self.rows.values()), default=0)
        self.gone: list[tuple[int, int]] = []
        self.history: list[JobEvent] = []
        self.logs: dict[int, str] = {}
        self.item_rows: dict[int, list[ItemOutcome]] = {}
        self.reasons: dict[int, tuple[Waiting, ...]] = {}
        self.slots = dict.fromkeys(QUEUES, 2)
        self.ranges: dict[str, str] = {}  # of queues whose slots follow the load
        self.by_hand: set[str] = set()
        self.paused_queues: dict[str, int | None] = {}  # until when
        self.worker_runs = worker
        self.worker_host = "studio"
        self.figures: HostFigures | None = HostFigures(
            61.0, 1.25, 4, 43.0, "/media", 212_000_000_000, 78.0, 3.0, 1.0, 0.0
        )
        self.age_s = 0.4
        self.report: tuple[str, ...] = ()
        self.calls: Counter[str] = Counter()
        self.orders: list[tuple[str, tuple[int, ...]]] = []
        self.commits = 1
        self.cache = kept_results()
        self.registry: tuple[Operation[Any], ...] = (DOWNLOAD, TRANSCODE)

    # what tests do to it

    def put(self, job_id: int, **changes: Any) -> Job:
        """Change a job, as a worker would."""
        self.last_revision += 1
        self.commits += 1
        self.rows[job_id] = job = replace(self.rows[job_id], revision=self.last_revision, **changes)
        return job

    def add(self, job: Job) -> Job:
        """Another job."""
        self.rows[job.id] = job
        return self.put(job.id)

    def tell(self, job: Job, move: str, before: str, reason: str = "") -> None:
        """One line of history."""
        event = JobEvent(
            len(self.history) + 1, job.revision, job.id, NOW_MS, move, before, job.state.value, "ada", reason
        )
        self.history.append(event)

    # orders

    def _each(self, name: str, ids: Sequence[int], change: Callable[[Job], Job | str]) -> list[Answer]:
        self.orders.append((name, tuple(ids)))
        answers = []
        for job_id in ids:
            made = change(self.rows[job_id]) if job_id in self.rows else "there is no such job"
            if isinstance(made, str):
                answers.append(Answer(job_id, False, made))
            else:
                self.rows[job_id] = made
                self.put(job_id)
                answers.append(Answer(job_id, True, ""))
        return answers

    def _move(self, name: str, move: Move, ids: Sequence[int], target: State) -> list[Answer]:
        def change(job: Job) -> Job | str:
            ended = NOW_MS if target in FINAL else None
            return (
                replace(job, state=target, finished_at=ended)
                if allowed(move, job.state)
                else f"it is {job.state.value}"
            )

        return self._each(name, ids, change)

    def submit(
        self,
        operation: str,
        values: Mapping[str, Any],
        *,
        priority: Priority = Priority.NORMAL,
        hold: bool = False,
        batch: str | None = None,
        **_others: Any,
    ) -> Job:
        kind = self.operation(operation)
        params = kind.validate(values)
        job_id = max(self.rows, default=0) + 1
        job = make_job(
            job_id,
            operation=operation,
            queue=kind.queue,
            title=kind.label(params),
            priority=priority,
            hold=hold,
            batch=batch,
            params=params.model_dump(mode="json"),
            submitted_at=NOW_MS,
        )
        return self.add(job)

    def cancel(self, ids: Sequence[int], **_by: Any) -> list[Answer]:
        return self._move("cancel", Move.CANCELLED, ids, State.CANCELLED)

    def pause(self, ids: Sequence[int], *, until: int | None = None, soft: bool = False, **_by: Any) -> list[Answer]:
        self.pauses_asked.append(("", until, soft))
        return self._move("pause", Move.PAUSED, ids, State.PAUSED)

    def resume(self, ids: Sequence[int], **_by: Any) -> list[Answer]:
        return self._move("resume", Move.RESUMED, ids, State.RUNNING)

    def retry(self, ids: Sequence[int], **_by: Any) -> list[Answer]:
        return self._move("retry", Move.RESTARTED, ids, State.QUEUED)

    def _set_hold(self, name: str, ids: Sequence[int], hold: bool) -> list[Answer]:
        def change(job: Job) -> Job | str:
            return replace(job, hold=hold) if job.state is State.QUEUED else f"it is {job.state.value}"

        return self._each(name, ids, change)

    def hold(self, ids: Sequence[int], **_by: Any) -> list[Answer]:
        return self._set_hold("hold", ids, True)

    def unhold(self, ids: Sequence[int], **_by: Any) -> list[Answer]:
        return self._set_hold("unhold", ids, False)

    def remove(self, ids: Sequence[int], **_by: Any) -> list[Answer]:
        self.orders.append(("remove", tuple(ids)))
        for job_id in ids:
            self.last_revision += 1
            self.commits += 1
            self.gone.append((self.last_revision, job_id))
            self.rows.pop(job_id, None)
        return [Answer(job_id, True, "") for job_id in ids]

    def set_priority(self, ids: Sequence[int], priority: Priority, **_by: Any) -> list[Answer]:
        return self._each("set_priority", ids, lambda job: replace(job, priority=priority))

    def _reposition(self, name: str, ids: Sequence[int], by: float) -> list[Answer]:
        def change(job: Job) -> Job | str:
            return replace(job, position=job.position + by) if job.state is State.QUEUED else f"it is {job.state.value}"

        return self._each(name, ids, change)

    def move_first(self, ids: Sequence[int], **_by: Any) -> list[Answer]:
        return self._reposition("move_first", ids, -1e9)

    def move_up(self, ids: Sequence[int], **_by: Any) -> list[Answer]:
        return self._reposition("move_up", ids, -1.5)

    def move_down(self, ids: Sequence[int], **_by: Any) -> list[Answer]:
        return self._reposition("move_down", ids, 1.5)

    def pause_queue(self, queue: str | None, *, until: int | None = None, soft: bool = True, **_by: Any) -> None:
        for name in QUEUES if queue is None else (queue,):
            self.paused_queues[name] = until
            self.pauses_asked.append((name, until, soft))
            self._tell_of_queue(name, "queue paused")
        self.commits += 1

    def _tell_of_queue(self, name: str, move: str) -> None:
        """One line of history that is about no job."""
        self.last_revision += 1
        event = JobEvent(len(self.history) + 1, self.last_revision, 0, NOW_MS, move, "", name, "ada", "")
        self.history.append(event)

    def resume_queue(self, queue: str | None, **_options: Any) -> None:
        for name in QUEUES if queue is None else (queue,):
            self.paused_queues.pop(name, None)
            self._tell_of_queue(name, "queue resumed")
        self.commits += 1

    def pauses(self, scope: Scope | None = None) -> list[Pause]:
        queues = [Pause(Scope.QUEUE, name, 0, until, "ada") for name, until in self.paused_queues.items()]
        return [pause for pause in (*queues, *self.batch_pauses.values()) if scope in (None, pause.scope)]

    def set_slots(self, queue: str, slots: int | None, **_options: Any) -> None:
        self.by_hand.discard(queue) if slots is None else self.by_hand.add(queue)
        self.slots[queue] = 2 if slots is None else slots
        self.commits += 1

    # questions

    def job(self, job_id: int) -> Job:
        if job_id not in self.rows:
            raise NoSuchJob(f"there is no job {job_id}")
        return self.rows[job_id]

    def _found(self, query: str, sort: str) -> list[Job]:
        terms = parse(query)
        key = _SORTS[sort.lstrip("-")]
        found = [job for job in self.rows.values() if all(_matches(job, term) for term in terms)]
        return sorted(found, key=key, reverse=sort.startswith("-"))

    def jobs(self, query: str = "", *, sort: str = "", limit: int | None = None, offset: int = 0) -> list[Job]:
        return self._found(query, sort)[offset : None if limit is None else offset + limit]

    def job_ids(self, query: str = "", *, sort: str = "") -> array[int]:
        return array("q", [job.id for job in self._found(query, sort)])

    def jobs_by_id(self, ids: Sequence[int]) -> dict[int, Job]:
        return {job_id: self.rows[job_id] for job_id in ids if job_id in self.rows}

    def jobs_since(self, revision: int, limit: int = 500) -> list[Job]:
        found = [job for job in self.rows.values() if job.revision > revision]
        return sorted(found, key=lambda job: job.revision)[:limit]

    def removed_since(self, revision: int) -> list[int]:
        return [job_id for at, job_id in self.gone if at > revision]

    def revision(self) -> int:
        return self.last_revision

    def count(self, query: str = "") -> int:
        return len(self._found(query, ""))

    def counts(self) -> dict[State, int]:
        return dict(Counter(job.state for job in self.rows.values()))

    def queues(self) -> list[QueueStatus]:
        found = Counter((job.queue, job.state) for job in self.rows.values())
        return [
            QueueStatus(
                name,
                self.slots[name],
                found[name, State.RUNNING],
                found[name, State.PAUSED],
                found[name, State.QUEUED],
                found[name, State.FAILED],
                Pause(Scope.QUEUE, name, 0, self.paused_queues[name], "ada") if name in self.paused_queues else None,
                self.ranges.get(name, ""),
                name in self.by_hand,
                "cpu pressure 40 %" if name in self.ranges and name not in self.by_hand else "",
            )
            for name in QUEUES
        ]

    def events(self, since: int = 0, *, job_id: int | None = None, limit: int = 1000) -> list[JobEvent]:
        found = [event for event in self.history if event.revision > since and job_id in (None, event.job_id)]
        return found[:limit]

    def items(self, job_id: int, *, outcome: str | None = None, offset: int = 0, limit: int = 200) -> list[ItemOutcome]:
        found = [item for item in self.item_rows.get(job_id, []) if outcome in (None, item.outcome.value)]
        return found[offset : offset + limit]

    def why(self, job_id: int) -> tuple[Waiting, ...]:
        if job_id in self.reasons:
            return self.reasons[job_id]
        job = self.job(job_id)
        if job.state is not State.QUEUED:
            return ()
        return (Waiting("slot", f"all slots of {job.queue} are taken", "it starts when one ends"),)

    def worker(self) -> WorkerStatus:
        if not self.worker_runs:
            return WorkerStatus(False)
        return WorkerStatus(
            True, 4711, self.worker_host, "0.1.0", NOW_MS - 7_200_000, NOW_MS, self.age_s, self.report, self.figures
        )

    def cache_stats(self) -> CacheStats:
        return self.cache

    def log(self, job_id: int, offset: int = 0, limit: int = 65536) -> tuple[str, int]:
        data = self.logs.get(job_id, "").encode()
        start = max(0, len(data) + offset) if offset < 0 else offset
        return data[start : start + limit].decode(), min(len(data), start + limit)

    def operations(self) -> tuple[Operation[Any], ...]:
        return self.registry

    def operation(self, name: str) -> Operation[Any]:
        for one in self.registry:
            if one.name == name:
                return one
        raise UsageError(f"no operation {name!r}")


class FakeAsyncClient:
    """What the console asks, answered by a `FakeStore`."""

    def __init__(self, store: FakeStore) -> None:
        self.store = store
        self._seen = 0

    async def __aenter__(self) -> FakeAsyncClient:
        return self

    async def __aexit__(self, *error: object) -> None:
        return None

    async def ask(self, method: Callable[Concatenate[Client, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        self.store.calls[method.__name__] += 1
        answer: T = getattr(self.store, method.__name__)(*args, **kwargs)
        return answer

    def changed(self) -> bool:
        seen, self._seen = self._seen, self.store.commits
        return seen != self.store.commits


def connect(store: FakeStore) -> Callable[[Settings], Any]:
    """What `SpoolApp(connect=…)` takes."""
    return lambda _settings: FakeAsyncClient(store)
