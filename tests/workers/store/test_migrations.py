"""The database's version: made whole, brought up in order, refused when newer, by several processes at once."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.databases import opened, submitted
from workers.errors import SchemaError
from workers.store import hosts, orders, questions
from workers.store.database import open_database, transaction
from workers.store.migrations import STEPS, latest, migrate
from workers.store.tables import TABLES, Counter


def _set_version(db: Any, version: int) -> None:
    with transaction(db):
        Counter.update(value=version).where(Counter.key == "schema").execute(db)


def _version(db: Any) -> int:
    return int(Counter.select(Counter.value).where(Counter.key == "schema").scalar(db))


def _noting(done: list[str], name: str) -> Callable[[Any], None]:
    def step(db: Any) -> None:
        done.append(name)
        db.execute_sql(f"CREATE TABLE {name} (a INTEGER)")

    return step


def test_a_fresh_database_is_the_latest(empty: str) -> None:
    with opened(empty) as db:
        assert _version(db) == latest() == 1 + len(STEPS)
        assert {table._meta.table_name for table in TABLES} <= set(db.get_tables())
        assert migrate(db) == latest()
        assert submitted(db).id == 1


def test_a_fresh_database_needs_no_steps(empty: str) -> None:
    done: list[str] = []
    db = open_database(empty)
    assert migrate(db, [*STEPS, _noting(done, "one"), _noting(done, "two")]) == latest() + 2
    assert done == [] and _version(db) == latest() + 2
    db.close()


def test_an_older_database_goes_through_the_missing_steps_in_order(empty: str) -> None:
    done: list[str] = []
    steps = [*STEPS, *(_noting(done, name) for name in ("one", "two", "three"))]
    with opened(empty) as db:
        job = submitted(db)
        assert migrate(db, steps[: len(STEPS) + 1]) == latest() + 1 and done == ["one"]
        assert migrate(db, steps) == latest() + 3 and done == ["one", "two", "three"]
        assert migrate(db, steps) == latest() + 3 and done == ["one", "two", "three"]
        assert questions.job_by_id(db, job.id) == job


def test_a_step_that_fails_leaves_the_database_as_it_was(empty: str) -> None:
    def broken(db: Any) -> None:
        raise ValueError("broken step")

    with opened(empty) as db:
        with pytest.raises(ValueError, match="broken step"):
            migrate(db, [*STEPS, _noting([], "half"), broken])
        assert _version(db) == latest() and "half" not in db.get_tables()


def test_what_comes_before_a_step_is_called_for_old_databases_alone(empty: str) -> None:
    done: list[str] = []
    db = open_database(empty)
    assert migrate(db, [_noting(done, "one")], before=lambda: done.append("before")) == 2
    assert done == []
    steps = [_noting(done, "one"), _noting(done, "two")]
    assert migrate(db, steps, before=lambda: done.append("before")) == 3
    assert done == ["before", "two"]
    assert migrate(db, steps, before=lambda: done.append("before")) == 3
    assert done == ["before", "two"]
    db.close()


def test_a_refusal_before_a_step_leaves_the_database_as_it_was(empty: str) -> None:
    def refuse() -> None:
        raise OSError("no room")

    with opened(empty) as db:
        with pytest.raises(OSError, match="no room"):
            migrate(db, [_noting([], "never")] * latest(), before=refuse)
        assert _version(db) == latest() and "never" not in db.get_tables()


def test_a_newer_database_is_refused_untouched(empty: str) -> None:
    with opened(empty) as db:
        _set_version(db, latest() + 1)
        with pytest.raises(SchemaError, match="made by a newer Spool") as refused:
            migrate(db)
        assert refused.value.exit_code == 78
        assert _version(db) == latest() + 1
        _set_version(db, latest())


_MIGRATOR = """
import sys
import peewee
from workers.store.database import open_database
from workers.store.migrations import migrate
db = open_database(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
print(migrate(db))
"""


def test_processes_that_make_a_database_at_once_make_one(empty: str) -> None:
    children = [
        subprocess.Popen(
            [sys.executable, "-c", _MIGRATOR, empty],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    for child in children:
        assert child.stdout is not None and child.stdout.readline() == "ready\n"
    for child in children:
        assert child.stdin is not None
        child.stdin.write("go\n")
        child.stdin.flush()
    answers = [child.communicate(timeout=60) for child in children]
    assert answers == [(f"{latest()}\n", "")] * 3
    with opened(empty) as db:
        assert Counter.select().count(db) == 5


def test_what_was_paused_in_version_1_is_paused_still(empty: str) -> None:
    with opened(empty) as db:
        job = submitted(db, title="old")
        _back_to_version_1(db)
        assert migrate(db) == latest()
        setting = hosts.queue_settings(db)["video"]
        assert setting.slots == 3 and setting.pause is not None
        assert (setting.pause.until, setting.pause.by) == (2**42, "ann")
        assert hosts.queue_settings(db)["images"].pause is None
        assert questions.job_by_id(db, job.id) == job
        assert orders.schedule(db, [job.id], "ann", window="sat")[0].ok


def _back_to_version_1(db: Any) -> None:
    for table in ("pause", "batch", "batch_template", "job_window"):
        db.execute_sql(f"DROP TABLE {table}")
    for column in ("job.window", "job.pause_until", "job.runner_deaths", "job_after.ended"):
        table, _, name = column.partition(".")
        db.execute_sql(f'ALTER TABLE {table} DROP COLUMN "{name}"')
    for column in ("paused BOOLEAN DEFAULT FALSE", "paused_until BIGINT", "paused_by TEXT DEFAULT ''"):
        db.execute_sql(f"ALTER TABLE queue_setting ADD COLUMN {column}")
    db.execute_sql("INSERT INTO queue_setting VALUES ('video', 3, TRUE, 4398046511104, 'ann')")
    db.execute_sql("INSERT INTO queue_setting VALUES ('images', NULL, FALSE, NULL, '')")
    _set_version(db, 1)
