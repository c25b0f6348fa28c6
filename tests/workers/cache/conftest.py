"""Caches on a clock that stands until it is moved."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from workers.cache.cache import Made, ResultCache
from workers.settings import CacheSettings


class Clock:
    def __init__(self) -> None:
        self.now = 1_790_000_000.0

    def __call__(self) -> float:
        return self.now


Open = Callable[..., ResultCache]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def open_cache(tmp_path: Path, clock: Clock) -> Iterator[Open]:
    """Start a cache in the test's folder; settings are given as `config.toml` has them."""
    opened: list[ResultCache] = []

    def start(folder: Path | None = None, **settings: Any) -> ResultCache:
        cache = ResultCache(folder or tmp_path / "cache", CacheSettings.model_validate(settings), clock=clock)
        opened.append(cache)
        cache.start()
        cache.flush()
        return cache

    yield start
    for cache in opened:
        cache.close()


def key(number: int) -> bytes:
    return number.to_bytes(16, "big")


STAMP = b"\1" + bytes(15)


def made(number: int, detail: str = "{}", *, stamp: bytes = STAMP, cost: float = 0.5, path: str = "") -> Made:
    return Made(key(number), stamp, path, detail, cost)


def asked(*numbers: int, stamp: bytes = STAMP) -> list[tuple[bytes, bytes]]:
    return [(key(number), stamp) for number in numbers]
