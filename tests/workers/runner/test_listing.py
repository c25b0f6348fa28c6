"""The inputs of a job stay those that it found first."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from workers.operations.contract import BulkParams
from workers.runner.listing import as_first_found, remove_others

PARAMS = BulkParams(inputs=("/films",))


def test_a_list_that_was_heard_to_its_end_is_the_list_of_every_attempt(tmp_path: Path) -> None:
    keys = [f"/films/ü {number}\n\udcff" for number in range(10_000)]
    assert list(as_first_found(tmp_path, PARAMS, lambda: iter(keys))) == keys
    assert list(as_first_found(tmp_path, PARAMS, lambda: ["/films/other"])) == keys
    edited = PARAMS.model_copy(update={"recursive": False})
    assert list(as_first_found(tmp_path, edited, lambda: ["/films/other"])) == ["/films/other"]


def test_a_list_that_was_left_off_does_not_count(tmp_path: Path) -> None:
    assert list(itertools.islice(as_first_found(tmp_path, PARAMS, lambda: "abc"), 2)) == ["a", "b"]
    assert list(as_first_found(tmp_path, PARAMS, lambda: "xyz")) == ["x", "y", "z"]


@pytest.mark.parametrize("harm", [b"", b"a\0b", b"\0\0\0\0"])
def test_a_list_that_the_disk_did_not_keep_whole_does_not_count(tmp_path: Path, harm: bytes) -> None:
    assert list(as_first_found(tmp_path, PARAMS, lambda: "ab")) == ["a", "b"]
    (listed,) = tmp_path.iterdir()
    listed.write_bytes(harm)
    assert list(as_first_found(tmp_path, PARAMS, lambda: "xyz")) == ["x", "y", "z"]


@pytest.mark.parametrize("keys", [[], ["one"]])
def test_few_inputs_are_kept_as_well(tmp_path: Path, keys: list[str]) -> None:
    assert list(as_first_found(tmp_path, PARAMS, lambda: keys)) == keys
    assert list(as_first_found(tmp_path, PARAMS, lambda: ["later"])) == (keys or ["later"])


def test_a_disk_that_keeps_no_list_stops_nothing(tmp_path: Path) -> None:
    assert list(as_first_found(tmp_path / "gone", PARAMS, lambda: "ab")) == ["a", "b"]


def test_what_else_lies_in_the_folder_of_a_job_is_removed(tmp_path: Path) -> None:
    assert list(as_first_found(tmp_path, PARAMS, lambda: "ab")) == ["a", "b"]
    (tmp_path / "part").mkdir()
    (tmp_path / "part" / "file").touch()
    (tmp_path / "note").touch()
    remove_others(tmp_path)
    assert list(as_first_found(tmp_path, PARAMS, lambda: "xyz")) == ["a", "b"]
    assert len(list(tmp_path.iterdir())) == 1
    remove_others(tmp_path / "gone")
