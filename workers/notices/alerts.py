"""What the worker itself writes into the history: that the disk is nearly full, and that it put things right."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from workers.store.notices import last_alert, record_alert

_LOW, _OK = "disk_low", "disk_ok"
_RELIEF = 1.25  # as many times the limit must be free before the next lack is told


class DiskWatch:
    """Notices when free space falls under a limit, and tells it once until there is room again, also over restarts."""

    def __init__(self, db: Any, folder: Path, limit_mib: int) -> None:
        """Watch the disk that `folder` is, or will be, on."""
        self._db = db
        self._folder = folder
        self._limit = limit_mib << 20
        self._low: bool | None = None  # not asked yet

    def look(self) -> None:
        """Compare what is free now with the limit."""
        if not self._limit:
            return
        if self._low is None:
            self._low = last_alert(self._db, (_LOW, _OK)) == _LOW
        try:
            free = shutil.disk_usage(_existing(self._folder)).free
        except OSError:  # a disk that does not answer is not full, and jobs tell of it themselves
            return
        figure = f"{free / 1e9:.1f} GB free for {self._folder}"
        if not self._low and free < self._limit:
            record_alert(self._db, _LOW, figure)
            self._low = True
        elif self._low and free >= self._limit * _RELIEF:
            record_alert(self._db, _OK, figure)
            self._low = False


def _existing(path: Path) -> Path:
    return next((folder for folder in (path, *path.parents) if folder.exists()), Path("/"))


def tell_restart(db: Any, before: Mapping[str, Any] | None, report: Sequence[str]) -> None:
    """The worker began after one that had died, or put right what that had left.

    `before` is the row of the last life of a worker, None before the first; `report` says what was put right.
    """
    if report:
        record_alert(db, "worker_restarted", "; ".join(report))
    elif before is not None and before["stopped_at"] is None:
        told = f"the last worker, process {before['pid']}, had died; no job was running"
        record_alert(db, "worker_restarted", told)
