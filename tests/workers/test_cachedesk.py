"""Jobs at the result cache: what they take, what they leave, and who makes what two of them want."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from workers.cache.cache import ResultCache
from workers.cachedesk import CacheDesk
from workers.errors import ErrorClass, Failure
from workers.jobs import ItemRecord, Outcome
from workers.operations.hash import OPERATION as HASH
from workers.operations.probe import OPERATION
from workers.runner.messages import Offered
from workers.settings import CacheSettings

NAMES = tuple(letter * 64 for letter in "abcd")
KEYS = ("/a", "/b", "/c", "/d")


def offered(*places: int) -> Offered:
    return Offered(1, tuple(KEYS[place] for place in places), "".join(NAMES[place] for place in places))


def done(place: int, detail: str = '{"x":1}') -> ItemRecord:
    return ItemRecord(KEYS[place], Outcome.DONE, detail=detail, cost_s=0.5, kept=NAMES[place])


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[ResultCache]:
    cache = ResultCache(tmp_path, CacheSettings())
    cache.start()
    yield cache
    cache.close()


def test_what_one_job_made_another_has(cache: ResultCache) -> None:
    first, second = CacheDesk(cache, 1, OPERATION, {}), CacheDesk(cache, 2, OPERATION, {})
    assert first.sort(offered(0, 1), set()).cached == ()
    first.keep([done(0), done(1)])
    found = second.sort(offered(2, 0, 1), set())
    assert (found.cached, found.elsewhere) == ((1, 2), ())
    assert [(record.key, record.outcome, record.detail) for record in found.records] == [
        ("/a", Outcome.CACHED, '{"x":1}'),
        ("/b", Outcome.CACHED, '{"x":1}'),
    ]


def test_what_is_in_the_making_is_waited_for(cache: ResultCache) -> None:
    first, second = CacheDesk(cache, 1, OPERATION, {}), CacheDesk(cache, 2, OPERATION, {})
    first.sort(offered(0, 1, 2), set())
    assert second.sort(offered(0, 1, 3), set()).elsewhere == (0, 1)
    first.keep([done(0), ItemRecord(KEYS[1], Outcome.FAILED, failure=Failure(ErrorClass.TOOL, "no"), kept=NAMES[1])])
    again = second.sort(offered(0, 1, 2), set())
    assert (again.cached, again.elsewhere) == ((0,), (2,))  # the failed one is ours to try
    first.release()
    assert second.sort(offered(2), set()).elsewhere == ()


def test_files_and_skipped_items_are_not_kept(cache: ResultCache) -> None:
    first, second = CacheDesk(cache, 1, OPERATION, {}), CacheDesk(cache, 2, OPERATION, {})
    first.sort(offered(0, 1), set())
    first.keep([replace(done(0), outputs=("/made",)), replace(done(1), outcome=Outcome.SKIPPED)])
    found = second.sort(offered(0, 1), set())
    assert (found.cached, found.elsewhere) == ((), ())


def test_finished_items_and_files_that_cannot_be_looked_at_are_not_asked_for(cache: ResultCache) -> None:
    first, second = CacheDesk(cache, 1, OPERATION, {}), CacheDesk(cache, 2, OPERATION, {})
    first.sort(Offered(1, KEYS[:2], NAMES[0] + "0" * 64), {0})
    found = second.sort(Offered(1, KEYS[:2], NAMES[0] + "0" * 64), set())
    assert (found.cached, found.elsewhere) == ((), ())


@pytest.mark.parametrize("operation", [None, replace(OPERATION, cache_category=None)])
def test_an_operation_that_keeps_nothing_asks_nothing(cache: ResultCache, operation: object) -> None:
    desk = CacheDesk(cache, 1, operation, {})  # type: ignore[arg-type]
    assert desk.sort(offered(0, 1), set()).records == ()
    desk.keep([done(0)])
    desk.release()


def test_looks_of_films_and_of_pictures_go_to_their_categories(cache: ResultCache) -> None:
    keys = ("/a.mkv", "/b.jpg", "/c.MP4", "/d.png")
    looks = {"inputs": ["/"], "algorithm": "perceptual"}
    first, second = CacheDesk(cache, 1, HASH, looks), CacheDesk(cache, 2, HASH, looks)
    offer = Offered(1, keys, "".join(NAMES))
    first.sort(offer, set())
    first.keep([replace(done(place, f"{place}"), key=keys[place]) for place in (0, 1, 2)])
    found = second.sort(offer, set())
    assert (found.cached, found.elsewhere) == ((0, 1, 2), (3,))
    assert [record.detail for record in found.records] == ["0", "1", "2"]
    told = {one.name: (one.entries, one.spans["1m"].hits, one.spans["1m"].misses) for one in cache.stats().categories}
    assert (told["video_analysis"], told["image_analysis"], told["metadata"]) == ((2, 2, 2), (1, 1, 2), (0, 0, 0))


def test_checksums_are_metadata(cache: ResultCache) -> None:
    CacheDesk(cache, 1, HASH, {"inputs": ["/"]}).sort(Offered(1, ("/a.mkv",), NAMES[0]), set())
    told = {one.name: one.spans["1m"].misses for one in cache.stats().categories}
    assert (told["metadata"], told["video_analysis"]) == (1, 0)


def test_options_that_are_none_keep_nothing(cache: ResultCache) -> None:
    desk = CacheDesk(cache, 1, HASH, {"inputs": ["/"], "algorithm": "rot13"})
    assert desk.sort(offered(0, 1), set()).cached == ()
