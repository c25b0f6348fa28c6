"""Everything that Spool needs from its machine, checked one by one: the facts behind `spool doctor`."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator

from workers.checks.findings import Finding, Level
from workers.checks.folders import folders
from workers.checks.programs import ffmpeg, python, yt_dlp
from workers.checks.services import linger, notices, worker
from workers.checks.tables import backups, database
from workers.errors import SpoolError
from workers.settings import Settings
from workers.text import clean

__all__ = ["CHECKS", "Finding", "Level", "examine"]

CHECKS: tuple[Callable[[Settings], Iterator[Finding]], ...] = (
    python,
    ffmpeg,
    yt_dlp,
    folders,
    database,
    backups,
    worker,
    notices,
    linger,
)


HOME_CHECKS = (python, database, worker, linger)  # ask for nothing that config.toml says


def examine(settings: Settings, *, full: bool = False, home_only: bool = False) -> Iterator[Finding]:
    """All findings, in the order in which a person would ask; `full` also compares every row and file.

    `home_only`: the configuration is wrong, so only what asks for nothing of it.
    """
    checks = HOME_CHECKS if home_only else CHECKS
    if full and not home_only:
        from workers.checks.full import FULL_CHECKS

        checks = (*CHECKS, *FULL_CHECKS)
    for check in checks:
        try:
            yield from check(settings)
        except (OSError, ValueError, SpoolError, sqlite3.Error) as error:
            yield Finding(check.__name__, Level.FAIL, f"could not be checked: {clean(_said(error))}")


def _said(error: Exception) -> str:
    if isinstance(error, sqlite3.Error):
        from workers.wording import words_of

        return words_of(error)
    return str(error)
