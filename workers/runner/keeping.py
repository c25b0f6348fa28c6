"""The kept files and facts of one job, in the process that makes them."""

from __future__ import annotations

import contextlib
import json
import math
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workers.media.names import path_to_key
from workers.operations.contract import BulkParams, Operation, Params
from workers.runner.messages import FilesKept, JobMessage
from workers.runner.speaker import Speaker

Facts = Mapping[str, Any]
_ADDRESS = b"\3" + bytes(15)  # the stamp of what is no file: only its age tells whether it still counts


class FileKeeper:
    """Fills files from the cache, or has them made and keeps them. Two that want the same at once make it once."""

    def __init__(self, operation: Operation[Any], params: Params, job: JobMessage, channel: Speaker) -> None:
        self._operation = operation
        self._channel = channel
        self._content = isinstance(params, BulkParams) and params.cache == "content"
        self._category = operation.cache_category or ""
        folder = job.settings.get("cache_dir")
        self._folder = Path(folder) if isinstance(folder, str) else None
        self._bounds: Mapping[str, tuple[float, float]] = job.settings.get("cache_bounds", {})
        self._off = getattr(params, "cache", "on") == "off"
        self._work_dir = job.work_dir

    def _room(self, category: str) -> float:
        """Bytes that a category may fill; 0 where nothing is to be kept."""
        if self._off or self._folder is None or not category:
            return 0
        return self._bounds.get(category, (math.inf, math.inf))[0]

    def fill(
        self, source: Path, staged: Path, options: Mapping[str, Any], make: Callable[[Path], Facts]
    ) -> tuple[Facts, bool]:
        """As `Context.kept_file`."""
        if not self._operation.cache_files or not self._room(self._category):
            return make(staged), False
        found, kept = self._kept(self._file(self._category, source), options, staged, make)
        assert found is not None
        return found, kept

    def recall(
        self, category: str, about: str | Path, options: Mapping[str, Any], make: Callable[[], Facts | None]
    ) -> tuple[Facts | None, bool]:
        """As `Context.kept_facts`."""
        if not self._room(category):
            return make(), False
        place = _Place(category, about, _ADDRESS) if isinstance(about, str) else self._file(category, about)
        with _nothing(self._work_dir) as staged:
            return self._kept(place, options, staged, lambda path: make())

    def _file(self, category: str, path: Path) -> _Place:
        from workers.cache.keys import content_stamp, stamp_of

        return _Place(category, path_to_key(path), (content_stamp if self._content else stamp_of)(path))

    def _kept(
        self, place: _Place, options: Mapping[str, Any], staged: Path, make: Callable[[Path], Facts | None]
    ) -> tuple[Facts | None, bool]:
        from workers.cache.keys import Keys
        from workers.cache.making import making

        assert self._folder is not None
        key = Keys(self._operation.name, self._operation.version, options).of(place.name)
        found = self._recalled(place, key, staged)
        if found is not None:
            return found, True
        with making(self._folder, place.category, key, self._channel.alive):
            found = self._recalled(place, key, staged)  # another may have made it until now
            return (found, True) if found is not None else (self._made(place, key, staged, make), False)

    def _recalled(self, place: _Place, key: bytes, staged: Path) -> Facts | None:
        from workers.cache.files import recall

        assert self._folder is not None
        began = time.monotonic()
        oldest = time.time() - self._bounds.get(place.category, (math.inf, math.inf))[1]
        found = recall(self._folder, place.category, key, place.stamp, staged, made_after=oldest)
        if found is None:
            return None
        saved_s = max(0.0, float(found.get("cost_s", 0.0)) - (time.monotonic() - began))
        facts = {name: value for name, value in found.items() if name != "cost_s"}
        size = staged.stat().st_size or len(json.dumps(facts))
        self._channel.send(FilesKept(place.category, 1, 0, size, saved_s))
        return facts

    def _made(self, place: _Place, key: bytes, staged: Path, make: Callable[[Path], Facts | None]) -> Facts | None:
        from workers.cache.files import keep

        assert self._folder is not None
        began = time.monotonic()
        facts = make(staged)
        cost_s, size = time.monotonic() - began, 0
        # What is larger would be trimmed away at once.
        if facts is not None and staged.stat().st_size <= self._room(place.category) / 2:
            size = keep(self._folder, place.category, key, place.stamp, facts, staged, cost_s, place.name)
        self._channel.send(FilesKept(place.category, 0, 1, size, 0.0))
        return facts


@dataclass(frozen=True, slots=True)
class _Place:
    """What is kept of which input: the key of a file, or an address."""

    category: str
    name: str
    stamp: bytes


@contextmanager
def _nothing(folder: str) -> Iterator[Path]:
    """An empty file, for facts that belong to none."""
    handle, name = tempfile.mkstemp(prefix=".facts-", dir=folder)
    os.close(handle)
    try:
        yield Path(name)
    finally:
        with contextlib.suppress(OSError):
            os.unlink(name)
