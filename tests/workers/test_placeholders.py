"""Only an empty file that a move made itself is taken for one that holds a name."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from workers import placeholders
from workers.folders import Spot, opened


@pytest.fixture
def fd(tmp_path: Path) -> Iterator[int]:
    with opened(tmp_path) as folder:
        yield folder


def _empty(tmp_path: Path, fd: int, name: str, mtime_s: float | None = None) -> tuple[int, int, int]:
    (tmp_path / name).touch()
    if mtime_s is not None:
        os.utime(tmp_path / name, (mtime_s, mtime_s))
    found = Spot(fd, name).identity
    assert found is not None
    return found


def test_what_is_noted_is_ours_and_nothing_else(tmp_path: Path, fd: int) -> None:
    mine, theirs = _empty(tmp_path, fd, "mine"), _empty(tmp_path, fd, "theirs")
    assert not placeholders.noted(fd, "key")(mine)
    placeholders.note(fd, "key", 0)
    placeholders.note(fd, "key", mine[0])
    ours = placeholders.noted(fd, "key")
    assert ours(mine) and not ours(theirs)
    assert not ours((mine[0], 5, mine[2])), "somebody writes to it"
    assert not placeholders.noted(fd, "other")(mine)
    placeholders.forget(fd, "key")
    placeholders.forget(fd, "key")
    assert not placeholders.noted(fd, "key")(mine)


def test_one_that_was_made_without_a_number_is_told_by_its_moment(tmp_path: Path, fd: int) -> None:
    placeholders.note(fd, "key", 0)
    made = (tmp_path / "key.held").stat().st_mtime
    ours = placeholders.noted(fd, "key")
    assert ours(_empty(tmp_path, fd, "mine", made + 0.1))
    assert not ours(_empty(tmp_path, fd, "later", made + 60))


def test_notes_of_others_are_not_read_over_a_link(tmp_path: Path, fd: int) -> None:
    mine = _empty(tmp_path, fd, "mine")
    (tmp_path / "elsewhere").write_text(f"{mine[0]} 1\ntorn")
    (tmp_path / "key.held").symlink_to(tmp_path / "elsewhere")
    assert not placeholders.noted(fd, "key")(mine)
    with pytest.raises(OSError, match="symbolic"):
        placeholders.note(fd, "key", 1)
    (tmp_path / "elsewhere").rename(tmp_path / "torn.held")
    assert placeholders.noted(fd, "torn")(mine)
