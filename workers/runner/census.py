"""How many processes each job has. One that breeds is ended before it fills the machine.

Neither limit of the kernel fits: RLIMIT_NPROC counts everything that the user runs and does not bind root, and a cgroup
may seldom be made by a plain program. So the worker counts. To read all of /proc each second for each job would cost
more than many jobs do: the number of tasks of the machine, one short file, tells whether there is anything to count.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterable

from workers.runner.limits import tasks_of_machine
from workers.runner.processes import Kin, kin, send

_LOOK_S = 0.25
_SURE_S = 10.0  # where others end as fast as a job breeds, the number of the machine tells nothing


class Census:
    """Counts of all jobs of one worker. Any thread may ask."""

    def __init__(
        self,
        most: int,
        *,
        tasks: Callable[[], int] = tasks_of_machine,
        everybody: Callable[[], Iterable[Kin]] = kin,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._most = most  # processes of one job; 0 is no limit
        self._tasks, self._everybody, self._clock = tasks, everybody, clock
        self._lock = threading.Lock()
        self._looked = self._counted = float("-inf")
        self._calm = 0  # tasks of the machine when all was well
        self._seen: list[Kin] = []

    def crowd(self, runner: int) -> int:
        """How many processes this runner's job has when those are more than it may have; else 0."""
        if not self._most:
            return 0
        with self._lock:
            self._look()
            seen = self._seen
        many = len(family(runner, seen)) if seen else 0
        return many if many > self._most else 0

    def _look(self) -> None:
        now = self._clock()
        if now - self._looked < _LOOK_S:
            return
        self._looked = now
        tasks = self._tasks()
        self._calm = min(self._calm, tasks)
        if tasks and tasks - self._calm < self._most // 4 and now - self._counted < _SURE_S:
            self._seen = []
            return
        self._seen = list(self._everybody())
        self._calm, self._counted = tasks, now


def end_family(runner: int, everybody: Callable[[], Iterable[Kin]] = kin, rounds: int = 50) -> int:
    """Kill a job with all its descendants, whatever sessions they made; how many were found.

    First everybody is stopped, round by round until nobody new is born, for they breed faster than they can be killed.
    """
    stopped: set[int] = set()
    for _ in range(rounds):
        born = family(runner, everybody()) - stopped
        if not born:
            break
        for pid in born:
            send(pid, signal.SIGSTOP)
        stopped |= born
    for pid in stopped:
        send(pid, signal.SIGKILL)
    return len(stopped)


def family(runner: int, everybody: Iterable[Kin]) -> set[int]:
    """The pids of the session that `runner` leads and of all descendants of its members, itself included. Pure."""
    children: dict[int, list[int]] = {}
    found: set[int] = set()
    for one in everybody:
        children.setdefault(one.parent, []).append(one.pid)
        if runner in (one.pid, one.session):
            found.add(one.pid)
    waiting = list(found)
    while waiting:
        for child in children.get(waiting.pop(), ()):
            if child not in found:
                found.add(child)
                waiting.append(child)
    return found
