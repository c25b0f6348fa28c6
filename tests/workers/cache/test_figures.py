from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.workers.cache.conftest import Clock, Open, asked, made
from workers.cache import counters, store
from workers.cache.counters import Buckets, Counts
from workers.cache.figures import SPANS, read_stats
from workers.settings import CACHE_CATEGORIES, CacheSettings

NOW = 1_790_000_000


def test_without_a_cache_nothing_is_made_up(tmp_path: Path) -> None:
    stats = read_stats(tmp_path / "none", CacheSettings())
    assert [one.name for one in stats.categories] == list(CACHE_CATEGORIES)
    assert (stats.entries, stats.bytes, stats.started_at, stats.problem) == (0, 0, None, "")
    assert {span: stats.together(span).ratio for span in SPANS} == dict.fromkeys(SPANS)
    assert not (tmp_path / "none").exists()  # looking makes nothing


def test_what_cannot_be_read_is_told(tmp_path: Path) -> None:
    store.database(tmp_path).write_bytes(b"garbage" * 999)
    stats = read_stats(tmp_path, CacheSettings())
    assert "cannot be read" in stats.problem and stats.entries == 0
    assert store.database(tmp_path).exists()


def test_windows_forget_and_the_start_does_not(open_cache: Open, clock: Clock) -> None:
    cache = open_cache()
    cache.ask(1, "metadata", asked(1))
    cache.put(1, "metadata", [made(1, '{"a": 1}', cost=2.5)])
    cache.ask(1, "metadata", asked(1))
    shown = []
    for later in (0, 120, 4000, 90_000):
        clock.now = NOW + later
        spans = next(one for one in cache.stats().categories if one.name == "metadata").spans
        shown.append([spans[name].hits for name in SPANS])
        assert spans["start"] == Counts(1, 1, 8, 2.5)
    assert shown == [[1, 1, 1, 1], [0, 1, 1, 1], [0, 0, 1, 1], [0, 0, 0, 1]]


def test_a_new_worker_counts_from_its_start(open_cache: Open, clock: Clock) -> None:
    first = open_cache()
    first.ask(1, "metadata", asked(1))
    first.close()
    clock.now += 30
    stats = open_cache().stats()
    assert stats.started_at == clock.now
    assert stats.together("start") == Counts() and stats.together("1m").misses == 1


def test_a_store_that_was_made_anew_is_counted_from_then_on(open_cache: Open, tmp_path: Path, clock: Clock) -> None:
    cache = open_cache()
    assert cache.stats().started_at == clock.now
    shutil.rmtree(tmp_path / "cache")
    clock.now += 60
    cache.ask(1, "metadata", asked(1))
    assert cache.flush()
    assert cache.stats().started_at == clock.now
    assert cache.stats().together("start").misses == 1


def test_others_read_while_the_worker_runs(open_cache: Open, tmp_path: Path, clock: Clock) -> None:
    cache = open_cache(size_mib=100, share={"metadata": 10})
    cache.put(1, "metadata", [made(number) for number in range(5)])
    cache.ask(1, "metadata", asked(1, 2, 9))
    cache.flush()
    settings = CacheSettings.model_validate({"size_mib": 100, "share": {"metadata": 10}})
    stats = read_stats(tmp_path / "cache", settings, now_s=clock.now)
    metadata = stats.categories[0]
    assert (metadata.name, metadata.entries, metadata.limit_bytes) == ("metadata", 5, 10 << 20)
    assert metadata.spans["1m"].ratio == pytest.approx(2 / 3) == metadata.as_dict()["1m"]["ratio"]


events = st.lists(
    st.tuples(st.integers(0, 100_000), st.sampled_from(["metadata", "quality"]), st.integers(1, 5)), max_size=40
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(events=events)
def test_folding_loses_nothing_of_the_last_day(tmp_path: Path, events: list[tuple[int, str, int]]) -> None:
    connection = store.connect(tmp_path / "cache.db", create=True)  # the same one for all examples
    with store.transaction(connection):
        connection.execute("DELETE FROM counted")
        connection.execute("DELETE FROM since_start")
        for before, category, hits in events:
            buckets: Buckets = {}
            counters.add(buckets, NOW - before, category, Counts(hits=hits, saved_s=0.5))
            counters.write(connection, buckets)
        counters.fold(connection, NOW)
        counters.fold(connection, NOW)
    read = counters.read(connection, NOW)
    rows = connection.execute("SELECT COUNT(*) FROM counted").fetchone()[0]
    connection.close()
    assert rows <= len(events)
    for name, span in counters.WINDOWS.items():
        for category in ("metadata", "quality"):
            inside = sum(hits for before, one, hits in events if one == category and before <= span)
            around = sum(hits for before, one, hits in events if one == category and before <= span + 70)
            assert inside <= read[name].get(category, Counts()).hits <= around
    assert sum(counts.hits for counts in read["start"].values()) == sum(hits for _, _, hits in events)
