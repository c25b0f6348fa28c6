"""Bounds of the cache: what is too old goes, and of a category that takes more than its share the least used."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from workers.cache import store
from workers.cache.files import TEMPORARY, made_at
from workers.cache.packing import Broken
from workers.settings import CACHE_CATEGORIES, CacheSettings

CLEARED = ".cleared-"  # begins the name of a category that is being cleared away
_LEFTOVER_S = 3600.0  # nobody writes on one container for so long
_SLACK = 20  # trimmed to 1/20 below the limit, so that not every write trims


@dataclass(frozen=True, slots=True)
class File:
    """One kept file; `used_at` in seconds since the epoch."""

    path: Path
    size: int
    used_at: float
    inode: int  # another one when it was made anew


def kept_files(folder: Path, category: str, now: float) -> Iterator[File]:
    """The containers of a category. What a killed process left half written is removed on the way."""
    for outer in _entries(folder / "files" / category):
        if not (outer.is_dir(follow_symlinks=False) and len(outer.name) == 2):
            continue
        for entry in _entries(Path(outer.path)):
            try:
                info = entry.stat(follow_symlinks=False)
                if not entry.is_file(follow_symlinks=False):
                    continue
                if not entry.name.startswith(TEMPORARY):
                    yield File(Path(entry.path), info.st_size, info.st_mtime, info.st_ino)
                elif info.st_mtime < now - _LEFTOVER_S:
                    os.unlink(entry.path)
            except OSError:
                continue  # gone meanwhile


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError:
        return []


class FileTrimmer:
    """Trims kept files; remembers when each was made, so that a later round opens only the new ones."""

    def __init__(self, folder: Path, settings: CacheSettings) -> None:
        self._folder = folder
        self._settings = settings
        self._made: dict[tuple[Path, int], float] = {}

    def trim(self, now: float) -> Mapping[str, tuple[int, int, int]]:
        """Entries and bytes that are left, and how many were removed, by category."""
        for entry in _entries(self._folder / "files"):
            if entry.name.startswith(CLEARED):  # whoever cleared these away did not come to the end
                shutil.rmtree(entry.path, ignore_errors=True)
        made, self._made = self._made, {}
        return {category: self._trim(category, now, made) for category in CACHE_CATEGORIES}

    def _trim(self, category: str, now: float, made: Mapping[tuple[Path, int], float]) -> tuple[int, int, int]:
        limit, oldest = self._settings.limit_bytes(category), now - self._settings.ttl_s(category)
        left: list[File] = []
        removed = 0
        for file in kept_files(self._folder, category, now):
            place = (file.path, file.inode)
            moment = made[place] if place in made else _made_at(file.path)
            # What alone takes most of the room would push out everything else.
            if moment < oldest or file.size > limit // 2:
                removed += _unlink(file.path)
                continue
            self._made[place] = moment
            left.append(file)
        size = sum(file.size for file in left)
        if size > limit:
            left.sort(key=lambda file: file.used_at, reverse=True)
            while left and size > limit - limit // _SLACK:
                file = left.pop()
                size -= file.size
                removed += _unlink(file.path)
                self._made.pop((file.path, file.inode), None)
        return len(left), size, removed


def _made_at(path: Path) -> float:
    """When a container was made; long ago, for one that is broken."""
    try:
        return made_at(path)
    except (OSError, Broken):
        return 0.0


def _unlink(path: Path) -> int:
    with contextlib.suppress(OSError):
        path.unlink()
        return 1
    return 0


def trim_rows(connection: sqlite3.Connection, settings: CacheSettings, category: str) -> int:
    """Bring a category within its share, files included; how many rows were removed."""
    limit = settings.limit_bytes(category)
    rows = store.totals(connection).get(category, (0, 0))[1]
    room = max(0, limit - store.totals(connection, "kept").get(category, (0, 0))[1])
    if rows <= room:
        return 0
    return store.drop_least_used(connection, category, rows - room + room // _SLACK)


def drop_old_rows(connection: sqlite3.Connection, settings: CacheSettings, category: str, now: float) -> int:
    """Remove what counts no more; how many."""
    return store.drop_old(connection, category, now - settings.ttl_s(category))


def add_kept(connection: sqlite3.Connection, new: Mapping[str, tuple[int, int]]) -> None:
    """Tell others of new files until all of them are counted again."""
    connection.executemany(
        "INSERT INTO kept VALUES (?, ?, ?) ON CONFLICT (category) "
        "DO UPDATE SET entries = entries + excluded.entries, bytes = bytes + excluded.bytes",
        [(category, entries, size) for category, (entries, size) in new.items()],
    )


def write_kept(connection: sqlite3.Connection, kept: Mapping[str, tuple[int, int, int]]) -> None:
    """Tell others how many files there are and what they take."""
    connection.execute("DELETE FROM kept")
    rows = [(category, entries, size) for category, (entries, size, _) in kept.items() if entries]
    connection.executemany("INSERT INTO kept VALUES (?, ?, ?)", rows)
