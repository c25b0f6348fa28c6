"""Pilots on a fixed clock and a store in memory."""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from console.app import SpoolApp
from tests.support.fake_client import NOW_MS, FakeStore, connect
from workers.config import load_settings

Opened = tuple[SpoolApp, Pilot[int]]
Open = Callable[..., AbstractAsyncContextManager[Opened]]


@pytest.fixture(autouse=True)
def _clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    for name in ("NO_COLOR", "SSH_CONNECTION", "SSH_TTY", "COLORTERM"):
        monkeypatch.delenv(name, raising=False)
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def open_console(tmp_path: Path) -> Open:
    """Open the console on a store, in a size; further options go to `SpoolApp`."""

    @asynccontextmanager
    async def opened(store: FakeStore, size: tuple[int, int] = (80, 24), **options: Any) -> AsyncIterator[Opened]:
        config = options.pop("config", "")
        (tmp_path / "config.toml").write_text(config)
        values: dict[str, Any] = {
            "connect": connect(store),
            "start": None,
            "environ": {"TERM": "xterm-256color"},
            "now_ms": lambda: NOW_MS,
            "host": "studio",
        }
        app = SpoolApp(load_settings({"SPOOL_HOME": str(tmp_path)}), **{**values, **options})
        async with app.run_test(size=size, notifications=True) as pilot:
            await until(pilot, lambda: app.feed.figures.worker is not None)
            yield app, pilot

    return opened


async def until(pilot: Pilot[Any], condition: Callable[[], object], within_s: float = 30.0) -> None:
    """Let the application run until something holds; AssertionError when it does not in time."""
    end = time.monotonic() + within_s
    while True:
        found = condition()
        if isinstance(found, Awaitable):
            found = await found
        if found:
            return
        if time.monotonic() > end:
            raise AssertionError("waited in vain; the screen shows:\n" + screen_text(pilot.app))
        await pilot.pause(0.01)


def screen_text(app: Any) -> str:
    """All that the screen shows, as text."""
    width, height = app.size
    lines = app.screen._compositor.render_strips(app.size) if width and height else []
    return "\n".join(strip.text.rstrip() for strip in lines)


async def shows(pilot: Pilot[Any], text: str, within_s: float = 30.0) -> None:
    """Wait until the screen shows a text."""
    await until(pilot, lambda: text in screen_text(pilot.app), within_s)


os.environ.setdefault("TERM", "xterm-256color")
