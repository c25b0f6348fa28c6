"""What a dead worker left: jobs that were running, their processes, their temporary files.

Runs at the start of a worker, after it has taken the home's lock: so whatever is live in the table is an orphan.
"""

from __future__ import annotations

import functools
import logging
import os
from collections import Counter
from pathlib import Path
from typing import Any

from workers.errors import ErrorClass, Failure
from workers.files import remove_staging, remove_tree
from workers.jobs import FINAL, Move, State, Wish
from workers.media.environment import MARK
from workers.runner.processes import Identity, boot_id, kill_group
from workers.settings import Settings
from workers.store import hosts, moves, questions, reports
from workers.store.database import transaction
from workers.store.hosts import Orphan
from workers.store.records import error_fields
from workers.store.waiting import POISON_DEATHS
from workers.text import clean

log = logging.getLogger(__name__)

_GONE = ".gone-"  # begins the name of a work folder that is being removed


def _end_processes(orphan: Orphan) -> int:
    if orphan.runner_pid is None or orphan.runner_start is None:
        return 0
    return kill_group(Identity(orphan.runner_pid, orphan.runner_start, orphan.boot_id), mark=MARK)


def _settle(db: Any, orphan: Orphan) -> str:
    """Make the move that the orphan needs; a word for the report. What people asked up to this moment counts."""
    with transaction(db):
        return _settled(db, orphan, *reports.wish_of(db, orphan.job_id))


def _settled(db: Any, orphan: Orphan, wish: Wish, wish_by: str) -> str:
    # A power cut or a restart of the host takes everybody along and is no job's doing.
    deaths = orphan.worker_deaths + (orphan.boot_id == boot_id())
    if wish is Wish.CANCEL:
        moves.move_inside(db, Move.CANCELLED, orphan.job_id, by=wish_by, reason="its worker died before it was stopped")
        return "cancelled as asked"
    if deaths >= POISON_DEATHS:
        failure = Failure(ErrorClass.CRASHED, f"{deaths} workers died while it ran")
        fields = {**error_fields(failure), "worker_deaths": deaths}
        moves.move_inside(db, Move.FAILED, orphan.job_id, by="worker", reason=failure.message, fields=fields)
        return f"given up after {deaths} workers died"
    paused = wish.holds(orphan.state is State.PAUSED)
    fields = {"worker_deaths": deaths, "hold": paused}
    moves.move_inside(db, Move.RESCUED, orphan.job_id, by="worker", reason="its worker died", fields=fields)
    return "put on hold, as paused before" if paused else "queued again"


def _stale_work(db: Any, folder: Path) -> list[Path]:
    """Work folders that no attempt will need. A failed job keeps its own: a person may let it go on from there."""
    folders = {int(path.name): path for path in folder.iterdir() if path.name.isdecimal()}
    states = questions.states_by_id(db, list(folders)) if folders else {}
    ended = FINAL - {State.FAILED}
    return [path for job_id, path in folders.items() if job_id not in states or states[job_id] in ended]


def remove_stale_work(db: Any, settings: Settings) -> int:
    """Remove work folders of jobs that have ended or are gone; how many. May be called while jobs run."""
    folder = settings.paths.work
    if not folder.is_dir():
        return 0
    if _stale_work(db, folder):
        with transaction(db):  # while we hold it no such job can be started over and claimed
            for path in _stale_work(db, folder):
                _set_aside(path)
    return sum(remove_tree(path) for path in folder.glob(f"{_GONE}*"))


def _set_aside(path: Path) -> None:
    try:
        path.rename(path.with_name(f"{_GONE}{path.name}-{os.urandom(4).hex()}"))
    except FileNotFoundError:
        pass
    except OSError as error:  # a mount point, or a folder that somebody locked: nobody's work waits for it
        _tell_once(path, error.strerror or str(error))


@functools.lru_cache(maxsize=1000)
def _tell_once(path: Path, reason: str) -> None:
    log.warning("%s stays: nothing needs it, and it cannot be removed: %s", path, reason)


def rescue(db: Any, settings: Settings) -> list[str]:
    """Put right what the last worker left; what was done, in sentences for people. Empty when nothing was left."""
    orphans = hosts.orphans(db)
    processes = sum(_end_processes(orphan) for orphan in orphans)
    temporary = sum(remove_staging(Path(folder)) for orphan in orphans for folder in orphan.staging)
    outcomes = Counter(_settle(db, orphan) for orphan in orphans)
    temporary += remove_stale_work(db, settings)
    report = []
    if orphans:
        parts = ", ".join(f"{number} {word}" for word, number in outcomes.items())
        were = "1 job was" if len(orphans) == 1 else f"{len(orphans)} jobs were"
        report.append(f"{were} running when the last worker died: {parts}")
        names = ", ".join(f"{orphan.job_id} {clean(orphan.title)}" for orphan in orphans[:5])
        report.append(f"by name: {names}{' …' if len(orphans) > 5 else ''}")
    if processes:
        report.append(f"processes that it left and that were ended: {processes}")
    if temporary:
        report.append(f"temporary folders that it left and that were removed: {temporary}")
    return report
