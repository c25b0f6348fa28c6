"""One job of many files through a real worker: first and second pass, memory, and the price of the engine.

`python -m tests.bench.bulk [FILES] [ROUNDS]` makes a mixed tree (four photographs for each film or sound; hard links,
all in the page cache), and reads it by `spool probe` with two processes, beside two exiftool batches side by side.
The price of the engine is that of whole jobs beside a bare pool of processes that runs the same functions.
"""

from __future__ import annotations

import multiprocessing
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tests.bench.metadata import _films, _photos
from tests.support.context import PlainContext
from tests.support.home import CONFIG, Home, opened
from tests.support.memory import Memory
from workers.errors import JobFailed
from workers.jobs import State
from workers.operations import thumbnail
from workers.operations.contract import Operation
from workers.operations.probe import OPERATION as PROBE
from workers.runner.publishing import flush_file

PROCESSES = 2
PLAIN = "tests.support.operations"  # with all that a worker keeps warm
HARD = {"seconds for 10,000 files": 4.0, "exiftool x2": 8.0, "again, seconds": 0.3, "hits": 0.95, "price": 0.15}
MEMORY_MIB = 400
CHUNK = 20


def _tree_of_files(folder: Path, count: int) -> list[Path]:
    """A tree of `count` files, 100 a folder: of five files four are photographs."""
    sources = folder / "sources"
    sources.mkdir()
    films, photos = _films(sources), _photos(sources)
    paths = []
    for number in range(count):
        source = films[number // 5 % len(films)] if number % 5 == 4 else photos[number % len(photos)]
        place = folder / "tree" / f"{number // 100:04}"
        place.mkdir(parents=True, exist_ok=True)
        paths.append(place / f"{number:06}{source.suffix}")
        os.link(source, paths[-1])
    return paths


def _job_s(home: Home, operation: str, values: dict[str, Any]) -> tuple[float, Any]:
    """Seconds from submitting a job to its end, and the job."""
    started = time.perf_counter()
    job_id = home.submit(operation, values)
    while not home.job(job_id).final:
        time.sleep(0.02)  # looking costs the machine, and it has but two cores
    passed = time.perf_counter() - started
    job = home.job(job_id)
    assert job.state is State.SUCCEEDED, job.failure
    return passed, job


def _exiftool_s(paths: Sequence[Path]) -> float:
    started = time.perf_counter()
    halves = [paths[number::PROCESSES] for number in range(PROCESSES)]
    command = ["exiftool", "-fast", "-j", "-n", "-@", "-"]
    running = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in halves
    ]
    for process, half in zip(running, halves, strict=True):
        assert process.stdin is not None
        process.stdin.write("\n".join(map(str, half)).encode())
        process.stdin.close()
    for process in running:
        process.wait()
    return time.perf_counter() - started


class _Flushing(PlainContext):
    """A context that flushes what it publishes, as a runner does: that is no price of the engine."""

    def publish(self, staged: Path, target: Path, *, unique: bool = True) -> Path:
        flush_file(staged, 0o644)
        path = super().publish(staged, target, unique=unique)
        folder = os.open(path.parent, os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)
        return path


_work: Callable[[str], Any]  # of the bare pool: its processes have it by the fork, functions do not travel


def _one(key: str) -> Any:
    try:
        return _work(key)
    except JobFailed as error:
        return str(error)


def _pool_s(operation: Operation[Any], values: dict[str, Any], folder: Path) -> float:
    """Seconds of a bare pool of processes that lists the same items and runs the same function on each."""
    global _work
    params = operation.validate(values)
    assert operation.items is not None and operation.process is not None
    process = operation.process
    contexts: dict[int, _Flushing] = {}  # of each process its own

    def work(key: str) -> Any:
        pid = os.getpid()
        if pid not in contexts:
            contexts[pid] = _Flushing(folder / str(pid), job_id=pid)
        contexts[pid].done.clear()
        return dict(process(params, key, contexts[pid]).detail)

    _work = work
    started = time.perf_counter()
    with multiprocessing.get_context("fork").Pool(PROCESSES) as pool:
        failed = [
            result for result in pool.imap_unordered(_one, operation.items(params), CHUNK) if isinstance(result, str)
        ]
    assert not failed, failed[0]
    return time.perf_counter() - started


def _whole_tree(home: Home, paths: Sequence[Path], tree: Path, rounds: int) -> None:
    worker = home.start()
    first: list[float] = []
    again: list[float] = []
    peer: list[float] = []
    hits = 1.0
    with Memory(worker.pid) as memory:
        for _ in range(rounds):
            home.client.cache_clear(None)
            first.append(_job_s(home, "probe", {"inputs": [str(tree)], "processes": PROCESSES})[0])
            passed, job = _job_s(home, "probe", {"inputs": [str(tree)], "processes": PROCESSES})
            again.append(passed)
            hits = min(hits, job.items.cached / job.items.total)
            if shutil.which("exiftool"):
                peer.append(_exiftool_s(paths))
    count = len(paths)
    mine = statistics.median(first)
    print(f"{count} mixed files to rows in the store, {PROCESSES} processes, {rounds} rounds")
    print(
        f"  first pass        {mine:7.2f} s  {count / mine:7.0f} files/s  (under {HARD['seconds for 10,000 files']} s)"
    )
    if peer:
        theirs = statistics.median(peer)
        print(f"  exiftool -fast x2 {theirs:7.2f} s  {theirs / mine:6.1f}x  (at least {HARD['exiftool x2']:.0f})")
    else:
        print("  exiftool is not installed: Debian package libimage-exiftool-perl")
    second = statistics.median(again)
    print(f"  again, unchanged  {second:7.3f} s  {hits:.1%} from the cache  (under {HARD['again, seconds']} s, 95 %)")
    print(f"  memory at most    {memory.peak >> 20:7} MiB of all processes  (under {MEMORY_MIB})")


def _price(home: Home, title: str, operation: Operation[Any], values: dict[str, Any], rounds: int) -> None:
    """What jobs cost beside a bare pool; each round both, in turns."""
    spool: list[float] = []
    bare: list[float] = []
    asked = {**values, "processes": PROCESSES, "cache": "off"}
    ways: list[Callable[[], None]] = [
        lambda: spool.append(_job_s(home, operation.name, asked)[0]),
        lambda: bare.append(_pool_s(operation, asked, home.root / "bare")),
    ]
    for turn in range(rounds):
        for way in ways if turn % 2 else reversed(ways):
            way()
    mine, theirs = statistics.median(spool), statistics.median(bare)
    price = f"{mine / theirs - 1:+.0%}  (at most {HARD['price']:.0%})"
    print(f"  {title:34} {mine:6.2f} s, bare pool {theirs:6.2f} s: {price}")


def main() -> None:
    """Measure and print."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = _tree_of_files(folder, count)
        tree = folder / "tree"
        with opened(folder / "home", CONFIG, PLAIN) as home:
            _whole_tree(home, paths, tree, rounds)
            print("the price of the engine")
            _price(home, f"probe, {count} files", PROBE, {"inputs": [str(tree)]}, rounds)
            small = [str(path) for path in paths if path.suffix == ".jpg"][:200]
            thumbs = {"inputs": small, "skip_existing": False, "output": str(folder / "thumbs")}
            _price(home, f"thumbnail, {len(small)} photographs", thumbnail.OPERATION, thumbs, rounds)


if __name__ == "__main__":
    main()
