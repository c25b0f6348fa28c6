"""Pauses for a time: the words they are asked for by, and the keys that ask."""

from __future__ import annotations

import pytest

from console.pausing import end_of
from console.screens.ask import AskScreen
from console.screens.queues import QueueDialog
from tests.console.conftest import Open, screen_text, shows, until
from tests.support.fake_client import NOW_MS, FakeStore, make_job, make_jobs
from workers.errors import UsageError
from workers.jobs import QUEUES, State

MINUTE = 60_000
HALF_HOUR = NOW_MS + 30 * MINUTE
SIX = NOW_MS - NOW_MS % 86_400_000 + 18 * 60 * MINUTE  # 18:00 of that day, in UTC


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("", None),
        ("  ", None),
        ("30m", HALF_HOUR),
        ("30 m", HALF_HOUR),
        ("for 30m", HALF_HOUR),
        ("FOR 30M", HALF_HOUR),
        ("--for 30m", HALF_HOUR),
        ("+30m", HALF_HOUR),
        ("1h30m", NOW_MS + 90 * MINUTE),
        ("18:00", SIX),
        ("until 18:00", SIX),
        ("--until 18:00", SIX),
        ("until tomorrow 18:00", SIX + 1440 * MINUTE),
        ("14:00", SIX + 1200 * MINUTE),  # has passed today: the next one
        ("2026-09-22T18:00:00Z", SIX + 1440 * MINUTE),
    ],
)
def test_the_words_of_the_command_line_are_understood(text: str, end: int | None) -> None:
    assert end_of(text, NOW_MS) == end


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("soon", "is not a time"),
        ("30", "is not a time"),
        ("for", "for how long"),
        ("until ", "until how long"),
        ("for 18:00", "is not a span of time"),
        ("25:00", "not a time of day"),
        ("99999d", "longer than ten years"),
        ("2020-01-01T00:00:00Z", "has passed already"),
        ("0s", "has passed already"),
        ("-5m", "is not a time"),
        ("\x1b[2J", "is not a time"),
        ("9" * 500 + "d", "longer than ten years"),
    ],
)
def test_what_is_no_time_is_refused_in_words(text: str, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        end_of(text, NOW_MS)


async def test_jobs_are_paused_for_a_time(open_console: Open) -> None:
    store = FakeStore([make_job(1, State.SUCCEEDED), make_job(2), make_job(3, State.RUNNING)])
    async with open_console(store) as (_app, pilot):
        await shows(pilot, "clip-000003")
        await pilot.press("F")
        await shows(pilot, "Pause job 3")
        await shows(pilot, "Pauses until somebody lets it go on.")
        await pilot.press(*"18:00")
        await shows(pilot, "Pauses until 18:00 (3h46m).")
        await pilot.press("enter")
        await until(pilot, lambda: store.orders == [("pause", (3,))])
        assert store.pauses_asked == [("", SIX, False)]
        store.put(3, pause_until=SIX)
        await shows(pilot, "3h46m")
        await pilot.press("F", "escape", "space", "space", "space")
        await pilot.press("F")
        await shows(pilot, "Pause 2 jobs")  # the third has ended
        await pilot.press("tab", "left", "enter")
        await until(pilot, lambda: store.pauses_asked[1:] == [("", None, True)])
        assert store.orders[1] == ("pause", (3, 2))


async def test_a_job_that_has_ended_cannot_be_paused(open_console: Open) -> None:
    store = FakeStore([make_job(1, State.SUCCEEDED)])
    async with open_console(store) as (app, pilot):
        await shows(pilot, "clip-000001")
        await pilot.press("enter")
        await shows(pilot, "The same again")
        await pilot.press("F")
        await shows(pilot, "Nothing to pause: job 1 has ended: succeeded.")
        assert not isinstance(app.screen, AskScreen) and store.orders == []


async def test_queues_are_paused_for_a_time_one_or_all(open_console: Open) -> None:
    store = FakeStore(make_jobs(9, running=2))
    async with open_console(store, (100, 30)) as (_app, pilot):
        await pilot.press("2")
        await shows(pilot, "running since")
        await pilot.press("down", "F")
        await shows(pilot, "Pause video")
        await pilot.press(*"30m", "enter")
        await until(pilot, lambda: store.pauses_asked == [("video", HALF_HOUR, True)])
        await shows(pilot, "video starts nothing new until 14:43 (30m00s). What runs goes on.")
        await shows(pilot, "paused by ada until 14:43 (30m00s)")
        await pilot.press("F")
        await shows(pilot, "Pause video")
        await pilot.press(*"30m", "tab", "right", "tab", "right", "enter")
        await until(pilot, lambda: store.pauses_asked[1:] == [(name, HALF_HOUR, False) for name in QUEUES])
        await shows(pilot, "Every queue starts nothing new until 14:43 (30m00s). What runs is stopped.")
        await pilot.press("E")
        await shows(pilot, "All queues go on.")
        assert not store.paused_queues
        await pilot.press("E")
        await until(pilot, lambda: len(store.paused_queues) == len(QUEUES))


@pytest.mark.parametrize("size", [(60, 20), (80, 24)])
async def test_the_list_of_jobs_says_that_queues_rest(open_console: Open, size: tuple[int, int]) -> None:
    store = FakeStore(make_jobs(9, running=2, queued=3))
    async with open_console(store, size) as (app, pilot):
        await shows(pilot, "1 of 9")
        assert "paused" not in screen_text(app)
        store.pause_queue("video", until=HALF_HOUR)
        await shows(pilot, "video paused 30m00s  1 of 9")
        await shows(pilot, "Q  queue paused until 14:43" if size[0] > 60 else "Q  queue paused  ")
        store.pause_queue("video")
        await until(pilot, lambda: "video paused  1 of 9" in screen_text(app))
        store.pause_queue(None)
        await shows(pilot, "all queues paused  1 of 9")


async def test_the_dialog_of_queues_asks_too(open_console: Open) -> None:
    store = FakeStore(make_jobs(9, running=2))
    async with open_console(store, (60, 20)) as (app, pilot):
        await shows(pilot, "clip-000008")
        await pilot.press("Q")
        await until(pilot, lambda: isinstance(app.screen, QueueDialog))
        await pilot.press("F")
        await shows(pilot, "Pause downloads")
        await pilot.press(*"1h", "enter")
        await until(pilot, lambda: store.paused_queues == {"downloads": NOW_MS + 60 * MINUTE})
        await until(pilot, lambda: isinstance(app.screen, QueueDialog))
        await shows(pilot, "1h00m")
        assert "E all queues   Esc closes" in screen_text(app)
        await pilot.press("E")
        await shows(pilot, "No queue starts anything new.")
        await pilot.press("escape", "2")
        await shows(pilot, "q Back")
        assert screen_text(app).count("paused") == len(QUEUES) and "…" not in screen_text(app).split("\n")[-1]
        assert max(map(len, screen_text(app).split("\n"))) <= 60
