from __future__ import annotations

import builtins
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.console.cli.conftest import Ran
from workers.cache.cache import Made, ResultCache
from workers.cache.keys import stamp_of
from workers.client import Client
from workers.config import load_settings
from workers.jobs import Priority
from workers.settings import CACHE_CATEGORIES


@pytest.fixture
def cache(home: Path) -> Iterator[ResultCache]:
    """The cache of a worker that runs in this home."""
    settings = load_settings()
    cache = ResultCache(settings.paths.cache, settings.cache)
    cache.start()
    yield cache
    cache.close()


def keep(cache: ResultCache, category: str, *paths: Path) -> None:
    """Ask for each file once, make it, and ask again."""
    asked = [(str(path).encode(), stamp_of(path)) for path in paths]
    cache.ask(1, category, asked)
    cache.put(1, category, [Made(key, stamp, key.decode(), "{}", 2.0) for key, stamp in asked])
    cache.ask(1, category, asked)
    cache.flush()


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    path = tmp_path / "clip.mkv"
    path.write_bytes(b"film")
    return path


def test_without_any_cache_nothing_is_made_up(spool: Callable[..., Ran]) -> None:
    ran = spool("cache")
    assert ran.code == 0
    assert [line.split()[0] for line in ran.lines[1:-1]] == list(CACHE_CATEGORIES)
    assert all(line.split()[-6:] == ["-", "-", "-", "-", "-", "0"] for line in ran.lines[1:-1])
    assert "no worker has counted yet" in ran.lines[-1]
    (stats,) = spool("cache", "stats", "--json").objects
    assert stats["entries"] == 0 and stats["started_at"] is None and stats["problem"] is None
    assert {category["1h"]["ratio"] for category in stats["categories"]} == {None}


def test_the_figures_of_a_running_worker(spool: Callable[..., Ran], cache: ResultCache, clip: Path) -> None:
    keep(cache, "metadata", clip)
    (stats,) = spool("cache", "--json").objects
    metadata = stats["categories"][0]
    assert stats["entries"] == 1 == metadata["entries"] and stats["started_at"].endswith("Z")
    assert metadata["name"] == "metadata" and 0 < metadata["bytes"] < metadata["limit_bytes"]
    for span in ("1m", "1h", "24h", "start"):
        assert metadata[span] == {
            "hits": 1, "misses": 1, "bytes": 2, "saved_s": 2.0, "evictions": 0, "ratio": 0.5
        }  # fmt: skip
    line = spool("cache", "stats").lines[1]
    assert line.split()[-6:] == ["50%", "50%", "50%", "50%", "2s", "0"]


def test_a_damaged_cache_is_told(spool: Callable[..., Ran], client: Client) -> None:
    folder = client.settings.paths.cache
    folder.mkdir(parents=True)
    (folder / "cache.db").write_bytes(b"garbage" * 999)
    ran = spool("cache")
    assert (ran.code, ran.out) == (1, "")
    assert "cannot be read: it is not a database, or its beginning is damaged; `spool cache verify` sets it" in ran.err
    assert spool("cache", "verify").code == 0  # sets it aside
    assert spool("cache").code == 0


def test_verify_tells_what_it_dropped(spool: Callable[..., Ran], cache: ResultCache, clip: Path) -> None:
    other = clip.with_name("other.mkv")
    other.write_bytes(b"another")
    keep(cache, "metadata", clip, other)
    other.unlink()
    ran = spool("cache", "verify")
    assert ran.lines == ["2 results and 0 files looked at; 1 dropped", "  1 whose input is gone"]
    (found,) = spool("cache", "verify", "--json").objects
    assert found["results"] == 1 and found["dropped"] == 0


def test_a_name_that_is_no_text_is_found_again(spool: Callable[..., Ran], cache: ResultCache, tmp_path: Path) -> None:
    import os

    from workers.media.names import path_to_key

    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.mkv"))
    path.write_bytes(b"film")
    cache.put(1, "metadata", [Made(b"k" * 16, stamp_of(path), path_to_key(path), "{}", 1.0)])
    cache.flush()
    (found,) = spool("cache", "verify", "--json").objects
    assert found["results"] == 1 and found["dropped"] == 0


def test_clear_asks_first(
    spool: Callable[..., Ran], cache: ResultCache, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(cache, "metadata", clip)
    ran = spool("cache", "clear")
    assert (ran.code, ran.out) == (2, "") and "--yes" in ran.err
    monkeypatch.setattr("console.cli.cache.person_present", lambda: True)
    monkeypatch.setattr(builtins, "input", lambda: "n")
    ran = spool("cache", "clear")
    assert ran.code == 1 and "kept results" in ran.err and "nothing was done" in ran.err
    (stats,) = spool("cache", "--json").objects
    assert stats["entries"] == 1
    monkeypatch.setattr(builtins, "input", lambda: "y")
    assert spool("cache", "clear", "quality").out.startswith("0 kept results cleared away")
    assert spool("cache", "clear", "metadata").out.startswith("1 kept results cleared away")


def test_clear_with_yes(spool: Callable[..., Ran], cache: ResultCache, clip: Path) -> None:
    keep(cache, "metadata", clip)
    (cleared,) = spool("cache", "clear", "--yes", "--json").objects
    assert cleared["entries"] == 1 and cleared["category"] is None and cleared["bytes"] > 0
    assert spool("cache", "--json").objects[0]["entries"] == 0


def test_warm_submits_jobs_of_low_priority(spool: Callable[..., Ran], client: Client, clip: Path) -> None:
    ran = spool("cache", "warm", str(clip.parent), "--with", "hash", "--with", "hash")
    assert ran.code == 0 and "no worker runs" in ran.err
    job = client.job(int(ran.out))
    assert (job.operation, job.priority) == ("hash", Priority.LOW)
    assert list(job.params["inputs"]) == [str(clip.parent)]
    (shown,) = spool("cache", "warm", str(clip), "--json").objects
    assert shown["priority"] == "low" and shown["operation"] == "probe"


@pytest.mark.parametrize(
    "words",
    [
        ("warm",), ("warm", "/no/such/file", "--with", "hash"), ("warm", ".", "--with", "download"),
        ("warm", ".", "--with", "thumbnail"),
        ("warm", ".", "--with", "hsah"), ("clear", "metdata", "--yes"), ("clear", "metadata", "quality", "--yes"),
        ("verify", "x"), ("stats", "--yes"), ("clear", "--with", "hash"), ("nonsense",),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_usage_and_changes_nothing(
    spool: Callable[..., Ran], client: Client, words: tuple[str, ...]
) -> None:
    ran = spool("cache", *words)
    assert (ran.code, ran.out) == (2, "") and ran.err
    assert client.count() == 0
