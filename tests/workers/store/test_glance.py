from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from tests.support.databases import migrated, opened, submitted
from workers.store import glance
from workers.store.backup import make


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A whole backup of a table with jobs."""
    where = migrated("sqlite", tmp_path)
    with opened(where) as db:
        for number in range(50):
            submitted(db, title="x" * 500 + str(number))
    return make(Path(where), tmp_path / "backups").path


def test_a_whole_copy_shows_nothing(copy: Path) -> None:
    assert glance.damage_at_a_glance(copy) == glance.damage_of(copy) == ""


def test_what_is_missing_shows(copy: Path, tmp_path: Path) -> None:
    data = copy.read_bytes()
    for changed, said in (
        (b"", "it is empty"),
        (data[:50], "it is not a database"),
        (b"\xff" * len(data), "it is not a database"),
        (data[: len(data) - 4096], f"it is cut short: {len(data) - 4096:,} of {len(data):,} bytes are there"),
    ):
        copy.write_bytes(changed)
        assert glance.damage_at_a_glance(copy).startswith(said)
    copy.unlink()
    assert glance.damage_at_a_glance(copy) == "it cannot be read: No such file or directory"


def test_another_database_is_no_backup(tmp_path: Path) -> None:
    other = tmp_path / "other.db"
    with sqlite3.connect(other) as connection:
        connection.execute("CREATE TABLE one (name TEXT)")
    connection.close()
    assert glance.damage_at_a_glance(other).startswith("a database, but none of Spool")


def test_only_small_copies_are_read_to_their_end(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = bytearray(copy.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 20_000] = b"\xff" * 20_000
    copy.write_bytes(data)
    assert glance.damage_at_a_glance(copy).startswith("it is damaged")
    monkeypatch.setattr(glance, "_WHOLE_BYTES", 1000)
    glance.damage_at_a_glance(copy)
    assert glance.damage_of(copy), "before a restore every page is read"
