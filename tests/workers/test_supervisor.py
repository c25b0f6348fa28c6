"""What the supervisor says and removes; that it ends jobs rightly is proved with real processes in flows and faults."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from workers.jobs import Progress
from workers.supervisor import _cleaned, _how, remove_staging


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
    assert _how(status) == words


def test_staging_folders_of_ours_are_removed_and_nothing_else(tmp_path: Path) -> None:
    ours = tmp_path / ".spool-1-1-abcd"
    (ours / "1").mkdir(parents=True)
    (ours / "1" / "half").write_text("half")
    assert remove_staging(ours) is True
    assert not ours.exists()
    assert remove_staging(ours) is False
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "film").write_text("film")
    assert remove_staging(precious) is False
    link = tmp_path / ".spool-1-1-link"
    link.symlink_to(precious)
    assert remove_staging(link) is False
    file = tmp_path / ".spool-1-1-file"
    file.write_text("")
    assert remove_staging(file) is False
    assert (precious / "film").read_text() == "film"


def test_phases_are_clean_and_short() -> None:
    progress = _cleaned(Progress(0.5, "\x1b[31m" + "x" * 500, 1, 2, math.inf, None, "bytes"))
    assert len(progress.phase) <= 200 and "\x1b" not in progress.phase
    assert (progress.fraction, progress.done, progress.total, progress.unit) == (0.5, 1, 2, "bytes")
