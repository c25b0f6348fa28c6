"""Backups of one home's jobs table: made by hand or by the day, listed, and restored.

Restoring leaves no doubt about who uses the table: it holds the worker's lock, and refuses while anybody has it open.
"""

from __future__ import annotations

import logging
import os
import re
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workers import lock
from workers.errors import ReadOnlyError, SchemaError, StoreError, UsageError, WorkerRunning
from workers.home import prepare_home
from workers.jobs import rfc3339
from workers.noting import note_by_hand
from workers.settings import Settings
from workers.store import backup, inforce, restore
from workers.store.backup import Backup, Contents, Reason
from workers.store.database import DatabaseError, inode_of, is_sqlite, transaction
from workers.store.glance import damage_of
from workers.store.inforce import Changes, InForce
from workers.store.migrations import behind, migrate
from workers.store.moves import bump, record_event
from workers.store.records import now_ms
from workers.store.restore import Difference, Floor
from workers.text import size_words
from workers.wording import words_of

log = logging.getLogger(__name__)

_DAY_MS, _HOUR_MS = 86_400_000, 3_600_000


@dataclass(frozen=True, slots=True)
class Plan:
    """What restoring a file would do. Nothing has been changed yet."""

    source: Path
    at_ms: int | None  # when the copy was made, as its name tells
    contents: Contents
    inode: int | None  # of the present database; None: there is none
    present: Contents | None  # None: there is none, or it cannot be read
    problem: str  # of the present database; empty when it is whole
    difference: Difference | None

    @property
    def changes(self) -> Changes:
        """Pauses, slots and limits that would hold no more, or again; all that the copy has where nothing is known."""
        return inforce.changes(self.present.in_force if self.present else InForce(), self.contents.in_force)


# ---------------------------------------------------------------- making


def make_backup(
    settings: Settings, stop: Callable[[], bool] = lambda: False, *, reason: Reason = Reason.ASKED
) -> Backup:
    """Make a backup now and remove the oldest of its kind beyond those that are kept. StoreError, ReadOnlyError."""
    if settings.read_only:
        raise ReadOnlyError("making a backup")
    database = settings.paths.database
    if not database.exists():
        raise StoreError(f"{database}: there is nothing to back up yet")
    made = backup.make(database, settings.paths.backups, stop, reason=reason)
    backup.prune(settings.paths.backups, settings.backup.keep)
    if reason is Reason.ASKED:
        note_by_hand(settings, "backup made", made.path.name)
    return made


def before_migration(settings: Settings) -> None:
    """The backup without which no version of the table is changed. StoreError."""
    made = make_backup(settings, reason=Reason.UPGRADE)
    log.info("%s was made before the database is brought up to this version", made.path)


def bring_up(db: Any, settings: Settings) -> None:
    """Bring the table to our version, as a client: never under a worker that knows only the older one. SchemaError."""
    if not behind(db):
        migrate(db)
        return
    try:
        held = lock.take(settings.paths.lock)  # no worker of the older version may begin meanwhile either
    except WorkerRunning:
        if not behind(db):
            return  # somebody else was quicker
        raise SchemaError(
            f"{settings.paths.database} is of an older version of Spool, and process"
            f" {lock.holder(settings.paths.lock) or 'unknown'} works on it, most likely a worker of that version."
            " `spool stop` ends it politely and loses nothing; then start this version: `spool worker --detach`"
        ) from None
    try:
        migrate(db, before=lambda: before_migration(settings))
    finally:
        lock.release(held)


def daily(db: Any, settings: Settings, stop: Callable[[], bool] = lambda: False) -> Backup | None:
    """Make the day's backup if it is due and there are jobs; what goes wrong is told, in the log and the history."""
    if not settings.backup.daily or not is_sqlite(db) or not _due(settings, now_ms()):
        return None
    try:
        if db.execute_sql("SELECT 1 FROM job LIMIT 1").fetchone() is None:
            return None
        made = make_backup(settings, stop, reason=Reason.DAY)
    except (StoreError, DatabaseError) as error:
        if not stop():
            log.error("%s", error)
            _note(db, "backup failed", str(error))
        return None
    log.info("backed up to %s, %s", made.path, size_words(made.size))
    _note(db, "backup made", made.path.name)
    return made


def _due(settings: Settings, now: int) -> bool:
    """Whether the hour of the backup has come since the newest one of a day was made."""
    made = [one for one in backup.listed(settings.paths.backups) if one.reason is Reason.DAY]
    last = made[0].made_ms() if made else 0
    hour_ms = settings.backup.hour * _HOUR_MS
    last_due = (now - hour_ms) // _DAY_MS * _DAY_MS + hour_ms
    return last < last_due or last > now + _HOUR_MS


def _note(db: Any, move: str, reason: str) -> None:
    """A line of history that belongs to no job."""
    try:
        with transaction(db):
            record_event(db, bump(db), 0, move, ("", ""), "worker", reason)
    except DatabaseError as error:
        log.error("cannot be written to the history: %s: %s", move, error)


# ---------------------------------------------------------------- restoring


def list_backups(settings: Settings) -> list[Backup]:
    """All backups of this home, newest first."""
    return backup.listed(settings.paths.backups)


def list_replaced(settings: Settings) -> list[Backup]:
    """Databases that were restored over, newest first; `spool restore` takes them too."""
    return backup.set_aside(settings.paths.backups)


def find_backup(settings: Settings, word: str) -> Path:
    """The file that a person means by `newest`, the name of a backup, or a path. UsageError."""
    if word == "newest":
        made = list_backups(settings)
        if not made:
            raise UsageError(f"there is no backup in {settings.paths.backups}; name a file")
        return made[0].path
    for path in (settings.paths.backups / word, Path(word)):
        if path.is_file():
            return path.absolute()
    raise UsageError(f"{word}: no such file, and no backup of that name; `spool backup list` shows them")


def plan_restore(settings: Settings, source: Path) -> Plan:
    """What restoring `source` would do. StoreError when it is no whole database that we know, or a worker runs."""
    _require_no_worker(settings)
    database = settings.paths.database
    if database.exists() and os.path.samefile(source, database):
        raise UsageError(f"{source} is the database itself")
    if problems := backup.problems_of(source, full=True):
        raise StoreError(f"{source} cannot be restored: {'; '.join(problems)}{_instead(settings, source)}")
    contents = backup.contents(source)
    inode, present, problem, change = inode_of(database), None, "", None
    if inode is not None:
        problem = "; ".join(backup.problems_of(database, live=True))
        try:
            present = backup.contents(database, live=True)
            change = restore.difference(database, source)
        except (StoreError, sqlite3.Error) as error:
            problem = problem or (words_of(error) if isinstance(error, sqlite3.Error) else str(error))
    else:
        problem = "there is none"
    made = {found.path: found.at_ms for found in (*list_backups(settings), *list_replaced(settings))}
    return Plan(source, made.get(source), contents, inode, present, problem, change)


def newest_good(settings: Settings, but: Path | None = None) -> Backup | None:
    """The newest backup that could be restored, other than `but`; every page of those that are looked at is read."""
    others = (one for one in list_backups(settings) if one.path != but)
    return next((one for one in others if not damage_of(one.path)), None)


def _instead(settings: Settings, source: Path) -> str:
    good = newest_good(settings, but=source)
    if good is None:
        return f"; there is no other whole backup in {settings.paths.backups}"
    return f"; the newest whole backup is {good.path.name}: `spool restore {good.path.name}`"


def _require_no_worker(settings: Settings) -> None:
    pid = lock.holder(settings.paths.lock)
    if pid is not None:
        raise StoreError(f"a worker is running on this home: process {pid or 'unknown'}; `spool stop` ends it")


def restore_backup(settings: Settings, plan: Plan, *, by: str, hold: bool = False) -> Path | None:
    """Put the planned file in the place of the database; where the present one is kept now, None if there was none.

    `hold` keeps all waiting jobs from starting. StoreError, also when the database is not as it was when the plan was
    made; ReadOnlyError. Then nothing has changed.
    """
    if settings.read_only:
        raise ReadOnlyError("restoring a backup")
    prepare_home(settings)
    try:
        held = lock.take(settings.paths.lock)
    except WorkerRunning as error:
        raise StoreError(str(error)) from None
    database = settings.paths.database
    fresh = restore.fresh_name(database)
    try:
        restore.require_unused(database)
        restore.tidy(database, settings.paths.backups)
        backup.copy(plan.source, fresh, live=False)
        reason = f"from {plan.source.name}, of revision {plan.contents.revision}"
        restore.prepare(fresh, _floor(settings, plan.present), by=by, reason=reason, hold=hold)
        if problems := backup.problems_of(fresh):
            raise StoreError(f"the copy of {plan.source} is damaged: {'; '.join(problems)}")
        with restore.held(database):
            restore.require_as_seen(database, plan.inode, plan.present)
            return restore.exchange(fresh, database, settings.paths.backups, whole=not plan.problem)
    except (sqlite3.Error, OSError) as error:
        reason = (error.strerror or str(error)) if isinstance(error, OSError) else words_of(error)
        raise StoreError(f"{plan.source} was not restored: {reason}") from error
    finally:
        backup.remove_files(fresh)
        lock.release(held)


def _floor(settings: Settings, present: Contents | None) -> Floor:
    """The last revision and the last id that anybody has seen, as far as that can be known."""
    if present is not None:
        return Floor(present.revision, present.last_job)
    database, ids = settings.paths.database, [0]
    for folder in (settings.paths.job_logs, settings.paths.work):
        if folder.is_dir():
            ids += [int(found[0]) for name in os.listdir(folder) if (found := re.match(r"[0-9]{1,9}", name))]
    fresh = not database.exists() and len(ids) == 1
    return Floor(0 if fresh else None, max(ids))


def backup_as_json(made: Backup) -> dict[str, Any]:
    """A backup, or a database that was restored over (which has no reason), as data: time RFC 3339, size in bytes."""
    return {
        "name": made.path.name,
        "path": str(made.path),
        "at": rfc3339(made.at_ms),
        "size": made.size,
        "reason": made.reason.value if made.path.name.startswith(backup.PREFIX) else None,
    }
