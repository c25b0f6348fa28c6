from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from workers.cache.cache import Made, Need, ResultCache
from workers.cache.keys import stamp_of
from workers.client import AsyncClient, Client, open_client
from workers.config import load_settings
from workers.errors import UsageError


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    client = open_client(load_settings({"SPOOL_HOME": str(tmp_path / "home")}))
    yield client
    client.close()


@pytest.fixture
def cache(client: Client) -> Iterator[ResultCache]:
    cache = ResultCache(client.settings.paths.cache, client.settings.cache)
    cache.start()
    yield cache
    cache.close()


def keep(cache: ResultCache, path: Path) -> tuple[bytes, bytes]:
    key, stamp = b"k" * 16, stamp_of(path)
    cache.put(1, "metadata", [Made(key, stamp, str(path), "{}", 1.0)])
    cache.flush()
    return key, stamp


async def test_the_figures_through_both_doors(client: Client, cache: ResultCache, tmp_path: Path) -> None:
    pair = keep(cache, tmp_path)
    assert cache.ask(1, "metadata", [pair]) == ["{}"]
    cache.flush()
    stats = client.cache_stats()
    assert stats.entries == 1 and stats.together("start").hits == 1
    async with AsyncClient(client.settings) as door:
        assert (await door.ask(Client.cache_stats)).entries == 1


def test_a_worker_forgets_what_is_cleared_and_what_is_dropped(
    client: Client, cache: ResultCache, tmp_path: Path
) -> None:
    path = tmp_path / "film"

    def cleared() -> int:
        return client.cache_clear("metadata").entries

    def found_gone() -> int:
        return client.cache_verify().gone

    for drop in (cleared, found_gone):
        path.write_bytes(b"film")
        pair = keep(cache, path)
        assert cache.ask(1, "metadata", [pair]) == ["{}"]
        path.unlink()
        assert drop() == 1
        assert cache.ask(1, "metadata", [pair]) == [Need.MAKE]


def test_a_category_that_there_is_not(client: Client) -> None:
    with pytest.raises(UsageError, match="no category 'films': there are metadata,"):
        client.cache_clear("films")
