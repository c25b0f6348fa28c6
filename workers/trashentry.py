"""One file in the trash: where it was, what took its place, and how both are told from other files."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

from workers.folders import Identity, identity_of

FOLDER = ".spool-trash"
_DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Entry:
    """One file in the trash. Paths are absolute; times are milliseconds since 1970, sizes bytes."""

    id: str
    original: str  # where the file was
    replacement: str  # what took its place
    inode: int
    size: int
    mtime_ns: int
    new_inode: int  # of the replacement
    new_size: int
    job_id: int
    at_ms: int
    until_ms: int
    done: bool = False  # whether the replacement is in place, and the file in the trash
    new_mtime_ns: int = 0  # of the replacement; 0 in records of before it was noted

    @property
    def folder(self) -> Path:
        """The trash folder that it lies in."""
        return Path(self.original).parent / FOLDER

    @property
    def kept(self) -> Path:
        """The file itself."""
        return self.folder / f"{self.id}.kept"

    @property
    def identity(self) -> Identity:
        """What tells the file from all others."""
        return self.inode, self.size, self.mtime_ns


def identity(path: Path) -> Identity | None:
    """What tells the file at `path` from others; None where there is none."""
    try:
        facts = os.lstat(path)
    except OSError:
        return None
    return identity_of(facts)


def made_by(entry: Entry, found: Identity | None) -> bool:
    """Whether it is what replaced the original."""
    return found is not None and found[:2] == (entry.new_inode, entry.new_size)


def new_entry(original: Path, replacement: Path, staged: Path, *, job_id: int, keep_days: int) -> Entry:
    """The record of a file that `staged` is about to replace under the name `replacement`. OSError if one is gone."""
    return entry_of(original, replacement, os.lstat(original), os.lstat(staged), job_id=job_id, keep_days=keep_days)


def entry_of(
    original: Path, replacement: Path, old: os.stat_result, new: os.stat_result, *, job_id: int, keep_days: int
) -> Entry:
    """The record of a file that is `old`, and is replaced by what is `new`."""
    now = time.time_ns() // 1_000_000
    return Entry(
        id=f"{os.urandom(4).hex()}-{now:x}",  # what differs comes first: a few letters of it name one file
        original=os.path.abspath(original),
        replacement=os.path.abspath(replacement),
        inode=old.st_ino,
        size=old.st_size,
        mtime_ns=old.st_mtime_ns,
        new_inode=new.st_ino,
        new_size=new.st_size,
        new_mtime_ns=new.st_mtime_ns,
        job_id=job_id,
        at_ms=now,
        until_ms=now + keep_days * _DAY_MS,
    )
