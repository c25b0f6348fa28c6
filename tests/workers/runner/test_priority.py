"""The lowest priority, on real processes."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from workers.runner import priority
from workers.runner.limits import Limits, apply


def _in_child(work: Callable[[], int]) -> int:
    """The exit code of a fork that leads a session of its own and did `work`."""
    pid = os.fork()
    if pid == 0:
        gc.freeze()  # garbage of other tests may hang on threads that are not here
        code = 99
        try:
            os.setsid()
            code = work()
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_a_runner_that_goes_last_takes_its_tools_along() -> None:
    def work() -> int:
        apply(Limits(last=True))
        script = "import os; print(os.getpriority(os.PRIO_PROCESS, 0))"
        return int(subprocess.run([sys.executable, "-c", script], capture_output=True, check=True).stdout)

    assert _in_child(work) == priority.LAST


def test_without_the_wish_nothing_is_lowered() -> None:
    def work() -> int:
        apply(Limits())
        return os.getpriority(os.PRIO_PROCESS, 0)

    assert _in_child(work) == os.getpriority(os.PRIO_PROCESS, 0)


@pytest.mark.skipif(not Path(priority._AUTOGROUP).exists(), reason="this kernel has no groups by session")
def test_its_session_goes_last_too() -> None:
    def work() -> int:
        priority.go_last()
        return int(Path(priority._AUTOGROUP).read_text().split()[-1])

    assert _in_child(work) == priority.LAST


def test_a_kernel_that_is_asked_too_often_is_asked_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []

    def refuse(*_: object, **__: object) -> object:
        raise BlockingIOError(11, "try again")

    monkeypatch.setattr(priority, "open", refuse, raising=False)
    monkeypatch.setattr(os, "setpriority", lambda *_: None)
    monkeypatch.setattr(time, "sleep", waits.append)
    priority.go_last()
    assert len(waits) == 3
    monkeypatch.setattr(priority, "open", open, raising=False)
    monkeypatch.setattr(priority, "_AUTOGROUP", str(tmp_path / "no" / "such"))
    priority.go_last()
    assert len(waits) == 3
