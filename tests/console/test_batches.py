"""The batches screen, and putting jobs into batches, with a pilot."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from console.batching import batch_detail, batch_head, batch_line, query_of, standing
from console.format import width_of
from console.screens.ask import AskScreen
from console.screens.batches import BatchesScreen
from console.screens.confirm import ConfirmScreen
from console.screens.job import JobScreen
from console.screens.jobs import JobsScreen
from tests.console.conftest import Open, Opened, screen_text, shows, until
from tests.support.fake_client import NOW_MS, FakeStore, make_job
from workers.jobs import ItemCounts, Job, Pause, Progress, Scope, State

HALF = 1_750_000  # 29m10s


def studio() -> FakeStore:
    """Two batches at work and one that is over."""
    states = [State.RUNNING, State.QUEUED, State.QUEUED, State.FAILED, State.SUCCEEDED]
    jobs: list[Job] = [
        make_job(number, state, batch="dailies", items=ItemCounts(10, 4, 1)) for number, state in enumerate(states, 1)
    ]
    jobs += [make_job(number, State.SUCCEEDED, batch="old") for number in range(6, 9)]
    jobs += [make_job(9, batch="two words"), make_job(10)]
    store = FakeStore(jobs)
    store.limits["dailies"] = 2
    store.batch_pauses["two words"] = Pause(Scope.BATCH, "two words", 0, NOW_MS + HALF, "ada")
    return store


@pytest.fixture
def open_batches(open_console: Open) -> Open:
    """Open the console and go to the screen of its three batches."""

    @asynccontextmanager
    async def opened(*args: Any, **options: Any) -> AsyncIterator[Opened]:
        async with open_console(*args, **options) as (app, pilot):
            await pilot.press("4")
            await shows(pilot, "3 batches")
            yield app, pilot

    return opened


@pytest.mark.parametrize("size", [(60, 20), (80, 24), (200, 50)])
async def test_every_size_shows_progress_limit_counts_and_pause(open_batches: Open, size: tuple[int, int]) -> None:
    async with open_batches(studio(), size) as (app, pilot):
        lines = screen_text(app).split("\n")
        assert len(lines) == size[1] and max(map(len, lines)) <= size[0]
        dailies = next(line for line in lines if "dailies" in line).split()
        assert dailies[:2] == ["R", "dailies"]
        assert "45" in dailies  # two of five have ended, one has a quarter
        assert dailies[dailies.index("45") + 1 :][:4] == ["2", "1", "2", "1"]
        rests = next(line for line in lines if "two words" in line)
        assert rests.lstrip().startswith("P") and "29m10s" in rests
        assert ("until 14:42" in rests) == (size[0] >= 100)
        assert "5 jobs" in lines[-3] and "1 running, 2 waiting, 1 failed, 1 succeeded" in lines[-2]
        await pilot.press("j", "j")
        await shows(pilot, "paused until 14:42 (29m10s) by ada")


async def test_the_screen_follows_the_store_and_keeps_the_cursor(open_batches: Open) -> None:
    store = studio()
    async with open_batches(store) as (app, pilot):
        screen = app.screen
        assert isinstance(screen, BatchesScreen)
        await pilot.press("down")
        assert screen.chosen is not None and screen.chosen.name == "old"
        store.put(1, progress=Progress(0.75))
        await until(pilot, lambda: " 55 " in screen_text(app))
        store.add(make_job(20, batch="aaa"))
        await shows(pilot, "4 batches")
        assert screen.chosen.name == "old"
        await pilot.press("1")
        await until(pilot, lambda: isinstance(app.screen, JobsScreen))
        asked = store.calls["batches"]
        store.put(1, progress=Progress(0.8))
        await shows(pilot, " 80 ")
        assert store.calls["batches"] == asked  # only while somebody looks


async def test_enter_shows_its_jobs_even_from_over_a_job(open_console: Open) -> None:
    async with open_console(studio()) as (app, pilot):
        await shows(pilot, "clip-000001")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, JobScreen))
        await pilot.press("4")
        await until(pilot, lambda: app.current_mode == "jobs" or isinstance(app.screen, BatchesScreen))
        await shows(pilot, "two words")
        await pilot.press("G", "enter")
        await until(pilot, lambda: isinstance(app.screen, JobsScreen))
        await shows(pilot, '/batch:"two words"')
        await shows(pilot, "1 found")
        assert list(app.feed.window.ids) == [9]


async def test_a_name_that_no_query_can_hold_is_shown_by_ids(open_console: Open) -> None:
    store = FakeStore([make_job(1, batch='say "a, b"'), make_job(2), make_job(3, batch='say "a, b"')])
    store.limits["none, yet"] = 1
    async with open_console(store) as (app, pilot):
        await pilot.press("4")
        await shows(pilot, "2 batches")
        await pilot.press("enter")
        await shows(pilot, "to 200 jobs, not 0.")
        await pilot.press("down", "enter")
        await shows(pilot, "/id:1,3")
        assert isinstance(app.screen, JobsScreen)


async def test_pause_softly_for_a_time_and_go_on(open_batches: Open) -> None:
    store = studio()
    async with open_batches(store) as (app, pilot):
        await pilot.press("P")
        await shows(pilot, "dailies starts nothing new; what runs goes on")
        assert store.pauses_asked == [("dailies", None, True)]
        await pilot.press("P")
        await shows(pilot, "dailies goes on")
        await pilot.press("F")
        await until(pilot, lambda: isinstance(app.screen, AskScreen))
        await pilot.press(*"soon", "enter")
        await shows(pilot, "'soon' is not a time")
        assert len(store.pauses_asked) == 1
        for _ in "soon":
            await pilot.press("backspace")
        await pilot.press(*"30m")
        await shows(pilot, "Pauses until 14:43 (30m00s).")
        await pilot.press("tab", "right", "enter")  # what runs is stopped
        await until(pilot, lambda: store.pauses_asked[1:] == [("dailies", NOW_MS + 1_800_000, False)])
        await shows(pilot, "stops 1 running job")
        await shows(pilot, "30m00s")


async def test_the_limit_takes_the_words_of_the_command_line(open_batches: Open) -> None:
    store = studio()
    async with open_batches(store) as (_app, pilot):
        await pilot.press("L")
        await shows(pilot, "at most 2 at once")
        await pilot.press("backspace", *"33", "enter")
        await shows(pilot, "write a number from 1 to 32, auto or any")
        await pilot.press("backspace", "backspace", *"auto", "enter")
        await until(pilot, lambda: store.limits["dailies"] == 0)
        await shows(pilot, "dailies: as many at once as the host is good for")
        await pilot.press("L")
        await shows(pilot, "run at once?")
        await pilot.press(*["backspace"] * 4, *"any", "enter")
        await until(pilot, lambda: "dailies" not in store.limits)


async def test_hold_holds_what_waits(open_batches: Open) -> None:
    store = studio()
    async with open_batches(store) as (_app, pilot):
        await pilot.press("H")
        await until(pilot, lambda: store.orders == [("hold", (2, 3))])
        await shows(pilot, "2 jobs held")
        await pilot.press("H")
        await until(pilot, lambda: store.orders[1:] == [("unhold", (2, 3))])
        await pilot.press("down", "H")
        await shows(pilot, "None of its jobs waits.")


async def test_cancel_and_delete_say_first_what_would_go(open_batches: Open) -> None:
    store = studio()
    async with open_batches(store) as (app, pilot):
        await pilot.press("D")
        await shows(pilot, "3 of its jobs have not ended: cancel it first")
        await pilot.press("X")
        await shows(pilot, "Cancel 3 jobs of dailies?")
        assert "1 running job will be stopped" in screen_text(app)
        await pilot.press("n")
        await shows(pilot, "Nothing was done.")
        assert store.orders == []
        await pilot.press("X")
        await until(pilot, lambda: isinstance(app.screen, ConfirmScreen))
        await pilot.press("y")
        await until(pilot, lambda: store.orders == [("cancel", (1, 2, 3))])
        await shows(pilot, "3 jobs cancelled")
        await pilot.press("D")
        await shows(pilot, "Delete the batch dailies?")
        shown = " ".join(screen_text(app).replace("│", " ").split())
        assert "5 jobs (1 failed, 1 succeeded, 3 cancelled) with history and logs and its limit" in shown
        assert "Files that jobs made stay." in shown
        await pilot.press("y")
        await until(pilot, lambda: store.orders[-1] == ("remove", (1, 2, 3, 4, 5)))
        await shows(pilot, "dailies is deleted, with 5 jobs")
        await shows(pilot, "2 batches")
        assert "dailies" not in store.limits


async def test_marked_jobs_join_a_batch_or_leave_theirs(open_console: Open) -> None:
    store = studio()
    async with open_console(store) as (app, pilot):
        await shows(pilot, "clip-000001")
        await pilot.press("space", "space", "B")
        await shows(pilot, "Put 2 jobs into a batch")
        await shows(pilot, "Takes out of dailies.")
        await pilot.press(*"old")
        await shows(pilot, "Joins the batch old.")
        await pilot.press(*"er")
        await shows(pilot, "Makes a new batch, older.")
        await pilot.press("enter")
        await until(pilot, lambda: store.orders == [("assign_batch", (1, 2))])
        await shows(pilot, "2 jobs put into older")
        assert not app.feed.window.marks and store.rows[2].batch == "older"
        await pilot.press("g", "B")
        await shows(pilot, "Takes out of older.")
        await pilot.press("enter")
        await shows(pilot, "taken out of their batch")
        assert store.rows[1].batch is None
        await pilot.press("B")
        await shows(pilot, "Put job 1 into a batch")
        await pilot.press("enter")
        await shows(pilot, "A name is needed: they are in no batch.")
        assert len(store.orders) == 2


async def test_who_only_watches_changes_no_batch(open_batches: Open) -> None:
    store = studio()
    async with open_batches(store, (100, 30), read_only=True) as (_app, pilot):
        for key in "PFLXDH":
            await pilot.press(key)
            await shows(pilot, "This console is read only.")
        assert not store.pauses_asked and not store.orders and store.limits == {"dailies": 2}


async def test_no_batches_tells_how_to_make_one(open_console: Open) -> None:
    async with open_console(FakeStore([make_job(1)])) as (_app, pilot):
        await pilot.press("4")
        await shows(pilot, "No batches yet.")
        await shows(pilot, "B in the list of jobs puts marked jobs into one.")
        await pilot.press("enter", "P", "G")
        await shows(pilot, "There is no batch here.")


@pytest.mark.parametrize("width", [58, 60, 71, 72, 80, 99, 100, 132, 200])
@pytest.mark.parametrize("ascii_only", [False, True])
def test_lines_fit(width: int, ascii_only: bool) -> None:
    store = studio()
    (batch,) = store.batches("two words")
    for name in ("s", "映画" * 40, "x" * 300):
        line = batch_line(replace(batch, name=name, limit=0), width, NOW_MS, ascii_only=ascii_only)
        assert width_of(line) <= width - 1 and width_of(batch_head(width)) <= width  # a cell for the scrollbar
        assert not ascii_only or "".join(text for text, _ in line).isascii()


def test_a_batch_stands_as_the_worst_of_what_was_done() -> None:
    one = replace(studio().batches("old")[0], pause=None)
    for counts, state in (
        ({State.CANCELLED: 3}, State.CANCELLED),
        ({State.CANCELLED: 3, State.SKIPPED: 1}, State.CANCELLED),
        ({State.SKIPPED: 1}, State.SKIPPED),
        ({State.SUCCEEDED: 1, State.CANCELLED: 3}, State.SUCCEEDED),
        ({State.SUCCEEDED: 1, State.FAILED: 1, State.CANCELLED: 3}, State.FAILED),
    ):
        assert standing(replace(one, counts=counts)) == (state.letter, state.value)


def test_words() -> None:
    empty = replace(studio().batches("old")[0], counts={}, fraction=None, limit=0)
    (first, second) = batch_detail(empty, NOW_MS)
    assert "as many at once as the host is good for" in first[2][0] and second == [(" no jobs", "plain")]
    assert query_of("summer") == "batch:summer" and query_of("two words") == 'batch:"two words"'
    assert query_of('say "x"') is None and query_of("a,b") is None
