"""Days of a worker in minutes: does its memory, its database or its logs grow without end?

`python -m tests.faults.life [--jobs N] [--hours N]`; `make life` runs it whole. Jobs come hour by hour; after each hour
every stored time goes back by one, which is what the tables would say an hour later, and what the timetable does at
its hours is done: retention, the backup of the day. Ends with exit code 1 when the second half of the time needed more
of anything than the first one, beyond a margin.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.support.home import CONFIG, Home, WorkerProcess, opened, wait_for
from workers.retention import retain
from workers.store.database import open_database

_HOUR_MS = 3_600_000
_TIMES = {
    "job": ("submitted_at", "started_at", "finished_at", "run_after"),
    "job_event": ("at",),
    "worker": ("started_at", "heartbeat"),
}
_MARGIN = 1.25  # of what the first half needed at most
QUIET = CONFIG + "keep_days = 1\n"


@dataclass(frozen=True, slots=True)
class Sample:
    """What the home takes at one time. Bytes."""

    hour: int
    worker: int  # resident, the worker alone
    everybody: int  # unshared of the worker and its forkserver
    database: int
    wal: int
    logs: int
    rows: int

    def line(self) -> str:
        """For people."""
        mib = 1 << 20
        sizes = (self.worker, self.everybody, self.database, self.wal, self.logs)
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


def _pass_an_hour(home: Home) -> None:
    for table, columns in _TIMES.items():
        changes = ", ".join(f'"{column}" = "{column}" - {_HOUR_MS}' for column in columns)
        home.sql(f"UPDATE {table} SET {changes}")


def live(home: Home, jobs: int, hours: int) -> Iterator[Sample]:
    """The samples of each hour."""
    worker = home.start()
    db = open_database(str(home.settings.paths.database))
    try:
        for hour in range(1, hours + 1):
            _one_hour(home, jobs // hours)
            _pass_an_hour(home)
            if hour % 6 == 0:
                retain(db, home.settings)
            yield sample(home, worker, hour)
    finally:
        db.close()
    assert worker.stop() == 0


def growth(samples: list[Sample]) -> list[str]:
    """What of the second half needed more than the first one did at most, once old jobs had begun to go."""
    old = samples[len(samples) // 2 : len(samples) * 3 // 4]
    new = samples[len(samples) * 3 // 4 :]
    found = []
    for name in ("worker", "everybody", "database", "wal", "logs", "rows"):
        before, after = (max(getattr(one, name) for one in part) for part in (old, new))
        if after > before * _MARGIN and after > (8 << 20 if name != "rows" else 1000):
            found.append(f"{name} grew from {before:,} to {after:,}")
    return found


def main() -> int:
    """Run it and print the samples."""
    parser = argparse.ArgumentParser(description="Days of a worker in minutes.")
    parser.add_argument("--jobs", type=int, default=20_000, help="over the whole time [default: 20,000]")
    parser.add_argument("--hours", type=int, default=48, help="hours that pass [default: 48]")
    asked = parser.parse_args()
    began = time.monotonic()
    samples = []
    with tempfile.TemporaryDirectory() as name, opened(Path(name) / "home", QUIET) as home:
        print(f"{'':>7}  {'worker':>8}  {'with all':>8}  {'database':>8}  {'wal':>8}  {'logs':>8}  {'rows':>8}  (MiB)")
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
