"""Whole copies of the jobs table: made while everybody works, checked, and put in the place of a damaged one.

A copy is made by SQLite's own backup, page by page inside one snapshot: nobody waits for it, and what is written
meanwhile neither appears in it nor makes it begin again. It has a name only once it was found whole and is on disk.
"""

from __future__ import annotations

import calendar
import contextlib
import fcntl
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from workers.errors import StoreError
from workers.files import open_private, private_folder
from workers.jobs import State
from workers.store import inforce
from workers.store.inforce import InForce
from workers.store.migrations import latest
from workers.text import size_words
from workers.wording import damage, words_of

PREFIX, REPLACED, SUFFIX = "spool-", "replaced-", ".db"
_FRESH = ".new-"
_PAGES = 256  # copied at once, 1 MiB
_PAUSE_S = 0.004  # between them, so that a large copy does not take the whole disk
_SHOWN = 5  # places of damage that are looked for
_SPARE = 1 << 20  # bytes that must stay free beside a copy
_TABLES = frozenset({"meta", "job", "job_after", "job_event", "item", "removed", "worker", "queue_setting"})


class Reason(StrEnum):
    """Why a copy was made. It ends the name of the copy, of all but those of the day."""

    DAY = "day"
    ASKED = "asked"
    UPGRADE = "upgrade"

    @property
    def ending(self) -> str:
        """What follows the time in a name."""
        return "" if self is Reason.DAY else f"-{self.value}"


@dataclass(frozen=True, slots=True)
class Backup:
    """One copy in the folder of backups. The time is its name's, in milliseconds since 1970; the size bytes."""

    path: Path
    at_ms: int
    size: int

    @property
    def reason(self) -> Reason:
        """Why it was made, as its name tells."""
        return next((reason for reason in Reason if self.path.stem.endswith(f"-{reason.value}")), Reason.DAY)

    def made_ms(self) -> int:
        """When it was made, for asking how old it is.

        Names only ever go forward, so after a clock that was wrong the file tells it better; of a file that was
        copied since, the name does. Both are later than the truth then.
        """
        try:
            return min(self.at_ms, int(self.path.stat().st_mtime * 1000))
        except OSError:  # it went, or its folder may not be looked into any more
            return self.at_ms


@dataclass(frozen=True, slots=True)
class Contents:
    """What a database holds."""

    schema: int
    revision: int
    last_job: int
    last_change_ms: int | None  # of its history
    states: dict[str, int]  # jobs by state
    in_force: InForce

    @property
    def jobs(self) -> int:
        """How many jobs there are."""
        return sum(self.states.values())


# ---------------------------------------------------------------- making


def make(
    database: Path, folder: Path, stop: Callable[[], bool] = lambda: False, *, reason: Reason = Reason.ASKED
) -> Backup:
    """A whole, checked, flushed copy of `database` in `folder`. StoreError says why there is none; nothing is left."""
    private_folder(folder)
    fresh = folder / f"{_FRESH}{os.urandom(6).hex()}"
    with _alone(folder, stop):
        for left in folder.glob(f"{_FRESH}*"):  # of one that was killed
            left.unlink(missing_ok=True)
        try:
            _require_room(database, folder)
            copy(database, fresh, live=True, stop=stop)
            _require_whole(fresh, database)
            return _named(fresh, folder, reason)
        except (sqlite3.Error, OSError) as error:
            raise StoreError(f"no backup was made in {folder}: {_reason(error)}") from error
        finally:
            remove_files(fresh)


@contextlib.contextmanager
def _alone(folder: Path, stop: Callable[[], bool]) -> Iterator[None]:
    """One backup at a time; the next one waits."""
    descriptor = open_private(folder / ".lock", os.O_CREAT | os.O_RDWR)
    try:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if stop():
                    raise StoreError("the backup was given up: the worker ends") from None
                time.sleep(0.05)
        yield
    finally:
        os.close(descriptor)


def _require_whole(fresh: Path, database: Path) -> None:
    if problems := problems_of(fresh):
        raise StoreError(
            f"no backup was made: {database} is damaged ({'; '.join(problems)}); `spool doctor --full` tells more,"
            " `spool restore` brings an earlier one back"
        )


def _reason(error: Exception) -> str:
    return (error.strerror or str(error)) if isinstance(error, OSError) else words_of(error)


def _require_room(database: Path, folder: Path) -> None:
    needed = sum(path.stat().st_size for path in files_of(database)) + _SPARE
    status = os.statvfs(folder)
    free = status.f_bavail * status.f_frsize
    if free < needed:
        raise StoreError(
            f"no backup was made in {folder}: it needs {size_words(needed)} and {size_words(free)} are free;"
            " make room there"
        )


def files_of(database: Path) -> list[Path]:
    """The files of a database that exist: itself, its log, and what readers of the log share."""
    return [path for suffix in ("", "-wal", "-shm") if (path := Path(f"{database}{suffix}")).exists()]


def remove_files(database: Path) -> None:
    """Remove a database that nobody uses."""
    for path in files_of(database):
        path.unlink(missing_ok=True)


def copy(source: Path, target: Path, *, live: bool, stop: Callable[[], bool] = lambda: False) -> None:
    """Copy a database, which others use if it is `live`, into the new file `target` (0600), and flush it.

    sqlite3.Error, OSError; StoreError if stopped.
    """
    os.close(open_private(target, os.O_CREAT | os.O_EXCL | os.O_RDWR))

    def pause(status: int, remaining: int, total: int) -> None:
        if stop():
            raise StoreError("the backup was given up: the worker ends")
        if remaining:
            time.sleep(_PAUSE_S)

    with contextlib.closing(reader(source, live=live)) as source_db:
        source_db.execute("BEGIN")
        source_db.execute("SELECT count(*) FROM sqlite_master").fetchone()  # the snapshot begins here
        with contextlib.closing(sqlite3.connect(target, isolation_level=None)) as target_db:
            target_db.execute("PRAGMA synchronous=off")  # flushed as a whole below
            source_db.backup(target_db, pages=_PAGES, progress=pause)
    flush(target)


def reader(path: Path, *, live: bool = False, held: bool = False) -> sqlite3.Connection:
    """A connection that changes nothing. A file that nobody uses is read as it is, so that no log appears beside it.

    `live`: others use it. `held`: we let nobody open it (`restore.held`), ourselves only past the locks.
    """
    alone = "" if live or Path(f"{path}-wal").exists() else "&immutable=1"
    if held:
        return past_locks(path, "mode=ro&")
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro{alone}", uri=True, timeout=10, isolation_level=None)


def past_locks(path: Path, options: str = "") -> sqlite3.Connection:
    """A connection that neither takes nor heeds locks, to a database that we let nobody else open."""
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?{options}vfs=unix-none", uri=True, timeout=0, isolation_level=None
    )
    connection.execute("PRAGMA locking_mode=exclusive")  # or it would want to share its index of the log with others
    return connection


def flush(path: Path) -> None:
    """Bring a file, or what a folder lists, to the disk. OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _named(fresh: Path, folder: Path, reason: Reason) -> Backup:
    """Give the copy the name of this second; always a later one than the last has, whatever was done to the clock."""
    newest = next(iter(listed(folder)), None)
    now = max(int(time.time()), newest.at_ms // 1000 + 1 if newest else 0)
    path = folder / f"{PREFIX}{stamp(now)}{reason.ending}{SUFFIX}"
    os.rename(fresh, path)
    flush(folder)
    return Backup(path, now * 1000, path.stat().st_size)


def stamp(moment_s: float) -> str:
    """A moment as names of backups have it, in UTC."""
    return time.strftime("%Y%m%d-%H%M%S", time.gmtime(moment_s))


# ---------------------------------------------------------------- looking


def listed(folder: Path) -> list[Backup]:
    """The backups of a folder, newest first."""
    return sorted(_found(folder, PREFIX), key=lambda backup: backup.path.name, reverse=True)


def set_aside(folder: Path) -> list[Backup]:
    """Databases that a restored one took the place of, newest first."""
    return sorted(_found(folder, REPLACED), key=lambda backup: backup.path.name, reverse=True)


def _found(folder: Path, prefix: str) -> Iterator[Backup]:
    for path in folder.glob(f"{prefix}*{SUFFIX}"):
        with contextlib.suppress(ValueError, OSError):
            words = path.name[len(prefix) : -len(SUFFIX)]
            moment = time.strptime(f"{words[:15]} +0000", "%Y%m%d-%H%M%S %z")
            yield Backup(path, calendar.timegm(moment) * 1000, path.stat().st_size)


def prune(folder: Path, keep: int) -> list[Path]:
    """Remove all but the newest backups of each reason; those that went, newest first.

    So no order of a person pushes out those of the days. What a restored database replaced is never touched.
    """
    made = listed(folder)
    kept = {backup.path for reason in Reason for backup in [b for b in made if b.reason is reason][: max(1, keep)]}
    gone = [backup.path for backup in made if backup.path not in kept]
    for path in gone:
        remove_files(path)
    return gone


def problems_of(path: Path, *, live: bool = False, full: bool = False) -> list[str]:
    """What is wrong with a file as SQLite finds it, in words; `full` also compares every index with its table."""
    try:
        with contextlib.closing(reader(path, live=live)) as connection:
            found = [
                str(row[0]) for row in connection.execute(f"PRAGMA {'integrity' if full else 'quick'}_check({_SHOWN})")
            ]
    except sqlite3.Error as error:
        return [words_of(error)]
    return [told] if (told := damage(found, _SHOWN)) else []


def contents(path: Path, *, live: bool = False, held: bool = False) -> Contents:
    """What a database of Spool holds. StoreError when it is none, or of a version that nobody here knows."""
    if not path.is_file():
        raise StoreError(f"{path}: there is no such file")
    try:
        with contextlib.closing(reader(path, live=live, held=held)) as connection:
            return _contents(connection, path)
    except sqlite3.Error as error:
        raise StoreError(f"{path}: cannot be read as a database of Spool: {words_of(error)}") from None
    except ValueError:
        raise StoreError(f"{path}: cannot be read as a database of Spool: a number in it is none") from None


def _contents(connection: sqlite3.Connection, path: Path) -> Contents:
    tables = {str(row[0]) for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if not tables >= _TABLES:
        raise StoreError(f"{path}: a database, but none of Spool: it lacks {', '.join(sorted(_TABLES - tables))}")
    numbers = {str(key): int(value) for key, value in connection.execute("SELECT key, value FROM meta")}
    schema = numbers.get("schema", 0)
    if not 1 <= schema <= latest():
        raise StoreError(f"{path}: its version is {schema}, and this Spool knows 1 to {latest()}; use the newer Spool")
    states = {
        str(state): int(count) for state, count in connection.execute("SELECT state, count(*) FROM job GROUP BY 1")
    }
    (last,) = connection.execute("SELECT max(at) FROM job_event").fetchone()
    return Contents(
        schema=schema,
        revision=numbers.get("revision", 0),
        last_job=numbers.get("job_id", 0),
        last_change_ms=last,
        states={state.value: states[state.value] for state in State if state.value in states},
        in_force=inforce.read(connection, tables),
    )
