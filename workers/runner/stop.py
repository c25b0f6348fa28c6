"""Ending a runner and all that it spawned: INT, TERM, KILL to its group, with a grace each.

`Ending` takes one step at a time, for a supervisor that has a pipe to read meanwhile; `end` waits.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from typing import Protocol

from workers.runner import processes

INT_GRACE_S = 2.0
ITEMS_INT_GRACE_S = 0.8  # of a job of items: what one has in hand is lost either way, and a person waits
TERM_GRACE_S = 2.0
KILL_GRACE_S = 5.0  # a process that hangs in the kernel dies when that lets go of it
_SHORT_KILL_GRACE_S = 1.0  # where somebody waits for the end


class Endable(Protocol):
    """What `Ending` needs of a runner."""

    @property
    def identity(self) -> processes.Identity:
        """Who it is."""

    @property
    def exited(self) -> bool:
        """Whether the leader has ended."""

    def signal_group(self, signum: int) -> bool:
        """Send a signal to the whole group; False when it is gone."""

    def wait(self, timeout_s: float) -> bool:
        """Wait until the leader has ended; whether it has."""


class Ending:
    """The steps by which one group ends. Times are seconds of the monotonic clock."""

    def __init__(
        self,
        runner: Endable,
        int_grace_s: float = INT_GRACE_S,
        term_grace_s: float = TERM_GRACE_S,
        kill_grace_s: float = KILL_GRACE_S,
    ) -> None:
        self._runner = runner
        self._stages = [
            (signal.SIGINT, int_grace_s),
            (signal.SIGTERM, term_grace_s),
            (signal.SIGKILL, kill_grace_s),
        ]
        self._due = float("-inf")
        self.over = False  # nothing more will be done
        self.signals: list[signal.Signals] = []  # what had to be sent so far

    def step(self, now: float | None = None) -> float:
        """Do what is due; seconds until the next step is, 0 when it is over. Call again sooner if the leader ended."""
        now = time.monotonic() if now is None else now
        if self.over:
            return 0.0
        if self._runner.exited or (not self._stages and now >= self._due):
            self._finish()
            return 0.0
        if now >= self._due:
            signum, grace_s = self._stages.pop(0)
            self._send(signum)
            self._due = now + grace_s
        return self._due - now

    def _send(self, signum: signal.Signals) -> None:
        self.signals.append(signum)
        self._runner.signal_group(signum)
        # A paused group takes the signal only when it goes on; sent after it, so that nothing runs in between.
        self._runner.signal_group(signal.SIGCONT)

    def _finish(self) -> None:
        """The leader has ended: its children, and members of its session in groups of their own, end with it."""
        processes.kill_group(self._runner.identity)
        self.over = True


def graces(grace_s: float, *, of_items: bool, most_s: float | None = None) -> tuple[float, float, float]:
    """The seconds after INT, TERM and KILL for who gives `grace_s` to each of the first two.

    All three together are `most_s` at most, where somebody was promised that it ends by then.
    """
    asked, told = min(grace_s, ITEMS_INT_GRACE_S) if of_items else grace_s, grace_s
    if most_s is None:
        return asked, told, KILL_GRACE_S
    room = most_s - _SHORT_KILL_GRACE_S
    told = min(told, room - min(asked, room / 2))
    return min(asked, room - told), told, _SHORT_KILL_GRACE_S


def end(
    runner: Endable,
    int_grace_s: float = INT_GRACE_S,
    term_grace_s: float = TERM_GRACE_S,
    *,
    on_wait: Callable[[], None] = lambda: None,
    every_s: float = 0.05,
) -> list[signal.Signals]:
    """End the group and wait for it; the signals that it took. `on_wait` is called about every `every_s` seconds.

    Give an `on_wait` that reads the runner's messages: one that blocks on a full pipe cannot clean up.
    """
    ending = Ending(runner, int_grace_s, term_grace_s)
    while not ending.over:
        wait_s = ending.step()
        if not ending.over:
            on_wait()
            runner.wait(min(wait_s, every_s))
    return ending.signals
