"""Fixtures of the faults, and the table at the end of the run: row, fault, seconds, outcome.

A test names its rows of the fault matrix by `@pytest.mark.fault("3", "kill -9 of a runner")`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.home import Home, opened

_ROWS: dict[str, tuple[str, str]] = {}  # by node id: row, fault


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "fault(row, what): a row of the fault matrix that the test proves")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        for mark in item.iter_markers("fault"):
            detail = item.name.partition("[")[2].rstrip("]")
            what = f"{mark.args[1]}: {detail}" if detail else mark.args[1]
            item.user_properties.append(("fault", (mark.args[0], what)))


def _order(row: str) -> tuple[int, str]:
    digits = "".join(letter for letter in row if letter.isdigit())
    return (int(digits or 999), row)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    lines = []
    for outcome in ("passed", "failed", "error", "skipped", "xfailed"):
        for report in terminalreporter.stats.get(outcome, []):
            if not isinstance(report, pytest.TestReport):
                continue
            for name, fault in report.user_properties:
                if name == "fault" and isinstance(fault, list | tuple):
                    why = report.longrepr[2] if isinstance(report.longrepr, tuple) else ""
                    lines.append((str(fault[0]), str(fault[1]), report.duration, outcome, why))
    if not lines:
        return
    terminalreporter.section("faults")
    terminalreporter.write_line(f"{'row':>4}  {'fault':78} {'s':>6}  outcome")
    for row, what, seconds, outcome, why in sorted(lines, key=lambda line: (_order(line[0]), line[1])):
        terminalreporter.write_line(f"{row:>4}  {what[:78]:78} {seconds:6.1f}  {outcome}{' ' + why if why else ''}")


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    with opened(tmp_path / "home") as home:
        yield home


@pytest.fixture(scope="module")
def busy_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """A home whose worker all tests of a module share: for faults that the worker must outlive."""
    with opened(tmp_path_factory.mktemp("shared") / "home") as home:
        home.start()
        yield home
