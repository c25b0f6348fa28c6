"""The line of tabs, and what a screen says at its right end."""

from __future__ import annotations

import pytest

from console.format import cells
from console.widgets.bars import tab_spans


@pytest.mark.parametrize("width", [60, 72, 80, 120])
def test_long_words_give_way_to_the_figure_behind_them(width: int) -> None:
    said = [("/hang state:queued,running site:example.org ", "accent"), ("(Esc) ", "dim"), ("500 found ", "dim")]
    line = "".join(text for text, _style in tab_spans("jobs", said, width)[0])
    assert line.endswith("(Esc) 500 found ") and cells(line) <= width
    assert ("…" in line) == (width < 100)
    assert "/hang st" in line or width == 60
