"""Undoing a job: the plan, what it refuses, and that the world may change between plan and deed."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.context import PlainContext, files_under
from workers import trash
from workers.operations import trash as replacing
from workers.trash import FOLDER, NotPutBack
from workers.undo import look_at, undo_plan, undo_step


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "job" / "state"


def replaced(tmp_path: Path, name: str, extension: str, job_id: int = 7) -> Path:
    """A file of the library that a job replaced; where it was."""
    source = tmp_path / "films" / name
    source.parent.mkdir(exist_ok=True)
    source.write_bytes(b"old " + name.encode())
    staged = tmp_path / "staged"
    staged.write_bytes(b"the new one")
    ctx = PlainContext(tmp_path / "job", job_id=job_id)
    replacing.replace(ctx, staged, replacing.look(source), source.with_suffix(f".{extension}"))
    return source


def library(tmp_path: Path) -> dict[str, bytes]:
    """The files beside the trash."""
    films = tmp_path / "films"
    return {name: (films / name).read_bytes() for name in files_under(films) if FOLDER not in name}


def test_everything_goes_back_and_forth(tmp_path: Path, state: Path) -> None:
    replaced(tmp_path, "a.avi", "mkv")
    replaced(tmp_path, "b.mkv", "mkv")
    replaced(tmp_path, "other.avi", "mkv", job_id=8)
    after = library(tmp_path)
    steps = undo_plan(list(trash.all_entries(state)), 7)
    assert [Path(step.entry.original).name for step in steps] == ["a.avi", "b.mkv"]
    assert all(step.possible and step.successor_goes for step in steps)
    assert library(tmp_path) == after, "a plan touches nothing"
    for step in steps:
        undo_step(step, state, 30)
    assert library(tmp_path) == {"a.avi": b"old a.avi", "b.mkv": b"old b.mkv", "other.mkv": b"the new one"}
    for step in undo_plan(list(trash.all_entries(state)), 7):
        undo_step(step, state, 30)
    assert library(tmp_path) == after, "an undo can be undone"


@pytest.mark.parametrize("extension", ["mkv", "avi"])
def test_a_successor_that_is_gone_is_no_hindrance(tmp_path: Path, state: Path, extension: str) -> None:
    source = replaced(tmp_path, "a.avi", extension)
    source.with_suffix(f".{extension}").unlink()
    (step,) = undo_plan(list(trash.all_entries(state)), 7)
    assert step.possible and not step.successor_goes
    undo_step(step, state, 30)
    assert library(tmp_path) == {"a.avi": b"old a.avi"} and not list(trash.all_entries(state))


@pytest.mark.parametrize("kept_size", [True, False])
def test_a_successor_that_was_written_since_is_kept(tmp_path: Path, state: Path, kept_size: bool) -> None:
    source = replaced(tmp_path, "a.avi", "avi")
    (before,) = undo_plan(list(trash.all_entries(state)), 7)
    with source.open("r+b") as file:
        file.write(b"THE NEW ONE" if kept_size else b"the new one, longer")
    os.utime(source, ns=(1, 1))
    (step,) = undo_plan(list(trash.all_entries(state)), 7)
    assert "changed since" in step.problem
    written = library(tmp_path)
    for planned in (before, step):
        with pytest.raises(NotPutBack, match="changed since"):
            undo_step(planned, state, 30)
    assert library(tmp_path) == written


def test_a_name_that_was_taken_is_left(tmp_path: Path, state: Path) -> None:
    source = replaced(tmp_path, "a.avi", "mkv")
    (before,) = undo_plan(list(trash.all_entries(state)), 7)
    source.write_bytes(b"somebody's")
    assert "another file has its name" in look_at(before.entry).problem
    with pytest.raises(NotPutBack):
        undo_step(before, state, 30)
    assert library(tmp_path) == {"a.avi": b"somebody's", "a.mkv": b"the new one"}


def test_a_kept_file_that_was_touched_is_not_believed(tmp_path: Path, state: Path) -> None:
    replaced(tmp_path, "a.avi", "mkv")
    (entry,) = trash.all_entries(state)
    entry.kept.write_bytes(b"something else")
    assert "gone, or changed" in look_at(entry).problem
    entry.kept.unlink()
    assert "gone, or changed" in look_at(entry).problem
    assert "did not end" in look_at(replace(entry, done=False)).problem


def test_what_changed_between_plan_and_deed_is_refused(tmp_path: Path, state: Path) -> None:
    source = replaced(tmp_path, "a.avi", "mkv")
    (step,) = undo_plan(list(trash.all_entries(state)), 7)
    source.with_suffix(".mkv").unlink()
    with pytest.raises(NotPutBack, match="since it was looked at"):
        undo_step(step, state, 30)
    assert library(tmp_path) == {}
    undo_step(undo_plan(list(trash.all_entries(state)), 7)[0], state, 30)
    assert library(tmp_path) == {"a.avi": b"old a.avi"}


def test_records_without_the_time_of_the_successor_still_count(tmp_path: Path, state: Path) -> None:
    source = replaced(tmp_path, "a.avi", "avi")
    (entry,) = trash.all_entries(state)
    os.utime(source, ns=(1, 1))
    assert not look_at(entry).possible
    assert look_at(replace(entry, new_mtime_ns=0)).possible
