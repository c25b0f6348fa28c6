from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.console.cli.conftest import Ran
from workers.config import load_settings
from workers.launch import worker_pid

pytestmark = pytest.mark.usefixtures("worker")


def test_a_detached_worker_runs_until_it_is_stopped(
    spool: Callable[..., Ran], process: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    assert spool("worker", "--detach") == Ran(0, "started a worker\n", "")
    pid = worker_pid(load_settings())
    assert pid
    assert spool("worker", "--detach", "--json").objects == [{"started": False}]
    assert spool("worker", "--detach").out == "a worker runs already\n"
    (status,) = spool("status", "--json").objects
    assert (status["worker"]["running"], status["worker"]["pid"]) == (True, pid)
    second = process("worker")
    assert second.returncode == 78
    assert second.stderr.startswith("spool: a worker is running on this home already")
    assert spool("stop") == Ran(0, "stopped the worker\n", "")
    assert worker_pid(load_settings()) is None
    assert spool("stop").out == "no worker ran\n"
    assert spool("stop", "--json").objects == [{"stopped": False}]


def test_a_foreground_worker_ends_politely(home: Path) -> None:
    process = subprocess.Popen([sys.executable, "-m", "console", "worker"], stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    for line in process.stderr:
        if "takes jobs" in line:
            break
    assert worker_pid(load_settings()) == process.pid
    process.send_signal(signal.SIGINT)
    rest = process.stderr.read()
    assert process.wait(30) == 0
    assert "Traceback" not in rest
    process.stderr.close()


def test_both_ways_at_once_are_refused(spool: Callable[..., Ran]) -> None:
    assert spool("worker", "--detach", "--install").code == 2


def test_a_home_that_cannot_be_used_is_78(home: Path, process: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    (home / "state").write_text("in the way")
    for arguments in (("worker",), ("worker", "--detach")):
        ran = process(*arguments)
        assert ran.returncode == os.EX_CONFIG
        assert len(ran.stderr.splitlines()) == 1
