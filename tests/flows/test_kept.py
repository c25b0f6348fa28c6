"""Everything that the cache keeps in categories of its own, filled by a real worker and counted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.home import Home, opened, wait_for
from tests.support.media import Media
from tests.support.site import running_site
from workers.jobs import State


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    with opened(tmp_path / "home", registry="workers.operations.registry") as home:
        home.start()
        yield home


@pytest.fixture
def media(tmp_path: Path) -> Media:
    (tmp_path / "media").mkdir()
    return Media(tmp_path / "media")


def counted(home: Home, category: str) -> tuple[int, int, int]:
    """Entries, hits and misses of a category since the worker's start."""
    (one,) = (one for one in home.client.cache_stats().categories if one.name == category)
    return one.entries, one.spans["start"].hits, one.spans["start"].misses


def test_a_look_at_a_page_and_at_a_list_and_at_a_film(home: Home, media: Media, tmp_path: Path) -> None:
    with running_site(tmp_path / "site") as site:
        site.add(media.clip)
        page = site.page("clip.mp4", title="Holiday")
        link = page.replace("&", "&amp;")
        site.folder.joinpath("talks.rss").write_text(
            f'<?xml version="1.0"?><rss version="2.0"><channel><title>Talks</title><item><title>One</title>'
            f"<link>{link}</link></item></channel></rss>"
        )
        asked: dict[str, tuple[str, dict[str, Any]]] = {
            "download_info": ("download", {"inputs": [page], "look": True}),
            "collection": ("download", {"inputs": [site.url("files/talks.rss")], "look": True, "playlist": True}),
            "video_analysis": ("hash", {"inputs": [str(media.clip)], "algorithm": "perceptual"}),
        }
        for operation, values in asked.values():
            for _ in range(2):
                job = home.wait_final(home.submit(operation, values))
                assert job.state is State.SUCCEEDED, (job, home.log())
        wait_for(lambda: {name: counted(home, name) for name in asked} == dict.fromkeys(asked, (1, 1, 1)))
