"""What all tests need before anything else, and the table of faults at the end of a run."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import peewee  # noqa: F401  (before workers.store, which hides PostgreSQL's drivers from it: see workers/store/__init__.py)
import pytest

from tests.support.matrix import Outcome, add_to_report, table

_HEARD = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM)


def pytest_configure(config: pytest.Config) -> None:
    _hear_signals()
    config.addinivalue_line("markers", "fault(row, what): a row of the fault matrix that the test proves")


def _hear_signals() -> None:
    """Undo what nohup and shells do to programs in the background: all that tests start would ignore signals too."""
    for number in _HEARD:
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item) -> None:
    """Fail the test that made this process a real-time one: all that later tests start would starve the rest."""
    if os.sched_getscheduler(0) != os.SCHED_OTHER:
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
        pytest.fail(f"{item.name} made this process a real-time one: let a process of its own do that")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        for mark in item.iter_markers("fault"):
            detail = item.name.partition("[")[2].rstrip("]")
            what = f"{mark.args[1]}: {detail}" if detail else mark.args[1]
            item.user_properties.append(("fault", (mark.args[0], what)))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if hasattr(config, "workerinput"):
        return  # one of several processes of pytest-xdist: the one that started them tells all
    outcomes: list[Outcome] = []
    for outcome in ("passed", "failed", "error", "skipped"):
        for report in terminalreporter.stats.get(outcome, []):
            if not isinstance(report, pytest.TestReport):
                continue
            why = report.longrepr[2] if isinstance(report.longrepr, tuple) else ""
            for name, fault in report.user_properties:
                if name == "fault" and isinstance(fault, list | tuple):
                    outcomes.append((str(fault[0]), str(fault[1]), outcome, report.duration, why))
    if not outcomes:
        return
    if to := os.environ.get("SPOOL_FAULT_REPORT"):
        add_to_report(Path(to), outcomes)
        return
    terminalreporter.section("faults")
    whole = not config.option.keyword and config.args in ([], ["tests"], [str(Path(__file__).parent)])
    for line in table(outcomes, whole=whole):
        terminalreporter.write_line(line)
