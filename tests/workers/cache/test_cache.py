from __future__ import annotations

import json
import os
import random
import sqlite3
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.workers.cache.conftest import STAMP, Clock, Open, asked, key, made
from workers.cache import store
from workers.cache.cache import Made, Need, ResultCache
from workers.cache.care import clear
from workers.cache.keys import Keys
from workers.settings import CacheSettings

TEXT = '{"width": 1920}'
LAYERS = [48, 0]
"""MiB of memory: with and without the memory layer."""


@pytest.mark.parametrize("memory_mib", LAYERS)
def test_what_was_made_once_is_a_hit_for_everybody(open_cache: Open, memory_mib: int) -> None:
    cache = open_cache(memory_mib=memory_mib)
    assert cache.ask(1, "metadata", asked(1, 2)) == [Need.MAKE, Need.MAKE]
    cache.put(1, "metadata", [made(1, TEXT), made(2, "[]")])
    assert cache.ask(2, "metadata", asked(2, 1, 3)) == ["[]", TEXT, Need.MAKE]
    assert cache.flush()
    assert cache.ask(3, "metadata", asked(1)) == [TEXT]


@pytest.mark.parametrize("text", ["{}", '{"title": "' + "é\udcff" * 2000 + '"}'])
def test_it_outlives_the_worker(open_cache: Open, text: str) -> None:
    first = open_cache()
    first.put(1, "quality", [made(1, text)])
    first.close()
    assert open_cache().ask(1, "quality", asked(1)) == [text]


@pytest.mark.parametrize("memory_mib", LAYERS)
def test_a_changed_file_is_a_miss_and_its_result_replaced(open_cache: Open, memory_mib: int) -> None:
    cache, other = open_cache(memory_mib=memory_mib), b"\1" * 16
    cache.put(1, "metadata", [made(1, "old")])
    cache.flush()
    assert cache.ask(1, "metadata", asked(1, stamp=other)) == [Need.MAKE]
    cache.put(1, "metadata", [made(1, "new", stamp=other)])
    cache.flush()
    assert cache.ask(1, "metadata", asked(1, stamp=other)) == ["new"]
    assert cache.ask(2, "metadata", asked(1)) == [Need.MAKE]
    assert cache.stats().entries == 1


def test_a_new_version_or_other_options_are_other_results(open_cache: Open) -> None:
    cache = open_cache()
    old, new = Keys("probe", 1, {"depth": "headers"}), Keys("probe", 2, {"depth": "headers"})
    cache.put(1, "metadata", [Made(old.of("/m/a"), STAMP, "/m/a", "old", 0.1)])
    assert cache.ask(1, "metadata", [(new.of("/m/a"), STAMP)]) == [Need.MAKE]
    assert cache.ask(1, "metadata", [(Keys("probe", 1, {"depth": "decoded"}).of("/m/a"), STAMP)]) == [Need.MAKE]
    assert cache.ask(1, "metadata", [(old.of("/m/a"), STAMP)]) == ["old"]


@pytest.mark.parametrize("memory_mib", LAYERS)
def test_what_is_too_old_is_a_miss(open_cache: Open, clock: Clock, memory_mib: int) -> None:
    cache = open_cache(memory_mib=memory_mib, ttl_hours={"metadata": 2})
    cache.put(1, "metadata", [made(1, TEXT)])
    cache.flush()
    clock.now += 7000
    assert cache.ask(1, "metadata", asked(1)) == [TEXT]  # used, and made as long ago as before
    clock.now += 300
    assert cache.ask(1, "metadata", asked(1)) == [Need.MAKE]
    assert cache.stats().entries == 0


def test_totals_follow_a_result_to_another_category(open_cache: Open) -> None:
    cache = open_cache()
    cache.put(1, "metadata", [made(1, TEXT)])
    cache.flush()
    cache.put(1, "quality", [made(1, TEXT * 9)])
    entries = {one.name: (one.entries, one.bytes > 0) for one in cache.stats().categories if one.entries or one.bytes}
    assert entries == {"quality": (1, True)}


def test_two_that_ask_the_same_make_it_once(open_cache: Open) -> None:
    cache = open_cache()
    assert cache.ask(1, "metadata", asked(1, 2)) == [Need.MAKE, Need.MAKE]
    assert cache.ask(2, "metadata", asked(1, 2, 3)) == [Need.WAIT, Need.WAIT, Need.MAKE]
    cache.put(1, "metadata", [made(1, TEXT)])
    assert cache.ask(2, "metadata", asked(1, 2)) == [TEXT, Need.WAIT]
    cache.give_up(1, [key(2)])
    assert cache.ask(2, "metadata", asked(2)) == [Need.MAKE]
    assert cache.ask(1, "metadata", asked(2, 3)) == [Need.WAIT, Need.WAIT]
    cache.release(2)
    assert cache.ask(1, "metadata", asked(2, 3)) == [Need.MAKE, Need.MAKE]
    start = next(one for one in cache.stats().categories if one.name == "metadata").spans["start"]
    assert (start.hits, start.misses) == (1, 6)  # waiting is neither


def test_many_threads_make_each_result_once(open_cache: Open) -> None:
    cache = open_cache()
    work, made_by = list(range(400)), []
    gate = threading.Barrier(6)

    def run(owner: int) -> None:
        left = work[owner * 60 :] + work[: owner * 60]
        gate.wait(10)
        while left:
            some = left[:25]
            answers = cache.ask(owner, "metadata", asked(*some))
            own = [number for number, answer in zip(some, answers, strict=True) if answer is Need.MAKE]
            made_by.extend(own)
            cache.put(owner, "metadata", [made(number, str(number)) for number in own])
            waiting = [number for number, answer in zip(some, answers, strict=True) if answer is Need.WAIT]
            for number, answer in zip(some, answers, strict=True):
                assert isinstance(answer, Need) or answer == str(number)
            left = left[25:] + waiting

    threads = [threading.Thread(target=run, args=(owner,)) for owner in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(made_by) == work
    assert cache.stats().entries == 400


def test_a_second_pass_over_unchanged_files_is_all_hits(open_cache: Open, tmp_path: Path) -> None:
    first = open_cache()
    numbers = range(2000)
    first.ask(1, "metadata", asked(*numbers))
    first.put(1, "metadata", [made(number, TEXT, cost=0.25) for number in numbers])
    first.release(1)
    first.close()
    cache = open_cache()
    assert all(answer == TEXT for answer in cache.ask(2, "metadata", asked(*numbers)))
    counts = cache.stats().together("start")
    assert counts.ratio == 1.0 and counts.saved_s == 500.0 and counts.bytes == 2000 * len(TEXT)


@pytest.mark.parametrize("memory_mib", LAYERS)
def test_clearing_beside_a_running_worker(open_cache: Open, tmp_path: Path, memory_mib: int) -> None:
    cache = open_cache(memory_mib=memory_mib)
    cache.put(1, "metadata", [made(1, TEXT)])
    cache.put(1, "quality", [made(2, TEXT)])
    cache.flush()
    assert clear(tmp_path / "cache", "metadata").entries == 1
    assert cache.ask(1, "metadata", asked(1)) == [Need.MAKE]
    assert cache.ask(1, "quality", asked(2)) == [TEXT]
    cache.put(1, "metadata", [made(1, "[]")])
    assert clear(tmp_path / "cache").entries >= 1
    assert cache.ask(1, "quality", asked(2)) == [Need.MAKE]
    cache.put(1, "quality", [made(2, "[]")])
    assert cache.stats().entries == 1


def broken_values(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE entry SET value = substr(value, 1, length(value) - 1) WHERE key = ?", (key(1),))
        connection.execute("UPDATE entry SET value = 7 WHERE key = ?", (key(2),))
    connection.close()


def test_a_broken_entry_is_a_miss_and_is_dropped(open_cache: Open, tmp_path: Path) -> None:
    cache = open_cache(memory_mib=0)
    cache.put(1, "metadata", [made(number, TEXT) for number in (1, 2, 3)])
    cache.flush()
    broken_values(store.database(tmp_path / "cache"))
    assert cache.ask(1, "metadata", asked(1, 2, 3)) == [Need.MAKE, Need.MAKE, TEXT]
    assert cache.stats().entries == 1
    cache.put(1, "metadata", [made(1, "[]")])
    cache.flush()
    assert cache.ask(1, "metadata", asked(1)) == ["[]"]


def test_a_bit_that_flips_anywhere_in_the_store_never_gives_a_wrong_result(open_cache: Open, tmp_path: Path) -> None:
    numbers = range(60)
    first = open_cache()
    first.put(1, "metadata", [made(number, json.dumps({"n": number, "x": "y" * 30})) for number in numbers])
    first.close()
    with sqlite3.connect(store.database(tmp_path / "cache")) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    connection.close()
    whole = store.database(tmp_path / "cache").read_bytes()
    chance = random.Random(1)
    for trial in range(60):
        data = bytearray(whole)
        for _ in range(20):
            data[chance.randrange(4096, len(data))] ^= 1 << chance.randrange(8)
        (tmp_path / f"{trial}").mkdir()
        store.database(tmp_path / f"{trial}").write_bytes(data)
        cache = ResultCache(tmp_path / f"{trial}", CacheSettings(memory_mib=0))  # not started: nobody mends the file
        answers = cache.ask(1, "metadata", asked(*numbers))
        cache.close()
        told = {number: answer for number, answer in zip(numbers, answers, strict=True) if isinstance(answer, str)}
        assert all(json.loads(answer)["n"] == number for number, answer in told.items())


def foreign(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE theirs (x)")
    connection.close()


def of_another_version(path: Path) -> None:
    ResultCacheFile(path).execute(f"PRAGMA user_version = {store.VERSION + 1}")


def without_a_table(path: Path) -> None:
    ResultCacheFile(path).execute("DROP TABLE counted")


class ResultCacheFile:
    """A store made by hand, to be spoiled."""

    def __init__(self, path: Path) -> None:
        store.connect(path, create=True).close()
        self.path = path

    def execute(self, statement: str) -> None:
        connection = sqlite3.connect(self.path)
        connection.execute(statement)
        connection.commit()
        connection.close()


def torn(path: Path) -> None:
    """A file whose first page is right and whose others are not."""
    ResultCacheFile(path)
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(os.urandom(size - 4096))


SPOILS: dict[str, Any] = {
    "garbage": lambda path: path.write_bytes(os.urandom(9000)),
    "empty": lambda path: path.write_bytes(b""),
    "foreign": foreign,
    "another version": of_another_version,
    "a table is missing": without_a_table,
    "torn": torn,
}


@pytest.mark.parametrize("how", SPOILS)
def test_a_store_of_no_use_is_set_aside_and_made_anew(open_cache: Open, tmp_path: Path, how: str) -> None:
    folder = tmp_path / "cache"
    folder.mkdir()
    SPOILS[how](store.database(folder))
    cache = open_cache()
    for number in range(4):  # whatever was lost on the way, some time it is kept
        assert cache.ask(1, "metadata", asked(number)) == [Need.MAKE]
        cache.put(1, "metadata", [made(number, TEXT)])
        cache.flush()
    cache.close()
    assert (folder / "cache.db.broken").exists()
    assert open_cache().ask(2, "metadata", asked(3)) == [TEXT]


def test_the_folder_may_vanish_while_the_worker_runs(open_cache: Open, tmp_path: Path) -> None:
    cache, folder = open_cache(), tmp_path / "cache"
    cache.put(1, "metadata", [made(1, TEXT)])
    cache.flush()
    for path in folder.iterdir():
        path.unlink()
    assert cache.ask(1, "metadata", asked(2)) == [Need.MAKE]
    cache.put(1, "metadata", [made(2, TEXT)])
    cache.flush()
    cache.close()
    assert open_cache().ask(2, "metadata", asked(2)) == [TEXT]


def test_a_folder_that_cannot_be_made_costs_no_result(open_cache: Open, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    cache = open_cache(tmp_path / "file" / "cache")
    assert cache.ask(1, "metadata", asked(1)) == [Need.MAKE]
    cache.put(1, "metadata", [made(1, TEXT)])
    assert cache.ask(2, "metadata", asked(1)) == [TEXT]  # by memory alone
    stats = cache.stats()
    assert (stats.entries, stats.bytes, stats.started_at) == (0, 0, None)
    cache.close()
    assert (tmp_path / "file").read_text() == "no folder"


def test_a_category_without_a_share_keeps_nothing_and_counts_nothing(open_cache: Open) -> None:
    cache = open_cache(share={"quality": 0})
    for category in ("quality", "unheard of"):
        assert cache.ask(1, category, asked(1)) == [Need.MAKE]
        cache.put(1, category, [made(1, TEXT)])
        assert cache.ask(2, category, asked(1)) == [Need.MAKE]
    stats = cache.stats()
    assert stats.entries == 0 and stats.together("start").ratio is None


def test_a_closed_cache_answers_still(open_cache: Open) -> None:
    cache = open_cache()
    cache.put(1, "metadata", [made(1, TEXT)])
    cache.close()
    assert cache.ask(2, "metadata", asked(1)) == [TEXT]
    cache.close()


def test_one_that_was_never_started_closes(tmp_path: Path, open_cache: Open) -> None:
    from workers.settings import CacheSettings

    cache = ResultCache(tmp_path / "other", CacheSettings())
    assert cache.ask(1, "metadata", asked(1)) == [Need.MAKE]
    cache.close()


def test_a_full_disk_costs_what_was_to_be_kept_and_nothing_else(
    open_cache: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = open_cache()

    def full(*_: object) -> None:
        error = sqlite3.OperationalError("database or disk is full")
        error.sqlite_errorcode = sqlite3.SQLITE_FULL
        raise error

    with monkeypatch.context() as disk:
        disk.setattr(store, "write", full)
        cache.ask(1, "metadata", asked(1))
        cache.put(1, "metadata", [made(1, TEXT)])
        cache.flush()
        assert cache.ask(2, "metadata", asked(1)) == [TEXT]  # from memory
    cache.put(1, "metadata", [made(2, TEXT)])
    stats = cache.stats()
    assert stats.entries == 1  # the second; the first was lost
    counts = stats.together("start")
    assert (counts.hits, counts.misses) == (1, 1)  # counted later, and once
