"""The jobs' logs: two private files each, the newer part and the one before it, read in pieces as one text.

A part that has one before it begins with a line that says how many bytes of the log came earlier. So a place in the log
is a number that stays true when a new part begins, and whoever follows a log loses nothing and reads nothing twice.
"""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from workers.files import open_private
from workers.text import clean_lines

_HEADER = re.compile(rb"--- continued after ([0-9]{1,18}) bytes\n")
_LOOKS = 6  # for two parts that fit together: a new one may begin between two steps
_PAUSE_S = 0.001  # more each time


def open_log(path: Path) -> int:
    """A descriptor that appends to a job's log, made 0600 when new."""
    return open_private(path, os.O_CREAT | os.O_RDWR | os.O_APPEND)


def old_part(path: Path) -> Path:
    """The file of the part before the one at `path`."""
    return path.with_name(f"{path.name}.1")


def remove_log(path: Path) -> None:
    """Remove a job's log, both parts and what an interrupted turn left; none is fine. OSError."""
    for part in (path, old_part(path), *_in_turn(path)):
        part.unlink(missing_ok=True)


def _in_turn(path: Path) -> tuple[Path, Path]:
    return path.with_name(f"{path.name}.new"), path.with_name(f"{path.name}.old")


def turn(path: Path, before: int) -> int:
    """Make the newer part the old one and begin a new one after `before` bytes of log; its descriptor. OSError.

    At every moment there is a newer part under its name, so that a reader never takes a log for empty.
    """
    fresh, second = _in_turn(path)
    for left in (fresh, second):
        left.unlink(missing_ok=True)
    descriptor = open_log(fresh)
    try:
        os.write(descriptor, header(before))
        try:
            os.link(path, second)
        except OSError:  # no links on this file system, or nothing there: a reader looks again
            with contextlib.suppress(FileNotFoundError):
                os.replace(path, old_part(path))
        else:
            os.replace(second, old_part(path))
        os.replace(fresh, path)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def header(before: int) -> bytes:
    """The first line of a part that has `before` bytes of log before it."""
    return b"--- continued after %d bytes\n" % before


def content_size(descriptor: int) -> tuple[int, int]:
    """The bytes of log in the part that is open, and with all that came before it."""
    part = _part(descriptor)
    return part.size, part.base + part.size


@dataclass(frozen=True, slots=True)
class _Part:
    """One part that is open; `base` is the place in the log of the first byte after its header."""

    descriptor: int
    base: int
    skip: int
    size: int

    @property
    def end(self) -> int:
        return self.base + self.size


def _part(descriptor: int) -> _Part:
    found = _HEADER.match(os.pread(descriptor, 64, 0))
    skip = found.end() if found else 0
    return _Part(descriptor, int(found[1]) if found else 0, skip, max(0, os.fstat(descriptor).st_size - skip))


def _open_parts(path: Path, stack: contextlib.ExitStack) -> list[_Part]:
    """The parts there are, older first, that follow on each other."""
    for look in range(_LOOKS):
        # In this order: a new part that begins meanwhile shows as a gap.
        old, new = _open_part(old_part(path), stack), _open_part(path, stack)
        if new is None and old is None:
            return []
        if new is not None and (old.end if old else 0) == new.base:
            return [old, new] if old else [new]
        time.sleep(_PAUSE_S * look)
    return [part for part in (new or old,) if part is not None]  # somebody moved or removed a part


def _open_part(path: Path, stack: contextlib.ExitStack) -> _Part | None:
    try:
        descriptor = open_private(path, os.O_RDONLY)
    except FileNotFoundError:
        return None
    stack.callback(os.close, descriptor)
    return _part(descriptor)


def _read_from(parts: Sequence[_Part], start: int, limit: int) -> bytes:
    pieces: list[bytes] = []
    for part in parts:
        if limit > 0 and part.base <= start < part.end:
            piece = os.pread(part.descriptor, min(limit, part.end - start), part.skip + start - part.base)
            pieces.append(piece)
            start, limit = start + len(piece), limit - len(piece)
    return b"".join(pieces)


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
    without its end is left for the next call, unless it alone fills the limit or the log is `complete`. Where the
    log no longer holds what was asked for, a first line says how many bytes are gone.
    """
    with contextlib.ExitStack() as stack:
        parts = _open_parts(path, stack)
        if not parts:
            return "", 0
        first, size = parts[0].base, parts[-1].end
        start = max(first, size + offset) if offset < 0 else min(max(offset, first), size)
        data = _read_from(parts, start, limit)
    gone = f"--- {start - offset:,} bytes before this are no longer kept\n" if 0 <= offset < start else ""
    if offset < 0 and start > first:
        cut = data.find(b"\n") + 1  # begin with a whole line
        data, start = data[cut:], start + cut
    end = data.rfind(b"\n") + 1
    at_end = start + len(data) >= size
    if complete and at_end:
        end = len(data)
    elif end == 0 and len(data) >= limit:
        end = _whole_characters(data)
    return gone + clean_lines(data[:end].decode("utf-8", "replace")), start + end
