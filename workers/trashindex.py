"""Finding one record of a trash folder among many: each is read once, not all of them anew for each file.

A job that replaces ten thousand pictures of one folder asks for each of them whether it was replaced before. Other
processes write to the same folder meanwhile, so a name that is new is read at the next question; what is found is
read again by whoever asks, for records change in place.
"""

from __future__ import annotations

import os
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from pathlib import Path

_COARSE_NS = 2_000_000_000  # of times of change on FAT: a folder that changed so lately may change again unseen
_MOST_FOLDERS = 64

Keys = Callable[[str], Iterable[str]]  # what a record, named by its file, is found by; nothing where it is unreadable


class TrashIndex:
    """The names of records by what they are found by, for some folders. For one thread at a time."""

    def __init__(self) -> None:
        self._folders: OrderedDict[Path, _Folder] = OrderedDict()

    def find(self, folder: Path, key: str, keys: Keys) -> list[str]:
        """File names of the records of `folder` with this key, by name. Empty where it cannot be read."""
        known = self._folders.setdefault(folder, _Folder())
        self._folders.move_to_end(folder)
        while len(self._folders) > _MOST_FOLDERS:
            self._folders.popitem(last=False)
        known.refresh(folder, keys)
        return sorted(known.by_key.get(key, ()))


class _Folder:
    def __init__(self) -> None:
        self.by_key: dict[str, set[str]] = {}
        self._keys: dict[str, tuple[str, ...]] = {}
        self._seen = (0, 0, 0)  # device, inode and time of change when it was listed
        self._listed_ns = 0

    def refresh(self, folder: Path, keys: Keys) -> None:
        """Read what is new, and forget what is gone."""
        try:
            facts = os.stat(folder)
            seen = (facts.st_dev, facts.st_ino, facts.st_mtime_ns)
            if seen == self._seen and seen[2] < self._listed_ns - _COARSE_NS:
                return
            self._listed_ns = time.time_ns()
            names = {name for name in os.listdir(folder) if name.endswith(".json")}
        except OSError:
            seen, names = (0, 0, 0), set[str]()
        if seen[:2] != self._seen[:2]:  # another folder of that name
            self.by_key.clear()
            self._keys.clear()
        self._seen = seen
        for name in self._keys.keys() - names:
            for key in self._keys.pop(name):
                self.by_key[key].discard(name)
                if not self.by_key[key]:
                    del self.by_key[key]
        for name in names - self._keys.keys():
            if found := tuple(keys(name)):
                self._keys[name] = found
                for key in found:
                    self.by_key.setdefault(key, set()).add(name)
