"""The list of trash folders that were ever used from one home: one JSON text a line, in its state folder."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_NAME = "trash-folders"
_noted: set[tuple[Path, Path]] = set()  # by this process: state folder and trash folder


def known(state: Path) -> list[Path]:
    """The trash folders that were ever used from this home, oldest first."""
    with contextlib.suppress(OSError):
        folders: dict[Path, None] = {}
        for line in (state / _NAME).read_text(encoding="ascii", errors="replace").splitlines():
            with contextlib.suppress(ValueError):
                folders[Path(str(json.loads(line)))] = None
        return list(folders)
    return []


def remember(state: Path, folder: Path, *, anew: bool = True) -> None:
    """Have a trash folder on the list, flushed. OSError.

    One that this process has noted before is looked for only if it was made `anew`: it may have been dropped then.
    """
    if (state, folder) in _noted and not anew:
        return
    state.mkdir(parents=True, exist_ok=True, mode=0o700)
    with _held(state):
        if folder not in known(state):
            with open(state / _NAME, "a", encoding="ascii") as file:
                file.write(f"\n{json.dumps(str(folder))}\n")  # the line before may be torn
                file.flush()
                os.fsync(file.fileno())
    _noted.add((state, folder))


def drop_gone(state: Path) -> None:
    """Forget folders that are no more, unless their disk is only absent: then the folder around is missing too."""
    if not (state / _NAME).exists():
        return
    with _held(state):
        folders = known(state)
        stay = [folder for folder in folders if folder.is_dir() or not folder.parent.is_dir()]
        if len(stay) == len(folders):
            return
        fresh = state / f"{_NAME}.new"
        fresh.write_text("".join(f"{json.dumps(str(folder))}\n" for folder in stay), encoding="ascii")
        os.replace(fresh, state / _NAME)


@contextmanager
def _held(state: Path) -> Iterator[None]:
    """Within it, no other process changes the list: item processes add to it while the worker makes it shorter."""
    with open(state / f"{_NAME}.lock", "a") as lock:
        with contextlib.suppress(OSError):  # a network disk without locks
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
