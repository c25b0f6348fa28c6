"""The table of faults tells what ran, how often, and never calls passed what did not run."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.faults import __main__ as faults
from tests.support.matrix import (
    NOT_RUN,
    ROUNDS,
    ROWS,
    Outcome,
    add_to_report,
    often,
    read_report,
    seed,
    shortfalls,
    stride,
    table,
)


def test_the_table_names_every_row_once_and_what_was_not_run() -> None:
    outcomes: list[Outcome] = [
        ("3", "a kill", "passed", 1.0, ""),
        ("3", "a kill", "passed", 2.5, ""),
        ("10", "a hang", "passed", 0.1, ""),
        ("10", "a hang", "failed", 0.1, ""),
        ("20", "EIO", "skipped", 0.0, "strace is not installed"),
    ]
    lines = table(outcomes, whole=True)[1:]
    shown = {line[:4].strip(): line for line in lines}
    assert list(shown) == list(ROWS)
    assert shown["3"].endswith("2.5  passed 2") and shown["10"].endswith("FAILED 1 of 2")
    assert shown["20"].endswith("not run: strace is not installed")
    for row, why in NOT_RUN.items():
        assert shown[row].endswith(f"not run: {why}")
    assert not any("passed" in line for row, line in shown.items() if row not in ("3", "10"))
    assert [line[:4].strip() for line in table(outcomes, whole=False)[1:]] == ["3", "10", "20"]


def test_rounds_are_added_up(tmp_path: Path) -> None:
    assert read_report(tmp_path / "report") == []
    for _ in range(2):
        add_to_report(tmp_path / "report", [("1", "x", "passed", 1.0, "")])
    assert table(read_report(tmp_path / "report"), whole=False)[1].endswith("passed 2")


def test_rounds_draw_other_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SPOOL_TEST_SEED", raising=False)
    assert seed(20) == 20 and often(3, 5) == 3
    monkeypatch.setenv("SPOOL_TEST_SEED", "3")
    assert seed(20) == 3020 and often(3, 5) == 5


def test_five_rounds_try_every_point(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SPOOL_TEST_SEED", raising=False)
    assert stride(23) == (1, 23)
    tried: list[int] = []
    for number in range(7, 7 + ROUNDS):
        monkeypatch.setenv("SPOOL_TEST_SEED", str(number))
        first, step = stride(23)
        tried += range(first, 101, step)
    assert sorted(tried) == list(range(1, 101))


def test_every_row_has_a_name_and_every_reason_a_row() -> None:
    assert list(ROWS) == [str(number) for number in range(1, 59)]
    assert set(NOT_RUN) <= set(ROWS)


def _outcomes(*rounds: str) -> list[Outcome]:
    return [("1", "a kill", outcome, 1.0, "") for outcome in rounds]


@pytest.mark.parametrize(
    ("outcomes", "codes", "told"),
    [
        (["passed"] * 3, [0] * 3, []),
        (["passed", "skipped"], [0, 0], []),
        (["passed", "failed"], [0, 1], ["row 1 failed 1 of 2 times: a kill"]),
        (["passed"], [0, 0], ["row 1 was tried 1 of 2 times: a kill"]),
        (["passed"] * 2, [0, 1], ["a test failed that names no row"]),
        (["passed"] * 2, [0, 2], ["round 2 did not end by itself: pytest's exit code was 2"]),
        ([], [0], ["no test was run"]),
    ],
)
def test_what_rounds_do_not_prove(outcomes: Sequence[str], codes: Sequence[int], told: list[str]) -> None:
    assert list(shortfalls(_outcomes(*outcomes), codes, whole=False)) == told


def test_a_row_without_a_test_is_a_shortfall_and_one_that_cannot_run_is_not() -> None:
    most: list[Outcome] = [(row, what, "passed", 1.0, "") for row, what in ROWS.items() if row not in ("3", *NOT_RUN)]
    assert list(shortfalls(most, [0], whole=True)) == ["row 3 has no test: kill -9 of a runner"]


def test_the_table_says_how_often_a_row_was_tried_or_could_not_be() -> None:
    lacking: Outcome = ("1", "a kill", "skipped", 0.0, "strace is not installed")
    (line,) = table([*_outcomes("passed", "passed"), lacking], whole=False, rounds=5)[1:]
    assert line.endswith("passed 2, not run 1: strace is not installed, asked for 5")


@pytest.mark.parametrize("ends", [-9, 2, 5])
def test_rounds_whose_pytest_dies_are_not_passed(
    ends: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """The first round passes; each later one ends as pytest does when it is killed or cannot collect."""
    lived = tmp_path / "lived"
    program = "import os, sys; " + (f"os.kill(os.getpid(), {-ends})" if ends < 0 else f"sys.exit({ends})")

    def run(_command: Sequence[str], env: dict[str, str], **_more: object) -> subprocess.CompletedProcess[bytes]:
        if lived.exists():
            return real([sys.executable, "-c", program])
        lived.touch()
        add_to_report(Path(env["SPOOL_FAULT_REPORT"]), _outcomes("passed"))
        return real([sys.executable, "-c", ""])

    real = subprocess.run
    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.setattr(sys, "argv", ["faults", "--rounds", "3", os.devnull])
    assert faults.main() == 1
    said = capsys.readouterr().out
    assert f"round 3 did not end by itself: pytest's exit code was {ends}" in said
    assert "NOT PROVEN: row 1 was tried 1 of 3 times" in said


def test_the_documentation_names_the_rows_that_draw() -> None:
    """A row that is the same in each round must not be told as tried with several seeds."""
    root = Path(__file__).parents[2]
    texts = [path.read_text() for path in (root / "tests").rglob("test_*.py") if path.name != "test_matrix.py"]
    sources = "\n".join(text for text in texts if "from tests.support.matrix import" in text)
    drawing = {int(number) for number in re.findall(r"\bdrawn\((\d+)\)", sources)} | {56}  # which has two seeds
    told = (root / "docs" / "recovery.md").read_text().partition("sizes or places in the rows")[2].partition(".")[0]
    assert [int(number) for number in told.split(",")] == sorted(drawing)
    assert sources.count("stride(") == 2  # of rows 21 and 39
