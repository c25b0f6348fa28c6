"""Waiting for the forkserver: for some time at most, and only while whoever waits still wants it."""

from __future__ import annotations

import time
from collections.abc import Callable

from workers.errors import SpoolError

ASK_S = 0.1  # how often whoever waits is asked whether he still wants it


class RunnerError(SpoolError):
    """No runner could be started."""


class NotWanted(RunnerError):
    """Whoever asked for a runner wants none any more."""

    def __init__(self) -> None:
        super().__init__("no runner is wanted any more")


class Patience:
    """How long one waits in all, however many things it is for."""

    def __init__(self, timeout_s: float, wanted: Callable[[], bool] = lambda: True) -> None:
        self.timeout_s = timeout_s
        self._wanted = wanted
        self._deadline = time.monotonic() + timeout_s

    def wait(self, over: Callable[[float], bool]) -> bool:
        """Ask `over`, which may wait for as many seconds as it is told, until it says yes.

        False when the time is out; NotWanted.
        """
        while not over(max(0.0, min(ASK_S, self._deadline - time.monotonic()))):
            if not self._wanted():
                raise NotWanted
            if time.monotonic() >= self._deadline:
                return False
        return True
