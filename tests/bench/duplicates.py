"""Duplicates beside sha256 of everything, and near hashes among very many.

`python -m tests.bench.duplicates [FILES] [ROUNDS]` makes so many files of 0.1 to 1.3 MB, one of 500 a copy, and runs
the whole operation (walk, compare, report) and a sha256 of all files in one thread and in two, turn by turn.
"""

from __future__ import annotations

import hashlib
import os
import random
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from tests.bench._beside import Bar, compare
from tests.support.context import PlainContext
from workers.media.nearness import near_groups
from workers.operations.duplicates import OPERATION

HARD_NEAR = (("100,000 hashes at distance 3", 100_000, 3, 2.0), ("10,000 hashes at distance 10", 10_000, 10, 0.15))


def _files(folder: Path, number: int) -> list[Path]:
    """Files as photographs come: of many sizes; one of 500 is a copy of the one before."""
    chance = random.Random(1)
    block = chance.randbytes(1_300_000)
    paths: list[Path] = []
    for count in range(number):
        path = folder / f"{count // 100:03}" / f"{count:06}.jpg"
        path.parent.mkdir(exist_ok=True)
        if count % 500 == 499:
            path.write_bytes(paths[-1].read_bytes())
        else:
            path.write_bytes(count.to_bytes(8, "big") + block[: chance.randrange(100_000, 1_300_000)])
        paths.append(path)
    return paths


def _sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _everything(paths: Sequence[Path]) -> None:
    groups: dict[str, list[Path]] = defaultdict(list)
    for path in paths:
        groups[_sha256(path)].append(path)


def _everything_twice(paths: Sequence[Path]) -> None:
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(_sha256, paths))


def _near(rounds: int) -> None:
    """Print how long it takes to group hashes, of which one in fifty is near another."""
    chance = np.random.default_rng(1)
    for title, number, distance, most in HARD_NEAR:
        hashes = chance.integers(0, 2**64, number, dtype=np.uint64)
        hashes[: number // 50] = hashes[number // 2 : number // 2 + number // 50] ^ np.uint64(5)
        given, passed = [int(value) for value in hashes], []
        for _ in range(rounds):
            started = time.perf_counter()
            found = near_groups(given, distance)
            passed.append(time.perf_counter() - started)
            assert len(found) >= number // 50
        median = statistics.median(passed)
        print(f"  {title:30} {median:7.3f} s  hard {most} s: {'met' if median < most else 'NOT MET'}")


def main() -> None:
    """Measure and print."""
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "files"
        folder.mkdir()
        paths = _files(folder, number)
        operation, context = OPERATION.run, PlainContext(Path(name) / "job")
        assert operation is not None

        def operate(some: Sequence[Path]) -> None:
            whole = len(some) == len(paths)
            inputs = [str(folder)] if whole else [str(path) for path in some]
            detail = operation(OPERATION.validate({"inputs": inputs}), context).detail
            assert not whole or detail["duplicates"] == number // 500

        ways = {"duplicates": operate, "sha256 of all": _everything, "sha256 of all, 2 threads": _everything_twice}
        compare("exact duplicates", ways, paths, rounds, {"sha256 of all": Bar(100)})
    print(f"near duplicates, {rounds} rounds, one thread of {os.cpu_count()} cores")
    _near(rounds)


if __name__ == "__main__":
    main()
