"""The feed: leading edge, pace, backlog, removed jobs, and trouble with the store. And the window that it fills."""

from __future__ import annotations

import asyncio
import time
from array import array
from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

import pytest
from textual.app import ScreenStackError
from textual.message import Message

from console.feed import Changed, Feed, Pace
from console.window import PAGE, JobWindow
from tests.console.conftest import Open
from tests.support.fake_client import FakeAsyncClient, FakeStore, make_job, make_jobs
from workers.client import AsyncClient
from workers.errors import StoreError
from workers.health.figures import AutoSlots
from workers.jobs import Progress, State


class Rig:
    """A feed on a store, and the moments of its messages."""

    def __init__(self, store: FakeStore, rate: int = 4, backlog: Callable[[], int] = lambda: 0) -> None:
        self.store = store
        self.messages: list[float] = []
        self.client = FakeAsyncClient(store)
        self.feed = Feed(cast(AsyncClient, self.client), Pace(rate), self._post, backlog)
        self._task: asyncio.Task[None] | None = None

    def _post(self, message: Message) -> None:
        assert isinstance(message, Changed)
        self.messages.append(time.monotonic())

    async def __aenter__(self) -> Rig:
        self._task = asyncio.create_task(self.feed.run())
        await self.until(lambda: self.feed.figures.worker is not None)
        await self.quiet()
        return self

    async def __aexit__(self, *error: object) -> None:
        assert self._task is not None
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def until(self, condition: Callable[[], Any]) -> None:
        async with asyncio.timeout(5):
            while not condition():  # noqa: ASYNC110 - what is waited for tells nobody
                await asyncio.sleep(0.005)

    async def quiet(self) -> None:
        """Until half a second has passed without a message."""
        async with asyncio.timeout(10):
            while not self.messages or time.monotonic() - self.messages[-1] < 0.5:  # noqa: ASYNC110
                await asyncio.sleep(0.02)


async def test_orders_about_queues_are_seen_though_no_job_changes() -> None:
    async with Rig(FakeStore(make_jobs(3))) as rig:
        asked = rig.store.calls["counts"]
        rig.store.commits += 1  # a worker's sign of life
        await rig.until(lambda: rig.store.calls["events"])
        await rig.quiet()
        assert rig.store.calls["counts"] == asked  # is no reason to count
        rig.store.pause_queue("video", until=None)
        await rig.until(lambda: [queue.name for queue in rig.feed.figures.queues if queue.paused] == ["video"])
        rig.store.resume_queue("video")
        await rig.until(lambda: not any(queue.paused for queue in rig.feed.figures.queues))


async def test_first_change_after_quiet_comes_at_once() -> None:
    async with Rig(FakeStore(make_jobs(10, running=2)), rate=1) as rig:
        await asyncio.sleep(0.6)
        started = time.monotonic()
        count = len(rig.messages)
        rig.store.put(9, progress=Progress(0.5))
        await rig.until(lambda: len(rig.messages) > count)
        assert rig.messages[count] - started < 0.3  # one look is 0.05 s; a paced frame would take 1 s
        assert rig.feed.window.live[9].progress.fraction == 0.5


async def test_later_changes_are_paced() -> None:
    async with Rig(FakeStore(make_jobs(10, running=2)), rate=4) as rig:
        asked = rig.store.calls["jobs_since"]
        end = time.monotonic() + 2.0
        while time.monotonic() < end:
            rig.store.put(9, progress=Progress(0.5))
            await asyncio.sleep(0.01)
        assert 4 <= rig.store.calls["jobs_since"] - asked <= 9


async def test_slots_that_the_worker_changes_are_read_anew_though_no_job_changes() -> None:
    store = FakeStore(make_jobs(3))
    async with Rig(store) as rig:
        assert rig.feed.figures.queues[1].slots == 2
        store.slots["video"] = 3
        assert store.figures is not None
        store.figures = replace(store.figures, auto_slots={"video": AutoSlots(3, "work waits and the host has room")})
        await rig.until(lambda: rig.feed.figures.queues[1].slots == 3)


async def test_nothing_is_read_while_nothing_changes() -> None:
    async with Rig(FakeStore(make_jobs(10, running=2))) as rig:
        asked = rig.store.calls["jobs_since"]
        await asyncio.sleep(0.5)
        assert rig.store.calls["jobs_since"] == asked


async def test_backlog_and_frost_hold_reading_back_but_nothing_is_lost() -> None:
    behind = [0]
    async with Rig(FakeStore(make_jobs(10, running=2)), backlog=lambda: behind[0]) as rig:
        behind[0] = 5
        asked = rig.store.calls["jobs_since"]
        rig.store.put(9, progress=Progress(0.6))
        await asyncio.sleep(0.3)
        assert rig.store.calls["jobs_since"] == asked
        behind[0] = 0
        await rig.until(lambda: rig.feed.window.live[9].progress.fraction == 0.6)
        rig.feed.pace.frozen = True
        rig.store.put(9, progress=Progress(0.7))
        await asyncio.sleep(0.3)
        assert rig.feed.window.live[9].progress.fraction == 0.6
        rig.feed.pace.frozen = False
        await rig.until(lambda: rig.feed.window.live[9].progress.fraction == 0.7)


async def test_many_changes_come_in_parts_and_all() -> None:
    async with Rig(FakeStore(make_jobs(1500, running=1200))) as rig:
        for job_id in range(301, 1501):
            rig.store.put(job_id, progress=Progress(0.9))
        await rig.until(lambda: all(job.progress.fraction == 0.9 for job in rig.feed.window.live.values()))
        assert len(rig.feed.window.live) == 1200


async def test_removed_jobs_are_told_once() -> None:
    async with Rig(FakeStore(make_jobs(10))) as rig:
        rig.feed.window.reorder(array("q", range(10, 0, -1)))
        rig.store.remove([3])
        await rig.until(lambda: rig.feed.window.order_changed)
        rig.feed.window.order_changed = False
        rig.store.commits += 1  # somebody else wrote, no job changed: the removal is in the answer again
        await asyncio.sleep(0.5)
        assert not rig.feed.window.order_changed


async def test_trouble_is_told_and_goes_away() -> None:
    async with Rig(FakeStore(make_jobs(10, running=2))) as rig:
        real = rig.store.jobs_since

        def broken(revision: int, limit: int = 500) -> Any:
            raise StoreError("the disk is gone")

        rig.store.jobs_since = broken  # type: ignore[method-assign]
        rig.store.put(9, progress=Progress(0.6))
        await rig.until(lambda: rig.feed.figures.problem == "the disk is gone")
        rig.store.jobs_since = real  # type: ignore[method-assign]
        await rig.until(lambda: not rig.feed.figures.problem)
        assert rig.feed.window.live[9].progress.fraction == 0.6


async def test_counts_follow_moves() -> None:
    async with Rig(FakeStore(make_jobs(10, running=2))) as rig:
        rig.store.put(9, state=State.SUCCEEDED)
        await rig.until(lambda: rig.feed.figures.counts.get(State.RUNNING) == 1)


def test_pace_steps_and_halves() -> None:
    pace = Pace(4)
    assert [pace.step(1), pace.step(1), pace.step(-1), pace.step(-1), pace.step(-9)] == [5, 10, 5, 4, 1]
    pace = Pace(4)
    assert pace.due(0.0, 0)
    pace.done(0.0)
    assert not pace.due(0.2, 0) and pace.due(0.25, 0)
    assert not pace.due(0.3, 3)  # behind: half the rate for five seconds
    assert not pace.due(0.4, 0) and pace.due(0.5, 0)
    assert pace.due(5.55, 0)


def test_window_reads_whole_pages_and_forgets_the_oldest() -> None:
    window = JobWindow()
    window.reorder(array("q", range(1, 10_001)))
    assert window.missing(410, 430) == list(range(401, 601))
    for first in range(0, 10_000, PAGE):
        window.keep([make_job(number, State.SUCCEEDED) for number in window.missing(first, first + 1)])
    assert len(window._kept) == 20 * PAGE
    assert window.job(10_000) is not None and window.job(1) is None
    assert window.missing(9_900, 9_950) == []
    assert window.place(7_777, 0) == 7_776 and window.place(0) is None and window.place(7_777, 7_700) == 7_776


def test_window_never_goes_back_in_time_and_keeps_marks_by_id() -> None:
    window = JobWindow()
    window.reorder(array("q", [1, 2]))
    window.changed([make_job(1, State.RUNNING, revision=9)], [])
    window.keep([make_job(1, State.RUNNING, revision=5, title="old")])
    assert window.live[1].revision == 9
    window.marks = {1: None, 2: None}
    window.changed([make_job(1, State.SUCCEEDED, revision=10)], [2])
    assert 1 not in window.live and list(window.marks) == [1]
    assert window.order_changed


def test_progress_alone_never_asks_for_the_order() -> None:
    window = JobWindow()
    window.changed([make_job(1, State.RUNNING)], [])
    window.order_changed = False
    window.changed([make_job(1, State.RUNNING, revision=50, progress=Progress(0.9))], [])
    assert not window.order_changed


async def test_change_told_after_closing_is_nothing(open_console: Open) -> None:
    async with open_console(FakeStore(make_jobs(3))) as (app, _pilot):
        pass
    with pytest.raises(ScreenStackError):
        _ = app.screen
    app.on_changed(Changed())
