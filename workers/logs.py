"""The jobs' logs: one private file each, written by the runner, read in pieces."""

from __future__ import annotations

import os
from pathlib import Path

from workers.files import open_private
from workers.text import clean_lines


def open_log(path: Path) -> int:
    """A descriptor that appends to a job's log, made 0600 when new."""
    return open_private(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND)


def _whole_characters(data: bytes) -> int:
    """The length of `data` without a last character that is cut in its middle."""
    for back in range(1, min(4, len(data)) + 1):
        byte = data[-back]
        if byte >= 0xC0:  # the first byte of a character that has more
            width = 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            return len(data) - back if back < width else len(data)
        if byte < 0x80:
            break
    return len(data)


def read_log(path: Path, offset: int = 0, limit: int = 65536, *, complete: bool = False) -> tuple[str, int]:
    """Whole lines of a log from byte `offset` on, made safe for a terminal, and the offset after them.

    A negative offset counts from the end. A missing log is empty. At most `limit` bytes are read; a last line
    without its end is left for the next call, unless it alone fills the limit or the log is `complete`.
    """
    try:
        descriptor = open_private(path, os.O_RDONLY)
    except FileNotFoundError:
        return "", 0
    try:
        size = os.fstat(descriptor).st_size
        start = max(0, size + offset) if offset < 0 else min(offset, size)
        data = os.pread(descriptor, limit, start)
    finally:
        os.close(descriptor)
    if offset < 0 and start > 0:
        first = data.find(b"\n") + 1  # begin with a whole line
        data, start = data[first:], start + first
    end = data.rfind(b"\n") + 1
    at_end = start + len(data) >= size
    if complete and at_end:
        end = len(data)
    elif end == 0 and len(data) >= limit:
        end = _whole_characters(data)
    return clean_lines(data[:end].decode("utf-8", "replace")), start + end
