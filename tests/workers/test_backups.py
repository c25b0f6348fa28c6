"""The day's backup: when it is due, what it does when it fails, and what a step to another version needs."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.databases import opened, submitted
from tests.support.home import wait_for
from workers import backups, lock
from workers.backups import before_migration, daily, list_backups
from workers.client import open_client
from workers.config import load_settings
from workers.errors import SchemaError, StoreError
from workers.settings import Settings
from workers.store import backup, migrations, questions, restore
from workers.store.migrations import migrate

DAY_MS = 86_400_000
NOON = 20_000 * DAY_MS + DAY_MS // 2  # of some day


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings({"SPOOL_HOME": str(tmp_path / "home")})


@pytest.fixture
def db(settings: Settings) -> Iterator[Any]:
    """The jobs table of the home, with one job."""
    with opened(str(settings.paths.database)) as database:
        submitted(database)
        yield database


def at(monkeypatch: pytest.MonkeyPatch, moment_ms: int) -> None:
    monkeypatch.setattr(backups, "now_ms", lambda: moment_ms)


def made_at(settings: Settings, moment_ms: int) -> None:
    """Let the newest backup have been made then."""
    path = list_backups(settings)[0].path
    os.utime(path, (moment_ms / 1000, moment_ms / 1000))


@pytest.mark.parametrize(
    ("hours_ago", "due"),
    [(1, False), (8.9, False), (9.1, True), (24, True), (500, True), (-0.5, False), (-30, True)],
)
def test_it_is_due_once_its_hour_has_come(
    db: Any, settings: Settings, monkeypatch: pytest.MonkeyPatch, hours_ago: float, due: bool
) -> None:
    """At noon, and the hour is three: nine hours ago. One from the future tells that the clock was wrong then."""
    at(monkeypatch, NOON)
    assert daily(db, settings) is not None
    made_at(settings, NOON - int(hours_ago * 3_600_000))
    assert (daily(db, settings) is not None) == due


def test_before_its_hour_that_of_yesterday_counts(db: Any, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    at(monkeypatch, NOON)
    daily(db, settings)
    made_at(settings, NOON)
    for hours, due in ((14, False), (15.5, True)):
        at(monkeypatch, NOON + int(hours * 3_600_000))
        assert (daily(db, settings) is not None) == due, hours


def test_those_that_are_asked_for_neither_replace_nor_push_out_those_of_the_days(db: Any, settings: Settings) -> None:
    settings = settings.model_copy(update={"backup": settings.backup.model_copy(update={"keep": 1})})
    migrating = backups.make_backup(settings, reason=backup.Reason.UPGRADE)
    backups.make_backup(settings)
    of_the_day = daily(db, settings)
    assert of_the_day is not None
    asked = [backups.make_backup(settings) for _ in range(2)]
    assert list_backups(settings) == [asked[1], of_the_day, migrating]


def test_without_jobs_there_is_nothing_to_keep(settings: Settings) -> None:
    with opened(str(settings.paths.database)) as empty:
        assert daily(empty, settings) is None
    assert list_backups(settings) == []


def test_a_person_may_not_want_it(db: Any, settings: Settings) -> None:
    unwanted = settings.backup.model_copy(update={"daily": False})
    assert daily(db, settings.model_copy(update={"backup": unwanted})) is None
    assert list_backups(settings) == []


def test_it_is_written_to_the_history(db: Any, settings: Settings) -> None:
    made = daily(db, settings)
    assert made is not None
    (event,) = questions.events(db, 0, 0, 10)
    assert (event.move, event.by, event.reason) == ("backup made", "worker", made.path.name)


def test_one_that_fails_is_told_and_leaves_nothing(
    db: Any, settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(backup, "_SPARE", 1 << 60)
    assert daily(db, settings) is None
    (event,) = questions.events(db, 0, 0, 10)
    assert event.move == "backup failed" and "make room" in event.reason
    assert "make room" in caplog.text
    assert list_backups(settings) == []


def test_a_worker_that_ends_is_no_failure(db: Any, settings: Settings) -> None:
    assert daily(db, settings, stop=lambda: True) is None
    assert questions.events(db, 0, 0, 10) == []


def test_names_go_forward_when_the_clock_goes_back(
    db: Any, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings.model_copy(update={"backup": settings.backup.model_copy(update={"keep": 2})})
    with monkeypatch.context() as wrong:
        wrong.setattr("workers.store.backup.time.time", lambda: 4_000_000_000.0)
        future = [backups.make_backup(settings).path for _ in range(2)]
    made = backups.make_backup(settings).path
    assert [found.path for found in list_backups(settings)] == [made, future[1]]


def _steps(monkeypatch: pytest.MonkeyPatch, done: list[str]) -> None:
    """Another version of Spool, one step further."""
    further = (*migrations.STEPS, lambda db: done.append("step"))
    monkeypatch.setattr(migrations.migrate, "__defaults__", (further, None))
    monkeypatch.setattr(migrations.latest, "__defaults__", (further,))


def test_a_backup_comes_before_a_migration(db: Any, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    before = migrate(db)
    _steps(monkeypatch, done)
    open_client(settings).close()
    assert done == ["step"]
    (made,) = list_backups(settings)
    assert backup.contents(made.path).schema == before
    assert migrate(db) == before + 1


def test_no_client_migrates_under_a_worker_of_the_older_version(
    db: Any, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    migrate(db)
    _steps(monkeypatch, done)
    worker = lock.take(settings.paths.lock)
    with pytest.raises(SchemaError, match=f"process {os.getpid()} works on it.*`spool stop`.*`spool worker --detach`"):
        open_client(settings)
    assert done == [] and list_backups(settings) == []
    lock.release(worker)
    open_client(settings).close()
    assert done == ["step"] and lock.holder(settings.paths.lock) is None


def test_no_older_worker_begins_while_a_client_migrates(
    db: Any, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[str] = []
    further = (*migrations.STEPS, lambda db: begun.append(f"{lock.holder(settings.paths.lock)}"))
    monkeypatch.setattr(migrations.migrate, "__defaults__", (further, None))
    monkeypatch.setattr(migrations.latest, "__defaults__", (further,))
    open_client(settings).close()
    assert begun == [str(os.getpid())]


def test_a_client_of_the_version_of_the_worker_is_welcome(db: Any, settings: Settings) -> None:
    worker = lock.take(settings.paths.lock)
    open_client(settings).close()
    lock.release(worker)


def test_without_room_for_a_backup_there_is_no_migration(
    db: Any, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    before = migrate(db)
    _steps(monkeypatch, done)
    monkeypatch.setattr(backup, "_SPARE", 1 << 60)
    with pytest.raises(StoreError, match="make room"):
        open_client(settings)
    assert done == [] and backup.contents(settings.paths.database, live=True).schema == before


def _planned(settings: Settings) -> backups.Plan:
    made = backups.make_backup(settings)
    return backups.plan_restore(settings, made.path)


def test_a_job_that_is_accepted_while_a_backup_is_restored_is_not_lost(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(str(settings.paths.database)) as db:
        submitted(db)
    plan = _planned(settings)
    comes: list[subprocess.Popen[str]] = []

    def somebody_comes(database: Path, folder: Path, whole: bool) -> Path:
        """As the last thing before the old table is set aside."""
        comes.append(
            subprocess.Popen([sys.executable, "-c", _SUBMIT, str(database)], stdout=subprocess.PIPE, text=True)
        )
        wait_for(lambda: _has_open(comes[0].pid, database) or comes[0].poll() is not None, what="it opens the table")
        return keep(database, folder, whole)

    keep = restore._keep
    monkeypatch.setattr(restore, "_keep", somebody_comes)
    backups.restore_backup(settings, plan, by="ann")
    told, _ = comes[0].communicate(timeout=20)
    with opened(str(settings.paths.database)) as db:
        assert sorted(questions.job_ids(db)) == [1, int(told)]


_SUBMIT = """
import sys
from tests.support.databases import submitted
from workers.store.database import open_database
print(submitted(open_database(sys.argv[1])).id)
"""


def _has_open(pid: int, path: Path) -> bool:
    try:
        return any(os.path.samefile(f"/proc/{pid}/fd/{name}", path) for name in os.listdir(f"/proc/{pid}/fd"))
    except FileNotFoundError:
        return False


def test_a_plan_holds_only_for_the_table_that_was_compared(settings: Settings) -> None:
    with opened(str(settings.paths.database)) as db:
        submitted(db)
    plan = _planned(settings)
    assert plan.difference is not None and plan.difference.lost == 0
    with opened(str(settings.paths.database)) as db:
        later = submitted(db).id
    with pytest.raises(StoreError, match="has changed since it was compared"):
        backups.restore_backup(settings, plan, by="ann")
    with opened(str(settings.paths.database)) as db:
        assert later in questions.job_ids(db)
    assert backups.list_replaced(settings) == []


def test_a_table_that_was_made_since_the_plan_is_not_replaced(settings: Settings) -> None:
    with opened(str(settings.paths.database)) as db:
        submitted(db)
    made = backups.make_backup(settings)
    for path in backup.files_of(settings.paths.database):
        path.unlink()
    plan = backups.plan_restore(settings, made.path)
    with opened(str(settings.paths.database)) as db:
        later = submitted(db).id
    with pytest.raises(StoreError, match="has changed since it was compared"):
        backups.restore_backup(settings, plan, by="ann")
    with opened(str(settings.paths.database)) as db:
        assert list(questions.job_ids(db)) == [later]


def test_there_is_nothing_to_back_up_before_the_first_job(settings: Settings) -> None:
    with pytest.raises(StoreError, match="nothing to back up"):
        before_migration(settings)
