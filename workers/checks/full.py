"""What `spool doctor --full` looks at besides: every page and row of the databases, and files against their records.

It takes its time, and never changes anything: each finding says which verb does.
"""

from __future__ import annotations

import json
import os
import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import TypeVar

from workers import trash
from workers.backups import newest_good
from workers.cache import store as cache_store
from workers.checks.findings import Finding, Level
from workers.checks.tables import opened, way_back
from workers.jobs import FINAL, LIVE, State
from workers.launch import worker_pid
from workers.settings import Settings
from workers.store import backup, soundness
from workers.wording import words_of

T = TypeVar("T")

_STAGING = re.compile(r"\.spool-([0-9]+)-([0-9]+)-")  # job and lease, as runners name their folders
_SHOWN = 3


def integrity(settings: Settings) -> Iterator[Finding]:
    """The jobs table page by page, each index against its table."""
    path = settings.paths.database
    if not path.exists():
        return
    with closing(opened(path, settings.read_only)) as connection:
        found = [" ".join(str(row[0]).split()) for row in connection.execute("PRAGMA integrity_check(5)")]
    if found == ["ok"]:
        yield Finding("integrity", Level.OK, "every page, row and index of the database is whole")
        return
    todo = way_back(settings)
    for problem in found:
        yield Finding("integrity", Level.FAIL, f"{path} is damaged; SQLite says: {problem}", todo)


def rows(settings: Settings) -> Iterator[Finding]:
    """Rows of jobs that do not exist, waits that never end, numbers out of order."""
    if not settings.paths.database.exists():
        return
    with closing(opened(settings.paths.database, settings.read_only)) as connection:
        found = list(soundness.unsound(connection, worker_pid(settings) is not None))
    for one in found:
        yield Finding("rows", Level.WARN, one.what, one.todo)
    if not found:
        yield Finding("rows", Level.OK, "each belongs to a job, and each number was given out once")


def newest_backup(settings: Settings) -> Iterator[Finding]:
    """Whether the newest backup could be restored."""
    made = backup.listed(settings.paths.backups)
    if not made:
        return
    path = made[0].path
    if problems := backup.problems_of(path, full=True):
        good = newest_good(settings, but=path)
        todo = "`spool backup` makes another; look after the disk"
        others = f"the newest whole one is {good.path.name}" if good else "none of the others is whole"
        yield Finding("backup", Level.FAIL, f"{path}: {'; '.join(problems)}; {others}", todo)
    else:
        yield Finding("backup", Level.OK, f"{path.name} is whole, {backup.contents(path).jobs:,} jobs")


def cache(settings: Settings) -> Iterator[Finding]:
    """The store of kept results."""
    path = cache_store.database(settings.paths.cache)
    if not path.exists():
        return
    todo = f"it may be lost: `spool stop`, remove {path}, and results are kept anew"
    try:
        with closing(opened(path, settings.read_only)) as connection:
            found = [" ".join(str(row[0]).split()) for row in connection.execute("PRAGMA integrity_check(3)")]
            entries = connection.execute("SELECT count(*) FROM entry").fetchone()[0]
    except sqlite3.DatabaseError as error:
        found, entries = [words_of(error)], 0
    if found == ["ok"]:
        yield Finding(
            "cache", Level.OK, f"{entries:,} kept results; `spool cache verify` compares them with their files"
        )
    else:
        yield Finding("cache", Level.WARN, f"{path}: {'; '.join(found)}", todo)


def trash_records(settings: Settings) -> Iterator[Finding]:
    """What lies in the trash against its records."""
    sound = 0
    problems = []
    for folder in trash.known(settings.paths.state):
        records = trash.entries(folder)
        for entry in records:
            if problem := _trash_problem(entry):
                problems.append(problem)
            else:
                sound += 1
        problems += _unrecorded(folder, {entry.id for entry in records})
    for what, todo in problems:
        yield Finding("trash", Level.WARN, what, todo)
    if not problems:
        yield Finding("trash", Level.OK, f"{sound:,} files, each with its record")


def _trash_problem(entry: trash.Entry) -> tuple[str, str] | None:
    found = trash.identity(entry.kept)
    forget = f"`spool trash empty {entry.id}` forgets it"
    if not entry.done:
        todo = f"`spool trash restore {entry.id}` settles it; so does the worker, an hour after it began"
        return f"{entry.original}: its replacement was interrupted", todo
    if found is None:
        return f"{entry.original}: its file is no longer in the trash", forget
    if found[1] != entry.size:
        return (
            f"{entry.kept}: {found[1]:,} bytes, and {entry.size:,} when it went to the trash",
            f"look at it; {forget}",
        )
    return None


def _unrecorded(folder: Path, ids: set[str]) -> Iterator[tuple[str, str]]:
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return
    for name in names:
        if name.endswith(".kept") and name.removesuffix(".kept") not in ids:
            yield f"{folder / name}: has no record that could be read", "look at it, and move it where it belongs"


def leftovers(settings: Settings) -> Iterator[Finding]:
    """Folders of unfinished work, and logs, that belong to no job."""
    # Listed before the jobs are asked for: what begins meanwhile is not taken for a leftover.
    staging = list(_staging(settings))
    work, logs = _numbered(settings.paths.work), _numbered(settings.paths.job_logs)
    jobs: dict[int, tuple[str, int]] = _asked(settings, soundness.states_and_leases, {})
    kept = {job_id for job_id, (state, _) in jobs.items() if state not in FINAL or state == State.FAILED}
    yield _left(
        "work",
        [path for job_id, path in work if job_id not in kept],
        "unfinished work of jobs that have ended or do not exist",
        "a worker removes it within a minute: `spool worker --detach`",
    )
    live = {(job_id, lease) for job_id, (state, lease) in jobs.items() if state in LIVE}
    yield _left(
        "staging",
        [path for job_id, lease, path in staging if (job_id, lease) not in live],
        "unfinished outputs that no running job of this home works on",
        "remove them, unless another home of yours writes to the same folder",
    )
    yield _left(
        "logs",
        [path for job_id, path in logs if job_id not in jobs],
        "logs of jobs that do not exist",
        f"look at them, or remove them from {settings.paths.job_logs}",
    )


def _left(name: str, found: list[Path], what: str, todo: str) -> Finding:
    if not found:
        return Finding(name, Level.OK, f"no {what}")
    more = f" and {len(found) - _SHOWN:,} more" if len(found) > _SHOWN else ""
    return Finding(name, Level.WARN, f"{what}: {', '.join(map(str, found[:_SHOWN]))}{more}", todo)


def _numbered(folder: Path) -> list[tuple[int, Path]]:
    """What lies in a folder under the number of a job, or its number and an ending."""
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return []
    return [(int(found[1]), folder / name) for name in names if (found := re.match(r"([0-9]{1,18})(?:\.|$)", name))]


def _staging(settings: Settings) -> Iterator[tuple[int, int, Path]]:
    """Folders of unfinished outputs, with job and lease, where jobs of this home have made something."""
    folders = {settings.paths.output}
    made: list[str] = _asked(settings, soundness.outputs, [])
    for text in made:
        folders.update(Path(path).parent for path in json.loads(text))
    for folder in sorted(folders):
        try:
            names = sorted(os.listdir(folder))
        except OSError:
            continue
        for name in names:
            if found := _STAGING.match(name):
                yield int(found[1]), int(found[2]), folder / name


def _asked(settings: Settings, question: Callable[[sqlite3.Connection], T], without: T) -> T:
    """What the jobs table answers; `without` where there is none. sqlite3.Error."""
    if not settings.paths.database.exists():
        return without
    with closing(opened(settings.paths.database, settings.read_only)) as connection:
        return question(connection)


FULL_CHECKS = (integrity, rows, newest_backup, cache, trash_records, leftovers)
