"""Whether a backup looks whole at a glance: its header, its size, and what it holds; a small one is read to its end."""

from __future__ import annotations

import struct
from pathlib import Path

from workers.errors import StoreError
from workers.store import backup

_MAGIC = b"SQLite format 3\0"
_HEADER = 100
_WHOLE_BYTES = 64 << 20  # up to that, all of it is read: a tenth of a second


def damage_at_a_glance(path: Path) -> str:
    """What is wrong with a copy of the jobs table, in words; empty when nothing shows."""
    try:
        with path.open("rb") as file:
            header = file.read(_HEADER)
        size = path.stat().st_size
    except OSError as error:
        return f"it cannot be read: {error.strerror or error}"
    return _of_header(header, size) or _of_contents(path, size)


def _of_header(header: bytes, size: int) -> str:
    if not size:
        return "it is empty"
    if len(header) < _HEADER or not header.startswith(_MAGIC):
        return "it is not a database, or its beginning is damaged"
    (page,) = struct.unpack(">H", header[16:18])
    changes, pages = struct.unpack(">II", header[24:32])
    (valid_for,) = struct.unpack(">I", header[92:96])  # of which change the number of pages was written
    expected = (65536 if page == 1 else page) * pages
    if changes == valid_for and expected > size:
        return f"it is cut short: {size:,} of {expected:,} bytes are there"
    return ""


def _of_contents(path: Path, size: int) -> str:
    if size <= _WHOLE_BYTES and (problems := backup.problems_of(path)):
        return "; ".join(problems)
    try:
        backup.contents(path)
    except StoreError as error:
        return str(error).removeprefix(f"{path}: ")
    return ""


def damage_of(path: Path) -> str:
    """As `damage_at_a_glance`, of every page, row and index: what a restore would be refused for."""
    return damage_at_a_glance(path) or "; ".join(backup.problems_of(path, full=True))
