"""What a worker makes sure of before it takes jobs: a whole database, and how tools will run."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from workers.errors import ConfigError, JobFailed
from workers.media import ffmpeg, sandbox
from workers.settings import Settings
from workers.store.database import DatabaseError, OperationalError
from workers.wording import damage, words_of

log = logging.getLogger(__name__)


def check_whole(db: Any, path: Path) -> None:
    """Refuse to work on a damaged database: what it says of jobs and files could be anything."""
    try:
        (found,) = db.execute_sql("PRAGMA quick_check(1)").fetchone()
    except DatabaseError as error:
        if isinstance(error, OperationalError):
            raise  # it cannot be read now; that says nothing about what is in it
        wrong = words_of(error)
    else:
        wrong = damage([str(found)], 1)
    if wrong:
        raise ConfigError(
            f"{path}: {wrong}; `spool restore newest` brings the last backup back and keeps"
            " the damaged one, `spool doctor --full` tells more"
        )


def tried_sandbox(settings: Settings) -> sandbox.Sandbox:
    """How the tools of jobs will run; told in the log, for nobody sees it from their results."""
    mode = settings.tools.sandbox
    try:
        found = sandbox.probe(mode, ffmpeg.locate(settings.tools.ffmpeg))
    except JobFailed as error:  # without ffmpeg, jobs say so themselves
        found = sandbox.Sandbox(why_not=str(error), required=mode == "on")
    if found.program:
        log.info("tools run in a sandbox, by %s", found.program)
    else:
        log.log(logging.ERROR if found.required else logging.INFO, "tools run without a sandbox: %s", found.why_not)
    return found
