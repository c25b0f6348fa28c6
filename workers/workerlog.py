"""The worker's own log: bounded in size, reopened when somebody moves it, and never flooded by one line."""

from __future__ import annotations

import contextlib
import logging
import logging.handlers
import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from io import TextIOWrapper
from pathlib import Path

from workers.files import open_private
from workers.logs import old_part
from workers.text import clean, redacted

_SMALLEST_PART = 4096
_WINDOW_S = 60.0
_EQUAL = 3  # lines that are the same within a window
_REMEMBERED = 256  # different lines


class SafeFormatter(logging.Formatter):
    """One line per record, without secrets, and without what a stranger's title could do to a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        """The text of a record; a traceback keeps its lines."""
        text = super().format(record)
        return "\n".join(clean(line) for line in redacted(text).split("\n"))


class WorkerLogHandler(logging.handlers.WatchedFileHandler):
    """Writes to `path`, and turns it into an older part when half of `most_bytes` is full.

    What the process prints itself (a crash of the interpreter) follows where it went to this file: descriptors 1 and 2.
    """

    def __init__(self, path: Path, most_bytes: int) -> None:
        self._most = max(_SMALLEST_PART, most_bytes // 2)
        self._path = path
        super().__init__(path, encoding="utf-8", errors="backslashreplace")

    def _open(self) -> TextIOWrapper:
        stream: TextIOWrapper | None = getattr(self, "stream", None)  # none while the handler is being made
        before = _identity(stream.fileno()) if stream is not None else None
        descriptor = open_private(self._path, os.O_CREAT | os.O_WRONLY | os.O_APPEND)
        for number in (1, 2):
            with contextlib.suppress(OSError):
                if before is not None and _identity(number) == before:
                    os.dup2(descriptor, number)
        return open(descriptor, "a", encoding=self.encoding, errors=self.errors)

    def reopenIfNeeded(self) -> None:
        """Open the file anew when it was moved or has grown to its bound."""
        if self.stream is not None and os.fstat(self.stream.fileno()).st_size >= self._most:
            with contextlib.suppress(OSError):
                if _identity_of(self._path) == _identity(self.stream.fileno()):
                    os.replace(self._path, old_part(self._path))
        self._follow()

    def _follow(self) -> None:
        with contextlib.suppress(OSError):
            if self.stream is not None and _identity_of(self._path) == _identity(self.stream.fileno()):
                return
        fresh = self._open()
        if self.stream is not None:
            self.stream.close()
        self.stream = fresh


def _identity(descriptor: int) -> tuple[int, int]:
    facts = os.fstat(descriptor)
    return facts.st_dev, facts.st_ino


def _identity_of(path: Path) -> tuple[int, int]:
    facts = os.lstat(path)
    return facts.st_dev, facts.st_ino


class EqualLines(logging.Filter):
    """Lets a line through three times a minute; the next that it lets through says how many were left out.

    A damaged page of a database or a disk that is full makes the same complaint hundreds of times a second.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._lock = threading.Lock()
        self._seen: OrderedDict[tuple[str, int, str], tuple[float, int]] = OrderedDict()  # since when, how many

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is written; its message may get a count."""
        text = record.getMessage()
        if record.exc_info and record.exc_info[1] is not None:
            text = f"{text}: {record.exc_info[1]!r}"
        key, now = (record.name, record.levelno, text), self._clock()
        with self._lock:
            since, count = self._seen.pop(key, (now, 0))
            over = now - since >= _WINDOW_S
            left_out = max(0, count - _EQUAL) if over else 0
            since, count = (now, 1) if over else (since, count + 1)
            self._seen[key] = since, count
            if len(self._seen) > _REMEMBERED:
                self._seen.popitem(last=False)
        if left_out:
            record.msg, record.args = f"{record.getMessage()} (and {left_out} times more before this)", None
        return count <= _EQUAL
