"""The console at work on the real store: opening time, bytes and processor time with 40 live rows, idle, memory.

Bytes and processor seconds are the budget; wall times are printed but depend on the machine.
"""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from tests.support.pty import Terminal, terminal_environ
from workers.client import open_client
from workers.config import load_settings
from workers.jobs import Progress, State
from workers.settings import Settings
from workers.store import reports
from workers.store.database import open_database

ROOT = Path(__file__).parents[2]
LIVE = 40
OPEN = [
    sys.executable,
    "-c",
    "import sys; from workers.config import load_settings; from console.app import run;"
    "sys.exit(run(load_settings(), read_only=True))",
]


def settings_of(home: Path) -> Settings:
    """The settings of a home under one folder."""
    return load_settings({"SPOOL_HOME": str(home)})


def fill(home: Path, ended: int, running: int) -> None:
    """A home with jobs that have ended and jobs that run: copies of one that was really submitted."""
    settings = settings_of(home)
    client = open_client(settings)
    first = client.submit("transcode", {"inputs": ["/media/in/clip-000000.mov"]}, hold=True)
    client.close()
    db = sqlite3.connect(settings.paths.database)
    db.row_factory = sqlite3.Row
    an_hour_ago = time.time_ns() // 1_000_000 - 3_600_000  # so that no age in seconds is shown and painted
    db.execute("UPDATE job SET submitted_at = ?", (an_hour_ago,))
    template = dict(db.execute("SELECT * FROM job WHERE id = ?", (first.id,)).fetchone())
    names = ", ".join(template)
    holes = ", ".join(f":{name}" for name in template)
    now = time.time_ns() // 1_000_000
    with db:
        db.executemany(f"INSERT INTO job ({names}) VALUES ({holes})", _rows(template, ended, running, now))
        last = first.id + ended + running
        db.execute("UPDATE meta SET value = ? WHERE key IN ('job_id', 'revision')", (last + 10,))
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()


def _rows(template: dict[str, Any], ended: int, running: int, now: int) -> Iterator[dict[str, Any]]:
    for number in range(1, ended + running + 1):
        job_id = template["id"] + number
        title = f"clip-{job_id:06}.mov"
        live = number > ended
        state = State.RUNNING if live else State.FAILED if number % 10 == 0 else State.SUCCEEDED
        yield template | {
            "id": job_id,
            "title": title,
            "folded": title,
            "state": state.value,
            "hold": 0,
            "position": float(job_id),
            "started_at": now - 60_000,
            "finished_at": None if live else now - (ended - number) * 1000,
            "attempts": 1,
            "lease": 1,
            "revision": job_id,
            "error_class": "network" if state is State.FAILED else None,
            "error_message": "the site answered 503" if state is State.FAILED else "",
        }


def write_forever(home: str) -> None:
    """The recorder's part: new progress of all live jobs, ten times a second."""
    settings = settings_of(Path(home))
    client = open_client(settings)
    ids = list(client.job_ids("state:running"))
    db = open_database(str(settings.paths.database))
    step = 0
    while True:
        step += 1
        newest = {}
        for job_id in ids:
            done = (step * 61 + job_id * 911) % 60_000
            newest[job_id, 1] = Progress(
                done / 60_000, "encoding", done, 60_000, 2400.0 + job_id % 7 + step % 50, 25.0, "ms"
            )
        reports.write_progress(db, newest)
        time.sleep(0.1)


@contextmanager
def writer(home: Path) -> Iterator[None]:
    """The recorder as a process of its own, so that its work is not counted."""
    code = "import sys; from tests.bench.console_load import write_forever; write_forever(sys.argv[1])"
    process = subprocess.Popen([sys.executable, "-c", code, str(home)], cwd=ROOT)
    try:
        yield
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


@contextmanager
def console(home: Path, size: tuple[int, int], **environ: str) -> Iterator[Terminal]:
    """The real console in a terminal, until it has drawn its list."""
    with Terminal(OPEN, size=size, environ=terminal_environ(home, PYTHONPATH=str(ROOT), **environ)) as terminal:
        terminal.wait_for("clip-", 60)
        yield terminal
        terminal.send("\x11")
        terminal.wait_end()


def opening(home: Path) -> tuple[float, float, float]:
    """Best of five: wall seconds and processor seconds until the first row is on the screen, and megabytes then."""
    best = (1e9, 1e9, 1e9)
    for _ in range(5):
        started = time.monotonic()
        with console(home, (200, 50)) as terminal:
            wall, spent = time.monotonic() - started, terminal.cpu_s()
            memory = psutil.Process(terminal.pid).memory_info().rss / 1e6
        best = (min(best[0], wall), min(best[1], spent), min(best[2], memory))
    return best


def measure(terminal: Terminal, seconds: float) -> tuple[float, float]:
    """Kilobytes a second, and the share of a core in percent, over a time."""
    before = terminal.cpu_s()
    received = terminal.drain(seconds)
    return received / seconds / 1000, (terminal.cpu_s() - before) / seconds * 100


def main() -> None:
    """Print the figures beside their budgets."""
    with tempfile.TemporaryDirectory(prefix="spool-bench-") as folder:
        small, ended, big = (Path(folder) / name for name in ("small", "ended", "big"))
        fill(small, 0, 0)
        fill(ended, 100_000, 0)
        fill(big, 100_000, LIVE)
        _opening(small, ended)
        with writer(big):
            for size, most in (((80, 24), 8), ((200, 50), 15)):
                _live(big, size, most, "4 Hz (as over SSH)", SSH_CONNECTION="1 2 3 4")
            _live(big, (200, 50), 0, "10 Hz (local)")
        with console(ended, (200, 50)) as terminal:
            terminal.drain(2)
            kilobytes, share = measure(terminal, 10)
            print(f"idle 200x50:            {kilobytes:6.2f} kB/s (0)      {share:4.1f} % of a core (1)")
            before = terminal.cpu_s()
            terminal.send("\x1b[6~\x1b[6~")
            page, spent = terminal.drain(1), (terminal.cpu_s() - before) * 1000
            print(f"two PageDowns 200x50:   {page / 1000:6.1f} kB (40)       {spent:4.0f} ms of processor")
            memory = psutil.Process(terminal.pid).memory_info().rss / 1e6
            print(f"memory after that:      {memory:6.1f} MB")


def _opening(small: Path, big: Path) -> None:
    few, many = opening(small), opening(big)
    for name, (wall, spent, memory) in (("one job", few), ("100,001 jobs", many)):
        print(f"opening with {name:<12} {wall:5.2f} s, {spent:5.2f} s of processor, {memory:5.1f} MB")
    wall, spent = many[0] / few[0], many[1] / few[1]
    print(f"opening, 100,001 jobs to one: {wall:4.2f} of the time (1.3), {spent:4.2f} of the processor")


def _live(home: Path, size: tuple[int, int], most: int, words: str, **environ: str) -> None:
    with console(home, size, **environ) as terminal:
        terminal.drain(3)
        kilobytes, share = measure(terminal, 10)
    budget = f"({most})" if most else "   "
    print(
        f"{LIVE} live, {size[0]}x{size[1]}, {words:<18} {kilobytes:6.1f} kB/s {budget:<5} {share:4.1f} % of a core (5)"
    )


if __name__ == "__main__":
    os.chdir(ROOT)
    main()
