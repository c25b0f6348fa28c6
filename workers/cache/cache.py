"""The result cache of a worker: what pure functions gave, by what they were asked about what file as it was.

Two layers: memory, and an SQLite file beside folders of kept files. Whatever is wrong with the disk is a miss. Safe
for many threads; one lock guards what is in memory, and no disk is touched while it is held.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from threading import Lock
from typing import Final, NamedTuple

from workers.cache import store
from workers.cache.backlog import Backlog
from workers.cache.counters import Counts
from workers.cache.figures import CacheStats, read_stats
from workers.cache.flights import Flights, Need
from workers.cache.memory import Kept, Memory
from workers.cache.packing import Broken, unpack
from workers.cache.readers import Readers
from workers.cache.writer import Writer
from workers.settings import CacheSettings

__all__ = ["Made", "Need", "ResultCache"]

_TOUCH_S: Final = 600.0  # a use is noted when the last noted one is so long ago
_SHARE_OF_ONE: Final = 8  # one result may take 1/8 of its category's room
_PACKS_TO: Final = 2  # at least so much smaller does a long result become


class Made(NamedTuple):
    """A result to keep: its key and stamp, the input that it belongs to, its JSON text, the seconds it took."""

    key: bytes
    stamp: bytes
    path: str
    detail: str
    cost_s: float


class ResultCache:
    """Ask, make what is missing, put it. `owner` is the job that asks."""

    def __init__(self, folder: Path, settings: CacheSettings, *, clock: Callable[[], float] = time.time) -> None:
        self._folder, self._settings, self._clock = folder, settings, clock
        self._lock = Lock()
        self._memory = Memory(settings.memory_mib << 20)
        self._flights = Flights()
        self._backlog = Backlog()
        self._readers = Readers(store.database(folder))
        self._writer = Writer(folder, settings, self._backlog, self._lock, dropped=self._dropped, clock=clock)

    def start(self) -> None:
        """Make the store when there is none, and start the thread that writes."""
        self._writer.start()

    def close(self) -> None:
        """Write what is left."""
        self._writer.stop()
        self._readers.renew()

    # ---------------------------------------------------------------- asking

    def ask(self, owner: int, category: str, asked: Sequence[tuple[bytes, bytes]]) -> list[str | Need]:
        """For each (key, stamp): the kept detail; MAKE, and it is noted that `owner` makes it; or WAIT, and ask again.

        Hits and misses are counted here; waiting is neither.
        """
        if not self._settings.limit_bytes(category):
            return [Need.MAKE] * len(asked)
        now = self._clock()
        oldest = now - self._settings.ttl_s(category)
        generation = self._look()
        with self._lock:
            known = [self._remembered(key, stamp, oldest) for key, stamp in asked]
            # Nobody looks in the store for what another owner is making.
            sought = [
                pair
                for pair, kept in zip(asked, known, strict=True)
                if kept is None and not self._flights.waits(owner, *pair)
            ]
        read = self._read(category, sought, oldest) if sought else {}
        answers: list[str | Need] = []
        hits = misses = size = 0
        saved = 0.0
        with self._lock:
            fresh = generation is not None and generation == self._backlog.generation
            for (key, stamp), kept in zip(asked, known, strict=True):
                if kept is None and (kept := read.get(key)) is not None and kept.stamp == stamp and fresh:
                    self._memory.put(key, kept)
                kept = kept or self._remembered(key, stamp, oldest)  # it may have been put since
                if kept is not None:
                    self._use(key, kept, now)
                    answers.append(kept.text)
                    hits, size, saved = hits + 1, size + len(kept.text), saved + kept.cost
                elif self._flights.waits(owner, key, stamp):
                    answers.append(Need.WAIT)
                else:
                    misses += self._flights.begin(owner, key, stamp)
                    answers.append(Need.MAKE)
            self._count(category, Counts(hits, misses, size, saved))
        return answers

    def _remembered(self, key: bytes, stamp: bytes, oldest: float) -> Kept | None:
        kept = self._memory.get(key) or self._backlog.rows.get(key)
        return kept if kept is not None and kept.stamp == stamp and kept.made_at >= oldest else None

    def _use(self, key: bytes, kept: Kept, now: float) -> None:
        if now - kept.used_at > _TOUCH_S:
            kept.used_at = now
            self._backlog.used.add(key)

    def _count(self, category: str, counts: Counts) -> None:
        if counts != Counts():
            idle = not self._backlog.any
            self._backlog.count(self._clock(), category, counts)
            if idle:
                self._writer.notify()  # it has to know how long to wait

    def _look(self) -> int | None:
        """Forget what others dropped since the last look; the store's generation, None when it cannot tell."""
        replaced = self._readers.other_file()
        generation = self._readers.ask(store.generation)
        if replaced or self._readers.spoiled or generation not in (None, self._backlog.generation):
            with self._lock:
                if replaced or self._readers.spoiled:
                    self._writer.renew(spoiled=self._readers.spoiled)
                self._forget(self._backlog.generation if generation is None else generation, replaced)
        return generation

    def _forget(self, generation: int, replaced: bool = False) -> None:
        """Others dropped entries, or the store is another one; nothing to forget at the first look at it."""
        if replaced or (generation != self._backlog.generation and self._backlog.generation >= 0):
            self._memory.clear()
            self._backlog.forget_rows()
        self._backlog.generation = generation

    def _dropped(self, generation: int) -> None:
        with self._lock:
            self._forget(generation)

    def _read(self, category: str, sought: Sequence[tuple[bytes, bytes]], oldest: float) -> Mapping[bytes, Kept]:
        """What the store has for these, as far as it counts; a broken entry is none, and is dropped."""
        stamps = dict(sought)
        rows = self._readers.ask(lambda connection: list(store.read(connection, list(stamps)))) or []
        found: dict[bytes, Kept] = {}
        broken: list[bytes] = []
        for key, stamp, value, cost, made_at, used_at in rows:
            try:
                if stamps.get(key) == stamp and made_at >= oldest:
                    text = unpack(value, key, stamp)
                    found[key] = Kept(category, stamp, "", text, float(cost), made_at, float(used_at))
            except (Broken, TypeError, ValueError):
                broken.append(key)
        if broken:
            with self._lock:
                self._backlog.broken.update(broken)
                self._writer.notify()
        return found

    # ---------------------------------------------------------------- keeping

    def put(self, owner: int, category: str, made: Sequence[Made]) -> None:
        """Keep results: seen by everybody at once, written soon."""
        now = self._clock()
        most = self._settings.limit_bytes(category) // _SHARE_OF_ONE * _PACKS_TO
        with self._lock:
            for one in made:
                if len(one.detail) <= most:
                    kept = Kept(category, one.stamp, one.path, one.detail, one.cost_s, now, now)
                    self._memory.put(one.key, kept)
                    self._backlog.put(one.key, kept)
            self._flights.end(owner, [one.key for one in made])
            self._writer.notify()

    def give_up(self, owner: int, keys: Sequence[bytes]) -> None:
        """These failed: whoever asks next makes them."""
        with self._lock:
            self._flights.end(owner, keys)

    def release(self, owner: int) -> None:
        """The job has left: it makes nothing more."""
        with self._lock:
            self._flights.release(owner)

    def note_files(self, category: str, *, hits: int, misses: int, bytes: int, saved_s: float) -> None:
        """What item processes did with kept files. `bytes` is what hits gave; without a hit, what was kept anew."""
        with self._lock:
            if misses:
                self._writer.new_files(misses, 0 if hits else bytes)
                if bytes and not hits:
                    self._backlog.new_files(category, misses, bytes)
            self._count(category, Counts(hits, misses, bytes if hits else 0, saved_s))

    # ---------------------------------------------------------------- figures

    def flush(self) -> bool:
        """Wait until all that was put is written and the bounds hold; False when that took too long."""
        return self._writer.flush()

    def stats(self) -> CacheStats:
        """What is kept, and what was asked and given."""
        self.flush()
        return read_stats(self._folder, self._settings, now_s=self._clock())
