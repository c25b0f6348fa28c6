"""Days of a worker in minutes: does its memory, its database or its logs grow without end?

`python -m tests.faults.life [--jobs N] [--hours N]`; `make life` runs it whole. Jobs come hour by hour; after each hour
the clock by which worker and client live goes on by one, as after a sleep of the machine, and the worker's own
timetable does what is due at such hours: retention, the backup of the day. Ends with exit code 1 when the last day
needed more of anything than the day before, beyond a margin.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.support.home import CONFIG, Home, WorkerProcess, opened, wait_for
from tests.support.shifted import ShiftedClock
from workers.backups import list_backups
from workers.store.records import now_ms

_HOUR_MS, _DAY_MS = 3_600_000, 86_400_000
_DAY = 24  # hours
_COLUMNS = ("worker", "with all", "database", "wal", "logs", "backups", "rows")
_MARGIN = 1.25  # of what the day before needed at most
QUIET = CONFIG + "keep_days = 1\n"  # so jobs pile up for two days, and the third shows what stays


@dataclass(frozen=True, slots=True)
class Sample:
    """What the home takes at one time. Bytes."""

    hour: int
    worker: int  # resident, the worker alone
    everybody: int  # unshared of the worker and its forkserver
    database: int
    wal: int
    logs: int
    backups: int
    rows: int

    def line(self) -> str:
        """For people."""
        mib = 1 << 20
        sizes = (self.worker, self.everybody, self.database, self.wal, self.logs, self.backups)
        return f"{self.hour:>5} h  " + "  ".join(f"{size / mib:8.1f}" for size in sizes) + f"  {self.rows:>8}"


def _size(path: Path) -> int:
    if path.is_dir():
        return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    return path.stat().st_size if path.exists() else 0


def sample(home: Home, worker: WorkerProcess, hour: int) -> Sample:
    """How much it takes now."""
    process = psutil.Process(worker.pid)
    family = [process, *(child for child in process.children() if child.is_running())]
    database = home.settings.paths.database
    return Sample(
        hour,
        process.memory_info().rss,
        sum(one.memory_full_info().uss for one in family),
        _size(database),
        _size(Path(f"{database}-wal")),
        _size(home.settings.paths.state / "logs"),
        _size(home.settings.paths.backups),
        home.sql("SELECT (SELECT count(*) FROM job) + (SELECT count(*) FROM job_event)")[0][0],
    )


def _one_hour(home: Home, jobs: int) -> None:
    kinds: tuple[tuple[str, dict[str, object]], ...] = (
        ("noop", {}),
        ("items", {"count": 5}),
        ("print", {"out": "a line of a log"}),
    )
    for number in range(jobs):
        name, values = kinds[0 if number % 10 else number // 10 % 2 + 1]
        home.submit(name, values)
    wait_for(lambda: not home.client.count("state:queued,running"), 600, 0.05, "the jobs of an hour")


def _stamp_backups(home: Home, clock: ShiftedClock, stamped: set[str]) -> None:
    """Files have the kernel's time; the worker asks that of its newest backup, so it gets that of our clock."""
    for made in list_backups(home.settings):
        if made.path.name not in stamped:
            then = made.path.stat().st_mtime + clock.later_ms / 1000
            os.utime(made.path, (then, then))
            stamped.add(made.path.name)


def live(home: Home, jobs: int, hours: int) -> Iterator[Sample]:
    """The samples of each hour, from a midnight on."""
    clock = ShiftedClock(home.root / "clock")
    clock.sleep(_DAY_MS - now_ms() % _DAY_MS)
    clock.install()
    worker = home.start({"clock": str(home.root / "clock"), "daemon": {"SWEEP_S": 0.2}})
    stamped = set[str]()
    for hour in range(1, hours + 1):
        _one_hour(home, jobs // hours)
        _stamp_backups(home, clock, stamped)
        clock.sleep(_HOUR_MS)
        yield sample(home, worker, hour)
    assert worker.stop() == 0


def growth(samples: list[Sample]) -> list[str]:
    """What of the last day needed more than the day before did at most."""
    old, new = samples[-2 * _DAY : -_DAY], samples[-_DAY:]
    found = []
    for name in ("worker", "everybody", "database", "wal", "logs", "backups", "rows"):
        before, after = (max(getattr(one, name) for one in part) for part in (old, new))
        if after > before * _MARGIN and after > (8 << 20 if name != "rows" else 1000):
            found.append(f"{name} grew from {before:,} to {after:,}")
    return found


def main() -> int:
    """Run it and print the samples."""
    parser = argparse.ArgumentParser(description="Days of a worker in minutes.")
    parser.add_argument("--jobs", type=int, default=20_000, help="over the whole time [default: 20,000]")
    parser.add_argument("--hours", type=int, default=72, help="hours that pass, 72 at least [default: 72]")
    asked = parser.parse_args()
    if asked.hours < 3 * _DAY:
        parser.error("jobs are kept for a day and more: what stays is seen from the third day on, --hours 72")
    began = time.monotonic()
    samples = []
    with tempfile.TemporaryDirectory() as name, opened(Path(name) / "home", QUIET) as home:
        print(f"{'':>7}  " + "  ".join(f"{name:>8}" for name in _COLUMNS) + "  (MiB)")
        for found in live(home, asked.jobs, asked.hours):
            samples.append(found)
            if found.hour % 6 == 0:
                print(found.line(), flush=True)
    problems = growth(samples)
    print(f"{asked.jobs:,} jobs in {asked.hours} hours, lived in {time.monotonic() - began:.0f} s")
    print("\n".join(f"BROKEN: {problem}" for problem in problems) or "nothing grew without end")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
