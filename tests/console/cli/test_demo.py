from __future__ import annotations

from collections.abc import Callable

from tests.console.cli.conftest import Ran


def test_without_a_terminal_nothing_is_made(spool: Callable[..., Ran]) -> None:
    ran = spool("demo")
    assert ran.code == 2
    assert "--no-console" in ran.err
    assert spool("jobs").out == ""
