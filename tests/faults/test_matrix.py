"""The table of faults tells what ran, how often, and never calls passed what did not run."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.matrix import NOT_RUN, ROWS, Outcome, add_to_report, read_report, seed, table


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
    assert seed(20) == 20
    monkeypatch.setenv("SPOOL_TEST_SEED", "3")
    assert seed(20) == 3020


def test_every_row_has_a_name_and_every_reason_a_row() -> None:
    assert list(ROWS) == [str(number) for number in range(1, 59)]
    assert set(NOT_RUN) <= set(ROWS)
