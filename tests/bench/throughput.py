"""Jobs that do nothing, each in a process of its own, beside other queues: jobs a second and processor time of each.

`python -m tests.bench.throughput [JOBS] [ROUNDS]`. The rounds of all systems are interleaved, since a shared machine
changes its pace; ratios are of the medians. Huey's process workers reuse a few processes for all tasks and do not
survive what Spool does (see tests/faults): its figure is the price of a bare queue. RQ forks for each job, as Spool
does; Celery's prefork reuses processes.
"""

from __future__ import annotations

import importlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from tests.bench import redis_peers
from tests.support.home import CONFIG, ROOT, cpu_s, opened

SLOTS = 4
FOLD = 20  # so many more jobs for a bare queue, whose rounds would be too short to measure
TARGETS = {"jobs_per_s": 60.0, "cpu_ms": 15.0}
Round = Callable[[int], tuple[float, float]]  # jobs -> jobs a second, processor ms of each job

_HUEY = """
import sys
from huey import SqliteHuey
huey = SqliteHuey("bench", filename={file!r}, results=False, fsync={fsync})
@huey.task()
def noop():
    with open({done!r}, "ab", buffering=0) as done:
        done.write(b".")
"""


def _tree(pid: int) -> list[int]:
    """A process and all below it."""
    found = [pid]
    for task in Path(f"/proc/{pid}/task").glob("*/children"):  # a child belongs to the thread that started it
        for child in task.read_text().split():
            found += _tree(int(child))
    return found


def _used_s(pid: int) -> float:
    """Processor seconds of a tree, with those of children that were reaped."""
    total = 0.0
    for number in _tree(pid):
        try:
            words = Path(f"/proc/{number}/stat").read_bytes().rpartition(b")")[2].split()
        except OSError:
            continue
        total += (int(words[13]) + int(words[14])) / os.sysconf("SC_CLK_TCK") + cpu_s(number)
    return total


def spool(stack: ExitStack, folder: Path) -> Round:
    """Spool: a runner for each job."""
    config = CONFIG.replace("default = 4", f"default = {SLOTS}")
    home = stack.enter_context(opened(folder / "spool", config))
    worker = home.start()

    def run(jobs: int) -> tuple[float, float]:
        home.client.pause_queue("default")
        for _ in range(jobs):
            home.submit("noop")
        before, started = _used_s(worker.pid), time.monotonic()
        home.client.resume_queue("default")
        while home.client.count("state:queued,running"):
            time.sleep(0.01)
        passed = time.monotonic() - started
        return jobs / passed, (_used_s(worker.pid) - before) * 1000 / jobs

    return run


def huey(stack: ExitStack, folder: Path, *, fsync: bool) -> Round:
    """Huey's own consumer with process workers; `fsync` as durable as Spool's table."""
    place = folder / f"huey-{fsync}"
    place.mkdir()
    done = place / "done"
    module = f"bench_huey_{fsync}".lower()
    source = _HUEY.format(file=str(place / "huey.db"), done=str(done), fsync=fsync)
    (place / f"{module}.py").write_text(source)
    environ = {**os.environ, "PYTHONPATH": str(place)}
    sys.path.insert(0, str(place))
    tasks = importlib.import_module(module)

    def run(jobs: int) -> tuple[float, float]:
        done.write_bytes(b"")
        for _ in range(jobs):
            tasks.noop()
        consumer = [str(Path(sys.executable).with_name("huey_consumer")), f"{module}.huey", "-k", "process"]
        return _drained([[*consumer, "-w", str(SLOTS), "-q"]], environ, place, done, jobs)

    return run


def _drained(
    commands: list[list[str]], environ: dict[str, str], place: Path, done: Path, jobs: int
) -> tuple[float, float]:
    """Start workers that empty what was sent; each job adds a byte to `done`. Their start is not counted."""
    started = time.monotonic()
    quiet = subprocess.DEVNULL
    workers = [subprocess.Popen(command, env=environ, cwd=place, stdout=quiet, stderr=quiet) for command in commands]
    try:
        while done.stat().st_size == 0:
            if time.monotonic() - started > 60:
                raise SystemExit(f"{commands[0][0]} did not start")
            time.sleep(0.001)
        began, first = time.monotonic(), done.stat().st_size
        used = sum(_used_s(worker.pid) for worker in workers)
        while done.stat().st_size < jobs:
            if time.monotonic() - started > 60:
                raise SystemExit(f"{commands[0][0]} did not finish")
            time.sleep(0.005)
        passed = max(1e-6, time.monotonic() - began)
        spent = sum(_used_s(worker.pid) for worker in workers) - used
    finally:
        for worker in workers:
            worker.terminate()
        for worker in workers:
            worker.wait()
    return (jobs - first) / passed, spent * 1000 / max(1, jobs - first)


def _report(results: dict[str, list[tuple[float, float]]]) -> None:
    rates = {name: statistics.median(rate for rate, _ in rounds) for name, rounds in results.items()}
    costs = {name: statistics.median(cost for _, cost in rounds) for name, rounds in results.items()}
    own_rate, own_cost = rates["spool"], costs["spool"]
    print(f"{'system':34} {'jobs/s':>9} {'ratio':>7} {'CPU ms/job':>11} {'ratio':>7}")
    for name in results:
        rate, cost = rates[name], costs[name]
        print(f"{name:34} {rate:9.0f} {rate / own_rate:7.2f} {cost:11.2f} {cost / own_cost:7.2f}")
    for name, value, target in (
        ("jobs/s, at least", own_rate, TARGETS["jobs_per_s"]),
        ("CPU ms per job, at most", own_cost, TARGETS["cpu_ms"]),
    ):
        print(f"spool, {name} {target:g}: {value:.1f} ({value / target:.2f} x the target)")


def main() -> None:
    """Measure and print."""
    jobs = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        systems: dict[str, tuple[Round, int]] = {
            "spool": (spool(stack, folder), jobs),
            "huey -k process (no fsync)": (huey(stack, folder, fsync=False), jobs * FOLD),
            "huey -k process (fsync)": (huey(stack, folder, fsync=True), jobs * FOLD),
        }
        missing = redis_peers.missing()
        if not missing:
            for system, run in redis_peers.rounds(stack, folder, SLOTS, _drained).items():
                systems[system] = (run, jobs)
        results: dict[str, list[tuple[float, float]]] = {system: [] for system in systems}
        for _ in range(rounds):
            for system, (run, number) in systems.items():
                results[system].append(run(number))
    numbers = f"{rounds} interleaved rounds of {jobs} jobs (huey: {jobs * FOLD})"
    print(f"{SLOTS} slots or workers, {numbers}, {os.cpu_count()} cores")
    _report(results)
    if missing:
        print(f"RQ and Celery on Redis not measured, not installed: {', '.join(missing)}")
    print(f"run in {ROOT.name}, Python {sys.version.split()[0]}")


if __name__ == "__main__":
    main()
