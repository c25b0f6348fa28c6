"""The matrix of faults: its rows, which tests prove them, and the table of a run: row, fault, times, outcome.

A test names its row by `@pytest.mark.fault("3", "kill -9 of a runner")`; a row may have many tests, a test many rows.
SPOOL_TEST_SEED shifts what tests draw by chance, SPOOL_FAULT_REPORT names a file to which outcomes are added as JSON.
"""

from __future__ import annotations

import json
import os
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROWS: Mapping[str, str] = {
    "1": "kill -9 of the worker and all, jobs running",
    "2": "kill -9 of the worker alone",
    "3": "kill -9 of a runner",
    "4": "poison job",
    "5": "segfault in a decoder",
    "6": "exit in an operation",
    "7": "SIGTERM, idle and busy",
    "8": "SIGTERM twice",
    "9": "SIGKILL in the grace",
    "10": "hung, swallows exceptions",
    "11": "grandchild survives",
    "12": "worker stopped for a while",
    "13": "a host that lost its lease",
    "14": "two workers, one home",
    "15": "timetable with several consumers",
    "16": "missed tick of the timetable",
    "17": "submitted twice",
    "18": "disk of the media full",
    "19": "disk of the state full",
    "20": "EIO on fsync",
    "21": "kill at each step of publishing",
    "22": "power loss",
    "23": "database locked as a job ends",
    "24": "damaged page of the database",
    "25": "database deleted under the worker",
    "26": "database read-only",
    "27": "database on a network filesystem",
    "28": "kill while a due job is handed over",
    "29": "unknown operation",
    "30": "garbage or pickle as a ring",
    "31": "rings lost",
    "32": "rings doubled",
    "33": "clock an hour off",
    "34": "change to and from summer time",
    "35": "retry storm",
    "36": "network gone",
    "37": "truncated source",
    "38": "bit flips",
    "39": "kill -9 in a replacement",
    "40": "kill -9 of ffmpeg",
    "41": "playlist in disguise",
    "42": "hostile names",
    "43": "redirect to a private address",
    "44": "image bomb",
    "45": "runner out of memory",
    "46": "escape sequences in a title",
    "47": "markup in a title",
    "48": "secrets",
    "49": "symlink swapped before a removal",
    "50": "modes of files and folders",
    "51": "DNS rebinding",
    "52": "rotation of the log",
    "53": "upgrade and downgrade",
    "54": "slow disk",
    "55": "console dies over SSH",
    "56": "soak",
    "57": "kill -9 while a job is paused",
    "58": "forkserver killed",
}
NOT_RUN: Mapping[str, str] = {
    "13": "the worker does not run on PostgreSQL yet",
    "51": "there is no HTTP stream yet",
}


ROUNDS = 5  # of `python -m tests.faults`


def seed(base: int) -> int:
    """What a test draws by chance from: `base`, or another number in each round of `python -m tests.faults`."""
    return base + 1000 * int(os.environ.get("SPOOL_TEST_SEED", "0"))


def drawn(row: int) -> random.Random:
    """The chance of one row: the moment of a kill, a length, a place. The same again for the same seed."""
    return random.Random(seed(row))


def stride(quick: int) -> tuple[int, int]:
    """For a fault at each of very many points: the first, and how far it is to the next.

    One suite tries every `quick`th. A round of `python -m tests.faults` tries every fifth, and each another fifth.
    """
    if "SPOOL_TEST_SEED" not in os.environ:
        return 1, quick
    return 1 + int(os.environ["SPOOL_TEST_SEED"]) % ROUNDS, ROUNDS


def often(quick: int, whole: int) -> int:
    """How often a test does what takes long: in one suite, and in a round of `python -m tests.faults`."""
    return whole if "SPOOL_TEST_SEED" in os.environ else quick


@dataclass(slots=True)
class Tally:
    """How the tests of one fault ended so far."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0
    why_not: str = ""  # the reason of a test that was not run
    seconds: list[float] = field(default_factory=list)

    @property
    def told(self) -> int:
        """How often something came of it, be it that it cannot run here."""
        return self.passed + self.failed + self.skipped

    @property
    def outcome(self) -> str:
        """One line: never "passed" for what did not run."""
        if not self.passed + self.failed:
            return f"not run: {self.why_not or 'not chosen'}"
        ran = f"FAILED {self.failed} of {self.passed + self.failed}" if self.failed else f"passed {self.passed}"
        return f"{ran}, not run {self.skipped}: {self.why_not}" if self.skipped else ran


Outcome = tuple[str, str, str, float, str]  # row, fault, passed|failed|skipped, seconds, reason


def _tallies(outcomes: Iterable[Outcome]) -> dict[tuple[str, str], Tally]:
    tallies: dict[tuple[str, str], Tally] = {}
    for row, what, outcome, seconds, why in outcomes:
        tally = tallies.setdefault((row, what), Tally())
        tally.passed += outcome == "passed"
        tally.failed += outcome in ("failed", "error")
        tally.skipped += outcome == "skipped"
        tally.why_not = why or tally.why_not
        tally.seconds.append(seconds)
    return tallies


def table(outcomes: Iterable[Outcome], *, whole: bool, rounds: int = 1) -> list[str]:
    """The lines of the table; `whole` also names rows of which nothing ran. `rounds`: how often each was asked for."""
    tallies = _tallies(outcomes)
    if whole:
        for row, what in ROWS.items():
            if not any(one == row for one, _ in tallies):
                tallies[row, what] = Tally(why_not=NOT_RUN.get(row, ""))
    lines = [f"{'row':>4}  {'fault':78} {'s':>6}  outcome"]
    for (row, what), tally in sorted(tallies.items(), key=lambda line: (_place(line[0][0]), line[0][1])):
        longest = f"{max(tally.seconds):6.1f}" if tally.seconds else f"{'':6}"
        less = f", asked for {rounds}" if tally.seconds and tally.told < rounds else ""
        lines.append(f"{row:>4}  {what[:78]:78} {longest}  {tally.outcome}{less}")
    return lines


def shortfalls(outcomes: Sequence[Outcome], codes: Sequence[int], *, whole: bool) -> Iterator[str]:
    """Why rounds that ended with these exit codes of pytest do not prove the matrix; nothing when they do.

    That a machine lacks what a fault needs is no shortfall, where the test or `NOT_RUN` says so.
    """
    for number, code in enumerate(codes, 1):
        if code not in (0, 1):
            yield f"round {number} did not end by itself: pytest's exit code was {code}"
    tallies = _tallies(outcomes)
    for (row, what), tally in tallies.items():
        if tally.failed:
            yield f"row {row} failed {tally.failed} of {tally.told} times: {what}"
        if tally.told < len(codes):
            yield f"row {row} was tried {tally.told} of {len(codes)} times: {what}"
    if 1 in codes and not any(tally.failed for tally in tallies.values()):
        yield "a test failed that names no row"
    if not tallies:
        yield "no test was run"
    if whole:
        proven = {row for row, _ in tallies} | set(NOT_RUN)
        yield from (f"row {row} has no test: {what}" for row, what in ROWS.items() if row not in proven)


def _place(row: str) -> tuple[bool, int, str]:
    digits = "".join(letter for letter in row if letter.isdigit())
    return (not row.isdigit(), int(digits or 0), row)


def add_to_report(path: Path, outcomes: Iterable[Outcome]) -> None:
    """Add outcomes to a file, a line each."""
    with path.open("a", encoding="utf-8") as file:
        file.writelines(json.dumps(outcome) + "\n" for outcome in outcomes)


def read_report(path: Path) -> list[Outcome]:
    """All outcomes of such a file."""
    if not path.exists():
        return []
    return [tuple(json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]
