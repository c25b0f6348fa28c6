"""Every test of the store that asks for `db` runs on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.databases import KINDS, migrated, opened, target


@pytest.fixture(params=KINDS)
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a database can be made: nothing is there yet."""
    return target(request.param, tmp_path)


@pytest.fixture(params=KINDS)
def where(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a migrated database is, for tests that open it themselves."""
    return migrated(request.param, tmp_path)


@pytest.fixture
def db(where: str) -> Iterator[Any]:
    """A migrated database."""
    with opened(where) as database:
        yield database
