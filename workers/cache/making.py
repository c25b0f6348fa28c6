"""Who makes a file that is to be kept: of several processes that want the same at once one, and the others wait."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from workers.cache.files import TEMPORARY, entry_path

_AGAIN_S = 0.05  # between two looks at who makes it
_STOPPED = (b"T", b"t")  # how the kernel tells of a process that stands still, as in a pause


@contextmanager
def making(folder: Path, category: str, key: bytes, alive: Callable[[], None]) -> Iterator[None]:
    """Within it, no other process makes what belongs to the key; waits until that is so, and calls `alive` meanwhile.

    Nobody waits for a process that stands still, nor where the disk knows no locks: then it is made twice. A lock ends
    with its process; what that leaves is removed with other leftovers.
    """
    path = entry_path(folder, category, key)
    path = path.with_name(f"{TEMPORARY}{path.name}.making")
    taken = _taken(path, alive)
    try:
        yield
    finally:
        if taken is not None:
            with contextlib.suppress(OSError):
                path.unlink()
            os.close(taken)


def _taken(path: Path, alive: Callable[[], None]) -> int | None:
    """The lock, held; None where nobody is to be waited for."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        while True:
            lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            try:
                if _locked(lock, path):
                    taken, lock = lock, -1
                    return taken
                if _stands_still(lock):
                    return None
            finally:
                if lock >= 0:
                    os.close(lock)
            alive()
            time.sleep(_AGAIN_S)
    except OSError:
        return None


def _locked(lock: int, path: Path) -> bool:
    """Whether we hold it now. One that was removed meanwhile is nobody's: the next look finds the new one."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    with contextlib.suppress(FileNotFoundError):
        if os.path.samestat(os.fstat(lock), os.stat(path)):
            os.ftruncate(lock, 0)
            os.pwrite(lock, b"%d" % os.getpid(), 0)
            return True
    return False


def _stands_still(lock: int) -> bool:
    """Whether the process that holds it is stopped; False when that cannot be told."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        holder = int(os.pread(lock, 32, 0))
        with open(f"/proc/{holder}/stat", "rb") as file:
            return file.read().rpartition(b")")[2].split()[0] in _STOPPED
    return False
