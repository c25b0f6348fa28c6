"""Statements of the hot path: written once as peewee queries, compiled to SQL once, run with other values each time.

Peewee takes 0.2 to 1 ms to write the SQL of one query, several times what SQLite needs to run it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from peewee import Database, Model, Value

from workers.store.database import is_sqlite


class _Hole:
    """Stands for a value that is given at each run."""

    def __init__(self, name: str) -> None:
        self.name = name


def hole(name: str) -> Any:
    """A place in a query to be filled by `Prepared.run(db, name=value)`."""
    return Value(_Hole(name), converter=False, unpack=False)


class Prepared:
    """A query with holes, compiled on first use for each kind of database."""

    def __init__(self, build: Callable[[bool], Any]) -> None:
        """`build` is given whether the database is SQLite and returns the query."""
        self._build = build
        self._compiled: dict[bool, tuple[str, tuple[Any, ...]]] = {}

    def run(self, db: Database, **values: Any) -> Any:
        """The cursor after running the statement with these values."""
        sqlite = is_sqlite(db)
        found = self._compiled.get(sqlite)
        if found is None:
            sql, params = self._build(sqlite).bind(db).sql()
            found = self._compiled[sqlite] = (sql, tuple(params))
        sql, params = found
        filled = tuple(values[param.name] if isinstance(param, _Hole) else param for param in params)
        connection: Any = db
        return connection.execute_sql(sql, filled)

    def value(self, db: Database, **values: Any) -> Any:
        """The first column of the first row, or None."""
        row = self.run(db, **values).fetchone()
        return None if row is None else row[0]


def columns(table: type[Model]) -> tuple[str, ...]:
    """The columns that `table.select()` gives, in order."""
    model: Any = table
    return tuple(model._meta.sorted_field_names)


def as_dict(names: Sequence[str], row: Sequence[Any]) -> dict[str, Any]:
    """A row with its column names."""
    return dict(zip(names, row, strict=True))
