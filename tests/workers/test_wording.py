from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from workers.wording import damage, words_of


def _said(path: Path, statement: str = "SELECT count(*) FROM sqlite_master", mode: str = "ro") -> str:
    connection = sqlite3.connect(f"{path.as_uri()}?mode={mode}", uri=True, timeout=0)
    try:
        connection.execute(statement)
    except sqlite3.Error as error:
        return words_of(error)
    finally:
        connection.close()
    raise AssertionError("SQLite found nothing wrong")


def test_what_sqlite_says_is_told_with_a_reason(tmp_path: Path) -> None:
    text = tmp_path / "text.db"
    text.write_text("no database at all " * 100)
    assert _said(text) == "it is not a database, or its beginning is damaged"
    whole = tmp_path / "whole.db"
    with sqlite3.connect(whole) as made:
        made.execute("CREATE TABLE one (name TEXT)")
        made.executemany("INSERT INTO one VALUES (?)", [("x" * 900,) for _ in range(50)])
    made.close()
    assert _said(whole, "INSERT INTO one VALUES ('y')").startswith("it may not be written")
    assert _said(whole, "SELECT * FROM two").startswith("it lacks a table")
    assert _said(whole, "SELECT two FROM one").startswith("it lacks a column")
    holder = sqlite3.connect(whole, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    assert _said(whole).startswith("another process keeps it locked")
    holder.close()
    whole.write_bytes(whole.read_bytes()[:8192])
    assert _said(whole, "SELECT count(*) FROM one").startswith("it is damaged")


def test_a_file_that_may_not_be_opened_is_told(tmp_path: Path) -> None:
    with pytest.raises(sqlite3.Error) as refused:
        sqlite3.connect(f"{(tmp_path / 'none.db').as_uri()}?mode=ro", uri=True)
    assert words_of(refused.value).startswith("it cannot be opened")


def test_what_the_system_says_is_told_as_it_is() -> None:
    assert words_of(OSError(28, "No space left on device", "/x")) == "No space left on device"


def test_what_is_not_known_is_told_as_it_came() -> None:
    assert words_of(sqlite3.Error("something new")) == "the database refused: something new"


def test_damage_is_counted() -> None:
    assert damage(["ok"], 5) == ""
    assert damage(["Tree 2 page 3: bad"], 5) == "it is damaged in one place"
    assert damage(["Tree 2 page 3: bad"], 1) == "it is damaged"
    assert damage(["a", "b"], 5) == "it is damaged in 2 places"
    assert damage(["a"] * 5, 5) == "it is damaged in many places"
    assert damage(["row 3 missing from index job_state"], 5) == "its indexes do not fit its tables, in one place"
