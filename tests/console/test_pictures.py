"""Few pictures of whole screens, compared cell by cell with those in `__snapshots__` (`--snapshot-update` renews)."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from tests.console.conftest import shows
from tests.support.picture import Still, draw

Compare = Callable[..., bool]


def steps(seen: str, *keys: str, then: str = "") -> Callable[[Pilot[Any]], Awaitable[None]]:
    """What to do before the picture: wait for a text, press keys, wait for another."""

    async def before(pilot: Pilot[Any]) -> None:
        await shows(pilot, seen)
        await pilot.pause(0.3)
        for key in keys:
            await pilot.press(key)
            await pilot.pause(0.15)
        if then:
            await shows(pilot, then)
        await pilot.pause(0.3)

    return before


@pytest.mark.parametrize(
    ("size", "theme"),
    [((60, 20), ""), ((80, 24), ""), ((132, 34), ""), ((200, 50), "spool-light"), ((80, 24), "ansi-dark")],
)
def test_jobs(snap_compare: Compare, size: tuple[int, int], theme: str) -> None:
    assert snap_compare(Still(theme), terminal_size=size, run_before=steps("1 of 30" if size[0] > 60 else "R6"))


def test_jobs_in_ascii(snap_compare: Compare) -> None:
    assert snap_compare(Still(ascii_only=True), terminal_size=(132, 34), run_before=steps("1 of 30"))


@pytest.mark.parametrize(
    ("keys", "then"),
    [(("X",), "Cancel 1 job?"), (("end", "enter"), "The same again"), (("2",), "98%"), (("question_mark",), "Keys")],
    ids=["cancel", "job", "health", "help"],
)
def test_other_screens(snap_compare: Compare, keys: Sequence[str], then: str) -> None:
    assert snap_compare(Still(), terminal_size=(80, 24), run_before=steps("1 of 30", *keys, then=then))


def test_the_picture_in_the_readme_is_of_this_console() -> None:
    kept = (Path(__file__).parents[2] / "docs" / "console.svg").read_text()
    assert _texts(asyncio.run(draw((132, 34), []))) == _texts(kept)


def _texts(svg: str) -> list[str]:
    return re.findall(r"<text[^>]*>([^<]*)</text>", svg)
