"""Looking after what is kept, beside a running worker or without one: check all of it, or clear it away."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from workers.cache import files, store
from workers.cache.keys import stamp_again
from workers.cache.packing import Broken, unpack
from workers.cache.trimming import CLEARED, kept_files
from workers.errors import StoreError
from workers.settings import CACHE_CATEGORIES, CacheSettings
from workers.wording import words_of

_AT_ONCE = 200  # entries that are read, checked, and then dropped in one transaction


@dataclass(frozen=True, slots=True)
class Cleared:
    """What was cleared away: results and files, and the bytes that they took, about."""

    entries: int
    bytes: int


@dataclass(slots=True)
class Verified:
    """How many results and files were looked at, and how many were dropped, by what was wrong with them."""

    results: int = 0
    files: int = 0
    gone: int = 0  # the input is no more
    changed: int = 0  # the input is another one now
    expired: int = 0  # too old to count
    broken: int = 0  # of either kind: not what was written

    @property
    def dropped(self) -> int:
        """All that were dropped."""
        return self.gone + self.changed + self.expired + self.broken


def clear(folder: Path, category: str | None = None) -> Cleared:
    """Forget everything, or one category; a worker that runs forgets it too. StoreError when that cannot be."""
    entries = size = 0
    with _opened(folder) as connection:
        if connection is not None:
            chosen = [name for name in store.totals(connection) if category in (None, name)]
            with store.transaction(connection):
                for name in chosen:
                    entries += store.totals(connection)[name][0]
                    size += store.totals(connection)[name][1]
                    connection.execute("DELETE FROM entry WHERE category = ?", (name,))
                connection.execute("DELETE FROM kept WHERE ? IS NULL OR category = ?", (category, category))
                store.raise_generation(connection)
            store.free(connection)
    removed, freed = _clear_files(folder, category)
    return Cleared(entries + removed, size + freed)


def _clear_files(folder: Path, category: str | None) -> tuple[int, int]:
    """Remove kept files; how many there were, and their bytes. StoreError when they cannot be removed."""
    count = size = 0
    for name in CACHE_CATEGORIES if category is None else (category,):
        place = folder / "files" / name
        if not os.path.lexists(place):
            continue
        for file in kept_files(folder, name, time.time()):
            count, size = count + 1, size + file.size
        # Renamed first, so that what is kept anew meanwhile finds a fresh folder.
        away = place.with_name(f"{CLEARED}{name}-{os.urandom(4).hex()}")
        try:
            place.rename(away)
        except OSError as error:
            raise StoreError(f"{place} cannot be cleared: {error.strerror}") from None
        shutil.rmtree(away, ignore_errors=True)
    return count, size


def verify(
    folder: Path,
    settings: CacheSettings,
    path_of: Callable[[str], Path] = Path,
    pulse: Callable[[Verified], None] = lambda verified: None,
) -> Verified:
    """Look at everything that is kept and drop what is of no use; what was found. StoreError when it cannot be read.

    `path_of` gives the path of an input as results name it; `pulse` is told now and then how far it is.
    """
    found = Verified()
    with _opened(folder) as connection:
        if connection is not None:
            last = 0
            while rows := _some(connection, last):
                last = rows[-1][0]
                _drop(connection, [row for row in rows if not _good(row, settings, path_of, found)])
                pulse(found)
    for category in CACHE_CATEGORIES:
        for file in kept_files(folder, category, time.time()):
            _check_file(file.path, time.time() - settings.ttl_s(category), path_of, found)
            pulse(found)
    return found


_Entry = tuple[int, bytes, str, bytes, str, bytes, float]  # id, key, category, stamp, path, value, made at


def _some(connection: sqlite3.Connection, after: int) -> list[_Entry]:
    return connection.execute(
        "SELECT id, key, category, stamp, path, value, made_at FROM entry WHERE id > ? ORDER BY id LIMIT ?",
        (after, _AT_ONCE),
    ).fetchall()


def _good(row: _Entry, settings: CacheSettings, path_of: Callable[[str], Path], found: Verified) -> bool:
    """Whether an entry may stay; what is wrong with it is noted."""
    _, name, category, stamp, key, value, made_at = row
    found.results += 1
    try:
        unpack(value, name, stamp)
        too_old = made_at < time.time() - settings.ttl_s(category)
    except (Broken, TypeError):
        found.broken += 1
        return False
    return not _outdated(too_old, key, path_of, stamp, found)


def _drop(connection: sqlite3.Connection, rows: list[_Entry]) -> None:
    """Forget entries that are still as they were read; a worker may have made them anew meanwhile."""
    if not rows:
        return
    with store.transaction(connection):
        connection.executemany(
            "DELETE FROM entry WHERE key = ? AND stamp = ? AND made_at = ?", [(row[1], row[3], row[6]) for row in rows]
        )
        store.raise_generation(connection)


def _check_file(path: Path, oldest: float, path_of: Callable[[str], Path], found: Verified) -> None:
    """Look at one kept file; one that is of no use is removed."""
    found.files += 1
    try:
        made_at, source, stamp = files.check(path)
    except FileNotFoundError:
        found.files -= 1  # trimmed meanwhile
        return
    except (OSError, Broken):
        found.broken += 1
    else:
        if not _outdated(made_at < oldest, source, path_of, stamp, found):
            return
    with contextlib.suppress(OSError):
        path.unlink()


def _outdated(too_old: bool, key: str, path_of: Callable[[str], Path], stamp: bytes, found: Verified) -> bool:
    """Whether what was kept of an input counts no more; why is noted."""
    if too_old:
        found.expired += 1
        return True
    try:
        path = path_of(key)
        if not path.is_absolute() or stamp_again(path, stamp) == stamp:  # others are no files: addresses
            return False
        found.changed += 1
    except (OSError, ValueError):
        found.gone += 1
    return True


@contextmanager
def _opened(folder: Path) -> Iterator[sqlite3.Connection | None]:
    """The store of a cache folder, None when there is none yet. StoreError in words for all that goes wrong."""
    path = store.database(folder)
    if not os.path.lexists(path):
        yield None
        return
    try:
        with contextlib.closing(store.connected(path)) as connection:
            yield connection
    except (sqlite3.Error, OSError) as error:
        raise StoreError(f"{path}: the kept results cannot be read or changed: {words_of(error)}") from None
