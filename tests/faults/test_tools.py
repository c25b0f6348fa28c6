"""The tools that runners start die in the middle of real work."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path

import pytest

from tests.support.home import Home, gone, wait_for
from tests.support.matrix import drawn
from tests.support.media import ffmpeg, film_source
from workers.jobs import State


def _encoder(home: Home, source: Path) -> int:
    """The ffmpeg that works on `source`; 0 while there is none."""
    for pid, command in home.processes().items():
        if "ffmpeg" in command.split(" ")[0] and source.name in command:
            return pid
    return 0


def _cut_short(home: Home, source: Path) -> int:
    """Start to encode `source`, and wait until half a result lies in the staging folder; the job."""
    values = {"inputs": [str(source)], "preset": "archive", "output": str(home.out), "reencode": True}
    job_id = home.submit("transcode", values)

    def half() -> bool:
        staged = [path for path in home.out.glob(".spool-*/**/*") if path.is_file()]
        return _encoder(home, source) > 0 and any(path.stat().st_size > 0 for path in staged)

    with contextlib.suppress(FileNotFoundError):
        wait_for(half, 30, what="half a result")
    return job_id


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "film.mp4"
    ffmpeg(*film_source(40, "640x360"), "-preset", "ultrafast", path)
    return path


@pytest.mark.fault("40", "kill -9 of ffmpeg in mid-encode: nothing half is published, tried again")
def test_killed_ffmpeg(home: Home, source: Path) -> None:
    home.start()
    job_id = _cut_short(home, source)
    time.sleep(drawn(40).uniform(0.0, 0.3))
    os.kill(_encoder(home, source), signal.SIGKILL)
    waiting = home.wait_failure(job_id)
    assert waiting.failure is not None
    assert waiting.failure.retryable, waiting.failure
    assert home.made() == []
    home.client.cancel([job_id])
    home.assert_clean()


@pytest.mark.fault("2", "kill -9 of the worker in mid-encode: no ffmpeg left, the next one starts over")
def test_worker_killed_in_mid_encode(home: Home, source: Path) -> None:
    worker = home.start()
    job_id = _cut_short(home, source)
    encoder = _encoder(home, source)
    worker.kill()
    home.assert_no_process(3)
    assert gone(encoder)
    assert home.made() == [] or all(name.startswith(".spool-") for name in home.made())
    home.start()
    assert home.made() == []
    assert "temporary folders" in " ".join(home.client.worker().report)
    home.wait_running(job_id)
    home.client.cancel([job_id])
    assert home.wait_final(job_id).state is State.CANCELLED
    wait_for(lambda: _encoder(home, source) == 0, 5, what="no ffmpeg")
    home.assert_clean()
    assert home.made() == []


@pytest.mark.fault("2", "kill -9 of worker and forkserver in mid-encode: swept by the next worker")
def test_all_but_ffmpeg_killed(home: Home, source: Path) -> None:
    worker = home.start()
    job_id = _cut_short(home, source)
    runner, encoder, server = home.runner_pid(job_id), _encoder(home, source), home.forkserver_pid()
    for pid in (worker.pid, server, runner):
        with contextlib.suppress(ProcessLookupError):  # each takes others along
            os.kill(pid, signal.SIGKILL)
    worker.wait()
    home.start()
    wait_for(lambda: gone(encoder), 3, what="the old ffmpeg is gone")
    home.client.cancel([job_id])
    assert home.wait_final(job_id).state is State.CANCELLED
    home.assert_clean()
