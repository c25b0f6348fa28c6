"""Fixtures of homes, for the conftests of the folders whose tests run a real worker."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.home import Home, opened


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    with opened(tmp_path / "home") as home:
        yield home


@pytest.fixture(scope="module")
def busy_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """A home whose worker all tests of a module share; each uses jobs of its own, and the worker must outlive it."""
    with opened(tmp_path_factory.mktemp("shared") / "home") as home:
        home.start()
        yield home
