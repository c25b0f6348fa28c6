"""`make faults`: every test of the matrix of faults, several times with other seeds, and the table of all rounds.

`python -m tests.faults [--rounds N] [--seed N] [--jobs N] [WORDS FOR PYTEST…]`. Ends with exit code 1 when a test
failed, when a round was cut short, and when a row was tried less often than asked for; it then says which.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.support.matrix import ROUNDS, read_report, shortfalls, table

ROOT = Path(__file__).parents[2]


def main() -> int:
    """Run the rounds and print the table."""
    parser = argparse.ArgumentParser(description="Every fault, several times.")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"how often each test is run [default: {ROUNDS}]")
    parser.add_argument("--seed", type=int, default=1, help="the seed of the first round [default: 1]")
    parser.add_argument("--jobs", type=int, default=2, help="how many tests run at once [default: 2]")
    asked, words = parser.parse_known_args()
    codes = []
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "outcomes"
        for number in range(asked.seed, asked.seed + asked.rounds):
            print(f"== round with --seed {number}", flush=True)
            environ = os.environ | {"SPOOL_TEST_SEED": str(number), "SPOOL_FAULT_REPORT": str(report)}
            at_once = ["-n", str(asked.jobs), "--dist", "loadfile"]
            command = [sys.executable, "-m", "pytest", "-q", *at_once, "-m", "fault", "tests", *words]
            codes.append(subprocess.run(command, cwd=ROOT, env=environ, check=False).returncode)
        outcomes = read_report(report)
    print("\n".join(table(outcomes, whole=not words, rounds=asked.rounds)))
    short = list(shortfalls(outcomes, codes, whole=not words))
    print("\n".join(f"NOT PROVEN: {reason}" for reason in short) or "every row that can be tried here holds")
    return 1 if short else 0


if __name__ == "__main__":
    sys.exit(main())
