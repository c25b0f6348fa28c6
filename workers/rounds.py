"""What the worker's main thread does every so often: each act at its time, and again where it could not be done."""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Callable, Collection, Mapping

from workers.errors import SpoolError, StoreError
from workers.store.database import DatabaseError

log = logging.getLogger(__name__)

_STORE_PATIENCE_S = 60.0  # a database that refuses for so long ends the worker, which says so
_REFUSED = "the database refuses"
_NOT_DONE = "not done, and tried again"

Act = Callable[[], None]


class Rounds:
    """Acts that come round. One thread walks them; nothing here waits."""

    def __init__(self, every: Mapping[Act, float], at_once: Collection[Act], give_up: Callable[[StoreError], None]):
        """`every` has the seconds between two times of each act; those `at_once` are due now. `give_up` ends all."""
        self._every = every
        self._give_up = give_up
        self._walked = time.monotonic()
        self._due = {act: 0.0 if act in at_once else self._walked + every[act] for act in every}
        self._trouble_since: dict[tuple[Act, str], float] = {}

    def walk(self) -> None:
        """Do what is due."""
        now = self._walked = time.monotonic()
        for act, when in self._due.items():
            if now >= when:
                self._due[act] = now + self._every[act]
                self.attempt(act)

    @property
    def rest_s(self) -> float:
        """Seconds from the last walk until something is due."""
        return min(when - self._walked for when in self._due.values())

    def hasten(self, act: Act) -> None:
        """Have an act done at the next walk."""
        self._due[act] = time.monotonic()

    def attempt(self, act: Act) -> None:
        """Do something that needs the database; one that refuses it for a minute is reason to give up.

        Nothing else ends all work: neither a file that is in one act's way, nor a job that was removed meanwhile.
        """
        try:
            act()
            for what in (_REFUSED, _NOT_DONE):
                self._trouble_since.pop((act, what), None)
        except (DatabaseError, sqlite3.Error, StoreError) as error:
            if self._troubled(act, _REFUSED, error) > _STORE_PATIENCE_S:
                self._give_up(StoreError(f"the database has refused for {_STORE_PATIENCE_S:g} s: {error}"))
        except (OSError, SpoolError) as error:
            self._troubled(act, _NOT_DONE, error)

    def _troubled(self, act: Act, what: str, error: Exception) -> float:
        """Seconds since this trouble with an act began; told once."""
        now = time.monotonic()
        if (act, what) not in self._trouble_since:
            log.error("%s: %s", what, error)
        return now - self._trouble_since.setdefault((act, what), now)
