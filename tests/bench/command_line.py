"""What a verb costs before it has done anything: processor time of the whole process, beside that of bare Python."""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence

RUNS = 15
VERBS: tuple[tuple[str, ...], ...] = (
    ("--version",),
    ("--help",),
    ("jobs",),
    ("jobs", "--json"),
    ("status",),
    ("download", "http://127.0.0.1:9/film.mp4", "--hold"),
)


def cost(command: Sequence[str], environ: dict[str, str]) -> tuple[float, float]:
    """Median milliseconds of processor time and of the clock."""
    cpu, clock = [], []
    for _ in range(RUNS):
        before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        subprocess.run(command, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
        clock.append((time.perf_counter() - started) * 1000)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu.append((after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1000)
    return statistics.median(cpu), statistics.median(clock)


def main() -> None:
    """Measure each verb on an empty home."""
    with tempfile.TemporaryDirectory() as home:
        environ = {**os.environ, "SPOOL_HOME": home}
        bare, _ = cost([sys.executable, "-c", "pass"], environ)
        print(f"{'bare Python':<16} {bare:6.0f} ms of processor time")
        for words in VERBS:
            cpu, clock = cost([sys.executable, "-m", "console", *words], environ)
            name = " ".join(words)[:16]
            print(f"{name:<16} {cpu:6.0f} ms of processor time ({cpu - bare:+.0f}), {clock:.0f} ms by the clock")


if __name__ == "__main__":
    main()
