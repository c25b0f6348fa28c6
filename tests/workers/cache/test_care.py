from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import pytest

from tests.workers.cache.conftest import STAMP, Clock, Open, asked, key, made
from workers.cache import store
from workers.cache.cache import Need
from workers.cache.care import Cleared, Verified, clear, verify
from workers.cache.files import entry_path, keep
from workers.cache.keys import content_stamp, stamp_of
from workers.errors import StoreError
from workers.settings import CacheSettings


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "cache").mkdir()
    return tmp_path / "cache"


def keep_file(folder: Path, number: int, category: str = "thumbnail") -> Path:
    source = folder / "source"
    source.write_bytes(os.urandom(1000))
    assert keep(folder, category, key(number), STAMP, {}, source, 0.1)
    return entry_path(folder, category, key(number))


def test_verify_drops_what_is_of_no_use_and_nothing_else(
    open_cache: Open, folder: Path, tmp_path: Path, clock: Clock
) -> None:
    import time

    clock.now = time.time()  # verify is another process, with the clock of the machine
    cache = open_cache(memory_mib=0)
    paths = [tmp_path / f"{number}.mkv" for number in range(5)]
    for path in paths:
        path.write_bytes(os.urandom(100))
    for number, path in enumerate(paths):
        stamp = content_stamp(path) if number in (3, 4) else stamp_of(path)
        cache.put(1, "metadata", [made(number, str(number), stamp=stamp, path=str(path))])
    cache.put(1, "download_info", [made(10, "address", path="https://example.org/a")])
    cache.put(1, "metadata", [made(11, "broken", path=str(paths[0]), stamp=stamp_of(paths[0]))])
    clock.now -= 8000
    cache.put(1, "download_info", [made(12, "old", path="https://example.org/b")])
    clock.now += 8000
    cache.flush()
    paths[1].write_bytes(b"changed")
    paths[2].unlink()
    os.utime(paths[3], (1, 1))  # its bytes are the same
    paths[4].write_bytes(b"changed")
    with sqlite3.connect(store.database(folder)) as connection:
        connection.execute("UPDATE entry SET value = x'5000000000' || 'x' WHERE key = ?", (key(11),))
        connection.execute("UPDATE entry SET made_at = made_at - 8000 WHERE key = ?", (key(10),))
        connection.execute("UPDATE entry SET made_at = ? WHERE key = ?", (clock.now, key(10)))
    connection.close()
    good, bad = keep_file(folder, 20), keep_file(folder, 21)
    data = bytearray(bad.read_bytes())
    data[-1] ^= 1
    bad.write_bytes(data)
    told: list[int] = []
    found = verify(folder, CacheSettings(), pulse=lambda so_far: told.append(so_far.results))
    # The old one was dropped by the worker at its flush already.
    assert found == Verified(results=7, files=2, gone=1, changed=2, expired=0, broken=2)
    assert found.dropped == 5 and told[-1] == 7
    assert good.exists() and not bad.exists()
    stamps = {0: stamp_of(paths[0]), 3: content_stamp(paths[3])}
    assert [cache.ask(2, "metadata", asked(number, stamp=stamp)) for number, stamp in stamps.items()] == [["0"], ["3"]]
    assert cache.ask(2, "download_info", asked(10)) == ["address"]
    assert verify(folder, CacheSettings()) == Verified(results=3, files=1)


def test_verify_drops_kept_files_of_inputs_that_are_gone_or_have_changed(folder: Path, tmp_path: Path) -> None:
    paths = [tmp_path / f"{number}.jpg" for number in range(3)]
    made = tmp_path / "made"
    made.write_bytes(b"small")
    for number, path in enumerate(paths):
        path.write_bytes(b"picture")
        assert keep(folder, "thumbnail", key(number), stamp_of(path), {}, made, 0.1, str(path))
    paths[1].write_bytes(b"another picture")
    paths[2].unlink()
    assert verify(folder, CacheSettings()) == Verified(files=3, changed=1, gone=1)
    left = [entry_path(folder, "thumbnail", key(number)).exists() for number in range(3)]
    assert left == [True, False, False]


def test_verify_drops_kept_files_that_are_too_old(folder: Path) -> None:
    path = keep_file(folder, 1)
    assert verify(folder, CacheSettings.model_validate({"ttl_hours": {"thumbnail": 1e-9}})) == Verified(
        files=1, expired=1
    )
    assert not path.exists()


def test_verify_drops_what_is_too_old(open_cache: Open, folder: Path, clock: Clock) -> None:
    cache = open_cache()
    clock.now = 1_000_000_000.0
    cache.put(1, "metadata", [made(1)])
    cache.close()
    assert verify(folder, CacheSettings()) == Verified(results=1, expired=1)
    assert verify(folder, CacheSettings()) == Verified()


def test_verify_makes_the_memory_of_a_worker_forget(open_cache: Open, folder: Path, clock: Clock) -> None:
    import time

    clock.now = time.time()
    cache = open_cache()
    cache.put(1, "metadata", [made(1, path="/no/such/file")])
    cache.flush()
    assert verify(folder, CacheSettings()).gone == 1
    assert cache.ask(1, "metadata", asked(1)) == [Need.MAKE]


def test_clear_of_a_category_or_of_all(open_cache: Open, folder: Path) -> None:
    cache = open_cache()
    cache.put(1, "metadata", [made(1), made(2)])
    cache.put(1, "quality", [made(3)])
    cache.close()
    files = [keep_file(folder, 4), keep_file(folder, 5, "conversion")]
    cleared = clear(folder, "thumbnail")
    assert cleared.entries == 1 and cleared.bytes > 1000
    assert [path.exists() for path in files] == [False, True]
    assert clear(folder, "metadata").entries == 2
    assert clear(folder).entries == 2
    assert clear(folder) == Cleared(0, 0)
    assert not list((folder / "files").rglob("*"))
    assert open_cache().ask(1, "quality", asked(3)) == [Need.MAKE]


def test_without_a_cache_there_is_nothing_to_do(tmp_path: Path) -> None:
    assert clear(tmp_path / "none") == Cleared(0, 0)
    assert verify(tmp_path / "none", CacheSettings()) == Verified()
    assert not (tmp_path / "none").exists()


def test_a_damaged_store_is_set_aside(folder: Path) -> None:
    store.database(folder).write_bytes(b"garbage" * 999)
    assert verify(folder, CacheSettings()) == Verified()
    assert (folder / "cache.db.broken").exists()


def test_what_cannot_be_is_told_in_words(folder: Path) -> None:
    store.database(folder).mkdir()
    with pytest.raises(StoreError, match="cannot be read"):
        clear(folder)
