"""The worker's handle of a runner."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.workers.runner.conftest import Begin
from workers.runner import processes
from workers.runner.process import Forkserver, Runner, RunnerError
from workers.runner.server import End
from workers.runner.wire import Finished, Granted, Hello, JobMessage, Progressed


@pytest.fixture
def handle() -> Iterator[tuple[Runner, int, int]]:
    """A handle whose other side is this test: what it says can be read, what it hears be written."""
    down_read, down_write = os.pipe()
    up_read, up_write = os.pipe()
    runner = Runner(End(processes.Identity(1, 1, "no boot")), down_write, up_read)
    yield runner, down_read, up_write
    runner.close()
    for fd in (down_read, up_write):
        try:
            os.close(fd)
        except OSError:
            pass


def test_messages_never_wait_and_take_what_is_whole(handle: tuple[Runner, int, int]) -> None:
    runner, _, up = handle
    assert runner.messages() == []
    os.write(up, b'{"t":"hello","v":1,"pi')
    assert runner.messages() == []
    os.write(up, b'd":7}\n{"t":"granted')
    assert runner.messages() == [Hello(7)]
    assert not runner.ended
    os.close(up)
    assert runner.messages() == []  # half a line says nothing
    assert runner.ended


def test_a_listener_that_does_not_listen_is_given_up(handle: tuple[Runner, int, int]) -> None:
    runner, _, _ = handle
    long = JobMessage(1, 1, 1, "items", {}, "/work", settings={"long": "x" * (1 << 20)})
    assert not runner.send(long, timeout_s=0.05)


def test_a_listener_that_is_gone_is_told(handle: tuple[Runner, int, int]) -> None:
    runner, down, _ = handle
    os.close(down)
    assert not runner.send(Granted("/a"))


def test_a_job_larger_than_the_pipe_arrives(begin: Begin) -> None:
    keys = tuple(f"ok{number:06}" for number in range(30_000))
    talk = begin("items", {"inputs": keys}, finished=keys[:-1])
    assert talk.finish() == Finished((), {"items": 30_000, "done": 30_000, "failed": 0})
    assert [record.key for record in talk.records()] == [keys[-1]]


def test_it_is_known_by_its_identity(begin: Begin) -> None:
    talk = begin("hang")
    talk.until(Progressed)
    assert talk.runner.identity == processes.identify(talk.runner.pid)
    assert talk.runner.start_ticks == processes.start_ticks(talk.runner.pid)
    assert not talk.runner.exited
    assert talk.runner.exit_status(0.01) is None


def test_without_files_to_open_there_is_no_runner_and_nothing_leaks(forkserver: Forkserver) -> None:
    forkserver.wait_ready()
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    opened = len(os.listdir("/proc/self/fd"))
    highest = max(map(int, os.listdir("/proc/self/fd")))
    for room in (1, 2, 3):
        resource.setrlimit(resource.RLIMIT_NOFILE, (highest + room, before[1]))
        held = []
        try:
            while True:
                try:
                    held.append(os.dup(2))
                except OSError:
                    break
            for fd in held[:room]:
                os.close(fd)
            del held[:room]
            with pytest.raises(RunnerError, match="no runner could be started"):
                forkserver.spawn(2)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, before)
            for fd in held:
                os.close(fd)
    assert len(os.listdir("/proc/self/fd")) == opened


def test_the_worker_loads_no_media_library_for_it() -> None:
    code = "import sys, workers.runner.process, workers.runner.stop; print(*sys.modules)"
    root = Path(__file__).parents[3]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert not {"yt_dlp", "av", "PIL", "pydantic", "textual", "peewee"} & set(done.stdout.split())
