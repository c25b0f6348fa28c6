"""Nothing outlives its worker: not when that is killed, not when the forkserver is, not when the group is paused."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.workers.runner.conftest import REGISTRY, Begin, Talk, until, until_gone
from tests.workers.runner.test_stop import paused, state_of
from workers.runner import processes
from workers.runner.process import Forkserver, RunnerError
from workers.runner.wire import Failed, Finished, Hello, JobMessage

ROOT = Path(__file__).parents[3]


@contextmanager
def holder(mode: str) -> Iterator[dict[str, Any]]:
    """A worker in a process of its own with two hanging runners; what it tells."""
    command = [sys.executable, "-m", "tests.workers.runner.holder", mode]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as worker:
        assert worker.stdout is not None
        told: dict[str, Any] = {}
        try:
            told = json.loads(worker.stdout.readline())
            held = [*told["runners"], *told["grandchildren"]]
            until(lambda: mode == "running" or all(state_of(pid) == "T" for pid in held), "the pause of all")
            told["identities"] = [processes.identify(pid) for pid in told["runners"]]
            yield told
        finally:
            worker.kill()
            processes.sweep(told.get("identities", []))


@pytest.mark.parametrize("mode", ["running", "stopped"])
def test_kill_9_of_the_worker_ends_everything(mode: str) -> None:
    with holder(mode) as told:
        everything = [told["forkserver"], *told["runners"], *told["grandchildren"]]
        os.kill(told["worker"], signal.SIGKILL)
        until_gone(*everything)


def test_when_worker_and_forkserver_die_at_once_paused_runners_die_by_the_death_signal_and_a_sweep_takes_the_rest() -> (
    None
):
    with holder("stopped") as told:
        os.kill(told["forkserver"], signal.SIGSTOP)  # so that it cannot clean up when its worker dies
        os.kill(told["worker"], signal.SIGKILL)
        os.kill(told["forkserver"], signal.SIGKILL)
        until_gone(*told["runners"])
        assert processes.sweep(told["identities"]) == told["identities"]
        until_gone(*told["grandchildren"])
        assert processes.sweep(told["identities"]) == []


def test_a_closed_pipe_ends_a_runner_and_its_grandchild(begin: Begin) -> None:
    talk = begin("hang", {"grandchild": True})
    grandchild = int(talk.phase())
    talk.runner.close()
    assert talk.runner.wait(20)
    assert talk.runner.exit_status() == -signal.SIGKILL
    until_gone(grandchild)


@pytest.fixture
def own_forkserver() -> Iterator[Forkserver]:
    """A forkserver that a test may kill."""
    server = Forkserver()
    server.start(REGISTRY)
    server.wait_ready()
    yield server
    server.close()


def test_kill_9_of_the_forkserver_ends_its_runners_and_the_next_spawn_works(
    begin: Begin, own_forkserver: Forkserver
) -> None:
    running = begin("hang", {"grandchild": True}, server=own_forkserver)
    stopped = begin("hang", {"grandchild": True}, server=own_forkserver)
    grandchildren = [int(running.phase()), int(stopped.phase())]
    paused(stopped.runner)
    first = own_forkserver.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    for talk in (running, stopped):
        talk.finish()
        assert talk.runner.exit_status() is None
    until_gone(*grandchildren)
    assert begin("noop", server=own_forkserver).finish() == Finished()
    assert own_forkserver.pid != first


def test_a_spawn_at_the_moment_of_the_kill_is_answered_by_the_next_forkserver(
    begin: Begin, own_forkserver: Forkserver
) -> None:
    for _ in range(3):
        pid = own_forkserver.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        assert begin("noop", server=own_forkserver).finish() == Finished()


def test_close_ends_every_runner(begin: Begin) -> None:
    server = Forkserver()
    server.start(REGISTRY)
    talk = begin("hang", {"grandchild": True}, server=server)
    grandchild, pid = int(talk.phase()), server.pid
    assert pid is not None
    server.close()
    until_gone(pid, talk.runner.pid, grandchild)
    with pytest.raises(RunnerError, match="not running"):
        server.spawn(2)


def test_a_registry_that_cannot_be_loaded_is_told_in_words() -> None:
    server = Forkserver()
    server.start("tests.support.no_such_registry")
    try:
        with pytest.raises(RunnerError, match="no_such_registry"):
            server.wait_ready()
        with pytest.raises(RunnerError, match="no_such_registry"):
            server.spawn(2)
    finally:
        server.close()


def test_nonsense_from_a_runner_is_one_failure(begin: Begin) -> None:
    talk = begin("nonsense")
    assert isinstance(talk.finish(), Failed)
    assert [type(message) for message in talk.said] == [Hello, Failed]
    assert "nonsense" in str(talk.said[1])


def test_many_threads_may_spawn_at_once(forkserver: Forkserver, tmp_path: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    def one(number: int) -> tuple[int, object]:
        with forkserver.spawn(2) as runner:
            runner.send(JobMessage(number, 1, 1, "noop", {}, str(tmp_path)))
            return runner.pid, Talk(runner).finish()

    with ThreadPoolExecutor(16) as pool:
        ended = list(pool.map(one, range(48)))
    assert len({pid for pid, _ in ended}) == 48
    assert all(said == Finished() for _, said in ended)


def test_a_runner_never_holds_the_pipes_of_another(begin: Begin) -> None:
    first, second = begin("hang"), begin("hang")
    first.phase()
    second.phase()
    pipes = [
        {target for fd in os.listdir(f"/proc/{talk.runner.pid}/fd") if (target := link(talk.runner.pid, fd)) != "log"}
        for talk in (first, second)
    ]
    assert pipes[0] and not pipes[0] & pipes[1]
    first.runner.close()
    until_gone(first.runner.pid)
    assert processes.alive(second.runner.identity)


def link(pid: int, fd: str) -> str:
    target = os.readlink(f"/proc/{pid}/fd/{fd}")
    return target if target.startswith("pipe:") else "log"


def test_the_end_is_seen_even_while_the_forkserver_is_busy_elsewhere(begin: Begin) -> None:
    talks = [begin("noop") for _ in range(8)]
    for talk in talks:
        assert talk.finish() == Finished()
    until(lambda: all(talk.runner.exited for talk in talks), "the end of all")
