"""Kept files, as a job sees them."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from workers.operations.convert_image import OPERATION, ConvertImageParams
from workers.operations.download import OPERATION as DOWNLOAD
from workers.runner.keeping import FileKeeper
from workers.runner.messages import FilesKept, JobMessage, Up

_MIB = 1 << 20


class Hearer:
    """A way to the worker that keeps what is said."""

    def __init__(self) -> None:
        self.said: list[Up] = []

    def send(self, message: Up) -> None:
        self.said.append(message)

    def alive(self) -> None:
        pass


class Maker:
    """Makes files, and counts them."""

    def __init__(self, size: int = 10) -> None:
        self.times, self.size = 0, size

    def __call__(self, path: Path) -> Mapping[str, Any]:
        self.times += 1
        path.write_bytes(os.urandom(self.size))
        return {"made": self.times}


def keeper(tmp_path: Path, bounds: tuple[float, float] | None, **params: Any) -> tuple[FileKeeper, Hearer]:
    settings: dict[str, Any] = {"cache_dir": str(tmp_path / "cache")}
    if bounds is not None:
        settings["cache_bounds"] = {"conversion": bounds}
    heard = Hearer()
    job = JobMessage(1, 1, 1, OPERATION.name, {}, str(tmp_path), settings=settings)
    given = ConvertImageParams(inputs=(str(tmp_path),), format="png", **params)
    return FileKeeper(OPERATION, given, job, heard), heard  # type: ignore[arg-type]


def twice(tmp_path: Path, bounds: tuple[float, float] | None, size: int = 10, **params: Any) -> tuple[int, list[Up]]:
    """How often the same had to be made for two that asked, and what the worker heard."""
    source, make = tmp_path / "source.jpg", Maker(size)
    source.write_bytes(b"picture")
    heard: list[Up] = []
    for number in range(2):
        made, told = keeper(tmp_path, bounds, **params)
        made.fill(source, tmp_path / f"staged{number}", {"size": 1}, make)
        heard += told.said
    return make.times, heard


def test_what_was_kept_is_not_made_again(tmp_path: Path) -> None:
    assert OPERATION.cache_category == "conversion"
    times, heard = twice(tmp_path, (_MIB, 60.0))
    assert times == 1
    assert [(said.hits, said.misses) for said in heard if isinstance(said, FilesKept)] == [(0, 1), (1, 0)]


@pytest.mark.parametrize("params", [{}, {"cache": "off"}])
def test_a_category_without_room_or_a_job_without_cache_neither_asks_nor_keeps(
    tmp_path: Path, params: dict[str, Any]
) -> None:
    times, heard = twice(tmp_path, (0 if not params else _MIB, 60.0), **params)
    assert (times, heard) == (2, [])
    assert not (tmp_path / "cache").exists()


def test_what_is_too_old_is_made_anew(tmp_path: Path) -> None:
    assert twice(tmp_path, (_MIB, -1.0))[0] == 2


def test_what_would_fill_half_of_the_room_is_not_kept(tmp_path: Path) -> None:
    assert twice(tmp_path, (1000, 60.0), size=501)[0] == 2
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]


def test_an_operation_that_keeps_no_files_makes_each(tmp_path: Path) -> None:
    job = JobMessage(1, 1, 1, "x", {}, str(tmp_path), settings={"cache_dir": str(tmp_path / "cache")})
    params = ConvertImageParams(inputs=(str(tmp_path),), format="png")
    made = FileKeeper(replace(OPERATION, cache_files=False), params, job, Hearer())  # type: ignore[arg-type]
    make = Maker()
    assert made.fill(tmp_path, tmp_path / "staged", {}, make) == ({"made": 1}, False)


def recalled(
    tmp_path: Path, bounds: tuple[float, float], answers: list[Any], **params: Any
) -> tuple[list[Any], list[Any]]:
    """What jobs that ask about one address get, each with the next of `answers`, and what the worker heard."""
    settings = {"cache_dir": str(tmp_path / "cache"), "cache_bounds": {"collection": bounds}}
    given = DOWNLOAD.validate({"inputs": ["https://example.org/list"], **params})
    got, heard = [], Hearer()
    left = iter(answers)
    for _ in answers:
        job = JobMessage(1, 1, 1, DOWNLOAD.name, {}, str(tmp_path), settings=settings)
        keeper = FileKeeper(DOWNLOAD, given, job, heard)  # type: ignore[arg-type]
        got.append(keeper.recall("collection", given.inputs[0], {"proxy": ""}, lambda: next(left)))
    return got, [(said.hits, said.misses, said.size > 0) for said in heard.said if isinstance(said, FilesKept)]


def test_facts_about_an_address_are_kept_and_counted(tmp_path: Path) -> None:
    got, heard = recalled(tmp_path, (_MIB, 60.0), [{"a": 1}, {"a": 2}])
    assert got == [({"a": 1}, False), ({"a": 1}, True)]
    assert heard == [(0, 1, True), (1, 0, True)]
    assert [path.name for path in tmp_path.iterdir()] == ["cache"]  # nothing is left of the way


@pytest.mark.parametrize(("bounds", "params"), [((_MIB, -1.0), {}), ((0, 60.0), {}), ((_MIB, 60.0), {"cache": "off"})])
def test_facts_that_are_old_or_unwanted_are_asked_for_anew(
    tmp_path: Path, bounds: tuple[float, float], params: dict[str, Any]
) -> None:
    got, _ = recalled(tmp_path, bounds, [{"a": 1}, {"a": 2}], **params)
    assert got == [({"a": 1}, False), ({"a": 2}, False)]


def test_what_does_not_last_is_not_kept(tmp_path: Path) -> None:
    got, heard = recalled(tmp_path, (_MIB, 60.0), [None, {"a": 2}])
    assert got == [(None, False), ({"a": 2}, False)]
    assert heard == [(0, 1, False), (0, 1, True)]


def test_two_that_ask_about_one_address_at_once_ask_once(tmp_path: Path) -> None:
    settings = {"cache_dir": str(tmp_path / "cache")}
    given = DOWNLOAD.validate({"inputs": ["https://example.org/list"]})
    asked, go = [], threading.Event()

    def ask() -> Mapping[str, Any]:
        asked.append(1)
        go.wait(10)
        return {"a": 1}

    def one() -> Any:
        job = JobMessage(1, 1, 1, DOWNLOAD.name, {}, str(tmp_path), settings=settings)
        waiting = Hearer()
        waiting.alive = go.set  # type: ignore[method-assign]  # the second one waits: let the first go on
        return FileKeeper(DOWNLOAD, given, job, waiting).recall("collection", "x", {}, ask)  # type: ignore[arg-type]

    with ThreadPoolExecutor(2) as pool:
        results = sorted(kept for _, kept in pool.map(lambda _: one(), range(2)))
    assert (results, asked) == ([False, True], [1])


def test_facts_about_a_file_end_with_the_file_as_it_was(tmp_path: Path) -> None:
    settings, film = {"cache_dir": str(tmp_path / "cache")}, tmp_path / "film.mp4"
    film.write_bytes(b"one")
    job = JobMessage(1, 1, 1, DOWNLOAD.name, {}, str(tmp_path), settings=settings)
    keeper = FileKeeper(DOWNLOAD, DOWNLOAD.validate({"inputs": ["https://a.b"]}), job, Hearer())  # type: ignore[arg-type]
    answers = iter(({"a": 1}, {"a": 2}))
    told = [keeper.recall("video_analysis", film, {}, lambda: next(answers)) for _ in range(2)]
    film.write_bytes(b"another")
    told.append(keeper.recall("video_analysis", film, {}, lambda: next(answers)))
    assert told == [({"a": 1}, False), ({"a": 1}, True), ({"a": 2}, False)]
