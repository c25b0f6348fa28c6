"""Days of a worker in minutes: does its memory, its database or anything else that it keeps grow without end?

`python -m tests.faults.life [--jobs N] [--hours N]`; `make life` runs it whole. Jobs come hour by hour; after each hour
the clock by which worker and client live goes on by one, as after a sleep of the machine, and the worker's own
timetable does what is due at such hours: retention, emptying the trash, the backup of the day. Ends with exit code 1
when the last day needed more of anything than the day before: of memory hour against hour, of the rest at most.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
from PIL import Image

from tests.support.home import CONFIG, Home, WorkerProcess, opened, wait_for
from tests.support.shifted import ShiftedClock
from workers import trash
from workers.backups import list_backups
from workers.store.records import now_ms

_HOUR_MS, _DAY_MS = 3_600_000, 86_400_000
_DAY = 24  # hours
_COLUMNS = ("worker", "with all", "database", "wal", "logs", "backups", "rings", "cache", "trash", "rows")
_MEMORY = ("worker", "everybody")
_MEMORY_A_DAY = 4 << 20  # that the same hour of the next day may need more: 600 bytes a job of 20,000 in three days
_MARGIN = 1.1  # of what the day before needed at most
_LEAST = 1 << 20  # bytes of anything that are no growth yet
_LEAST_ROWS = 500
# Jobs pile up for two days, and the third shows what stays; two backups, and a cache that is full on the first day.
QUIET = (
    CONFIG
    + "keep_days = 1\n[trash]\nkeep_days = 1\n[backup]\nkeep = 2\n"
    + "[cache]\nsize_mib = 4\nmemory_mib = 1\n[cache.share]\nmetadata = 5\n"
)
_BACKUPS = 3  # two, and the one that is being made
_NEW_FILES = 100  # an hour, whose results are kept


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
    rings: int
    cache: int
    trash: int
    rows: int

    def line(self) -> str:
        """For people."""
        mib = 1 << 20
        sizes = (self.worker, self.everybody, self.database, self.wal, self.logs, self.backups)
        small = (self.rings, self.cache, self.trash)
        told = [*(f"{size / mib:8.1f}" for size in sizes), *(f"{size / mib:8.2f}" for size in small)]
        return f"{self.hour:>5} h  " + "  ".join(told) + f"  {self.rows:>8}"


def _size(path: Path) -> int:
    found = 0
    for file in (path, *path.rglob("*")) if path.is_dir() else (path,):
        with contextlib.suppress(FileNotFoundError):  # removed while we look
            found += file.stat().st_size if file.is_file() else 0
    return found


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
        _size(home.settings.paths.rings),
        _size(home.settings.paths.cache),
        _size(_library(home) / trash.FOLDER),
        home.sql("SELECT (SELECT count(*) FROM job) + (SELECT count(*) FROM job_event)")[0][0],
    )


def _library(home: Home) -> Path:
    return home.root / "library"


def _new_files(home: Home, hour: int) -> None:
    """A picture that is replaced, so that its original goes to the trash; and files whose results the cache keeps."""
    picture, folder = _library(home) / f"{hour}.png", home.root / "read" / str(hour)
    folder.mkdir(parents=True)
    picture.parent.mkdir(exist_ok=True)
    Image.effect_noise((200, 200), 60).convert("RGB").save(picture, compress_level=0)
    home.submit("optimize-image", {"inputs": [str(picture)], "replace": True})
    for number in range(_NEW_FILES):
        (folder / f"{number}.txt").write_text(f"{hour} {number}")
    home.submit("files", {"inputs": [str(folder)]})


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
        _new_files(home, hour)
        _one_hour(home, jobs // hours)
        _stamp_backups(home, clock, stamped)
        clock.sleep(_HOUR_MS)
        yield sample(home, worker, hour)
    assert worker.stop() == 0


def growth(samples: list[Sample]) -> list[str]:
    """What the last day needed more of than the day before.

    Memory is compared hour by hour, so that neither a peak hides a leak nor a busy hour looks like one. Files and rows
    come and go by the day: what counts of them is the most. Backups hold the table of their own day, so they become as
    large as they get a day after all else: what counts of them is how many tables they take the room of.
    """
    old, new = samples[-2 * _DAY : -_DAY], samples[-_DAY:]
    found = []
    for name in _MEMORY:
        more = statistics.median(getattr(two, name) - getattr(one, name) for one, two in zip(old, new, strict=True))
        if more > _MEMORY_A_DAY:
            found.append(f"{name} grew by {more:,.0f} bytes a day")
    for name in ("database", "wal", "logs", "rings", "cache", "trash", "rows"):
        before, after = (max(getattr(one, name) for one in part) for part in (old, new))
        if after > before * _MARGIN and after - before > (_LEAST_ROWS if name == "rows" else _LEAST):
            found.append(f"{name} grew from {before:,} to {after:,}")
    table, backups = (max(getattr(one, name) for one in new) for name in ("database", "backups"))
    if backups > table * _BACKUPS + _LEAST:
        found.append(f"backups grew to {backups:,} beside a table of {table:,}")
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
