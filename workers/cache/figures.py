"""What the cache holds and how it fares, read from its store by anybody: the command line, the console, the worker."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from workers.cache import counters, store
from workers.cache.counters import START, WINDOWS, Counts
from workers.errors import StoreError
from workers.settings import CACHE_CATEGORIES, CacheSettings
from workers.wording import words_of

__all__ = ["SPANS", "CacheStats", "CategoryStats", "Counts", "read_stats"]

SPANS = (*WINDOWS, START)
"""Names of the spans of time that are counted: 1m, 1h, 24h, and since the worker's start."""


@dataclass(frozen=True, slots=True)
class CategoryStats:
    """One category: what is kept, within what bounds, and what each span of time saw."""

    name: str
    entries: int
    bytes: int  # on disk, about
    limit_bytes: int
    ttl_s: float
    spans: Mapping[str, Counts] = field(default_factory=lambda: dict.fromkeys(SPANS, Counts()))

    def as_dict(self) -> dict[str, Any]:
        """As JSON has it; a ratio is null when nothing was asked."""
        spans = {name: {**asdict(counts), "ratio": counts.ratio} for name, counts in self.spans.items()}
        return {**{name: getattr(self, name) for name in ("name", "entries", "bytes", "limit_bytes", "ttl_s")}, **spans}


@dataclass(frozen=True, slots=True)
class CacheStats:
    """Every category. `started_at` is when the newest worker began to count, in seconds since the epoch."""

    categories: tuple[CategoryStats, ...]
    limit_bytes: int
    started_at: float | None = None
    problem: str = ""  # why nothing can be told

    @property
    def entries(self) -> int:
        """Results and files that are kept."""
        return sum(category.entries for category in self.categories)

    @property
    def bytes(self) -> int:
        """What they take on disk, about."""
        return sum(category.bytes for category in self.categories)

    def together(self, span: str) -> Counts:
        """The counts of all categories in one span of time."""
        counts = Counts()
        for category in self.categories:
            counts = counts.plus(category.spans[span])
        return counts


def read_stats(
    folder: Path,
    settings: CacheSettings,
    *,
    now_s: float | None = None,
    connect: Callable[[Path], sqlite3.Connection] = store.connect,
) -> CacheStats:
    """The figures as they were last written, at most seconds ago. Never raises: `problem` says what is wrong.

    `connect` opens the store; another way than its own is for those who must not write to it.
    """
    path = store.database(folder)
    if not os.path.lexists(path):
        return _stats(settings, {}, {}, None)
    try:
        with contextlib.closing(connect(path)) as connection:
            connection.execute("BEGIN")
            rows, kept = store.totals(connection), store.totals(connection, "kept")
            entries = {name: _sum(rows.get(name), kept.get(name)) for name in {*rows, *kept}}
            spans = counters.read(connection, time.time() if now_s is None else now_s)
            started = connection.execute("SELECT value FROM meta WHERE name = 'started_at'").fetchone()
            return _stats(settings, entries, spans, started[0] if started else None)
    except (sqlite3.Error, store.Foreign, StoreError, OSError) as error:
        said = words_of(error) if isinstance(error, (sqlite3.Error, OSError)) else str(error)
        todo = "; `spool cache verify` sets it aside and begins anew" if store.spoiled(error) else ""
        return _stats(settings, {}, {}, None, f"{path} cannot be read: {said}{todo}")


def _sum(first: tuple[int, int] | None, second: tuple[int, int] | None) -> tuple[int, int]:
    one, other = first or (0, 0), second or (0, 0)
    return one[0] + other[0], one[1] + other[1]


def _stats(
    settings: CacheSettings,
    entries: Mapping[str, tuple[int, int]],
    spans: Mapping[str, Mapping[str, Counts]],
    started_at: float | None,
    problem: str = "",
) -> CacheStats:
    categories = [
        CategoryStats(
            name,
            *entries.get(name, (0, 0)),
            settings.limit_bytes(name),
            settings.ttl_s(name),
            {span: spans.get(span, {}).get(name, Counts()) for span in SPANS},
        )
        for name in CACHE_CATEGORIES
    ]
    return CacheStats(tuple(categories), settings.size_mib << 20, started_at, problem)
