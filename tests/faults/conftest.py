"""Fixtures of the faults."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.home import CONFIG, Home, opened
from tests.support.homes import busy_home, home

__all__ = ["busy_home", "home"]

HomeOf = Callable[[float], Home]


@pytest.fixture
def home_with_graces(tmp_path: Path) -> Iterator[HomeOf]:
    """Makes a home whose runners have so many seconds between two signals of their end."""
    with contextlib.ExitStack() as homes:

        def made(seconds: float) -> Home:
            config = CONFIG.replace("grace_seconds = 0.3", f"grace_seconds = {seconds:g}")
            return homes.enter_context(opened(tmp_path / "home", config))

        yield made
