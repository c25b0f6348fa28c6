"""Connections for reading, lent to one thread at a time. Trouble means that nothing was found, never an error."""

from __future__ import annotations

import logging
import os
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from workers.cache.store import Foreign, connect, spoiled

log = logging.getLogger(__name__)

T = TypeVar("T")


class Readers:
    """A pool over one store. It notices when the file is another one than before."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._idle: list[sqlite3.Connection] = []
        self._file: tuple[int, int] | None = None
        self._age = 0
        self._told = False
        self.spoiled = False  # somebody must set the file aside

    def other_file(self) -> bool:
        """Whether there was a file at the last call, and now it is gone or another. Later questions go to the new."""
        try:
            info = os.stat(self._path)
            now = (info.st_dev, info.st_ino)
        except OSError:
            now = None
        with self._lock:
            before, self._file = self._file, now
        if now == before:
            return False
        self.renew()
        return before is not None

    def ask(self, question: Callable[[sqlite3.Connection], T]) -> T | None:
        """The answer to a question; None when the store cannot tell, or there was none at the last look."""
        with self._lock:
            if self._file is None:
                return None
            age, connection = self._age, self._idle.pop() if self._idle else None
        try:
            connection = connection or connect(self._path)
            answer = question(connection)
        except (sqlite3.Error, Foreign, OSError) as error:
            self._tell(error)
            if connection is not None:
                connection.close()
            return None
        with self._lock:
            if age == self._age:
                self._idle.append(connection)
                return answer
        connection.close()
        return answer

    def _tell(self, error: Exception) -> None:
        self.spoiled = self.spoiled or spoiled(error)
        if not self._told:
            self._told = True
            log.warning("kept results cannot be read from %s: %s", self._path, error)

    def renew(self) -> None:
        """Close what is idle, and what is lent when it comes back."""
        with self._lock:
            idle, self._idle = self._idle, []
            self._age += 1
            self._told = self.spoiled = False
        for connection in idle:
            connection.close()
