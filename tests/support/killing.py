"""Processes that die by SIGKILL at a chosen call of theirs."""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any


def reaches_out(call: Any) -> bool:
    """Whether a function written in C may change more than objects of Python: files above all.

    Between two such calls every moment to die at is the same one for whoever comes after. What ctypes calls has no
    event of its own: the calls around it have.
    """
    of_the_system = call.__module__ in ("posix", "_io", "fcntl") and call.__name__ not in ("fspath", "_path_normpath")
    return of_the_system or type(getattr(call, "__self__", None)).__module__ == "_io"


def every_call(_call: Any) -> bool:
    """Also those that only reckon."""
    return True


def kill_at_event(number: int, counts: Callable[[Any], bool] = every_call) -> Callable[[FrameType, str, Any], None]:
    """A profiler that kills this process at its `number`-th call or return of a function written in C that counts."""
    left = number

    def profile(frame: FrameType, event: str, argument: Any) -> None:
        nonlocal left
        if event in ("c_call", "c_return") and counts(argument):
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    return profile


def killed_at(number: int, work: Callable[[], object], counts: Callable[[Any], bool] = every_call) -> bool:
    """Work in a child that is killed at its `number`-th event that counts; False when it ended before that."""
    pid = os.fork()
    if pid == 0:
        gc.freeze()  # garbage of other tests may hang on threads that are not here
        code = 1
        try:
            sys.setprofile(kill_at_event(number, counts))
            work()
            sys.setprofile(None)
            code = 0
        finally:
            os._exit(code)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    assert status in (0, -signal.SIGKILL)
    return status != 0
