"""Who may read what real work leaves in a home, under the common umask."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.home import Home, opened, wait_for
from tests.support.media import AAC, H264, ffmpeg, film_source
from tests.support.site import running_site
from workers.jobs import State


@pytest.fixture
def common_umask() -> Iterator[None]:
    """What others may read unless somebody says no."""
    before = os.umask(0o022)
    yield
    os.umask(before)


def _open_to_others(*folders: Path) -> list[tuple[str, str]]:
    """What lies in these folders (themselves included) and lets others in, with its mode; links have none."""
    found = []
    for folder in folders:
        for path in (folder, *folder.rglob("*")):
            facts = path.lstat()
            mode = stat.S_IMODE(facts.st_mode)
            if not stat.S_ISLNK(facts.st_mode) and mode & 0o077:
                found.append((str(path), oct(mode)))
    return found


def _private(home: Home) -> tuple[Path, ...]:
    paths = home.settings.paths
    return (paths.state, paths.cache, paths.runtime)


@pytest.mark.fault("50", "modes under umask 022 after real work: state, cache, run, logs, trash, staging")
def test_nothing_of_a_home_is_open_to_others(common_umask: None, tmp_path: Path) -> None:
    media = tmp_path / "media"
    media.mkdir()
    film = media / "film.mp4"
    ffmpeg(*film_source(2), *H264, *AAC, film)
    with running_site(tmp_path / "site") as site, opened(tmp_path / "home") as home:
        home.start()
        address = site.add(film)
        output = str(home.out)
        jobs = [
            home.submit("download", {"inputs": [address], "output": output}),
            home.submit("thumbnail", {"inputs": [str(film)], "output": output}),
            home.submit("probe", {"inputs": [str(film)]}),
            home.submit("analyze-image", {"inputs": [str(media)]}),
            home.submit("print"),
        ]
        done = [home.wait_final(job_id, 60) for job_id in jobs]
        assert [job.state for job in done[:3]] == [State.SUCCEEDED] * 3, [job.failure for job in done]
        replaced = home.submit(
            "transcode", {"inputs": [str(film)], "replace": True, "larger": True, "reencode": True, "preset": "small"}
        )
        job = home.wait_final(replaced, 60)
        assert job.state is State.SUCCEEDED, job.failure
        trash = [path for path in media.iterdir() if path.name.startswith(".")]
        assert trash, list(media.iterdir())
        assert _open_to_others(*_private(home)) == []
        # An original keeps its own mode, to be put back as it was; the folder around it lets nobody in.
        assert {stat.S_IMODE(folder.stat().st_mode) for folder in trash} == {0o700}
        assert any(path.is_file() for path in home.settings.paths.cache.rglob("*"))
        assert any(path.is_file() for path in home.settings.paths.job_logs.rglob("*"))
        # What was made for the person has the modes that the person's umask says.
        made = [Path(output) for job in done for output in job.outputs]
        assert made and {stat.S_IMODE(path.stat().st_mode) for path in made} == {0o644}


@pytest.mark.fault("50", "modes under umask 022 while a job works: its work folder and staging")
def test_what_a_running_job_makes_is_private(common_umask: None, tmp_path: Path) -> None:
    with opened(tmp_path / "home", registry="tests.support.limit_operations") as home:
        home.start()
        job_id = home.submit("endless", {"folder": str(home.out), "writer": "quiet"})
        home.wait_running(job_id)
        staging = wait_for(lambda: list(home.out.glob(".spool-*")), what="a staging folder")
        assert _open_to_others(*_private(home), *staging) == []
        home.client.cancel([job_id])
        assert home.wait_final(job_id).state is State.CANCELLED
        home.assert_clean()
