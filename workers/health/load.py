"""What the host has left, and what other programs take of it: the measurements by which slots follow the load."""

from __future__ import annotations

import math
import os
import time
from pathlib import Path

from workers.health.figures import pressure
from workers.health.slots import Load

_PROC = Path("/proc")
_AVERAGE_S = 10.0  # as the kernel's pressure: a moment of something else is no work of a person


def pressure_of_load(load1: float, cores: int) -> float:
    """Pressure of the processor in percent where the kernel tells none: the share of those who want it and wait."""
    return 0.0 if load1 <= cores else 100 * (load1 - cores) / load1


class HostLoad:
    """Looks at the host; what it cannot know by the kernel's pressure it estimates."""

    def __init__(self, polite: bool) -> None:
        """`polite` measures other programs too."""
        import psutil

        self._psutil = psutil
        self._others = OtherPrograms(os.getpid()) if polite and (_PROC / "stat").exists() else None
        self._waited = self._times()

    def look(self) -> Load:
        """How the host fares now."""
        cores = os.cpu_count() or 1
        cpu, io, memory = (pressure(resource) for resource in ("cpu", "io", "memory"))
        free = self._psutil.virtual_memory()
        return Load(
            cores=cores,
            cpu=pressure_of_load(os.getloadavg()[0], cores) if cpu is None else cpu,
            io=self._iowait() if io is None else io,
            memory=0.0 if memory is None else memory,  # what is free is looked at in any case
            memory_free=100 * free.available / max(1, free.total),
            others=None if self._others is None else self._others.look(),
        )

    def _times(self) -> tuple[float, float]:
        """Seconds in which processors waited for disks, and all their seconds."""
        times = self._psutil.cpu_times()
        return getattr(times, "iowait", 0.0), sum(times[:8])

    def _iowait(self) -> float:
        before, self._waited = self._waited, self._times()
        waited, passed = (now - then for now, then in zip(self._waited, before, strict=True))
        return max(0.0, min(100.0, 100 * waited / passed)) if passed > 0 else 0.0


class OtherPrograms:
    """How many cores are kept busy by programs that do not descend from process `root`, as an average of 10 s.

    Programs of low priority (nice above 0) do not count: they let others go first by themselves. So do the runners of
    a polite worker. A process is looked into once, when it is new, and again only if it is one of ours: among 100
    processes a look takes some 0.1 ms.
    """

    def __init__(self, root: int) -> None:
        self._root = root
        self._ours: dict[int, int] = {}  # pid and when it started, in ticks after the boot
        self._ignored: set[int] = set()
        self._hertz = os.sysconf("SC_CLK_TCK")
        self._moment = time.monotonic()
        self._total, self._own = _busy_ticks(), self._own_ticks()
        self._average = 0.0

    def look(self) -> float:
        """Cores that others have kept busy of late."""
        now, total, own = time.monotonic(), _busy_ticks(), self._own_ticks()
        passed = now - self._moment
        if passed > 0:
            # Ticks are counted one after the other, so our share may run a tick or two ahead; never below none.
            others = max(0, (total - self._total) - max(0, own - self._own)) / self._hertz / passed
            self._average += (others - self._average) * (1 - math.exp(-passed / _AVERAGE_S))
            self._moment, self._total, self._own = now, total, own
        return self._average

    @property
    def ours(self) -> list[int]:
        """Pids of the worker's tree as of the last look."""
        return sorted(self._ours)

    def _own_ticks(self) -> int:
        """Our part of `_busy_ticks`: what our living processes used, and what the kernel did for those that ended.

        Those that ended were runners and their tools, of low priority all of them: theirs is not in the sum at all.
        """
        self._find()
        ticks = 0
        for pid in list(self._ours):
            words = _stat(pid)
            if words is None or int(words[19]) != self._ours[pid]:
                del self._ours[pid]
                continue
            user, system, _ended_user, ended_system = (int(word) for word in words[11:15])
            ticks += system + ended_system + (0 if int(words[16]) > 0 else user)
        return ticks

    def _find(self) -> None:
        """Sort processes that are new into ours and others'. A child is found by its parent, or by its session."""
        living = {int(name) for name in os.listdir(_PROC) if name.isdigit()}
        self._ignored &= living
        fresh = {}
        for pid in living - self._ignored - self._ours.keys():
            words = _stat(pid)
            if words is not None:
                fresh[pid] = (int(words[1]), int(words[3]), int(words[19]))
        found = True
        while found:
            found = False
            for pid, (parent, session, started) in list(fresh.items()):
                if pid == self._root or parent in self._ours or session in self._ours:
                    self._ours[pid] = started
                    del fresh[pid]
                    found = True
        self._ignored.update(fresh)


def _busy_ticks() -> int:
    """Processor time of all programs of ordinary priority since the boot, in ticks."""
    with open(_PROC / "stat", "rb") as file:
        user, _nice, system, _idle, _iowait, irq, softirq, *_ = (int(word) for word in file.readline().split()[1:])
    return user + system + irq + softirq


def _stat(pid: int) -> list[bytes] | None:
    """The fields of a process from its state on; None when it is gone."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            line = file.read()
    except OSError:
        return None
    return line[line.rindex(b")") + 2 :].split()
