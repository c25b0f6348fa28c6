"""Hostile text in everything that the console shows, on every screen that there is and through every key.

Screens and keys are enumerated: a new screen that no key of the walk opens fails the test until it is walked to.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from itertools import cycle
from typing import Any

from textual.screen import Screen

import console.screens
from console.app import SpoolApp
from console.keys import ACTIONS
from console.screens.acting import ActingScreen
from console.screens.base import SpoolScreen
from console.screens.batchacting import BatchActing
from console.screens.help import PickScreen
from console.screens.item import ItemScreen
from console.screens.job import JobScreen
from console.screens.listing import ListScreen
from console.screens.queues import QueueKeys
from tests.console.conftest import Open, until
from tests.support.fake_client import FakeStore, make_job
from tests.support.untrusted import PAYLOADS, harm_in
from workers.errors import ErrorClass, Failure
from workers.jobs import ItemCounts, ItemOutcome, JobEvent, Outcome, Progress, State, Waiting
from workers.text import clean_lines

BASES = {SpoolScreen, ActingScreen, ListScreen, BatchActing, PickScreen, QueueKeys}
LEAVING = {"quit"}


def hostile_store() -> FakeStore:
    """Jobs in every state in which each text is strange, with reasons, items, history, logs and a strange host."""
    text = cycle(PAYLOADS)

    def strange() -> str:
        return next(text)

    store = FakeStore()
    for number, state in enumerate(State, 1):
        failure = Failure(ErrorClass.TOOL, strange(), strange(), f"{strange()}\n{strange()}", None)
        store.add(
            make_job(
                number,
                state,
                title=strange(),
                batch=strange(),
                site=strange(),
                submitted_by=strange(),
                params={"inputs": [strange(), strange()], "preset": strange()},
                outputs=(strange(), strange()),
                failure=failure if state in (State.FAILED, State.QUEUED) else None,
                progress=Progress(0.5, strange(), 1, 2, 3.0, 4.0, "ms"),
                items=ItemCounts(4, 1, 2, 1, 0),
            )
        )
        store.reasons[number] = (Waiting("batch", strange(), strange()), Waiting("pause", strange(), strange()))
        store.item_rows[number] = [
            ItemOutcome(strange(), outcome, (strange(),), failure, {"why": strange()}) for outcome in Outcome
        ]
        # The front door has cleaned the lines of a log already; only it can, for it knows where they end.
        store.logs[number] = "".join(clean_lines(one) + "\n" for one in PAYLOADS)
        store.history.append(
            JobEvent(number, number, number % 3, 0, strange(), strange(), strange(), strange(), strange())
        )
    store.worker_host, store.report = strange(), (strange(), strange())
    store.paused_queues = {"video": None}
    return store


def screens() -> set[type[Screen[Any]]]:
    """Every screen of the console."""
    found: set[type[Screen[Any]]] = set()
    for module in pkgutil.iter_modules(console.screens.__path__, "console.screens."):
        for value in vars(importlib.import_module(module.name)).values():
            if isinstance(value, type) and issubclass(value, Screen) and value.__module__.startswith("console."):
                found.add(value)
    return found - BASES


def segments(app: SpoolApp) -> Iterator[Any]:
    """What is drawn now, piece by piece."""
    for strip in app.screen._compositor.render_strips(app.size):
        yield from strip


def check(app: SpoolApp, where: str) -> None:
    """Nothing that is drawn acts on a terminal, or is an action of a stranger."""
    for segment in segments(app):
        assert segment.control is None, where
        assert not harm_in(segment.text), (where, harm_in(segment.text), segment.text)
        meta = segment.style.meta if segment.style else {}
        action = str(meta.get("@click", ""))
        assert "app.leave" not in action, (where, action)
        assert segment.style is None or segment.style.link is None, (where, segment.style)


def look(app: SpoolApp, seen: set[type[Any]], where: str) -> None:
    """Check the screen in front, and note that it was seen."""
    seen.add(type(app.screen))
    check(app, where)


async def _walk(app: SpoolApp, pilot: Any, seen: set[type[Any]], *places: str) -> None:
    """Do what every key of these places does, look at what comes of it, and come back."""
    home, depth = type(app.screen), len(app.screen_stack)
    for action in ACTIONS:
        if action.id in LEAVING or not set(places) & set(action.where.split(",")):
            continue
        await app.run_action(action.name, default_namespace=app.screen)
        await pilot.pause()
        look(app, seen, f"{home.__name__}: {action.id}")
        if len(app.screen_stack) > depth:
            await pilot.press("enter")  # choose the first, or do not agree
            look(app, seen, f"{home.__name__}: {action.id}, then enter")
        while len(app.screen_stack) > depth:
            app.pop_screen()
            await pilot.pause()
        if type(app.screen) is not home:
            return


async def test_no_screen_lets_it_pass(open_console: Open) -> None:
    seen: set[type[Any]] = set()
    store = hostile_store()
    async with open_console(store, (110, 32)) as (app, pilot):
        await until(pilot, lambda: any("clip" in segment.text for segment in segments(app)))
        for mode in ("jobs", "health", "events", "batches"):
            await app.action_mode(mode)
            await pilot.pause()
            look(app, seen, mode)
            await _walk(app, pilot, seen, mode, *(("everywhere",) if mode == "jobs" else ()))
        await app.action_mode("jobs")
        for job_id in range(1, len(State) + 1):
            await app.push_screen(JobScreen(job_id))
            await pilot.pause()
            look(app, seen, f"job {job_id}")
            if job_id == 1:
                await _walk(app, pilot, seen, "job")
            while len(app.screen_stack) > 1:
                app.pop_screen()
        for item in store.item_rows[1]:
            await app.push_screen(ItemScreen("\x1b[31m[b]probe", item))
            await pilot.pause()
            look(app, seen, f"item {item.outcome.value}")
            app.pop_screen()
            await pilot.pause()
        for size in ((60, 20), (30, 10)):
            await pilot.resize_terminal(*size)
            await pilot.pause()
            look(app, seen, f"{size}")
        assert app.is_running and not app._exit, "an action ran that nobody asked for"
    assert screens() - seen == set(), "screens that this walk does not reach"
