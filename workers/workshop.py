"""What all supervisors of one worker share, and how they write what must not be lost."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from workers.cache.cache import ResultCache
from workers.media.sandbox import Sandbox
from workers.operations.contract import Operation
from workers.queues import Bells
from workers.recorder import Recorder
from workers.runner.census import Census
from workers.runner.process import Forkserver
from workers.settings import Settings
from workers.store.database import DatabaseError

log = logging.getLogger(__name__)

_STORE_RETRY_S = 0.5


class Stop(Enum):
    """Why a runner is being ended."""

    CANCEL = "cancel"
    RELEASE = "release"  # the worker stops politely
    STALL = "stall"
    REFUSED = "refused"  # its lease is lost
    YIELD = "yield"  # another job has had less: end what is in hand, and make room


@dataclass
class Workshop:
    """What every supervisor of one worker shares."""

    settings: Settings
    db: Any
    worker_id: int
    forkserver: Forkserver
    recorder: Recorder
    bells: Bells
    umask: int  # of whoever started the worker: what is published is made for them, all else is private
    operations: Mapping[str, Operation[Any]]  # those that it knows, by name
    cache: ResultCache
    census: Census
    sandbox: Sandbox  # in which tools run
    chance: random.Random = field(default_factory=random.Random)
    slots: dict[str, int] = field(default_factory=dict)  # of each queue, as they are now
    patience_s: float = 120.0  # how long a write that must not be lost is tried; shorter once the worker stops

    def persist(self, job_id: int, write: Callable[[], Any]) -> Any:
        """Do a write that must not be lost: try again while the database is locked or full."""
        began = time.monotonic()
        told = False
        while True:
            try:
                return write()
            except DatabaseError as error:
                if time.monotonic() - began > self.patience_s:
                    raise
                if not told:
                    log.warning("job %d: the database refused (%s); trying again", job_id, error)
                told = True
                time.sleep(_STORE_RETRY_S)
