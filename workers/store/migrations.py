"""The database's version: a new one is made whole, an old one is brought up step by step, a newer one is refused."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from peewee import Database, SchemaManager

from workers.errors import SchemaError
from workers.store.database import told, transaction
from workers.store.tables import TABLES, BatchRow, Counter, PauseRow, TemplateRow, WindowRow

Step = Callable[[Database], None]


def _pauses_batches_and_windows(db: Database) -> None:
    """2: pauses of anything in a table of their own, limits of batches, windows, and chains on any end."""
    connection: Any = db
    for table, column in (
        ("job", '"window" TEXT'),
        ("job", "pause_until BIGINT"),
        ("job", "runner_deaths INTEGER NOT NULL DEFAULT 0"),
        ("job_after", "ended BOOLEAN NOT NULL DEFAULT FALSE"),
    ):
        connection.execute_sql(f"ALTER TABLE {table} ADD COLUMN {column}")
    for model in (PauseRow, BatchRow, TemplateRow, WindowRow):
        SchemaManager(model, database=db).create_all()
    connection.execute_sql(
        'INSERT INTO pause (scope, name, since, until, "by")'
        " SELECT 'queue', queue, 0, paused_until, paused_by FROM queue_setting WHERE paused"
    )
    for column in ("paused", "paused_until", "paused_by"):
        connection.execute_sql(f"ALTER TABLE queue_setting DROP COLUMN {column}")


def _pauses_that_are_hard(db: Database) -> None:
    """3: pauses say whether what runs is paused, too. Where step 2 has just made their table, it has the column."""
    if "soft" not in {column.name for column in db.get_columns(PauseRow._meta.table_name)}:
        connection: Any = db
        connection.execute_sql("ALTER TABLE pause ADD COLUMN soft BOOLEAN NOT NULL DEFAULT TRUE")


# Step n brings version n to version n + 1. A step is never changed once it has been released.
STEPS: tuple[Step, ...] = (_pauses_batches_and_windows, _pauses_that_are_hard)


def latest(steps: Sequence[Step] = STEPS) -> int:
    """The version that these steps lead to; a database begins at 1."""
    return 1 + len(steps)


def _version(db: Database) -> int:
    if not db.table_exists(Counter._meta.table_name):
        return 0
    value = Counter.select(Counter.value).where(Counter.key == "schema").scalar(db)
    return int(value or 0)


def _create(db: Database, version: int) -> None:
    for table in TABLES:
        SchemaManager(table, database=db).create_all()
    numbers = {"schema": version, "revision": 0, "job_id": 0, "back": 0, "front": 0}
    Counter.insert_many([{"key": key, "value": value} for key, value in numbers.items()]).execute(db)


def behind(db: Database) -> bool:
    """Whether the database holds something, and is of an older version than ours."""
    with told("opening the database"):
        return 0 < _version(db) < latest()


def migrate(db: Database, steps: Sequence[Step] = STEPS, before: Callable[[], object] | None = None) -> int:
    """Bring the database to the latest version, which is returned. SchemaError when it is newer than we are.

    `before` is called before the first step on a database that holds something; what it raises leaves all as it was.
    """
    target = latest(steps)
    with told("opening the database"):
        version = _version(db)
        if version == target:
            return version
        if before is not None and 0 < version < target:
            before()
        with transaction(db):
            version = _version(db)  # another process may have been quicker
            if version > target:
                raise SchemaError(
                    f"{db.database}: this database is of version {version}, made by a newer Spool; this one knows"
                    f" up to {target}. Use the newer Spool, or another SPOOL_HOME."
                )
            if version == 0:
                _create(db, target)
            else:
                for step in steps[version - 1 :]:
                    step(db)
                Counter.update(value=target).where(Counter.key == "schema").execute(db)
        return target
