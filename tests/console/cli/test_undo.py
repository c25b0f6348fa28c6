from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.console.cli.conftest import Ran
from tests.support.context import PlainContext
from workers.client import Client
from workers.operations import trash


@pytest.fixture
def films(home: Path, tmp_path: Path) -> list[Path]:
    """Two films that job 7 replaced by others."""
    found = []
    for name in ("a.avi", "b.mkv"):
        source, staged = tmp_path / name, tmp_path / "staged"
        source.write_bytes(b"old")
        staged.write_bytes(b"new one")
        ctx = PlainContext(tmp_path / "job", {"state_dir": str(home / "state")}, job_id=7)
        trash.replace(ctx, staged, trash.look(source), source.with_suffix(".mkv"))
        found.append(source)
    return found


def test_a_plan_then_the_deed(spool: Callable[..., Ran], films: list[Path]) -> None:
    ran = spool("undo", "7", "--plan")
    assert ran.code == 0 and f"to the trash goes {films[0].with_suffix('.mkv')}" in ran.out
    told = spool("undo", "7", "--plan", "--json").objects
    assert [(one["path"], one["possible"], one["problem"]) for one in told] == [
        (str(film), True, None) for film in films
    ]
    asked = spool("undo", "7")
    assert (asked.code, asked.out) == (2, "") and "needs --yes" in asked.err
    assert films[1].read_bytes() == b"new one"
    done = spool("undo", "7", "--yes", "--json")
    assert done.code == 0 and [one["ok"] for one in done.objects] == [True, True]
    assert [film.read_bytes() for film in films] == [b"old", b"old"]
    assert not films[0].with_suffix(".mkv").exists()
    (order,) = spool("audit", "--json").objects
    assert (order["order"], order["id"]) == ("undone", 7)


def test_each_has_its_outcome(spool: Callable[..., Ran], films: list[Path]) -> None:
    films[1].write_bytes(b"edited by a person")
    assert spool("undo", "7", "--plan").code == 1
    ran = spool("undo", "7", "--yes")
    assert ran.code == 1
    assert films[0].read_bytes() == b"old" and films[1].read_bytes() == b"edited by a person"
    assert "changed since" in ran.err
    ran = spool("undo", "7", "-y")
    assert films[0].with_suffix(".mkv").exists(), "the first was undone, and that is undone now"


def test_who_only_watches_may_look_at_the_plan(spool: Callable[..., Ran], client: Client, films: list[Path]) -> None:
    ran = spool("--read-only", "undo", "7", "--plan")
    assert ran.code == 0 and f"to the trash goes {films[0].with_suffix('.mkv')}" in ran.out
    ran = spool("--read-only", "undo", "7", "--yes")
    assert ran.code != 0 and "undoing a job" in ran.err
    assert films[1].read_bytes() == b"new one"


def test_nothing_to_undo(spool: Callable[..., Ran], client: Client, films: list[Path]) -> None:
    ran = spool("undo", "999")
    assert ran.code == 2 and "no job 999" in ran.err and "trash" not in ran.err
    job = client.submit("download", {"inputs": ["http://127.0.0.1:9/x.mp4"]})
    ran = spool("undo", str(job.id))
    assert ran.code == 2 and "nothing in the trash" in ran.err
    for film in films:
        film.with_suffix(".mkv").write_bytes(b"edited by a person")
    ran = spool("undo", "7", "-y")
    assert ran.code == 1 and "nothing of job 7 can be put back" in ran.err
