"""Draws `docs/console.svg`: `python -m tests.support.picture [FILE] [COLUMNSxROWS] [KEY…]`. The same every time."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from pathlib import Path

from tests.support.fake_client import NOW_MS
from tests.support.scene import studio

DEFAULT = Path(__file__).parents[2] / "docs" / "console.svg"


async def draw(size: tuple[int, int], keys: list[str]) -> str:
    """Open the console on the scene, press keys; what it shows, as SVG."""
    from console.app import SpoolApp
    from tests.support.fake_client import connect
    from workers.config import load_settings

    settings = load_settings({"SPOOL_HOME": "/nonexistent"})
    app = SpoolApp(
        settings,
        connect=connect(studio()),
        start=None,
        environ={"TERM": "xterm-256color"},
        now_ms=lambda: NOW_MS,
        host="studio",
    )
    app.feed.speeds.extend(
        [16e6, 18e6, 19e6, 17e6, 21e6, 23e6, 22e6, 20e6, 24e6, 25e6, 24e6, 22e6, 19e6, 21e6, 24e6] * 3
    )
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
    os.environ.setdefault("TERM", "xterm-256color")
    target = Path(arguments[0]) if arguments else DEFAULT
    columns, rows = (arguments[1] if len(arguments) > 1 else "132x34").split("x")
    picture = asyncio.run(draw((int(columns), int(rows)), arguments[2:]))
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(picture)


if __name__ == "__main__":
    main(sys.argv[1:])
