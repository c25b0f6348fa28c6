"""A console that only watches offers no orders, and leaving works from everywhere, with a pilot."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from textual.widgets import Input

from console.keys import ACTIONS
from tests.console.conftest import Open, screen_text, shows, until
from tests.support.fake_client import FakeStore, make_job, make_jobs
from workers.jobs import State

ORDERS = [action for action in ACTIONS if action.orders]


@pytest.mark.parametrize(
    ("keys", "seen"),
    [
        (("X",), "Cancel 1 job?"),
        (("D",), "Remove"),
        (("Q",), "Queues"),
        (("question_mark",), "Keys:"),
        (("s",), "Order of the list"),
        (("A",), "Add a job"),
        (("A", "enter"), "URLs"),
        (("slash",), "state:failed"),
        (("colon",), "Search"),
    ],
    ids=["cancel", "remove", "queues", "help", "sort", "add", "form", "filter", "palette"],
)
async def test_ctrl_q_leaves_from_everywhere(open_console: Open, keys: Sequence[str], seen: str) -> None:
    running = 0 if keys == ("D",) else 1
    async with open_console(FakeStore(make_jobs(3, running=running))) as (app, pilot):
        await shows(pilot, "clip-000003")
        await pilot.press(*keys)
        await shows(pilot, seen)
        await pilot.press("ctrl+q")
        await until(pilot, lambda: app.return_value == 0)


async def test_a_letter_for_leaving_can_still_be_written(open_console: Open) -> None:
    config = '[console.keys]\nquit = "K"'
    async with open_console(FakeStore(make_jobs(3)), config=config) as (app, pilot):
        await shows(pilot, "clip-000003")
        await pilot.press("slash", "K")
        await until(pilot, lambda: app.screen.query_one(Input).value == "K")
        assert app.return_value is None
        await pilot.press("escape", "K")
        await until(pilot, lambda: app.return_value == 0)


async def test_who_only_watches_is_offered_no_orders(open_console: Open) -> None:
    store = FakeStore(make_jobs(3, running=1))
    async with open_console(store, (200, 50), read_only=True) as (app, pilot):
        await shows(pilot, "clip-000003")
        footer = screen_text(app).split("\n")[-1]
        assert "Filter" in footer and "Queues" in footer and "^q Quit" in footer
        assert not any(f" {word} " in footer for word in ("Pause", "Cancel", "Retry", "Add"))
        await pilot.press("question_mark")
        await shows(pilot, "Keys:")
        shown = screen_text(app)
        assert "Find a command" in shown and not any(action.does in shown for action in ORDERS)
        await pilot.press("escape", "Q")
        await shows(pilot, "Esc closes")
        assert "pause or go on" not in screen_text(app)
        await pilot.press("escape", "2")
        await shows(pilot, "running since")
        assert "Fewer" not in screen_text(app)
        titles = [command.title for command in app.get_system_commands(app.screen)]
        assert any("Freeze" in title for title in titles) and not any("Auto" in title for title in titles)
        assert not store.orders


async def test_who_only_watches_is_not_told_to_start_things(open_console: Open) -> None:
    async with open_console(FakeStore(worker=False), (130, 30), read_only=True) as (app, pilot):
        await shows(pilot, "No jobs yet.")
        await shows(pilot, "no worker runs")
        assert "starts one" not in screen_text(app) and "adds one" not in screen_text(app)


async def test_skipped_jobs_are_told_as_a_word(open_console: Open) -> None:
    store = FakeStore([make_job(1, State.SKIPPED), make_job(2, State.SKIPPED), make_job(3)])
    async with open_console(store, (60, 20)) as (app, pilot):
        await shows(pilot, "skipped 2")
        assert "-2" not in screen_text(app)
