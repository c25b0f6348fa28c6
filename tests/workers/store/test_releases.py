"""The state that each earlier version left opens with this one, whole, and after a backup where it has to change.

`python -m tests.support.releases` writes that of the version at hand, to be kept when it is released.
"""

from __future__ import annotations

import contextlib
import re
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from tests.support.releases import RELEASES, build, fill
from workers.backups import list_backups, plan_restore, restore_backup
from workers.client import open_client
from workers.config import load_settings
from workers.errors import SchemaError
from workers.jobs import State
from workers.settings import Settings
from workers.store import backup
from workers.store.migrations import latest

_KEPT = {
    "job": "id, submission_key, operation, queue, state, priority, position, title, params, submitted_by, submitted_at,"
    " started_at, finished_at, run_after, hold, attempts, failures, lease, items_total, items_done, error_class,"
    " error_message, outputs, batch, site, revision",
    "job_event": "revision, job_id, at, move, before, after, by, reason",
    "item": "job_id, key, outcome, outputs, detail",
    "job_after": "job_id, on_id",
    "removed": "job_id, revision",
    "queue_setting": "queue, slots",
}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings({"SPOOL_HOME": str(tmp_path / "home")})


def rows(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    """What every version must keep."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return {
            table: sorted(connection.execute(f"SELECT {columns} FROM {table}").fetchall(), key=repr)
            for table, columns in _KEPT.items()
        }


def schema_of(path: Path) -> dict[str, list[str]]:
    """Columns of each table, in no order, and of each index; SQLite keeps all numbers and truths as integers."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        names = connection.execute("SELECT type, name FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'").fetchall()
        return {name: _table(connection, name) if kind == "table" else _index(connection, name) for kind, name in names}


def _table(connection: sqlite3.Connection, name: str) -> list[str]:
    columns = connection.execute('SELECT name, type, "notnull", pk FROM pragma_table_info(?)', (name,))
    return sorted(re.sub("BIGINT|BOOLEAN", "INTEGER", f"{row}") for row in columns)


def _index(connection: sqlite3.Connection, name: str) -> list[str]:
    return [f"{row}" for row in connection.execute('SELECT name, "desc" FROM pragma_index_xinfo(?)', (name,))]


def test_there_is_a_state_of_the_first_version() -> None:
    assert RELEASES and RELEASES[0].name == "schema-1.sql"


@pytest.mark.parametrize("release", RELEASES, ids=lambda path: path.stem)
def test_it_opens_and_keeps_everything(release: Path, settings: Settings) -> None:
    path = settings.paths.database
    build(release.read_text(encoding="utf-8"), path)
    before, version = rows(path), backup.contents(path).schema
    assert {row[4] for row in before["job"]} == {state.value for state in State}, "a state is missing in it"
    client = open_client(settings, "tests.support.operations")
    assert rows(path) == before
    assert backup.contents(path, live=True).schema == latest()
    assert sorted(client.job_ids()) == [row[0] for row in sorted(before["job"])]
    assert {job.state for job in client.jobs()} == set(State)
    client.why_each(list(client.job_ids()))
    assert len(client.events()) == len(before["job_event"])
    assert {queue.name for queue in client.queues() if queue.paused} == {"downloads"}
    new = client.submit("noop", {}, after=[8])
    assert new.id == 12 and client.cancel([new.id])[0].ok
    client.close()
    made = list_backups(settings)
    assert len(made) == (version < latest())
    for one in made:
        assert backup.contents(one.path).schema == version and rows(one.path) == before


@pytest.mark.parametrize("release", RELEASES, ids=lambda path: path.stem)
def test_an_old_backup_can_be_restored(release: Path, settings: Settings, tmp_path: Path) -> None:
    old = tmp_path / "old.db"
    build(release.read_text(encoding="utf-8"), old)
    restore_backup(settings, plan_restore(settings, old), by="ann")
    assert backup.contents(settings.paths.database).schema == latest()
    client = open_client(settings, "tests.support.operations")
    assert client.count() == len(rows(old)["job"])
    assert client.count("state:running,paused") == 0  # what ran then runs no more
    client.close()


@pytest.mark.parametrize("release", RELEASES, ids=lambda path: path.stem)
def test_it_becomes_what_a_new_one_is(release: Path, settings: Settings, tmp_path: Path) -> None:
    """The steps and the tables must not drift apart."""
    build(release.read_text(encoding="utf-8"), settings.paths.database)
    open_client(settings).close()
    other = load_settings({"SPOOL_HOME": str(tmp_path / "new")})
    open_client(other).close()
    assert schema_of(settings.paths.database) == schema_of(other.paths.database)


def test_the_maker_of_such_states_has_every_state(settings: Settings) -> None:
    client = open_client(settings)
    fill(client)
    client.close()
    assert set(backup.contents(settings.paths.database).states) == {state.value for state in State}


def test_a_newer_state_is_refused_and_left_as_it_is(settings: Settings) -> None:
    build(RELEASES[-1].read_text(encoding="utf-8"), settings.paths.database)
    with contextlib.closing(sqlite3.connect(settings.paths.database)) as connection, connection:
        connection.execute("UPDATE meta SET value = ? WHERE key = 'schema'", (latest() + 1,))
    before = rows(settings.paths.database)
    with pytest.raises(SchemaError, match="made by a newer Spool"):
        open_client(settings)
    assert rows(settings.paths.database) == before and list_backups(settings) == []
