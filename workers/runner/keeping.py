"""The kept files of one job, in the process that makes them."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from workers.media.names import path_to_key
from workers.operations.contract import BulkParams, Operation, Params
from workers.runner.messages import FilesKept, JobMessage
from workers.runner.speaker import Speaker

Facts = Mapping[str, Any]


class FileKeeper:
    """Fills files from the cache, or has them made and keeps them. Two that want the same at once make it once."""

    def __init__(self, operation: Operation[Any], params: Params, job: JobMessage, channel: Speaker) -> None:
        self._operation = operation
        self._channel = channel
        self._content = isinstance(params, BulkParams) and params.cache == "content"
        self._category = operation.cache_category or ""
        folder = job.settings.get("cache_dir")
        self._folder = Path(folder) if isinstance(folder, str) else Path()
        bounds = job.settings.get("cache_bounds", {}).get(self._category, (math.inf, math.inf))
        self._limit_bytes, self._ttl_s = bounds
        off = isinstance(params, BulkParams) and params.cache == "off"
        self._keeps = bool(operation.cache_files and self._category and folder and self._limit_bytes) and not off

    def fill(
        self, source: Path, staged: Path, options: Mapping[str, Any], make: Callable[[Path], Facts]
    ) -> tuple[Facts, bool]:
        """As `Context.kept_file`."""
        if not self._keeps:
            return make(staged), False
        from workers.cache.keys import Keys, content_stamp, stamp_of

        stamp = (content_stamp if self._content else stamp_of)(source)
        name = path_to_key(source)
        key = Keys(self._operation.name, self._operation.version, options).of(name)
        found = self._recalled(key, stamp, staged)
        if found is not None:
            return found, True
        from workers.cache.making import making

        with making(self._folder, self._category, key, self._channel.alive):
            found = self._recalled(key, stamp, staged)  # another may have made it until now
            return (found, True) if found is not None else (self._made(key, stamp, staged, make, name), False)

    def _recalled(self, key: bytes, stamp: bytes, staged: Path) -> Facts | None:
        from workers.cache.files import recall

        began = time.monotonic()
        oldest = time.time() - self._ttl_s
        found = recall(self._folder, self._category, key, stamp, staged, made_after=oldest)
        if found is None:
            return None
        saved_s = max(0.0, float(found.get("cost_s", 0.0)) - (time.monotonic() - began))
        self._channel.send(FilesKept(self._category, 1, 0, staged.stat().st_size, saved_s))
        return {name: value for name, value in found.items() if name != "cost_s"}

    def _made(self, key: bytes, stamp: bytes, staged: Path, make: Callable[[Path], Facts], name: str) -> Facts:
        from workers.cache.files import keep

        began = time.monotonic()
        facts = make(staged)
        cost_s, size = time.monotonic() - began, 0
        if staged.stat().st_size <= self._limit_bytes // 2:  # what is larger would be trimmed away at once
            size = keep(self._folder, self._category, key, stamp, facts, staged, cost_s, name)
        self._channel.send(FilesKept(self._category, 0, 1, size, 0.0))
        return facts
