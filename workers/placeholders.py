"""Notes of the empty files by which a move holds a name where none can be taken without clobbering.

They lie in the trash folder as ID.held, a line for each: the inode, and when it was made (milliseconds since 1970).
Only what is noted there is taken away when the move dies halfway: any other empty file is somebody's who has just
begun to write it.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable

from workers.folders import Identity

_COARSE_MS = 2000  # of times of change on FAT
_MOST = 1 << 16  # bytes that are read


def _name(key: str) -> str:
    return f"{key}.held"


def note(fd: int, key: str, inode: int) -> None:
    """Note for the move `key` an empty file, flushed: inode 0 says that one is about to be made. OSError."""
    line = f"{inode} {time.time_ns() // 1_000_000}\n".encode()
    notes = os.open(_name(key), os.O_CREAT | os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=fd)
    try:
        os.write(notes, line)
        os.fsync(notes)
    finally:
        os.close(notes)


def noted(fd: int, key: str) -> Callable[[Identity], bool]:
    """Whether an empty file is one that the move `key` made, as a question about its identity."""
    lines = _lines(fd, key)
    inodes = {inode for inode, _ in lines if inode}
    last, at_ms = lines[-1] if lines else (-1, 0)

    def ours(found: Identity) -> bool:
        inode, size, mtime_ns = found
        # One that the move died of making is told by the moment: it has no number yet.
        unnamed = last == 0 and abs(mtime_ns // 1_000_000 - at_ms) <= _COARSE_MS
        return size == 0 and (inode in inodes or unnamed)

    return ours


def forget(fd: int, key: str) -> None:
    """Remove the notes of a move; none is fine. OSError."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(_name(key), dir_fd=fd)


def _lines(fd: int, key: str) -> list[tuple[int, int]]:
    try:
        notes = os.open(_name(key), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=fd)
    except OSError:
        return []
    with open(notes, encoding="ascii", errors="replace") as file:
        words = [line.split() for line in file.read(_MOST).splitlines()]
    return [(int(word[0]), int(word[1])) for word in words if len(word) == 2 and all(part.isdigit() for part in word)]
