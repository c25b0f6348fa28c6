"""What the result cache costs: questions and answers for 10,000 files, beside a plain dict and plain sqlite3.

`python -m tests.bench.cache [ROUNDS]` asks 500 keys at a time, as jobs do, interleaved round by round. The peers do
less: they check no age, count nothing, compress nothing, and serve one thread.
"""

from __future__ import annotations

import json
import os
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from workers.cache.cache import Made, Need, ResultCache
from workers.cache.keys import Keys, stamp_of
from workers.settings import CacheSettings

FILES = 10_000
ASKED = 500
HARD_MS = {"memory": 3.0, "store": 5.0}  # for 500 keys
DETAIL = json.dumps(
    {
        "streams": [
            {
                "kind": "video",
                "codec": "h264",
                "width": 1920,
                "height": 1080,
                "rate": "25/1",
                "bits": 8,
                "index": number,
            }
            for number in range(6)
        ],
        "tags": {"title": "A film of some length", "encoder": "Lavf61.7.100"},
    }
)
Pairs = list[tuple[bytes, bytes]]
Ask = Callable[[Pairs], Sequence[object]]


def _pairs() -> Pairs:
    keys = Keys("probe", 1, {"depth": "headers"})
    return [(keys.of(f"/srv/media/films/{number:06}.mkv"), os.urandom(16)) for number in range(FILES)]


def _cache(folder: Path, memory_mib: int) -> ResultCache:
    cache = ResultCache(folder, CacheSettings(memory_mib=memory_mib))
    cache.start()
    cache.flush()
    return cache


def _by_dict(kept: dict[bytes, tuple[bytes, str]]) -> Ask:
    def ask(pairs: Pairs) -> Sequence[object]:
        found = ((stamp, kept.get(key)) for key, stamp in pairs)
        return [one[1] if one is not None and one[0] == stamp else None for stamp, one in found]

    return ask


def _by_sqlite(connection: sqlite3.Connection) -> Ask:
    def ask(pairs: Pairs) -> Sequence[object]:
        found = []
        for key, stamp in pairs:
            row = connection.execute("SELECT stamp, value FROM kept WHERE key = ?", (key,)).fetchone()
            found.append(row[1] if row is not None and row[0] == stamp else None)
        return found

    return ask


def _by_cache(cache: ResultCache) -> Ask:
    def ask(pairs: Pairs) -> Sequence[object]:
        return [None if isinstance(one, Need) else one for one in cache.ask(1, "metadata", pairs)]

    return ask


def _sqlite(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("CREATE TABLE kept (key BLOB PRIMARY KEY, stamp BLOB, value TEXT)")
    return connection


def _questions(ways: dict[str, Ask], pairs: Pairs, rounds: int) -> None:
    spans: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    order = list(ways.items())
    for turn in range(rounds):
        for name, ask in order[turn % len(order) :] + order[: turn % len(order)]:
            for start in range(0, FILES, ASKED):
                began, used = time.perf_counter(), time.process_time()
                answers = ask(pairs[start : start + ASKED])
                spans[name].append((time.perf_counter() - began, time.process_time() - used))
                assert None not in answers, name
    print(f"{FILES:,} files, all kept, {len(DETAIL)} bytes each, {ASKED} asked at once, {rounds} rounds")
    print(f"  {'':22} {'wall ms':>9} {'CPU ms':>9} {'all files':>12}")
    for name, values in spans.items():
        wall, used = (statistics.median(column) * 1000 for column in zip(*values, strict=True))
        hard = HARD_MS.get(name.split()[-1])
        verdict = f"   hard {hard:g} ms of CPU: {'met' if used <= hard else 'MISSED'}" if hard else ""
        print(f"  {name:22} {wall:9.2f} {used:9.2f} {wall * FILES / ASKED:9.0f} ms{verdict}")


def _puts(cache: ResultCache, connection: sqlite3.Connection, pairs: Pairs) -> None:
    made = [Made(key, stamp, "/srv/media/film.mkv", DETAIL, 0.02) for key, stamp in pairs]
    began = time.perf_counter()
    for start in range(0, FILES, ASKED):
        cache.put(1, "metadata", made[start : start + ASKED])
    seen = time.perf_counter()
    cache.flush()
    written = time.perf_counter()
    for start in range(0, FILES, ASKED):
        rows = [(key, stamp, DETAIL) for key, stamp in pairs[start : start + ASKED]]
        connection.executemany("INSERT OR REPLACE INTO kept VALUES (?, ?, ?)", rows)
        connection.commit()
    peer = time.perf_counter() - written
    print(f"{FILES:,} results put: seen after {(seen - began) * 1000:.0f} ms, written after ", end="")
    print(f"{(written - began) * 1000:.0f} ms; plain sqlite3 {peer * 1000:.0f} ms")


def _fingerprints(folder: Path) -> None:
    path = folder / "film.mkv"
    path.write_bytes(b"film")
    keys = Keys("probe", 1, {"depth": "headers"})
    began = time.perf_counter()
    for number in range(FILES):
        keys.of(f"/srv/media/films/{number:06}.mkv")
    middle = time.perf_counter()
    for _ in range(FILES):
        stamp_of(path)
    ended = time.perf_counter()
    each = 1e6 / FILES
    print(f"a key {(middle - began) * each:.2f} us, a stamp {(ended - middle) * each:.2f} us")


def main() -> None:
    """Print all figures."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    pairs = _pairs()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _fingerprints(folder)
        memory, connection = _cache(folder / "cache", 48), _sqlite(folder / "peer.db")
        _puts(memory, connection, pairs)
        store = _cache(folder / "cache", 0)
        ways = {
            "plain dict": _by_dict({key: (stamp, DETAIL) for key, stamp in pairs}),
            "cache, memory": _by_cache(memory),
            "plain sqlite3": _by_sqlite(connection),
            "cache, store": _by_cache(store),
        }
        _questions(ways, pairs, rounds)
        store.close()
        memory.close()
        connection.close()


if __name__ == "__main__":
    main()
