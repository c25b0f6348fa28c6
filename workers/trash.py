"""The trash: what was replaced lies beside its successor until its time is over, and can be put back.

Each folder has a trash of its own, `.spool-trash`, so that moving there is one rename and needs no room. A file in
it is called ID.kept; ID.json beside it tells where it was and what took its place. The record is written before
anything moves, and what an interrupted move left is told from the files themselves (`settle`).
"""

from __future__ import annotations

import contextlib
import errno
import json
import logging
import os
import stat
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from workers import trashlist
from workers.trashindex import TrashIndex
from workers.trashlist import known as known

log = logging.getLogger(__name__)

FOLDER = ".spool-trash"
_DAY_MS = 86_400_000
_PENDING_MS = 3_600_000  # a move takes no time: one that is older than this was interrupted
_COARSE_MS = 2000  # of times of change on FAT

Identity = tuple[int, int, int]  # inode, size in bytes, time of change in ns


class NotPutBack(Exception):
    """A file stays in the trash; the words say why."""


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
    return facts.st_ino, facts.st_size, facts.st_mtime_ns


def new_entry(original: Path, replacement: Path, staged: Path, *, job_id: int, keep_days: int) -> Entry:
    """The record of a file that `staged` is about to replace under the name `replacement`. OSError if one is gone."""
    old, new = os.lstat(original), os.lstat(staged)
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


def write(entry: Entry, state: Path | None) -> None:
    """Write the record, whole and flushed, and let `state` know of the folder. OSError."""
    anew = _made(entry.folder)
    if not _ours(entry.folder):
        raise PermissionError(errno.EPERM, "the trash folder beside it belongs to somebody else")
    if state is not None:
        trashlist.remember(state, entry.folder, anew=anew)
    path = entry.folder / f"{entry.id}.json"
    fresh = path.with_suffix(".new")
    with open(fresh, "w", encoding="ascii") as file:
        json.dump(asdict(entry), file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(fresh, path)
    _flush_folder(entry.folder)


def _made(folder: Path) -> bool:
    """Make the trash folder; whether it was not there."""
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        return False
    return True


def _ours(folder: Path) -> bool:
    """Whether it is a real folder of this user: records that others may write are not believed."""
    try:
        facts = os.lstat(folder)
    except OSError:
        return False
    return stat.S_ISDIR(facts.st_mode) and facts.st_uid == os.geteuid() and not facts.st_mode & 0o022


def entries(folder: Path) -> list[Entry]:
    """What lies in one trash folder, oldest first. What cannot be read is left out."""
    if not _ours(folder):
        return []
    try:
        names = sorted(name for name in os.listdir(folder) if name.endswith(".json"))
    except OSError:
        return []
    found = [entry for name in names if (entry := _record(folder, name)) is not None]
    return sorted(found, key=lambda entry: entry.at_ms)


def _record(folder: Path, name: str) -> Entry | None:
    """The entry of a file in a trash folder; None where it cannot be read, or speaks of another place."""
    try:
        values: Any = json.loads((folder / name).read_text(encoding="ascii"))
        entry = Entry(**values)
        beside = Path(entry.replacement).parent == folder.parent
        return entry if beside and entry.folder == folder and f"{entry.id}.json" == name else None
    except (OSError, ValueError, TypeError):
        return None


_index = TrashIndex()


def _found(folder: Path, key: str) -> list[Entry]:
    """The entries of a trash folder that one looks for by this key, oldest first."""

    def keys(name: str) -> tuple[str, ...]:
        entry = _record(folder, name)
        return () if entry is None else (str(entry.original), str((entry.new_inode, entry.new_size)))

    if not _ours(folder):
        return []
    found = [entry for name in _index.find(folder, key, keys) if (entry := _record(folder, name)) is not None]
    return sorted(found, key=lambda entry: entry.at_ms)


def entries_of(original: Path) -> list[Entry]:
    """What a trash folder holds of the file that was at this absolute path, oldest first."""
    return _found(original.parent / FOLDER, os.fspath(original))


def all_entries(state: Path) -> Iterator[Entry]:
    """What lies in all trash folders of this home."""
    for folder in known(state):
        yield from entries(folder)


def settle(entry: Entry) -> Entry | None:
    """Finish or undo a move that was interrupted: the finished entry, or None when the original is where it was.

    Never removes a file that is not in its place elsewhere. OSError.
    """
    if entry.done:
        return entry
    original, replacement = Path(entry.original), Path(entry.replacement)
    _tidy(entry)
    moved = identity(entry.kept) == entry.identity
    placed = _is_new(replacement, entry)
    if not moved and identity(original) == entry.identity and placed and original != replacement:
        _move(original, entry.kept)
        moved = True
    if moved and not placed and identity(original) is None:
        _move(entry.kept, original)
        moved = False
    if moved:
        finished = replace(entry, done=True)
        write(finished, None)
        return finished
    if identity(original) is not None and _is_new(entry.kept, entry):
        _unlink(entry, "kept")  # the replacement, which did not come to be one
    if identity(entry.kept) is None:
        _forget(entry)
    return None


def _tidy(entry: Entry) -> None:
    """Take away what a move leaves that died between its own two steps: a second name, or an empty file."""
    if identity(entry.kept) == entry.identity == identity(Path(entry.original)):
        _unlink(entry, "kept")  # linked to its new name, and not yet rid of the old one
    for path in (Path(entry.original), Path(entry.replacement), entry.kept):
        found = identity(path)
        held = found is not None and found[1] == 0 and found[2] // 1_000_000 >= entry.at_ms - _COARSE_MS
        if held and found != entry.identity and not _is_new(path, entry):
            path.unlink()  # it held the name where none can be taken without clobbering


def _is_new(path: Path, entry: Entry) -> bool:
    found = identity(path)
    return found is not None and found[:2] == (entry.new_inode, entry.new_size)


def _move(source: Path, target: Path) -> None:
    from workers.runner.publishing import open_folder, rename_whole  # what only knows the operations need not load it

    with open_folder(target.parent, 0o700) as folder_fd:
        if not rename_whole(source, folder_fd, target.name):
            raise FileExistsError(f"{target} exists")
    _flush_folder(source.parent)


def _flush_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


@contextlib.contextmanager
def _opened(folder: Path) -> Iterator[int]:
    """A trash folder as a descriptor, which stays that folder whatever takes its name. OSError when it is not ours."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        facts = os.fstat(fd)
        if facts.st_uid != os.geteuid() or facts.st_mode & 0o022:
            raise PermissionError(errno.EPERM, "the trash folder belongs to somebody else")
        yield fd
    finally:
        os.close(fd)


def _unlink(entry: Entry, ending: str) -> None:
    """Remove one of the two files of an entry, never what lies elsewhere under their names; none is fine. OSError."""
    with contextlib.suppress(FileNotFoundError), _opened(entry.folder) as fd:
        os.unlink(f"{entry.id}.{ending}", dir_fd=fd)


def _forget(entry: Entry) -> None:
    _unlink(entry, "json")
    with contextlib.suppress(OSError):
        _flush_folder(entry.folder)
    with contextlib.suppress(OSError):
        entry.folder.rmdir()  # when nothing is left in it


def restore(entry: Entry, state: Path, *, keep_days: int, successor: bool = False) -> Path:
    """Put the file back where it was; the path. What took its very name goes to the trash in its turn.

    A replacement of another name stays, unless the `successor` is to go there too. NotPutBack: something else has the
    name now, or the file is gone. OSError.
    """
    settled = settle(entry)
    original = Path(entry.original)
    if settled is None:
        if identity(original) == entry.identity:
            return original
        raise NotPutBack("the record is of a replacement that did not happen, and the file is gone")
    if identity(entry.kept) is None:
        raise NotPutBack("the file is no longer in the trash")
    there = original if identity(original) is not None else Path(entry.replacement) if successor else None
    if there == original and not _is_new(original, entry):
        raise NotPutBack("another file has its name now; move that away first")
    if there is not None and _is_new(there, entry):
        turned = new_entry(there, original, entry.kept, job_id=entry.job_id, keep_days=keep_days)
        write(turned, state)
        _move(there, turned.kept)
        _move(entry.kept, original)
        write(replace(turned, done=True), state)
    else:
        _move(entry.kept, original)
    _forget(entry)
    return original


def remove(entry: Entry) -> int:
    """Remove the file for good; the bytes that it had. What is not settled is settled first, and stays. OSError."""
    settled = settle(entry)
    if settled is None and not _is_new(entry.kept, entry):
        return 0
    size = (identity(entry.kept) or (0, 0, 0))[1]
    _unlink(entry, "kept")
    _forget(entry)
    return size


def expire(state: Path, now_ms: int) -> int:
    """Remove what lay in the trash for its time, and settle what was interrupted; how many files went."""
    gone = 0
    for entry in list(all_entries(state)):
        try:
            if entry.until_ms <= now_ms:
                remove(entry)
                gone += 1
            elif not entry.done and not under_way(entry, now_ms):
                settle(entry)
        except OSError as error:
            log.warning("%s stays in the trash: %s", entry.kept, error)
    trashlist.drop_gone(state)
    return gone


def under_way(entry: Entry, now_ms: int) -> bool:
    """Whether the replacement may still be going on: then the entry belongs to its job."""
    return not entry.done and entry.at_ms + _PENDING_MS > now_ms


def in_place(entry: Entry) -> bool:
    """Whether the replacement is where it was put."""
    return _is_new(Path(entry.replacement), entry)


def untouched(entry: Entry) -> bool:
    """Whether the replacement is where it was put, and was not written since."""
    found = identity(Path(entry.replacement))
    return found is not None and in_place(entry) and entry.new_mtime_ns in (0, found[2])


def taken_the_place(path: Path) -> Entry | None:
    """The entry of the file that the one at `path` replaced, while that lies in the trash."""
    found = identity(path)
    candidates = _found(path.parent / FOLDER, str(found[:2])) if found else []
    return next((entry for entry in candidates if entry.done and _is_new(path, entry)), None)
