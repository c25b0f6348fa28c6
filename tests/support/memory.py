"""What a worker holds in memory with all its processes."""

from __future__ import annotations

import threading
from pathlib import Path


class Memory:
    """The largest memory of a worker with all its processes, shared pages counted once (PSS), sampled."""

    def __init__(self, pid: int) -> None:
        self.peak = 0
        self._pid = pid
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Memory:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(0.1):
            self.peak = max(self.peak, sum(map(pss, tree(self._pid))))


def tree(pid: int) -> list[int]:
    """A process and all below it; empty when it is gone."""
    found = [pid]
    try:
        for task in Path(f"/proc/{pid}/task").glob("*/children"):  # a child belongs to the thread that started it
            for child in task.read_text().split():
                found += tree(int(child))
    except OSError:
        return []
    return found


def pss(pid: int) -> int:
    """Bytes that a process holds, those shared with others in part; 0 when it is gone."""
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) << 10
    except OSError:
        pass
    return 0
