"""The one thread that writes: results in batches, counts, and the bounds of size and age."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path

from workers.cache import counters, store, trimming
from workers.cache.backlog import Backlog
from workers.cache.counters import Counts
from workers.cache.packing import pack
from workers.settings import CACHE_CATEGORIES, CacheSettings

log = logging.getLogger(__name__)

_LAZY_S = 1.0  # between writes: a job puts results many times a second, and each write costs as much as many rows
_ROUND_S = 60.0  # between rounds of trimming
_FILES_S = 600.0  # between looks at the kept files when nobody told of new ones
_RETRY_S = 0.5


class Writer:
    """Writes what `backlog` holds; `lock` guards that. `dropped` is told when others dropped entries."""

    def __init__(
        self,
        folder: Path,
        settings: CacheSettings,
        backlog: Backlog,
        lock: threading.Lock,
        *,
        dropped: Callable[[int], None],
        clock: Callable[[], float],
    ) -> None:
        self._folder, self._settings, self._clock = folder, settings, clock
        self._path = store.database(folder)
        self._backlog = backlog
        self._work = threading.Condition(lock)
        self._dropped = dropped
        self._connection: sqlite3.Connection | None = None
        self._files = trimming.FileTrimmer(folder, settings)
        self._wanted = self._done = 0  # flushes
        self._stopping = self._renew = self._spoiled = self._told = False
        self._new_bytes = self._new_files = 0
        self._round_at = self._files_at = self._wrote_at = float("-inf")
        self._begun = False
        self._thread = threading.Thread(target=self._run, name="cache-writer", daemon=True)

    def start(self) -> None:
        """Start the thread; the store is made by it, and trimmed."""
        self._thread.start()

    def stop(self) -> None:
        """Write what is left and end."""
        with self._work:
            self._stopping = True
            self._work.notify_all()
        if self._thread.ident is not None:
            self._thread.join(10)

    def notify(self) -> None:
        """There is work; the lock is held."""
        self._work.notify_all()

    def renew(self, *, spoiled: bool) -> None:
        """The file is another one now, or of no use; the lock is held."""
        self._renew = True
        self._spoiled = self._spoiled or spoiled
        self._work.notify_all()

    def new_files(self, count: int, size: int) -> None:
        """Files were kept; the lock is held."""
        self._new_files += count
        self._new_bytes += size

    def flush(self, timeout_s: float = 10.0) -> bool:
        """Wait until all that waits now is written and the bounds hold; whether that came in time."""
        with self._work:
            if not self._thread.is_alive():
                return False
            self._wanted += 1
            mine = self._wanted
            self._work.notify_all()
            return self._work.wait_for(lambda: self._done >= mine, timeout_s)

    # ---------------------------------------------------------------- the thread

    def _run(self) -> None:
        while True:
            with self._work:
                while not self._due() and (patience := self._patience()) > 0:
                    self._work.wait(patience)
                taken, wanted, stopping = self._backlog.take(), self._wanted, self._stopping
                renew, self._renew = self._renew, False
            well = self._turn(taken, renew, thorough=wanted > self._done)
            with self._work:
                self._done = wanted
                self._work.notify_all()
            if stopping:
                break
            if not well:
                time.sleep(_RETRY_S)
        self._leave()

    def _due(self) -> bool:
        return self._stopping or self._renew or self._wanted > self._done or self._backlog.urgent or self._crowded()

    def _crowded(self) -> bool:
        """Whether so much was kept in files that the next round should not wait."""
        return self._new_bytes > self._settings.size_mib << 16  # 1/16 of the space

    def _patience(self) -> float:
        """Seconds until something has to be done unasked."""
        now = time.monotonic()
        at = self._round_at + _ROUND_S
        if self._backlog.any:
            at = min(at, self._wrote_at + _LAZY_S)
        return max(0.0, at - now)

    def _turn(self, taken: Backlog, renew: bool, thorough: bool) -> bool:
        """Write, and trim when it is time. Whatever is wrong, the next turn may go well."""
        now = time.monotonic()
        try:
            connection = self._connected(renew)
            if taken.any:
                self._write(connection, taken)
                self._wrote_at = now
            if thorough or now - self._round_at >= _ROUND_S or self._crowded():
                self._round_at = now
                self._round(connection, thorough)
            self._told = False
            return True
        except (sqlite3.Error, store.Foreign, OSError, ValueError) as error:
            self._wrote_at = self._round_at = now
            self._lost(taken, error)
            return False

    def _lost(self, taken: Backlog, error: Exception) -> None:
        """Nothing was written. Counts are told later; results are remembered as long as there is memory for them."""
        if not self._told:
            self._told = True
            log.warning("results cannot be kept in %s: %s", self._path, error)
        if self._connection is not None and not isinstance(error, ValueError):
            self._connection.close()
            self._connection = None
        busy = getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY
        with self._work:
            self._backlog.give_back(taken)
            if not busy:
                self._backlog.written(list(taken.rows.items()))
            self._spoiled = self._spoiled or store.spoiled(error)

    def _connected(self, renew: bool) -> sqlite3.Connection:
        if self._connection is not None and (renew or self._spoiled or not self._path.exists()):
            self._connection.close()
            self._connection = None
        if self._spoiled:
            log.warning("%s is damaged and is set aside", self._path)
            store.set_aside(self._path)
            self._spoiled = False
        if self._connection is None:
            self._connection = store.connected(self._path)
            self._connection.execute("PRAGMA wal_autocheckpoint = 1000")
            if not self._begun or not counters.begun(self._connection):  # or it was made anew under us
                with store.transaction(self._connection):
                    counters.begin(self._connection, self._clock())
                self._begun = True
        return self._connection

    def _write(self, connection: sqlite3.Connection, taken: Backlog) -> None:
        rows = list(taken.rows.items())
        packed = [(key, kept, pack(kept.text, key, kept.stamp)) for key, kept in rows]
        counts = dict(taken.counts)
        with store.transaction(connection):
            present = store.generation(connection)
            if taken.generation not in (-1, present):
                packed = []  # made before somebody cleared them away
            store.drop(connection, taken.broken)
            store.touch(connection, taken.used, self._clock())
            store.write(connection, packed)
            trimming.add_kept(connection, taken.files)
            for category in sorted({kept.category for _, kept, _ in packed}):
                removed = trimming.trim_rows(connection, self._settings, category)
                if removed:
                    counters.add(counts, self._clock(), category, Counts(evictions=removed))
            counters.write(connection, counts)
        with self._work:
            self._backlog.written(rows)
        if taken.generation != present:
            self._dropped(present)

    def _round(self, connection: sqlite3.Connection, thorough: bool) -> None:
        """Hold the bounds of age and size, in files and rows, and make the counts coarser."""
        now = self._clock()
        kept = None
        if thorough or self._new_files or time.monotonic() - self._files_at >= _FILES_S:
            with self._work:
                self._new_files = self._new_bytes = 0
            self._files_at = time.monotonic()
            kept = self._files.trim(now)
        counts: counters.Buckets = {}
        with store.transaction(connection):
            if kept is not None:
                trimming.write_kept(connection, kept)
            for category in CACHE_CATEGORIES:
                removed = kept[category][2] if kept else 0
                removed += trimming.drop_old_rows(connection, self._settings, category, now)
                removed += trimming.trim_rows(connection, self._settings, category)
                if removed:
                    counters.add(counts, now, category, Counts(evictions=removed))
            counters.write(connection, counts)
            counters.fold(connection, now)
        store.shrink(connection)

    def _leave(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
