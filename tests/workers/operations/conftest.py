"""Real media and a real site on loopback, made once per session."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.context import PlainContext
from tests.support.media import Media, media
from tests.support.site import Site, running_site

__all__ = ["media", "site"]


@pytest.fixture
def ctx(tmp_path: Path) -> PlainContext:
    """What a job may ask of its runner, under a folder of the test."""
    return PlainContext(tmp_path / "job")


@pytest.fixture(scope="session")
def _site(media: Media, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with running_site(tmp_path_factory.mktemp("site")) as site:
        yield site


@pytest.fixture
def site(_site: Site) -> Site:
    """The site with nothing asked of it yet."""
    _site.requests.clear()
    _site.counts.clear()
    _site.cookies.clear()
    return _site
