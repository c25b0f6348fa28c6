"""A job's own screen, health, queues and events, with a pilot."""

from __future__ import annotations

from dataclasses import replace

import pytest

from console.screens.health import HealthScreen
from console.screens.job import JobScreen
from console.screens.jobs import JobsScreen
from console.screens.queues import QueueDialog
from tests.console.conftest import Open, screen_text, shows, until
from tests.support.fake_client import NOW_MS, FakeStore, make_job, make_jobs
from workers.errors import ErrorClass, Failure
from workers.jobs import ItemCounts, ItemOutcome, Outcome, Progress, State, Waiting


def history(store: FakeStore, count: int) -> None:
    for number in range(1, count + 1):
        job = replace(make_job(number % 7 + 1), revision=number)
        store.tell(job, "claimed", "queued", f"reason {number}")
    store.last_revision = max(store.last_revision, count)


async def test_summary_follows_the_job(open_console: Open) -> None:
    store = FakeStore(make_jobs(5, running=1))
    async with open_console(store, (80, 40)) as (app, pilot):
        await shows(pilot, "clip-000005")
        await pilot.press("enter")
        await shows(pilot, "The same again")
        assert isinstance(app.screen, JobScreen)
        text = screen_text(app)
        assert "spool transcode /media/in/clip-000005.mov" in text  # the default preset is left out
        assert "encoding, 15s of 1m00s" in text
        store.put(5, progress=Progress(0.5, "encoding", 30_000, 60_000, 2400.0, 12.0, "ms"))
        await shows(pilot, "30s of 1m00s")
        store.put(5, state=State.FAILED, finished_at=NOW_MS, failure=Failure(ErrorClass.DISK, "the disk is full", "/a"))
        await shows(pilot, "the disk is full")
        await pilot.press("R")
        await until(pilot, lambda: store.orders == [("retry", (5,))])
        await shows(pilot, "1 job will run again")
        await pilot.press("q")
        await until(pilot, lambda: isinstance(app.screen, JobsScreen))


async def test_every_reason_to_wait_is_told(open_console: Open) -> None:
    store = FakeStore(make_jobs(3, queued=3))
    store.reasons[1] = (
        Waiting("site", "2 downloads run already", "one ends"),
        Waiting("disk", "2 MB are free", "space"),
    )
    async with open_console(store, (80, 40)) as (_app, pilot):
        await shows(pilot, "2 downloads run already")
        await pilot.press("enter")
        await shows(pilot, "Why it waits")
        await shows(pilot, "2 MB are free")
        await shows(pilot, "lifted by: one ends")


async def test_a_reason_that_lies_with_another_job_is_followed(
    open_console: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("console.screens.job._READ_OTHERS_S", 0.0)
    store = FakeStore(make_jobs(3, queued=3))
    store.reasons[1] = (Waiting("dependency", "waits for job 2 (queued)", "when that has succeeded"),)
    async with open_console(store, (80, 40)) as (app, pilot):
        await shows(pilot, "waits for job 2 (queued)")
        await pilot.press("enter")
        await shows(pilot, "Why it waits")
        held = "waits for job 2 (queued); job 2: it is on hold"
        store.reasons[1] = (Waiting("dependency", held, "for job 2: spool unhold 2"),)
        store.put(2, hold=True)
        await shows(pilot, "lifted by: for job 2: spool unhold 2")
        assert isinstance(app.screen, JobScreen)


async def test_a_worker_that_ends_or_falls_silent_is_told_of_a_job_that_stands(
    open_console: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("console.screens.job._READ_OTHERS_S", 0.0)
    store = FakeStore(make_jobs(3, queued=3))
    store.reasons[1] = (Waiting("hold", "it is on hold", "spool unhold 1"),)
    async with open_console(store, (80, 40)) as (app, pilot):
        await shows(pilot, "it is on hold")
        await pilot.press("enter")
        await shows(pilot, "lifted by: spool unhold 1")
        store.reasons[1] = (*store.reasons[1], Waiting("silent_worker", "it has been silent", "kill -CONT 7"))
        store.age_s = 12.0
        await shows(pilot, "lifted by: kill -CONT 7")
        store.reasons[1] = (*store.reasons[1][:1], Waiting("no_worker", "no worker runs here", "spool worker --detach"))
        store.worker_runs = False
        await shows(pilot, "lifted by: spool worker --detach")
        assert isinstance(app.screen, JobScreen)


async def test_items_are_read_by_pages_and_failed_ones_alone(open_console: Open) -> None:
    store = FakeStore([make_job(1, State.RUNNING, items=ItemCounts(50_000, 9_990, 10))])
    store.item_rows[1] = [
        ItemOutcome(f"/m/{n:05}.mov", Outcome.FAILED if n % 1000 == 999 else Outcome.DONE,
                    failure=Failure(ErrorClass.BAD_INPUT, "broken [/b]") if n % 1000 == 999 else None)
        for n in range(10_000)
    ]  # fmt: skip
    async with open_console(store) as (app, pilot):
        await shows(pilot, "clip-000001")
        await pilot.press("enter", "right_square_bracket")
        await shows(pilot, "/m/00003.mov")
        await pilot.press("G")
        await shows(pilot, "/m/09999.mov")
        assert store.calls["items"] <= 4
        assert "bad_input: broken [/b]" in screen_text(app)
        await pilot.press("e")
        await shows(pilot, "failed only")
        await shows(pilot, "/m/00999.mov")
        assert "/m/00003.mov" not in screen_text(app)


async def test_enter_opens_an_item_with_its_whole_error(open_console: Open) -> None:
    """On 80 columns the list shows the reason, not the name twice; the rest is an Enter away."""
    reason = "head_0.flac is damaged: no frame header at byte 8192, and " + "many words " * 12 + "to the very end"
    facts = {"duration_s": 15.1, "streams": [{"kind": "audio", "codec": "flac", "sample_rate": 44100}]}
    store = FakeStore([make_job(1, State.FAILED, items=ItemCounts(2, 1, 1))])
    store.item_rows[1] = [
        ItemOutcome("/tmp/a/long/way/to/the/corpus/broken/head_0.flac", Outcome.FAILED,
                    failure=Failure(ErrorClass.BAD_INPUT, reason, "", "line one\nline two")),
        ItemOutcome("/tmp/good.flac", Outcome.DONE, ("/out/good.flac",), None, facts),
    ]  # fmt: skip
    async with open_console(store, (80, 24)) as (app, pilot):
        await shows(pilot, "clip-000001")
        await pilot.press("enter", "right_square_bracket")
        await shows(pilot, "bad_input: is damaged: no frame header")
        assert "head_0.flac is" not in screen_text(app)
        await pilot.press("enter")
        await shows(pilot, "to the very end")
        assert "line two" in screen_text(app) and "Item failed" in screen_text(app)
        await pilot.press("escape", "j", "enter")
        await shows(pilot, "/out/good.flac")
        await shows(pilot, "audio flac, 44100 Hz")
        assert "15.1 s" in screen_text(app)


async def test_log_follows_by_offset(open_console: Open) -> None:
    store = FakeStore(make_jobs(1, running=1))
    store.logs[1] = "".join(f"line {number}\n" for number in range(5000))
    async with open_console(store) as (app, pilot):
        await shows(pilot, "clip-000001")
        await pilot.press("enter", "f")
        await shows(pilot, "line 4999")
        assert "following" in screen_text(app)
        read = store.calls["log"]
        store.logs[1] += "one more [/b] line\n"
        store.put(1, progress=Progress(0.4))
        await shows(pilot, "one more [/b] line")
        assert store.calls["log"] > read
        await pilot.press("k")
        await until(pilot, lambda: "following" not in screen_text(app))
        store.logs[1] += "unseen\n"
        store.put(1, progress=Progress(0.5))
        await pilot.pause(0.3)
        assert "unseen" not in screen_text(app)
        await pilot.press("f")
        await shows(pilot, "unseen")


async def test_history_and_removal(open_console: Open) -> None:
    store = FakeStore(make_jobs(2))
    store.tell(store.rows[2], "submitted", "", "by hand")
    async with open_console(store) as (_app, pilot):
        await shows(pilot, "clip-000002")
        await pilot.press("enter", "left_square_bracket", "left_square_bracket")
        await shows(pilot, "by hand")
        store.remove([2])
        await shows(pilot, "This job has been removed.")


async def test_health_changes_slots_and_pauses(open_console: Open) -> None:
    store = FakeStore(make_jobs(9, running=2, queued=3))
    store.report = ("3 jobs of the last worker were taken back",)
    async with open_console(store) as (app, pilot):
        await pilot.press("2")
        await shows(pilot, "3 jobs of the last worker were taken back")
        assert "load 1.2" in screen_text(app) and "212 GB free" in screen_text(app)
        await pilot.press("down", "plus")
        await until(pilot, lambda: store.slots["video"] == 3)
        await shows(pilot, "video: 3 slots")
        await pilot.press("minus", "minus")
        await until(pilot, lambda: store.slots["video"] == 1)
        await pilot.press("P")
        await until(pilot, lambda: "video" in store.paused_queues)
        await shows(pilot, "paused by ada")
        await pilot.press("P")
        await until(pilot, lambda: "video" not in store.paused_queues)


@pytest.mark.parametrize(
    ("size", "ascii_only"), [((80, 24), False), ((200, 50), False), ((80, 24), True), ((60, 20), False)]
)
async def test_health_shows_how_kept_results_help(open_console: Open, size: tuple[int, int], ascii_only: bool) -> None:
    store = FakeStore(make_jobs(3))
    config = "[console]\nascii = true" if ascii_only else ""
    async with open_console(store, size, config=config) as (app, pilot):
        await pilot.press("2")
        await until(pilot, lambda: isinstance(app.screen, HealthScreen) and "98%" in app.screen.host.text)
        assert isinstance(app.screen, HealthScreen)
        lines = app.screen.host.text.splitlines()
        title = next(line for line in lines if "Kept results" in line)
        assert "10,420, 267 MB of 1.1 GB" in title and ("─" in title) != ascii_only
        at = lines.index(title)
        metadata, thumbnail = (line.split() for line in lines[at + 2 : at + 4])
        assert [word for word in metadata if word.endswith("%")] == ["98%", "66%"] and "2h15m" in metadata
        assert [word for word in thumbnail if word.endswith("%")] == ["30%"] and "-" in thumbnail
        assert ("1.2k" in thumbnail) == (size[0] >= 70)
        assert "quality" not in app.screen.host.text  # nothing was asked of it
        assert max(map(len, lines)) <= size[0]
        if size[1] >= 24:
            assert "thumbnail" in screen_text(app)
        assert not ascii_only or screen_text(app).isascii()


async def test_health_follows_the_cache_and_tells_its_trouble(
    open_console: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("console.screens.health._CACHE_EVERY_S", 0.0)
    store = FakeStore(make_jobs(1, running=1))
    store.cache = replace(store.cache, categories=())
    async with open_console(store) as (app, pilot):
        await pilot.press("2")
        await shows(pilot, "nothing was asked of them yet")
        asked = store.calls["cache_stats"]
        store.cache = replace(store.cache, problem="cache.db cannot be read: [/b]")
        store.put(1, progress=Progress(0.5))
        await shows(pilot, "cache.db cannot be read: [/b]")
        assert store.calls["cache_stats"] > asked
        await pilot.press("1")
        await until(pilot, lambda: app.current_mode == "jobs")
        asked = store.calls["cache_stats"]
        store.put(1, progress=Progress(0.6))
        await shows(pilot, " 60 ")
        assert store.calls["cache_stats"] == asked  # only while somebody looks


async def test_queue_dialog(open_console: Open) -> None:
    store = FakeStore(make_jobs(9, running=2))
    async with open_console(store) as (app, pilot):
        await shows(pilot, "clip-000008")
        await pilot.press("Q")
        await until(pilot, lambda: isinstance(app.screen, QueueDialog))
        await shows(pilot, "downloads")
        await pilot.press("plus")
        await until(pilot, lambda: store.slots["downloads"] == 3)
        await pilot.press("P")
        await shows(pilot, "downloads starts nothing new")
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, JobsScreen))


async def test_slots_that_follow_the_load_say_why_and_are_given_back(open_console: Open) -> None:
    store = FakeStore(make_jobs(9, running=2))
    store.ranges = {"downloads": "1-4"}
    async with open_console(store, (120, 30)) as (app, pilot):
        await pilot.press("2")
        await shows(pilot, "auto 1-4: cpu pressure 40 %")
        await pilot.press("plus")
        await shows(pilot, "set by hand, not auto 1-4")
        await pilot.press("U")
        await shows(pilot, "downloads: the slots follow the load, 1-4")
        await until(pilot, lambda: not store.by_hand)
        await pilot.press("Q")
        await until(pilot, lambda: isinstance(app.screen, QueueDialog))
        await pilot.press("down", "U")
        await shows(pilot, 'With video = "auto" in [slots]')


async def test_read_only_changes_no_queue(open_console: Open) -> None:
    store = FakeStore(make_jobs(2))
    async with open_console(store, (100, 30), read_only=True) as (app, pilot):
        await pilot.press("2")
        await shows(pilot, "Waiting")
        await pilot.press("plus", "P", "U")
        await shows(pilot, "This console is read only.")
        await pilot.press("1")
        await until(pilot, lambda: isinstance(app.screen, JobsScreen))  # by then every key before was heard
        assert store.slots["downloads"] == 2 and not store.paused_queues


async def test_events_follow_and_go_back_in_windows(open_console: Open) -> None:
    store = FakeStore(make_jobs(7, running=2))
    history(store, 9000)
    async with open_console(store) as (app, pilot):
        await pilot.press("3")
        await shows(pilot, "reason 9000")
        assert "following" in screen_text(app)
        job = store.put(6, state=State.SUCCEEDED)
        store.tell(job, "succeeded", "running", "all done [/b]")
        store.commits += 1
        store.put(7, progress=Progress(0.7))
        await shows(pilot, "all done [/b]")
        await pilot.press("g")
        await until(pilot, lambda: "reason 9000" not in screen_text(app))
        for _ in range(14):
            await pilot.press("g")
            await pilot.pause(0.02)
        await shows(pilot, "reason 1 ")
        assert len(store.history) == 9001


async def test_modes_and_back(open_console: Open) -> None:
    async with open_console(FakeStore(make_jobs(3))) as (app, pilot):
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, JobScreen))
        await pilot.press("3")
        await until(pilot, lambda: app.current_mode == "events")
        await pilot.press("q")
        await until(pilot, lambda: isinstance(app.screen, JobsScreen))
        await pilot.press("q")
        await shows(pilot, "ctrl+q leaves")
        assert app.is_running


async def test_palette_does_the_same_actions(open_console: Open) -> None:
    async with open_console(FakeStore(make_jobs(3))) as (app, pilot):
        await shows(pilot, "clip-000003")
        await pilot.press("colon")
        await until(pilot, lambda: len(app.screen_stack) == 2)
        await pilot.press(*"health")
        await shows(pilot, "Queues, host and worker")
        await pilot.press("enter")
        await until(pilot, lambda: app.current_mode == "health")


async def test_health_says_what_a_low_window_leaves_out(open_console: Open) -> None:
    store = FakeStore(make_jobs(1))
    async with open_console(store, (80, 20)) as (app, pilot):
        await pilot.press("2")
        await shows(pilot, "more: a higher window, or `spool cache`")
        screen = app.screen
        assert isinstance(screen, HealthScreen)
        lines = screen._fitting(*[[(str(number), "plain")] for number in range(40)])
        assert len(lines) == screen.host.size.height
        assert f"and {40 - len(lines) + 1} lines more" in lines[-1][0][0]
