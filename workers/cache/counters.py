"""What was asked of the cache and what it gave: counted in memory, added to the store in buckets of time.

Ten seconds a bucket, and a minute once it is older than the hour that finer ones serve.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass

BUCKET_S = 10
_COARSE_S = 60
_FINE_FOR_S = 3900
_KEPT_FOR_S = 25 * 3600

WINDOWS = {"1m": 60, "1h": 3600, "24h": 86_400}
START = "start"

_SUMS = "SUM(hits), SUM(misses), SUM(bytes), SUM(saved_s), SUM(evictions)"
_ADD = """SET hits = hits + excluded.hits, misses = misses + excluded.misses, bytes = bytes + excluded.bytes,
saved_s = saved_s + excluded.saved_s, evictions = evictions + excluded.evictions"""


@dataclass(frozen=True, slots=True)
class Counts:
    """What one span of time saw. `bytes` is what hits gave, `saved_s` the seconds that making it had taken."""

    hits: int = 0
    misses: int = 0
    bytes: int = 0
    saved_s: float = 0.0
    evictions: int = 0  # removed for their age or for lack of room

    @property
    def ratio(self) -> float | None:
        """The share of questions that were hits, 0 to 1; None when nothing was asked."""
        asked = self.hits + self.misses
        return self.hits / asked if asked else None

    def plus(self, other: Counts) -> Counts:
        """Both together."""
        return Counts(
            self.hits + other.hits,
            self.misses + other.misses,
            self.bytes + other.bytes,
            self.saved_s + other.saved_s,
            self.evictions + other.evictions,
        )


Buckets = dict[tuple[int, str], Counts]
"""What was counted, by the start of the bucket in seconds since the epoch, and category."""


def add(buckets: Buckets, now: float, category: str, counts: Counts) -> None:
    """Count something that happened now."""
    place = (int(now) // BUCKET_S * BUCKET_S, category)
    buckets[place] = buckets.get(place, Counts()).plus(counts)


def write(connection: sqlite3.Connection, buckets: Buckets) -> None:
    """Add what was counted to the store."""
    rows = [(at, name, c.hits, c.misses, c.bytes, c.saved_s, c.evictions) for (at, name), c in buckets.items()]
    connection.executemany(
        f"INSERT INTO counted VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (at, category) DO UPDATE {_ADD}", rows
    )
    connection.executemany(
        f"INSERT INTO since_start VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (category) DO UPDATE {_ADD}",
        [row[1:] for row in rows],
    )


def begin(connection: sqlite3.Connection, now: float) -> None:
    """A worker starts: count since now."""
    connection.execute("DELETE FROM since_start")
    connection.execute("INSERT OR REPLACE INTO meta VALUES ('started_at', ?)", (now,))


def begun(connection: sqlite3.Connection) -> bool:
    """Whether a worker counts in this store."""
    return connection.execute("SELECT 1 FROM meta WHERE name = 'started_at'").fetchone() is not None


def fold(connection: sqlite3.Connection, now: float) -> None:
    """Make minutes of old buckets, and forget the oldest."""
    before = int(now) // _COARSE_S * _COARSE_S - _FINE_FOR_S // _COARSE_S * _COARSE_S
    connection.execute(
        f"INSERT INTO counted SELECT at / {_COARSE_S} * {_COARSE_S}, category, {_SUMS} FROM counted "
        f"WHERE at < ? AND at % {_COARSE_S} <> 0 GROUP BY 1, 2 ON CONFLICT (at, category) DO UPDATE {_ADD}",
        (before,),
    )
    connection.execute(f"DELETE FROM counted WHERE at < ? AND at % {_COARSE_S} <> 0", (before,))
    connection.execute("DELETE FROM counted WHERE at < ?", (int(now) - _KEPT_FOR_S,))


def read(connection: sqlite3.Connection, now: float) -> Mapping[str, Mapping[str, Counts]]:
    """Counts by window and category. A window ends now and begins with a whole bucket, so it is never too short."""
    found: dict[str, Mapping[str, Counts]] = {}
    for name, span in WINDOWS.items():
        rows = connection.execute(
            f"SELECT category, {_SUMS} FROM counted WHERE at > ? AND at <= ? GROUP BY category",
            (int(now) - span - (BUCKET_S if span < _FINE_FOR_S else _COARSE_S), int(now)),
        )
        found[name] = {row[0]: Counts(*row[1:]) for row in rows}
    rows = connection.execute("SELECT category, hits, misses, bytes, saved_s, evictions FROM since_start")
    found[START] = {row[0]: Counts(*row[1:]) for row in rows}
    return found
