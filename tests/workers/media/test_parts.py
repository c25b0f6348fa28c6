"""One figure for a download in parts."""

from __future__ import annotations

import pytest

from workers.jobs import Progress
from workers.media.parts import Parts


def test_one_file() -> None:
    parts = Parts()
    parts.note("a", 25, 100, finished=False)
    assert parts.figures(5.0, 15.0) == Progress(0.25, "downloading", 25, 100, 5.0, 15.0, "bytes")


def test_an_unknown_size_has_no_fraction() -> None:
    parts = Parts()
    parts.note("a", 25, None, finished=False)
    assert parts.figures(5.0, None) == Progress(None, "downloading", 25, None, 5.0, None, "bytes")


def test_two_parts_grow_together() -> None:
    parts, seen = Parts(2), []
    for name, done in (("picture", 50), ("picture", 90), ("sound", 0), ("sound", 10)):
        parts.note(name, done, 90 if name == "picture" else 10, finished=False)
        seen.append(parts.figures(10.0, 1.0))
    assert [p.fraction for p in seen] == [pytest.approx(50 / 180), 0.5, 0.9, 1.0]
    assert [p.total for p in seen] == [None, None, 100, 100]
    assert [p.phase for p in seen][::3] == ["downloading part 1 of 2", "downloading part 2 of 2"]
    assert seen[2].eta_s == 1.0


def test_entries_of_a_list() -> None:
    parts = Parts(1, 2, 4)
    parts.note("a", 50, 100, finished=False)
    figures = parts.figures(None, 3.0)
    assert figures.fraction == 0.375
    assert figures.phase == "2 of 4: downloading"
    assert figures.total is figures.eta_s is None
