"""Tools of real jobs in the sandbox of a real worker: what they see, and that pause and cancel still reach them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.support.home import CONFIG, Home, cpu_s, gone, opened, wait_for
from tests.support.media import H264, ffmpeg, film_source
from workers.errors import ErrorClass
from workers.jobs import State
from workers.media import sandbox
from workers.media.ffmpeg import locate

REGISTRY = "tests.support.limit_operations"


@pytest.fixture(scope="module")
def boxed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """A home whose worker must run tools in a sandbox."""
    found = sandbox.probe("on", locate())
    if not found.program:
        pytest.skip(f"not run: {found.why_not}")
    with opened(tmp_path_factory.mktemp("boxed") / "home", CONFIG + '[tools]\nsandbox = "on"\n', REGISTRY) as home:
        home.start()
        yield home


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some seconds of film that are worth encoding."""
    path = tmp_path_factory.mktemp("films") / "film.mp4"
    ffmpeg(*film_source(3), *H264, path)
    return path


def _tools(home: Home, job_id: int) -> list[psutil.Process]:
    """The programs that a job runs: bubblewrap, and ffmpeg inside of it."""
    below = psutil.Process(home.runner_pid(job_id)).children(recursive=True)
    return [one for one in below if one.name().startswith(("bwrap", "ffmpeg"))]


def _endless(home: Home, folder: Path) -> tuple[int, list[psutil.Process]]:
    """A job whose ffmpeg works without end, inside, and the programs of it."""
    job_id = home.submit("endless", {"folder": str(folder), "writer": "quiet"})

    def inside() -> list[psutil.Process]:
        found = _tools(home, job_id)
        return found if {one.name()[:6] for one in found} == {"bwrap", "ffmpeg"} else []

    home.wait_state(job_id, State.RUNNING)
    return job_id, wait_for(inside, what="ffmpeg inside")


@pytest.mark.fault("T9", "ffmpeg of a job runs without the net and with its own files only")
def test_a_film_is_encoded_inside(boxed: Home, film: Path) -> None:
    job = boxed.wait_final(
        boxed.submit("transcode", {"inputs": [str(film)], "reencode": True, "output": str(boxed.out)}), 60
    )
    assert job.state is State.SUCCEEDED, job.failure
    assert Path(job.outputs[0]).stat().st_size > 1000
    assert "tools run in a sandbox" in boxed.log()
    job_id, tools = _endless(boxed, boxed.out)
    net = {os.readlink(f"/proc/{one.pid}/ns/net") for one in tools if one.name().startswith("ffmpeg")}
    assert len(net) == 1 and os.readlink("/proc/self/ns/net") not in net
    boxed.client.cancel([job_id])
    assert boxed.wait_final(job_id).state is State.CANCELLED


@pytest.mark.fault("T9", "a hard pause stops ffmpeg in its sandbox, a cancel ends it")
def test_pause_and_cancel_reach_inside(boxed: Home) -> None:
    job_id, tools = _endless(boxed, boxed.out)
    boxed.client.pause([job_id])
    boxed.wait_state(job_id, State.PAUSED)
    wait_for(lambda: all(one.status() == psutil.STATUS_STOPPED for one in tools), what=f"all of {tools} stopped")
    used = [cpu_s(one.pid) for one in tools]
    boxed.client.resume([job_id])
    wait_for(lambda: sum(cpu_s(one.pid) for one in tools) > sum(used), what="work after the pause")
    boxed.client.pause([job_id])
    boxed.wait_state(job_id, State.PAUSED)
    boxed.client.cancel([job_id])
    assert boxed.wait_final(job_id).state is State.CANCELLED
    wait_for(lambda: all(gone(one.pid) for one in tools), what="the end of all tools")
    boxed.assert_clean()


@pytest.mark.fault("T9", "kill -9 of a runner takes ffmpeg in its sandbox along")
def test_the_death_of_a_runner_reaches_inside(boxed: Home) -> None:
    job_id, tools = _endless(boxed, boxed.out)
    os.kill(boxed.runner_pid(job_id), 9)
    wait_for(lambda: all(gone(one.pid) for one in tools), what="the end of all tools")
    boxed.wait_failure(job_id)
    boxed.client.cancel([job_id])


@pytest.mark.fault("T9", 'sandbox = "on" where there is none: the job fails and says why')
def test_without_a_sandbox_that_is_required_jobs_fail(
    tmp_path: Path, film: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "bin" / "bwrap"
    broken.parent.mkdir()
    broken.write_text("#!/bin/sh\necho 'bwrap: No permissions to create a new namespace' >&2\nexit 1\n")
    broken.chmod(0o700)
    monkeypatch.setenv("PATH", f"{broken.parent}:{os.environ['PATH']}")
    with opened(tmp_path / "home", CONFIG + '[tools]\nsandbox = "on"\n', REGISTRY) as home:
        home.start()
        job = home.wait_final(
            home.submit("transcode", {"inputs": [str(film)], "reencode": True, "output": str(home.out)}), 30
        )
        assert job.state is State.FAILED and job.failure is not None
        assert job.failure.error_class is ErrorClass.TOOL and "No permissions" in job.failure.message
        assert home.made() == [] and list(film.parent.iterdir()) == [film]
