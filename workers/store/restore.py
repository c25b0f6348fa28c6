"""Putting a copy of the jobs table in the place of the present one, which is kept beside the backups."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import sqlite3
import struct
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workers.errors import StoreError
from workers.files import private_folder
from workers.jobs import FINAL, Move, State, Wish
from workers.store import backup
from workers.store.backup import Contents
from workers.store.database import inode_of, open_database, told, transaction
from workers.store.migrations import migrate
from workers.store.moves import bump, count_on, move_inside, record_event
from workers.store.records import now_ms, storable
from workers.store.tables import LIVE_STATES, JobRow, WorkerRow, listed

_SHARED_FIRST, _SHARED_SIZE = 0x40000002, 510  # the bytes on which SQLite's readers hold a lock while they are there
_LOCKS_FIRST, _LOCKS_SIZE = 0x40000000, 512  # those and the ones of writers
_LOCK = "hhqqi4x"  # a lock on bytes of a file, as the kernel of Linux is told of it
_UNKNOWN_REVISIONS = 1_000_000_000  # more than a database that cannot be read may have gone on since the copy
_UNKNOWN_JOBS = 1000


@dataclass(frozen=True, slots=True)
class Difference:
    """What would change for the jobs of the present database."""

    lost: int  # jobs that the copy does not have
    again: int  # jobs that have ended since and would wait or run again
    back: int  # jobs that were removed since
    kept: int = 0  # jobs that were paused or held, and were let go since
    freed: int = 0  # jobs that were paused or held since, and would wait or run


@dataclass(frozen=True, slots=True)
class Floor:
    """Numbers that were given out already, and must not be given out again."""

    revision: int | None  # None: the present database cannot tell
    last_job: int


def difference(present: Path, copy: Path) -> Difference:
    """Compare the jobs of two whole databases. sqlite3.Error."""
    final = listed(FINAL)
    with contextlib.closing(backup.reader(present, live=True)) as connection:
        alone = "" if Path(f"{copy}-wal").exists() else "&immutable=1"
        connection.execute("ATTACH ? AS copy", (f"{copy.absolute().as_uri()}?mode=ro{alone}",))

        def count(what: str) -> int:
            return int(connection.execute(f"SELECT count(*) FROM {what}").fetchone()[0])

        return Difference(
            lost=count("main.job j WHERE NOT EXISTS (SELECT 1 FROM copy.job c WHERE c.id = j.id)"),
            again=count(
                f"copy.job c JOIN main.job j ON j.id = c.id WHERE c.state NOT IN ({final}) AND j.state IN ({final})"
            ),
            kept=count(
                f"copy.job c JOIN main.job j ON j.id = c.id WHERE {_stands('c')} AND NOT {_stands('j')}"
                f" AND j.state NOT IN ({final})"
            ),
            freed=count(
                f"copy.job c JOIN main.job j ON j.id = c.id WHERE {_stands('j')} AND NOT {_stands('c')}"
                f" AND c.state NOT IN ({final})"
            ),
            back=count("copy.job c WHERE NOT EXISTS (SELECT 1 FROM main.job j WHERE j.id = c.id)"),
        )


def _stands(job: str) -> str:
    """That a job is paused, or waits on hold."""
    return f"({job}.state = '{State.PAUSED.value}' OR {job}.hold AND {job}.state = '{State.QUEUED.value}')"


def user_of(database: Path) -> int | None:
    """The process that has a database open: its id, 0 when it cannot be told, None when there is none.

    Not to be asked by a process that uses that database itself: its own locks on it would be lost.
    """
    try:
        descriptor = os.open(database, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, _SHARED_SIZE, _SHARED_FIRST)
        return None
    except OSError:
        return _lock_holder(descriptor)
    finally:
        os.close(descriptor)


def _lock_holder(descriptor: int) -> int:
    if not sys.platform.startswith("linux"):
        return 0  # the record is laid out otherwise there
    asked = struct.pack(_LOCK, fcntl.F_WRLCK, os.SEEK_SET, _SHARED_FIRST, _SHARED_SIZE, 0)
    kind, _, _, _, pid = struct.unpack(_LOCK, fcntl.fcntl(descriptor, fcntl.F_GETLK, asked))
    return 0 if kind == fcntl.F_UNLCK else int(pid)


def prepare(copy: Path, floor: Floor, *, by: str, reason: str, hold: bool) -> None:
    """Make a copy ready for its new life: of this version, nothing running, no number given out twice. StoreError."""
    with told(f"preparing {copy}"):
        db = open_database(str(copy))
        try:
            migrate(db)
            with transaction(db):
                _raise_numbers(db, floor)
                _release_live(db, by, hold)
                if hold:
                    held = {"hold": True, "pause_until": None, "wish_by": storable(by)}  # for this person to let go
                    JobRow.update(held).where(JobRow.state == State.QUEUED.value).execute(db)
                record_event(db, bump(db), 0, "restored", ("", ""), by, reason)
            db.execute_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        finally:
            db.close()
    backup.flush(copy)


def _raise_numbers(db: Any, floor: Floor) -> None:
    """Whoever asks for what came after a revision or an id that it has seen must miss nothing of what comes now."""
    revision, last_job = count_on(db, "revision", 0), count_on(db, "job_id", 0)
    if floor.revision is None:
        bump(db, _UNKNOWN_REVISIONS)
        count_on(db, "job_id", max(0, floor.last_job - last_job) + _UNKNOWN_JOBS)
    else:
        bump(db, max(0, floor.revision - revision))
        count_on(db, "job_id", max(0, floor.last_job - last_job))


def _release_live(db: Any, by: str, hold: bool) -> None:
    """What ran when the copy was made runs no more, and that is no fault of any job. What was asked of it counts."""
    live = JobRow.select(JobRow.id, JobRow.state, JobRow.wish, JobRow.wish_by).where(JobRow.state.in_(LIVE_STATES))
    for job_id, state, wish, wish_by in list(live.tuples().execute(db)):
        if wish == Wish.CANCEL.value:
            move_inside(db, Move.CANCELLED, job_id, by=wish_by, reason="asked before the backup was made")
            continue
        fields = {"hold": hold or Wish(wish).holds(state == State.PAUSED.value)}
        move_inside(db, Move.RELEASED, job_id, by=by, reason="a backup was restored", fields=fields)
    WorkerRow.update(stopped_at=now_ms()).where(WorkerRow.stopped_at.is_null()).execute(db)  # nor did one die


def fresh_name(database: Path) -> Path:
    """Where the copy is prepared that will take the place of a database."""
    return database.with_name(f".{database.name}-restored-{os.urandom(6).hex()}")


def tidy(database: Path, folder: Path) -> None:
    """Remove what a restore left that was killed: its copy, and a second name of the database. OSError."""
    for path in database.parent.glob(f".{database.name}-restored-*"):
        path.unlink(missing_ok=True)
    for found in backup.set_aside(folder):
        if database.exists() and found.path.samefile(database):
            found.path.unlink()


def exchange(fresh: Path, database: Path, folder: Path, *, whole: bool) -> Path | None:
    """Put the prepared copy in the place of the database in one step; where the replaced one is kept. OSError.

    At each moment there is a whole database of that name, the old one or the new. Nobody may use the old one (`held`);
    `whole` says whether that is undamaged.
    """
    if not database.exists():
        _put_where_none_is(fresh, database)
        return None
    aside = _keep(database, private_folder(folder), whole)
    os.rename(fresh, database)
    backup.flush(database.parent)
    return aside


def _put_where_none_is(fresh: Path, database: Path) -> None:
    try:
        os.link(fresh, database)
    except FileExistsError:
        raise StoreError(f"{database} was made meanwhile, and nothing was restored; try again") from None
    except OSError:  # no links on this filesystem
        os.rename(fresh, database)
    backup.flush(database.parent)


def _keep(database: Path, folder: Path, whole: bool) -> Path:
    """Give the present database a second name, its log included. That one moves: it must not meet another database."""
    if whole:  # else SQLite might throw its log away
        with contextlib.suppress(sqlite3.Error), contextlib.closing(backup.past_locks(database)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # closing then leaves one file
    now = time.time()
    while (aside := folder / f"{backup.REPLACED}{backup.stamp(now)}{backup.SUFFIX}").exists():
        now += 1
    with contextlib.suppress(FileNotFoundError):
        os.rename(f"{database}-wal", f"{aside}-wal")
    Path(f"{database}-shm").unlink(missing_ok=True)  # what readers of the log share: made anew from it
    try:
        os.link(database, aside)
    except OSError:  # no links on this filesystem
        os.rename(database, aside)
    backup.flush(folder)
    return aside


@contextlib.contextmanager
def held(database: Path) -> Iterator[None]:
    """Let nobody open a database for the time of the block. StoreError when a process has it open.

    Who comes meanwhile waits, and then finds what has its name (see `database.open_database`).
    """
    require_unused(database)
    try:
        descriptor = os.open(database, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        yield
        return
    try:
        if not _locked(descriptor):
            require_unused(database)
            raise StoreError(f"{database}: a process had it open a moment ago; try again")
        yield
    finally:
        os.close(descriptor)


def _locked(descriptor: int) -> bool:
    """Take all locks that SQLite knows on a file, so that they go with this descriptor and with nothing else."""
    of_descriptor = getattr(fcntl, "F_OFD_SETLK", None)
    try:
        if of_descriptor is None:  # not on Linux: the next close of that file by this process would end it
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, _LOCKS_SIZE, _LOCKS_FIRST)
        else:
            wanted = struct.pack(_LOCK, fcntl.F_WRLCK, os.SEEK_SET, _LOCKS_FIRST, _LOCKS_SIZE, 0)
            fcntl.fcntl(descriptor, of_descriptor, wanted)
    except OSError as error:
        if error.errno in (errno.EAGAIN, errno.EACCES):
            return False
        raise
    return True


def require_as_seen(database: Path, inode: int | None, seen: Contents | None) -> None:
    """StoreError when a held database is not as it was when it was looked at: somebody has worked with it since.

    `inode` None: there was none. `seen` None: it could not be read, and is not touched.
    """
    same = inode_of(database) == inode
    if same and seen is not None:
        same = backup.contents(database, held=True).revision == seen.revision
    if not same:
        raise StoreError(
            f"{database} has changed since it was compared with the copy, and nothing was restored; give the order"
            " again to see what would be lost now"
        )


def require_unused(database: Path) -> None:
    """StoreError when a process has the database open: it would go on with the replaced one."""
    pid = user_of(database)
    if pid is not None:
        who = f"process {pid}" if pid else "a process"
        raise StoreError(f"{database}: {who} has it open; close that console, or wait for that command, and try again")
