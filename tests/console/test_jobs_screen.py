"""The jobs screen with a pilot: cursor, marks, actions, filter, hostile titles, bounded painting."""

from __future__ import annotations

from typing import cast

import pytest
from textual.widgets import Input

from console.screens.confirm import ConfirmScreen
from console.screens.jobs import JobsScreen
from console.widgets.table import JobTable
from tests.console.conftest import Open, Opened, screen_text, shows, until
from tests.support.fake_client import NOW_MS, FakeStore, make_job, make_jobs
from tests.support.matrix import often
from workers.jobs import Priority, Progress, State

SIZES = [(60, 20), (80, 24), (200, 50)]


def jobs_screen(opened: Opened) -> JobsScreen:
    return cast(JobsScreen, opened[0].screen)


def table_of(opened: Opened) -> JobTable:
    return opened[0].screen.query_one(JobTable)


@pytest.mark.parametrize("size", SIZES)
async def test_opens_with_what_runs_first(open_console: Open, size: tuple[int, int]) -> None:
    async with open_console(FakeStore(make_jobs(300, running=3, queued=5)), size) as (app, pilot):
        await shows(pilot, "clip-000298.mov")
        lines = screen_text(app).split("\n")
        assert len(lines) == size[1]
        assert all(len(line) <= size[0] for line in lines)
        assert "R3" in lines[0] and "Q5" in lines[0]
        assert lines[3].lstrip().startswith("R") and "25" in lines[3]
        assert "waiting" in lines[6]
        if size[0] >= 120:
            await shows(pilot, "Queues ─")


@pytest.mark.parametrize("size", SIZES)
async def test_cursor_stays_on_its_id_while_rows_change(open_console: Open, size: tuple[int, int]) -> None:
    store = FakeStore(make_jobs(400, running=4, queued=100))
    async with open_console(store, size) as opened:
        app, pilot = opened
        await shows(pilot, "clip-000397")
        table = table_of(opened)
        await pilot.press(*["down"] * 8)
        chosen = table.cursor_id
        assert chosen == app.feed.window.ids[8]
        line = table.place - table.scroll_offset.y
        for number in range(3):
            store.put(397 + number, state=State.SUCCEEDED, finished_at=NOW_MS)
            store.add(make_job(500 + number, State.RUNNING))
            store.add(make_job(600 + number, State.RUNNING))
        await until(pilot, lambda: 602 in app.feed.window.ids)
        await until(pilot, lambda: not app.feed.window.order_changed)
        assert table.cursor_id == chosen
        assert app.feed.window.ids[table.place] == chosen
        assert table.place == 11
        assert table.place - table.scroll_offset.y in (line, 11)


async def test_untouched_cursor_follows_the_top_and_acts_only_when_steady(open_console: Open) -> None:
    store = FakeStore(make_jobs(50, running=2))
    async with open_console(store) as opened:
        _app, pilot = opened
        await shows(pilot, "clip-000049")
        table = table_of(opened)
        assert table.cursor_id == 49
        store.put(49, state=State.SUCCEEDED, finished_at=NOW_MS)
        await until(pilot, lambda: table.cursor_id == 50)
        await pilot.press("P")
        await shows(pilot, "The list has just moved")
        assert store.orders == []
        await until(pilot, lambda: table.steady)
        await pilot.press("P")
        await until(pilot, lambda: store.orders == [("pause", (50,))])


async def test_scrolled_list_counts_new_rows_and_n_goes_there(open_console: Open) -> None:
    store = FakeStore(make_jobs(400, queued=300))
    async with open_console(store) as opened:
        app, pilot = opened
        await shows(pilot, "clip-000101")
        await pilot.press("pagedown", "pagedown", "pagedown")
        chosen, top = table_of(opened).cursor_id, table_of(opened).scroll_offset.y
        for number in range(12):
            store.add(make_job(1000 + number, priority=Priority.URGENT))
        await shows(pilot, "+12 new")
        assert table_of(opened).cursor_id == chosen
        assert table_of(opened).scroll_offset.y == top + 12
        await pilot.press("n")
        await shows(pilot, "clip-001000.mov")
        assert "new" not in screen_text(app).split("\n")[1]


async def test_progress_paints_only_what_changed(open_console: Open) -> None:
    store = FakeStore(make_jobs(100_000, running=40))
    async with open_console(store, (200, 50)) as opened:
        app, pilot = opened
        await shows(pilot, "clip-099961")
        table = table_of(opened)
        await pilot.pause(0.3)
        before, asked = table.rendered, store.calls["job_ids"]
        for step in range(5):
            store.put(99_970, progress=Progress(0.3 + step / 10, "encoding", 1, 2, 2400.0, 9.0, "ms"))
            percent = f"{30 + step * 10}.0"
            await until(pilot, lambda percent=percent: percent in screen_text(app))  # type: ignore[misc]
        # screen_text renders too, so count apart: a change of one row paints one row.
        before = table.rendered
        store.put(99_970, progress=Progress(0.9, "encoding", 1, 2, 2400.0, 9.0, "ms"))
        await until(pilot, lambda: app.feed.window.live[99_970].progress.fraction == 0.9)
        await pilot.pause(0.3)
        assert 1 <= table.rendered - before <= 4
        assert store.calls["job_ids"] == asked
        assert store.calls["jobs_by_id"] <= 2


async def test_far_rows_are_read_by_pages(open_console: Open) -> None:
    store = FakeStore(make_jobs(20_000))
    async with open_console(store) as opened:
        app, pilot = opened
        await shows(pilot, "1 of 20,000")
        calls = store.calls["jobs_by_id"]
        await pilot.press("G")
        await shows(pilot, "clip-000001.mov")
        assert store.calls["jobs_by_id"] - calls <= 2
        assert len(app.feed.window._kept) <= 4000
        await pilot.press("g")
        await shows(pilot, "clip-020000.mov")


HOSTILE = [
    "[/b] clip",
    "[@click=app.leave]x[/]",
    "[red]red.mov",
    "a\x1b[2Jb",
    "left\u202etfel.mov",
    "half\udcff",
    "\x9b31m",
    "[unclosed",
]


@pytest.mark.fault("46", "escape sequences in titles on screens")
@pytest.mark.fault("47", "markup in titles on screens")
@pytest.mark.parametrize("size", SIZES)
async def test_hostile_titles_are_shown_harmlessly_everywhere(open_console: Open, size: tuple[int, int]) -> None:
    rows = [make_job(number + 1, State.FAILED, title=title, batch=title) for number, title in enumerate(HOSTILE)]
    # The list shows all of them in each size; one suite walks each through the other screens in one size.
    step = often(len(SIZES), 1)
    walked = range(SIZES.index(size) % step, len(HOSTILE), step)
    async with open_console(FakeStore(rows), size) as (app, pilot):
        await shows(pilot, "[/b] clip")
        assert len(app.feed.window.ids) == len(HOSTILE)
        for place in walked:
            await pilot.press(*["down"] * (place - table_of((app, pilot)).place))
            await until(pilot, lambda: table_of((app, pilot)).place == place)  # noqa: B023
            await pilot.press("enter")
            await until(pilot, lambda: len(app.screen_stack) > 1)
            await shows(pilot, "  operation ")
            await pilot.press("escape", "X")
            await pilot.press("escape", "D")
            await until(pilot, lambda: isinstance(app.screen, ConfirmScreen))
            text = screen_text(app)
            assert not any(bad in text for bad in ("\x1b", "\u202e", "\udcff", "\x9b"))
            await pilot.press("n")
            await until(pilot, lambda: isinstance(app.screen, JobsScreen))
        text = screen_text(app)
        assert "[red]red.mov" in text and "[@click=app.leave]x[/]" in text and r"a\x1b[2Jb" in text
        assert app.is_running


async def test_cancel_asks_and_no_is_the_default(open_console: Open) -> None:
    store = FakeStore(make_jobs(20, running=2))
    async with open_console(store) as opened:
        app, pilot = opened
        await shows(pilot, "clip-000019")
        await pilot.press("X")
        await shows(pilot, "Cancel 1 job?")
        assert "19 running" in screen_text(app)
        await pilot.press("enter")
        await shows(pilot, "Nothing was done")
        assert store.orders == []
        for keys in (["X", "y"], ["X", "Y"], ["X", "right", "enter"]):
            store.rows[19] = make_job(19, State.RUNNING)
            store.put(19)
            await until(pilot, lambda: app.feed.window.live.get(19) is not None)
            await until(pilot, lambda: table_of(opened).cursor_id == 19 and table_of(opened).steady)
            before = len(store.orders)
            await pilot.press(keys[0])
            await until(pilot, lambda: isinstance(app.screen, ConfirmScreen))
            await pilot.press(*keys[1:])
            await until(pilot, lambda before=before: len(store.orders) == before + 1)  # type: ignore[misc]
            assert store.orders[-1] == ("cancel", (19,))
            await until(pilot, lambda: store.rows[19].state is State.CANCELLED)


async def test_more_than_ten_need_the_number(open_console: Open) -> None:
    store = FakeStore(make_jobs(40, queued=40))
    async with open_console(store) as opened:
        app, pilot = opened
        await shows(pilot, "clip-000001")
        await pilot.press("space")
        await pilot.press(*["down"] * 11, "*")
        await shows(pilot, "on 13 jobs")
        await pilot.press("X")
        await shows(pilot, "Type 13")
        await pilot.press("y", "enter")
        assert store.orders == []
        await pilot.press("1", "2", "enter")
        await shows(pilot, "12 is not 13")
        assert store.orders == []
        await pilot.press("1", "3", "enter")
        await until(pilot, lambda: store.orders == [("cancel", tuple(range(1, 14)))])
        await until(pilot, lambda: not app.feed.window.marks)
        await shows(pilot, "13 jobs cancelled")


async def test_actions_take_marks_and_tell_refusals(open_console: Open) -> None:
    store = FakeStore(make_jobs(20, running=2, queued=3))
    async with open_console(store) as opened:
        app, pilot = opened
        await shows(pilot, "clip-000019")
        await pilot.press("space", "space", "space")
        await shows(pilot, "on 3 jobs")
        await pilot.press("H")
        await until(pilot, lambda: bool(store.orders))
        assert store.orders[0] == ("hold", (19, 20, 16))
        await shows(pilot, "1 job held")
        assert "2 refused: 19, 20: it is running" in screen_text(app)
        await pilot.press("u")
        await until(pilot, lambda: "on 3 jobs" not in screen_text(app))


@pytest.mark.parametrize(
    ("key", "order"),
    [
        ("T", "move_first"),
        ("ctrl+up", "move_up"),
        ("ctrl+down", "move_down"),
        ("H", "hold"),
        (">", "set_priority"),
        ("<", "set_priority"),
    ],
)
async def test_every_acting_key_reaches_the_front_door(open_console: Open, key: str, order: str) -> None:
    store = FakeStore(make_jobs(10, queued=5))
    async with open_console(store) as opened:
        _app, pilot = opened
        await shows(pilot, "clip-000006")
        await pilot.press(key)
        await until(pilot, lambda: store.orders == [(order, (6,))])
    if key == ">":
        assert store.rows[6].priority is Priority.HIGH
    if key == "<":
        assert store.rows[6].priority is Priority.LOW


async def test_retry_and_remove_of_an_ended_job(open_console: Open) -> None:
    store = FakeStore(make_jobs(5))
    async with open_console(store) as opened:
        app, pilot = opened
        await shows(pilot, "clip-000005")
        await pilot.press("R")
        await until(pilot, lambda: store.rows[5].state is State.QUEUED)
        await shows(pilot, "1 job will run again")
        await until(pilot, lambda: not app.feed.window.order_changed)
        await pilot.press("G", "D")
        await shows(pilot, "Remove 1 job?")
        await pilot.press("y")
        await until(pilot, lambda: 1 not in app.feed.window.ids)
        assert 1 not in store.rows


async def test_filter_is_live_and_tells_what_is_wrong(open_console: Open) -> None:
    store = FakeStore(make_jobs(300, running=3, queued=5))
    async with open_console(store, (100, 24)) as opened:
        app, pilot = opened
        await shows(pilot, "clip-000298")
        await pilot.press("slash", *"state:failed")
        await shows(pilot, "/state:failed")
        await until(
            pilot, lambda: len(app.feed.window.ids) == len([j for j in store.rows.values() if j.state is State.FAILED])
        )
        await pilot.press(*" stat:x")
        await shows(pilot, "did you mean state:?")
        await pilot.press("escape")
        await until(pilot, lambda: len(app.feed.window.ids) == 300)
        assert app.focused is table_of(opened)
        await pilot.press("slash", *"000298", "enter")
        await until(pilot, lambda: list(app.feed.window.ids) == [298])
        await pilot.press("slash", *"zzz", "enter")
        await shows(pilot, "Nothing matches.")


async def test_wrong_filter_leaves_the_one_before_in_force(open_console: Open) -> None:
    store = FakeStore(make_jobs(300, running=3, queued=5))
    async with open_console(store, (100, 24)) as opened:
        app, pilot = opened
        await shows(pilot, "clip-000298")
        await pilot.press("slash", *"state:queued", "enter")
        await shows(pilot, "/state:queued (Esc) 5 found")
        assert app.focused is table_of(opened)
        await pilot.press("slash")
        app.screen.query_one("#filter-field", Input).value = "state:bogus age>x"
        await pilot.press("enter")
        await shows(pilot, "bogus")
        lines = screen_text(app).split("\n")
        assert "bogus" not in lines[1] and "state:bogus age>x" in lines[2] and "bogus" in lines[3]
        assert "/state:queued 5 found" in lines[1]
        assert app.focused is app.screen.query_one("#filter-field")
        store.put(299, state=State.QUEUED)
        await until(pilot, lambda: 299 in app.feed.window.ids)  # what is shown goes on
        await pilot.press("escape")
        await until(pilot, lambda: "bogus" not in screen_text(app))
        await shows(pilot, "/state:queued (Esc) 6 found")
        assert app.focused is table_of(opened)
        await pilot.press("slash", *" zzz")
        await shows(pilot, "Nothing matches.")
        await pilot.press("escape")
        await shows(pilot, "/state:queued (Esc) 6 found")


async def test_escape_on_the_list_ends_the_filter_but_not_with_marks(open_console: Open) -> None:
    async with open_console(FakeStore(make_jobs(30, running=3)), (100, 24)) as opened:
        app, pilot = opened
        await shows(pilot, "clip-000028")
        await pilot.press("slash", *"state:running", "enter")
        await shows(pilot, "(Esc) 3 found")
        await pilot.press("space", "escape")
        await shows(pilot, "on 1 jobs")
        assert len(app.feed.window.ids) == 3
        await pilot.press("u", "escape")
        await until(pilot, lambda: len(app.feed.window.ids) == 30)
        await until(pilot, lambda: "state:running" not in screen_text(app))
        await pilot.press("escape")
        await shows(pilot, "leaves the console")


async def test_sort(open_console: Open) -> None:
    async with open_console(FakeStore(make_jobs(30, running=3))) as opened:
        app, pilot = opened
        await shows(pilot, "clip-000028")
        await pilot.press("s")
        await shows(pilot, "Order of the list")
        await pilot.press("down", "down", "enter")
        await until(pilot, lambda: app.feed.window.ids[0] == 1)
        await shows(pilot, "by id")


async def test_burst_of_keys_does_not_act(open_console: Open) -> None:
    store = FakeStore(make_jobs(20, running=2))
    async with open_console(store) as opened:
        app, pilot = opened
        await shows(pilot, "clip-000019")
        from textual import events

        for character in "PXRHTAD":
            app.post_message(events.Key(character, character))
        await shows(pilot, "Keys came too quickly and were not")
        assert store.orders == []
        assert isinstance(app.screen, JobsScreen)
        await pilot.press("P")
        await until(pilot, lambda: store.orders == [("pause", (19,))])


async def test_freeze_holds_the_picture(open_console: Open) -> None:
    store = FakeStore(make_jobs(20, running=2))
    async with open_console(store) as opened:
        app, pilot = opened
        await shows(pilot, "clip-000019")
        await pilot.press("z")
        await shows(pilot, "FROZEN")
        store.put(19, progress=Progress(0.77))
        await pilot.pause(0.4)
        assert " 77 " not in screen_text(app)
        await pilot.press("z")
        await shows(pilot, " 77 ")


async def test_no_worker_is_said_with_the_key_that_starts_one(open_console: Open) -> None:
    started = []

    def start(_settings: object) -> bool:
        started.append(1)
        store.worker_runs = True
        return True

    store = FakeStore(make_jobs(3), worker=False)
    async with open_console(store, (100, 24)) as (app, pilot):
        await shows(pilot, "no worker W starts one")
    async with open_console(store, (100, 24), start=start) as (app, pilot):
        await shows(pilot, "No worker was running: started one.")
        await shows(pilot, "worker ok")
        assert app.starter.started and started == [1]


async def test_running_jobs_do_not_look_alive_without_a_worker(open_console: Open) -> None:
    store = FakeStore(make_jobs(3, running=1))
    async with open_console(store, (100, 24)) as (_app, pilot):
        await shows(pilot, "18s left")
        assert "no worker" not in screen_text(pilot.app)
        store.worker_runs = False
        await until(pilot, lambda: screen_text(pilot.app).split("\n")[3].count("no worker") == 1)
        await until(pilot, lambda: "18s" not in screen_text(pilot.app))
        store.worker_runs = True
        await shows(pilot, "18s left")


async def test_silent_worker_is_stale(open_console: Open) -> None:
    store = FakeStore(make_jobs(3))
    store.age_s = 12.4
    async with open_console(store) as (_app, pilot):
        await shows(pilot, "STALE 12s")


async def test_help_lists_keys_and_does_them(open_console: Open) -> None:
    async with open_console(FakeStore(make_jobs(3))) as (app, pilot):
        await shows(pilot, "clip-000003")
        await pilot.press("question_mark")
        await shows(pilot, "Keys: enter does one")
        assert "Filter jobs by words" in screen_text(app)
        await pilot.press("enter")
        await until(pilot, lambda: app.screen.query_one("#filter").has_class("-open"))


async def test_remapped_keys(open_console: Open) -> None:
    store = FakeStore(make_jobs(3, running=1))
    config = '[console.keys]\npause = "f5"\nnonsense = "x"\n'
    async with open_console(store, (100, 24), config=config) as (_app, pilot):
        await shows(pilot, "no action is called 'nonsense'")
        await shows(pilot, "f5 Pause")
        await pilot.press("f5")
        await until(pilot, lambda: store.orders == [("pause", (3,))])
        await pilot.press("P")
        await pilot.pause(0.1)
        assert len(store.orders) == 1


async def test_resizing_through_all_sizes(open_console: Open) -> None:
    async with open_console(FakeStore(make_jobs(300, running=3))) as (app, pilot):
        await shows(pilot, "clip-000298")
        for size in ((60, 20), (20, 5), (200, 50), (1, 1), (80, 24)):
            await pilot.resize_terminal(*size)
            await pilot.pause(0.1)
        await shows(pilot, "clip-000298")
        assert isinstance(app.screen, JobsScreen)


async def test_a_question_tells_what_would_stay_and_why(open_console: Open) -> None:
    store = FakeStore([make_job(1, State.FAILED), make_job(2), make_job(3, State.RUNNING)])
    async with open_console(store) as (app, pilot):
        await shows(pilot, "clip-000003")
        await pilot.press("space", "space", "space", "D")
        await shows(pilot, "Remove 1 job?")
        shown = screen_text(app)
        assert "Stays as it is: 2 jobs" in shown and "has not ended: cancel it first" in shown
        assert shown.index("clip-000001", shown.index("Remove 1 job?")) < shown.index("Stays as it is")
        await pilot.press("n", "X")
        await shows(pilot, "Cancel 2 jobs?")
        assert "Stays as it is: 1 job" in screen_text(app) and "has ended" in screen_text(app)


async def test_what_ran_again_since_the_question_is_left(open_console: Open) -> None:
    store = FakeStore([make_job(1, State.FAILED), make_job(2, State.FAILED)])
    async with open_console(store) as (_app, pilot):
        await shows(pilot, "clip-000002")
        await pilot.press("space", "space", "D")
        await shows(pilot, "Remove 2 jobs?")
        store.put(1, finished_at=NOW_MS, lease=5)  # somebody tried it again meanwhile, and it failed once more
        await pilot.press("y")
        await until(pilot, lambda: store.orders == [("remove", (2,))])
        await shows(pilot, "1 job ran again since you")
        assert 1 in store.rows
