from __future__ import annotations

import os
import random
import time
from pathlib import Path

import pytest

from tests.workers.cache.conftest import STAMP, Clock, Open, asked, key, made
from workers.cache.cache import Need, ResultCache
from workers.cache.figures import read_stats
from workers.cache.files import entry_path, keep
from workers.cache.trimming import FileTrimmer
from workers.settings import CacheSettings

MIB = 1 << 20


def noise(number: int, size: int) -> str:
    """A text that takes about so many bytes when it is packed."""
    return random.Random(number).randbytes(size).hex()


def kept(cache: ResultCache, category: str, numbers: range) -> list[int]:
    answers = cache.ask(9, category, asked(*numbers))
    cache.release(9)
    return [number for number, answer in zip(numbers, answers, strict=True) if not isinstance(answer, Need)]


def test_a_category_keeps_to_its_share_and_the_least_used_goes_first(open_cache: Open, clock: Clock) -> None:
    cache = open_cache(size_mib=10, memory_mib=0, share={"metadata": 10})
    for number in range(8):
        cache.put(1, "metadata", [made(number, noise(number, 100_000))])
        clock.now += 1000
    cache.put(1, "quality", [made(100, noise(100, 50_000))])
    cache.flush()
    assert kept(cache, "metadata", range(3)) == [0, 1, 2]  # used later than the others
    cache.flush()
    for number in range(8, 24):
        clock.now += 1000
        cache.put(1, "metadata", [made(number, noise(number, 100_000))])
        cache.flush()
        stats = next(one for one in cache.stats().categories if one.name == "metadata")
        assert stats.bytes <= stats.limit_bytes == MIB
        if number == 11:
            left = kept(cache, "metadata", range(8))
            assert left[:3] == [0, 1, 2] and 3 not in left
    assert 23 in kept(cache, "metadata", range(24))
    assert cache.ask(1, "quality", asked(100)) != [Need.MAKE]  # another category's share is not touched
    stats = next(one for one in cache.stats().categories if one.name == "metadata")
    assert stats.spans["start"].evictions == 24 - stats.entries > 0


def test_a_result_larger_than_its_part_of_the_share_pushes_nothing_out(open_cache: Open) -> None:
    cache = open_cache(size_mib=10, share={"metadata": 10})
    cache.put(1, "metadata", [made(1)])
    cache.put(1, "metadata", [made(2, noise(2, MIB // 2))])
    assert kept(cache, "metadata", range(1, 3)) == [1]


def make(folder: Path, number: int, size: int, category: str = "thumbnail", used_at: float = 0) -> Path:
    source = folder / "source"
    source.write_bytes(random.Random(number).randbytes(size))
    assert keep(folder, category, key(number), STAMP, {}, source, 0.1)
    path = entry_path(folder, category, key(number))
    if used_at:
        os.utime(path, (used_at, used_at))
    return path


def test_kept_files_keep_to_their_share(tmp_path: Path) -> None:
    paths = [make(tmp_path, number, 100_000, used_at=1000 + number) for number in range(15)]
    make(tmp_path, 99, 100_000, "conversion")
    os.utime(paths[0], (5000, 5000))
    settings = CacheSettings.model_validate({"size_mib": 4, "share": {"thumbnail": 25, "conversion": 25}})
    now = os.stat(tmp_path).st_mtime
    done = FileTrimmer(tmp_path, settings).trim(now)
    entries, size, removed = done["thumbnail"]
    assert size <= MIB and entries + removed == 15 and removed > 0
    assert paths[0].exists() and not paths[1].exists() and paths[14].exists()
    assert done["conversion"][0] == 1 and done["metadata"] == (0, 0, 0)


def test_what_alone_fills_half_of_the_share_goes_before_the_others(tmp_path: Path) -> None:
    small, large = make(tmp_path, 1, 1000, used_at=1000), make(tmp_path, 2, 600_000, used_at=2000)
    settings = CacheSettings.model_validate({"size_mib": 4, "share": {"thumbnail": 25}})
    assert FileTrimmer(tmp_path, settings).trim(os.stat(tmp_path).st_mtime)["thumbnail"][2] == 1
    assert small.exists() and not large.exists()


def test_files_grow_too_old_however_often_they_are_used(tmp_path: Path) -> None:
    path = make(tmp_path, 1, 1000)
    trimmer = FileTrimmer(tmp_path, CacheSettings.model_validate({"ttl_hours": {"thumbnail": 2}}))
    now = path.stat().st_mtime
    for later, left in ((0, 1), (7000, 1), (7500, 0)):
        if path.exists():
            os.utime(path, (now + later, now + later))
        assert trimmer.trim(now + later)["thumbnail"][0] == left
    again = make(tmp_path, 1, 1000)  # made anew under the same name
    assert trimmer.trim(again.stat().st_mtime)["thumbnail"][0] == 1


def test_half_written_and_strange_files(tmp_path: Path) -> None:
    path = make(tmp_path, 1, 1000)
    old, fresh = path.with_name(".new-old"), path.with_name(".new-fresh")
    for left in (old, fresh):
        left.write_bytes(b"half")
    now = path.stat().st_mtime
    os.utime(old, (now - 4000, now - 4000))
    (path.parent / "no-container").write_bytes(b"what is this")
    (tmp_path / "files/thumbnail/readme").write_bytes(b"nothing of ours")
    done = FileTrimmer(tmp_path, CacheSettings()).trim(now)
    assert done["thumbnail"][0] == 1 and done["thumbnail"][2] == 1
    assert not old.exists() and fresh.exists() and path.exists()


def test_what_a_killed_clear_left_is_removed(tmp_path: Path) -> None:
    left = tmp_path / "files" / ".cleared-thumbnail-1234"
    (left / "ab").mkdir(parents=True)
    (left / "ab" / "kept").write_bytes(b"x")
    good = make(tmp_path, 1, 100)
    FileTrimmer(tmp_path, CacheSettings()).trim(time.time())
    assert not left.exists() and good.exists()


def test_the_worker_trims_files_and_tells_of_them(open_cache: Open, tmp_path: Path, clock: Clock) -> None:
    folder = tmp_path / "cache"
    folder.mkdir()
    path = make(folder, 1, 100_000)
    clock.now = path.stat().st_mtime
    cache = open_cache(size_mib=4, share={"thumbnail": 25})
    thumbnail = next(one for one in cache.stats().categories if one.name == "thumbnail")
    assert thumbnail.entries == 1 and 100_000 < thumbnail.bytes < 110_000
    for number in range(2, 20):
        make(folder, number, 100_000)
    cache.note_files("thumbnail", hits=1, misses=0, bytes=100_000, saved_s=2.0)
    cache.note_files("thumbnail", hits=0, misses=18, bytes=1_800_000, saved_s=0.0)
    thumbnail = next(one for one in cache.stats().categories if one.name == "thumbnail")
    assert thumbnail.bytes <= MIB and thumbnail.spans["1m"].evictions == 19 - thumbnail.entries
    counts = thumbnail.spans["1m"]
    assert (counts.hits, counts.misses, counts.bytes, counts.saved_s) == (1, 18, 100_000, 2.0)


def test_new_files_are_told_before_anybody_has_counted_them(
    open_cache: Open, tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = open_cache()
    monkeypatch.setattr(FileTrimmer, "trim", lambda self, now: pytest.fail("counted"))
    cache.note_files("thumbnail", hits=0, misses=1, bytes=1000, saved_s=0.0)
    cache.note_files("thumbnail", hits=0, misses=1, bytes=0, saved_s=0.0)  # it could not be kept
    cache.close()
    stats = read_stats(tmp_path / "cache", CacheSettings(), now_s=clock.now)
    assert [(one.name, one.entries, one.bytes) for one in stats.categories if one.entries] == [("thumbnail", 1, 1000)]
