"""What the rules of waiting depend on besides the tables: the clock, the windows that are open, the host's size."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from workers import windows
from workers.errors import UsageError
from workers.jobs import MOST_AT_ONCE
from workers.localtime import local
from workers.settings import Settings
from workers.store import hosts
from workers.store.records import now_ms
from workers.store.waiting import Situation

_MIB_A_JOB = 1024  # of memory that is free now, for each job of a batch that runs "auto"


def situation(db: Any, settings: Settings, operations: Sequence[str]) -> Situation:
    """How things stand now."""
    now = now_ms()
    here = local(now)
    hours = settings.windows.of_queues()
    return Situation(
        now,
        settings.jobs.per_site,
        tuple(operations),
        auto_limit(),
        auto_room(),
        tuple(text for text in hosts.windows(db) if _is_open(text, here)),
        tuple(queue for queue, text in hours.items() if not _is_open(text, here)),
        hours,
    )


def _is_open(text: str, here: datetime) -> bool:
    """Whether a window is open; one of another version, which cannot be read, is closed and stops no other job."""
    try:
        return windows.is_open(text, here)
    except UsageError:
        return False


def auto_limit() -> int:
    """How many jobs of a batch the host has cores for."""
    return min(MOST_AT_ONCE, os.cpu_count() or 1)


def auto_room() -> int:
    """For how many more jobs of a batch there is memory now: one a GiB."""
    return _free_mib() // _MIB_A_JOB


def _free_mib() -> int:
    try:
        with open("/proc/meminfo", encoding="ascii") as file:
            lines = dict(line.split(":", 1) for line in file)
        return int(lines["MemAvailable"].split()[0]) >> 10
    except (OSError, KeyError, ValueError):
        import psutil

        return int(psutil.virtual_memory().available >> 20)
