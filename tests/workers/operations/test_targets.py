"""Every input gets a target of its own, the same on every run."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from workers.media.names import path_to_key
from workers.operations.targets import Targets, targets


def films(name: str) -> bool:
    return name.endswith((".mp4", ".mkv"))


def tree(root: Path, *names: str) -> list[Path]:
    paths = [root / name for name in names]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return paths


def made(inputs: list[Path], sources: list[Path], output: Path | str = "", suffix: str = "") -> list[str]:
    """Where the sources go, as a fresh process sees it; the other way round they must go to the same places."""
    keys = tuple(path_to_key(path) for path in inputs)
    there = [Targets(keys, str(output), films).of(source, suffix, "mp4") for source in sources]
    back = Targets(tuple(reversed(keys)), str(output), films)
    assert [back.of(source, suffix, "mp4") for source in reversed(sources)] == there[::-1]
    assert len(set(there)) == len(sources)
    return [os.path.relpath(path, output or sources[0].parent) for path in there]


@pytest.mark.parametrize(
    ("source", "output", "expected"),
    [("films/a/b.mp4", False, "films/a"), ("films/a/b.mp4", True, "out/a"), ("films/b.mp4", True, "out")],
)
def test_the_tree_is_kept(tmp_path: Path, source: str, output: bool, expected: str) -> None:
    tree(tmp_path, source)
    job = targets((str(tmp_path / "films"),), str(tmp_path / "out") if output else "", films)
    assert job.of(tmp_path / source, "", "mp4").parent == tmp_path / expected


def test_without_rivals_a_name_is_short(tmp_path: Path) -> None:
    sources = tree(tmp_path, "A/one.mkv", "B/two.mkv")
    assert made([tmp_path / "A", tmp_path / "B"], sources, tmp_path / "out") == ["one.mp4", "two.mp4"]


@pytest.mark.parametrize("walked", [True, False])
def test_names_that_two_folders_share(tmp_path: Path, walked: bool) -> None:
    sources = tree(tmp_path, "A/cover.mp4", "B/cover.mp4", "B/other.mp4")
    given = [tmp_path / "A", tmp_path / "B"] if walked else sources
    assert made(given, sources, tmp_path / "out") == ["A-cover.mp4", "B-cover.mp4", "other.mp4"]


def test_a_folder_and_a_named_file(tmp_path: Path) -> None:
    sources = tree(tmp_path, "A/sub/x.mp4", "B/x.mp4", "A/x.mp4")
    assert made([tmp_path / "A", sources[1]], sources, tmp_path / "out") == ["sub/x.mp4", "B-x.mp4", "A-x.mp4"]


def test_an_input_folder_inside_another(tmp_path: Path) -> None:
    sources = tree(tmp_path, "A/x.mp4", "A/sub/x.mp4", "A/sub/deep/y.mp4")
    assert made([tmp_path / "A", tmp_path / "A/sub"], sources, tmp_path / "out") == (
        ["A-x.mp4", "sub-x.mp4", "deep/y.mp4"]
    )


def test_folders_of_one_name_get_a_suffix(tmp_path: Path) -> None:
    sources = tree(tmp_path, "1/raw/x.mp4", "2/raw/x.mp4")
    names = made([path.parent for path in sources], sources, tmp_path / "out")
    assert all(name.startswith("x-") and len(name) == len("x-12345678.mp4") for name in names)


@pytest.mark.parametrize("beside", [True, False])
def test_names_that_are_equal_once_they_are_safe(tmp_path: Path, beside: bool) -> None:
    sources = tree(tmp_path / "in", "a:b.mp4", "a?b.mp4", "a-b.mkv")
    names = made([tmp_path / "in"], sources, "" if beside else tmp_path / "out", ".web")
    assert all(name.startswith("a-b") and name.endswith(".web.mp4") for name in names)


def test_long_names_keep_their_suffix(tmp_path: Path) -> None:
    sources = tree(tmp_path / "in", "x" * 240 + "1.mp4", "x" * 240 + "2.mp4")
    names = made([tmp_path / "in"], sources, tmp_path / "out", ".thumb")
    assert all(name.endswith(".thumb.mp4") and len(name) <= 200 for name in names)


def test_beside_the_input_its_folder_counts(tmp_path: Path) -> None:
    sources = tree(tmp_path, "a.mp4", "a.mkv", "b.mp4")
    assert made([sources[0]], sources[:1], "", ".web") == ["a.mp4.web.mp4"]
    assert made([sources[0]], sources[:1], tmp_path / "out") == ["a.mp4"]
    assert made([tmp_path], sources, "", ".web") == ["a.mp4.web.mp4", "a.mkv.web.mp4", "b.web.mp4"]


def test_an_output_folder_may_be_no_text(tmp_path: Path) -> None:
    (source,) = tree(tmp_path, "a.mp4")
    folder = tmp_path / os.fsdecode(b"out\xff")
    assert Targets((str(source),), path_to_key(folder), films).of(source, "", "mp4") == folder / "a.mp4"
