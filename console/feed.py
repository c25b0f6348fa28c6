"""What is new in the store, fetched at its own pace and told to the screens as one replaceable message.

Not a widget. Looks 20 times a second whether anything was committed; reads only then: the first change after quiet at
once (leading edge), later ones at the paint rate; not at all while frozen or while the terminal lags behind.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Concatenate, ParamSpec, Protocol, TypeVar

from textual.message import Message

from console.window import JobWindow
from workers.client import AsyncClient, Client, QueueStatus, WorkerStatus
from workers.errors import SpoolError
from workers.jobs import Job, Pause, State

P = ParamSpec("P")
T = TypeVar("T")

LOOKS_A_SECOND = 20
RATES = (1, 2, 4, 5, 10, 20)
_MOST_ROWS = 500
_BACKLOG = 2
_SLOWED_S = 5.0
_WORKER_EVERY_S = 2.0


class Changed(Message):
    """Something that screens show has changed; they pull what they need. Only the newest one counts."""

    def can_replace(self, message: Message) -> bool:
        """A later change stands for all earlier ones."""
        return isinstance(message, Changed)


class Listener(Protocol):
    """Somebody who follows changed jobs; called between paints, so it must be quick and must not paint."""

    def changed(self, jobs: list[Job], removed: list[int]) -> None:
        """Take jobs in their new state and ids that are gone."""


@dataclass(slots=True)
class Figures:
    """The slow figures beside the rows: counts, queues and the worker, with the time they were read."""

    counts: Mapping[State, int] = field(default_factory=dict)
    queues: list[QueueStatus] = field(default_factory=list)
    pauses: list[Pause] = field(default_factory=list)  # of queues, sites and batches
    worker: WorkerStatus | None = None
    read_at: float = 0.0
    problem: str = ""  # why the store does not answer, in words

    @property
    def at_work(self) -> bool:
        """Whether a worker works on what runs; so it is taken to be until it is known."""
        return self.worker is None or self.worker.running


class Pace:
    """How often the console paints: a rate, halved for a while when the terminal lags, or nothing when frozen."""

    def __init__(self, rate: int) -> None:
        self.rate = rate
        self.frozen = False
        self._slow_until = float("-inf")
        self._last = float("-inf")

    def due(self, now: float, backlog: int) -> bool:
        """Whether a frame may be made now."""
        if self.frozen:
            return False
        if backlog > _BACKLOG:
            self._slow_until = now + _SLOWED_S
            return False
        rate = self.rate / 2 if now < self._slow_until else self.rate
        return now - self._last >= 1 / rate - 0.001

    def done(self, now: float) -> None:
        """A frame was made."""
        self._last = now

    def step(self, by: int) -> int:
        """The next faster or slower rate, from now on."""
        index = min(range(len(RATES)), key=lambda i: abs(RATES[i] - self.rate)) + by
        self.rate = RATES[max(0, min(len(RATES) - 1, index))]
        return self.rate


def _shown(figures: Figures) -> tuple[object, ...]:
    """What of the figures stands on screens."""
    return (figures.counts, figures.queues, figures.pauses, figures.worker, figures.problem)


def _auto_slots(worker: WorkerStatus | None) -> object:
    """What the worker tells of slots that follow the load; no job changes when they do."""
    return worker.figures.auto_slots if worker is not None and worker.figures is not None else {}


class Feed:
    """Reads the store for all screens. `post` receives `Changed`; `backlog` tells how far the terminal lags."""

    def __init__(
        self,
        client: AsyncClient,
        pace: Pace,
        post: Callable[[Message], object],
        backlog: Callable[[], int],
    ) -> None:
        self.window = JobWindow()
        self.figures = Figures()
        self.speeds: deque[float] = deque(maxlen=60)  # bytes a second of all downloads, one a second
        self.revision = 0
        self.ready = False
        self._client = client
        self.pace, self._post, self._backlog = pace, post, backlog
        self._listeners: list[Listener] = [self.window]
        self._counts_due = self._worker_due = 0.0
        self._recount = True
        self._touched = False  # something was committed since the queues were last looked at
        self._groups_seen = 0  # the revision up to which orders about no job, as pauses of queues, are known
        self._removed: set[int] = set()
        self._asking: asyncio.Task[None] | None = None

    def follow(self, listener: Listener) -> None:
        """Tell `listener` of changed jobs until `unfollow`."""
        self._listeners.append(listener)

    def unfollow(self, listener: Listener) -> None:
        """Stop telling."""
        if listener in self._listeners:
            self._listeners.remove(listener)

    def wake(self) -> None:
        """Read the figures anew at the next look: a person has just changed something."""
        self._recount = True
        self._counts_due = self._worker_due = 0.0

    async def run(self) -> None:
        """Read until cancelled. Trouble with the store is shown, and tried again every second."""
        pending = True
        while True:
            now = time.monotonic()
            try:
                pending = self._client.changed() or pending
                if not self.ready:
                    await self.start()
                if pending and self.pace.due(now, self._backlog()):
                    pending = False
                    await self._read()
                    self.pace.done(time.monotonic())
                    self._post(Changed())
                self._ask_figures(time.monotonic())
            except (SpoolError, sqlite3.Error) as error:  # the look itself speaks SQLite
                await self._wait_out(str(error))
                pending = True
            await asyncio.sleep(1 / LOOKS_A_SECOND)

    async def _wait_out(self, problem: str) -> None:
        if self.figures.problem != problem:
            self.figures.problem = problem
            self._post(Changed())
        await asyncio.sleep(1.0)

    async def start(self) -> None:
        """Take the present revision; rows read afterwards are followed from here on."""
        self.revision = self._groups_seen = await self._client.ask(Client.revision)
        self.window.keep(await self._client.ask(Client.jobs, "state:running,paused"))
        self.ready = True

    async def _read(self) -> None:
        while True:
            before = self.revision
            jobs = await self._client.ask(Client.jobs_since, before, _MOST_ROWS)
            removed = [i for i in await self._client.ask(Client.removed_since, before) if i not in self._removed]
            self._removed.update(removed)  # told again until some job changes: the revision stays until then
            if jobs:
                self.revision = jobs[-1].revision
                self._removed.clear()
            if jobs or removed:
                self._tell(jobs, removed)
            if self.figures.problem:
                self.figures.problem = ""
            self._touched = True
            if len(jobs) < _MOST_ROWS:
                return

    def _tell(self, jobs: list[Job], removed: list[int]) -> None:
        for listener in list(self._listeners):
            listener.changed(jobs, removed)
        if self.window.order_changed:
            self._recount = True

    def _ask_figures(self, now: float) -> None:
        """Start the slow questions when due, one at a time, beside the rows and never before them."""
        if self.pace.frozen or (self._asking is not None and not self._asking.done()):
            return
        counts = (self._recount or self._touched) and now >= self._counts_due
        worker = now >= self._worker_due
        if counts or worker:
            self._asking = asyncio.create_task(self._figure_task(counts, worker))

    async def _figure_task(self, counts: bool, worker: bool) -> None:
        began = time.monotonic()
        figures = self.figures
        before = _shown(figures)
        try:
            if counts and (self._recount or await self._group_orders()):
                self._recount = self._touched = False
                figures.counts = await self._client.ask(Client.counts)
                figures.queues = await self._client.ask(Client.queues)
                figures.pauses = await self._client.ask(Client.pauses)
            if counts:
                self._counts_due = began + max(0.5, 20 * (time.monotonic() - began))
            if worker:
                slots_before = _auto_slots(figures.worker)
                figures.worker = await self._client.ask(Client.worker)
                self._recount = self._recount or _auto_slots(figures.worker) != slots_before
                self._worker_due = began + _WORKER_EVERY_S
            figures.problem = ""
        except SpoolError as error:
            figures.problem = str(error)
            self._recount, self._counts_due = True, began + 1.0
        figures.read_at = time.monotonic()
        if _shown(figures) != before:
            self._post(Changed())

    async def _group_orders(self) -> bool:
        """Whether somebody has paused, resumed or resized a queue since the last look: no job changes when they do."""
        self._touched = False
        events = await self._client.ask(Client.events, self._groups_seen, job_id=0)
        if events:
            self._groups_seen = events[-1].revision
        return bool(events)

    async def ask(self, method: Callable[Concatenate[Client, P], T], *args: P.args, **options: P.kwargs) -> T:
        """A question or an order; each has a connection of its own, so slow ones never stand before the rows."""
        return await self._client.ask(method, *args, **options)
