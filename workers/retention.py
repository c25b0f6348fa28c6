"""Forgetting what is old: jobs that ended long ago, with their logs, and replaced files that had their time.

Files that jobs made are never touched.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
from typing import Any

from workers import trash
from workers.delays import LONGEST_S
from workers.logs import remove_log
from workers.settings import Settings
from workers.store import hosts, orders, questions, retries
from workers.store.audit import forget_orders
from workers.store.future import bring_back
from workers.store.records import now_ms

log = logging.getLogger(__name__)

_DAY_MS = 86_400_000
_AHEAD_MS = 7 * _DAY_MS  # a clock that is off by less is believed (see `workers.ageing`)
_AGREED_MS = 60_000
_LOG = re.compile(r"([0-9]{1,9})\.log")


def _forget_logs(db: Any, settings: Settings, moment: int) -> None:
    """Remove the logs of jobs that are not listed, as after a restore, and nothing was written to since `moment`.

    Not before: the table that was restored over may be brought back, and its jobs with it.
    """
    old: dict[int, None] = {}
    with contextlib.suppress(FileNotFoundError), os.scandir(settings.paths.job_logs) as found:
        for one in found:
            with contextlib.suppress(FileNotFoundError):
                named = _LOG.match(one.name)
                if named and one.stat(follow_symlinks=False).st_mtime * 1000 < moment:
                    old[int(named[1])] = None
    gone = questions.missing(db, list(old))
    for job_id in gone:
        remove_log(settings.paths.job_log(job_id))
    if gone:
        log.info("%d logs of jobs that are not listed any more were removed", len(gone))


def _bring_back(db: Any) -> None:
    """Jobs that ended far ahead of now have ended now, once it is sure that now is right.

    While the time that ages count by is on its way to a clock that leapt, either may be wrong; nothing is touched then.
    """
    now, believed = now_ms(), hosts.believed_time(db)
    if believed is not None and abs(believed - now) <= _AGREED_MS and (brought := bring_back(db, now, _AHEAD_MS)):
        log.warning("%d jobs had ended at a time that has not come yet: they count as ended now", brought)


def retain(db: Any, settings: Settings, now: int | None = None) -> int:
    """Remove jobs that ended more than `jobs.keep_days` ago (how many), and empty the trash of what had its time.

    `now` is when ages are counted, in milliseconds (see `workers.ageing`); None: by the clock.
    """
    now = now_ms() if now is None else now
    if emptied := trash.expire(settings.paths.state, now):
        log.info("%d replaced files had their time in the trash and were removed", emptied)
    _bring_back(db)
    if brought := retries.bring_back(db, now_ms(), int(LONGEST_S * 1000)):
        log.warning("%d jobs had failed under a clock that was wrong: they are tried again soon", brought)
    moment = now - settings.jobs.keep_days * _DAY_MS
    removed = 0
    while ids := hosts.ended_before(db, moment):
        gone = [answer.job_id for answer in orders.remove(db, ids, "worker") if answer.ok]
        for job_id in gone:
            remove_log(settings.paths.job_log(job_id))
        removed += len(gone)
        if not gone:
            break  # all of them were asked for again meanwhile
    _forget_logs(db, settings, moment)
    hosts.forget_removed(db)
    hosts.forget_unused(db, moment)
    forget_orders(db, moment)
    if removed:
        log.info("%d jobs that ended more than %d days ago were forgotten", removed, settings.jobs.keep_days)
    return removed
