"""The words for an end; that jobs leave rightly is proved with real processes in flows and faults."""

from __future__ import annotations

import pytest

from workers.runner.failures import how_it_died


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (None, "with the process that had started it"),
        (0, "exit code 0 without a result"),
        (3, "exit code 3 without a result"),
        (-9, "killed by SIGKILL, perhaps out of memory"),
        (-11, "killed by SIGSEGV"),
        (-99, "killed by signal 99"),
    ],
)
def test_how_a_runner_died(status: int | None, words: str) -> None:
    assert how_it_died(status) == words
