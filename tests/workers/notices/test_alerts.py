from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.support.databases import migrated, opened
from workers.notices.alerts import DiskWatch, tell_restart
from workers.store import questions


class _Usage(NamedTuple):
    total: int
    used: int
    free: int


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Any]:
    with opened(migrated("sqlite", tmp_path)) as db:
        yield db


def _moves(db: Any) -> list[str]:
    return [event.move for event in questions.events(db)]


def test_a_disk_that_fills_up_is_told_once_until_there_is_room_again(
    db: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = [0]
    asked: list[Path] = []

    def usage(path: Path) -> _Usage:
        asked.append(path)
        return _Usage(1 << 40, 0, free[0] << 20)

    monkeypatch.setattr(shutil, "disk_usage", usage)
    watch = DiskWatch(db, tmp_path / "not" / "made yet", 1000)
    for mib in (5000, 1000, 999, 10, 1100, 1249, 5):
        free[0] = mib
        watch.look()
    assert _moves(db) == ["disk_low"] and set(asked) == {tmp_path}
    (event,) = questions.events(db)
    assert (event.job_id, event.by) == (0, "worker")
    assert event.reason == f"1.0 GB free for {tmp_path / 'not' / 'made yet'}"
    watch = DiskWatch(db, tmp_path, 1000)  # the next worker knows
    watch.look()
    assert _moves(db) == ["disk_low"]
    free[0] = 1250
    watch.look()
    free[0] = 3
    watch.look()
    assert _moves(db) == ["disk_low", "disk_ok", "disk_low"]
    DiskWatch(db, tmp_path, 0).look()
    assert len(_moves(db)) == 3


def test_a_disk_that_does_not_answer_is_no_trouble_of_the_worker(
    db: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def usage(path: Path) -> _Usage:
        raise OSError(errno.ESTALE, "Stale file handle")

    monkeypatch.setattr(shutil, "disk_usage", usage)
    DiskWatch(db, tmp_path, 1000).look()
    assert _moves(db) == []


def test_a_rescue_is_told_and_a_quiet_start_is_not(db: Any) -> None:
    tell_restart(db, None, [])
    tell_restart(db, {"pid": 7, "stopped_at": 1000}, [])
    assert _moves(db) == []
    tell_restart(db, {"pid": 7, "stopped_at": None}, ["2 jobs were running", "temporary folders: 1"])
    (event,) = questions.events(db)
    assert (event.move, event.job_id, event.reason) == (
        "worker_restarted",
        0,
        "2 jobs were running; temporary folders: 1",
    )


def test_so_is_the_death_of_a_worker_that_had_nothing_to_do(db: Any) -> None:
    tell_restart(db, {"pid": 7, "stopped_at": None}, [])
    (event,) = questions.events(db)
    assert (event.move, event.job_id) == ("worker_restarted", 0) and "process 7, had died" in event.reason
