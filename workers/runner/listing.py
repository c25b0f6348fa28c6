"""Which inputs a job of many has, as they were found when they were first listed to the end.

A job may be at work several times: after it made room for others, after a pause or a death. Its folders are not looked
at again then, for its total would change under it, and what other jobs have put there since would become its work. An
edited job is another one: its options are part of the name under which its list is kept.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator
from hashlib import blake2s
from io import FileIO
from pathlib import Path

from workers.files import remove_tree
from workers.operations.contract import Params

_PREFIX = "listed-"  # of the file in the private folder of a job
_END = "."  # the last entry; a list without it was not written to its end, whatever the disk did
_TAIL = f"\0{_END}\0".encode()
_CHUNK = 1 << 16
_BLOCK = 500


def as_first_found(folder: Path, params: Params, look: Callable[[], Iterable[str]]) -> Iterator[str]:
    """The keys that `look` gives, or gave when it first was heard to its end by a job of these options."""
    digest = blake2s(params.model_dump_json().encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
    path = folder / f"{_PREFIX}{digest}"
    return _read(path) if _whole(path) else _written(path, look())


def remove_others(folder: Path) -> None:
    """Remove all that lies in the private folder of a job but its list."""
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith(_PREFIX):
                continue
            if not remove_tree(folder / entry.name):
                os.unlink(entry.path)


def _whole(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            file.seek(-len(_TAIL), os.SEEK_END)
            return file.read() == _TAIL
    except OSError:
        return False


def _read(path: Path) -> Iterator[str]:
    with path.open(encoding="utf-8", errors="surrogatepass", newline="") as file:
        begun = ""
        for chunk in iter(lambda: file.read(_CHUNK), ""):
            *keys, begun = (begun + chunk).split("\0")
            yield from (key for key in keys if key != _END)


def _written(path: Path, keys: Iterable[str]) -> Iterator[str]:
    """The keys, which are noted as they pass. A disk that takes no note of them is no failure: they are found again."""
    partial = path.with_name(f".{path.name}")
    with contextlib.suppress(OSError):
        partial.unlink(missing_ok=True)
    note = _Note(partial)
    try:
        for key in keys:
            note.add(key)
            yield key
        note.settle(path)
    finally:
        note.close()


class _Note:
    """A list that is being written; it gives up quietly.

    Without a buffer of Python: processes for the items are forked meanwhile, and each would write it out, too.
    """

    def __init__(self, partial: Path) -> None:
        self._partial = partial
        self._held: list[str] = []
        self._file: FileIO | None = None
        with contextlib.suppress(OSError):
            self._file = partial.open("wb", buffering=0)

    def add(self, key: str) -> None:
        """Add one key."""
        self._held.append(key)
        if len(self._held) >= _BLOCK:
            self._write()

    def settle(self, path: Path) -> None:
        """It is whole, and counts from now on. One without any key does not: nothing was found yet."""
        if self._file is None or not (self._held or self._file.tell()):
            return
        self._held.append(_END)
        self._write()
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._partial.replace(path)

    def close(self) -> None:
        """Nothing more is written; what did not settle is removed."""
        file, self._file = self._file, None
        if file is not None:
            with contextlib.suppress(OSError):
                file.close()
            with contextlib.suppress(OSError):
                self._partial.unlink(missing_ok=True)

    def _write(self) -> None:
        data = "".join(f"{key}\0" for key in self._held).encode("utf-8", "surrogatepass")
        self._held.clear()
        if self._file is None:
            return
        try:
            while data:
                data = data[self._file.write(data) :]
        except OSError:
            self.close()
