"""Draws `docs/console.svg`: `python -m tests.support.picture [FILE] [COLUMNSxROWS] [KEY…]`. The same every time."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from pathlib import Path

from console.app import SpoolApp
from tests.support.fake_client import NOW_MS, connect
from tests.support.scene import studio
from workers.config import load_settings

DEFAULT = Path(__file__).parents[2] / "docs" / "console.svg"
_SPEEDS = (16.0, 18.0, 19.0, 17.0, 21.0, 23.0, 22.0, 20.0, 14.0, 9.0, 12.0, 18.0, 22.0, 24.0, 24.4)


class Still(SpoolApp):
    """The console on the scene, without the beat of the clock."""

    BEAT_S = 0.0

    def __init__(self, theme: str = "", *, ascii_only: bool = False) -> None:
        settings = load_settings({"SPOOL_HOME": "/nonexistent"})
        look = settings.console.model_copy(update={"theme": theme, "ascii": ascii_only})
        super().__init__(
            settings.model_copy(update={"console": look}),
            connect=connect(studio()),
            start=None,
            environ={"TERM": "xterm-256color"},
            now_ms=lambda: NOW_MS,
            host="studio",
        )
        self.feed.speeds.extend(speed * 1e6 for speed in _SPEEDS * 4)


async def draw(size: tuple[int, int], keys: list[str]) -> str:
    """Open the console on the scene, press keys; what it shows, as SVG."""
    app = Still()
    async with app.run_test(size=size) as pilot:
        await pilot.pause(0.6)
        for key in keys:
            await pilot.press(key)
            await pilot.pause(0.4)
        return app.export_screenshot(title="spool", simplify=True)


def main(arguments: list[str]) -> None:
    """Draw."""
    os.environ["TZ"] = "UTC"
    time.tzset()
    target = Path(arguments[0]) if arguments else DEFAULT
    columns, rows = (arguments[1] if len(arguments) > 1 else "132x34").split("x")
    picture = asyncio.run(draw((int(columns), int(rows)), arguments[2:]))
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(picture)


if __name__ == "__main__":
    main(sys.argv[1:])
