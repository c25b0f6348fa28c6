"""Validation through a real worker: what it believes of an earlier look."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from tests.support.home import Home
from tests.support.media import Media, media
from workers.jobs import Job

__all__ = ["media"]


def _validated(home: Home, path: Path, level: str) -> Job:
    return home.wait_final(home.submit("validate", {"inputs": [str(path)], "level": level}), 60)


def test_lost_bits_are_found_although_the_time_of_the_file_is_the_same(
    busy_home: Home, media: Media, tmp_path: Path
) -> None:
    film = Path(shutil.copy(media.clip, tmp_path / "film.mp4"))
    os.utime(film, ns=(10**18, 10**18))
    for level, cached in (("quick", 0), ("quick", 1), ("full", 0)):
        job = _validated(busy_home, film, level)
        assert (job.items.failed, job.items.cached) == (0, cached), level
    with film.open("r+b") as file:
        middle = film.stat().st_size // 2
        file.seek(middle)
        file.write(bytes(3000))
    os.utime(film, ns=(10**18, 10**18))
    assert _validated(busy_home, film, "full").items.failed == 1
