"""Kept files, as a job sees them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from workers.operations.convert_image import OPERATION, ConvertImageParams
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
