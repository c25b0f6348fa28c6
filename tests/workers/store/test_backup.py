"""Copies of a database: whole beside writers, private, named only when they are good, and the newest kept."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from tests.support.databases import opened, submitted
from workers.errors import StoreError
from workers.store import backup, questions
from workers.store.backup import Reason
from workers.store.database import transaction
from workers.store.moves import bump

FILLER = 600  # pages of 4 KiB: several rounds of copying


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """A store of some size, with two jobs."""
    path = tmp_path / "state" / "spool.db"
    with opened(str(path)) as db:
        submitted(db)
        submitted(db)
        db.execute_sql("CREATE TABLE filler (a BLOB)")
        db.execute_sql(f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {FILLER}) "
                       "INSERT INTO filler SELECT randomblob(4000) FROM n")  # fmt: skip
    return path


@pytest.fixture
def folder(database: Path) -> Path:
    return database.parent / "backups"


def jobs_in(path: Path) -> int:
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)) as connection:
        return int(connection.execute("SELECT count(*) FROM job").fetchone()[0])


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith(".lock"))


def test_a_backup_is_a_whole_private_file_named_by_its_time(database: Path, folder: Path) -> None:
    before = int(time.time())
    made = backup.make(database, folder)
    assert made.path == folder / f"spool-{backup.stamp(made.at_ms / 1000)}-asked.db"
    assert before <= made.at_ms // 1000 <= time.time() + 1
    assert made.size == made.path.stat().st_size
    assert stat.S_IMODE(made.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert names(folder) == [made.path.name]
    assert backup.problems_of(made.path, full=True) == []
    assert backup.contents(made.path).states == {"queued": 2}
    assert names(folder) == [made.path.name]  # looking at it leaves nothing beside it


def test_two_of_one_second_have_two_names(database: Path, folder: Path) -> None:
    made = [backup.make(database, folder) for _ in range(3)]
    assert [found.path for found in backup.listed(folder)] == [one.path for one in reversed(made)]
    assert len({one.path for one in made}) == 3


def test_writers_go_on_and_the_copy_shows_one_moment(
    database: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between any two rounds of copying somebody commits: the copy neither begins again nor shows any of it."""
    monkeypatch.setattr(backup, "_PAGES", 64)
    rounds = []
    with opened(str(database)) as db:

        def write(seconds: float) -> None:
            rounds.append(seconds)
            assert len(rounds) < 1000, "the copy begins again and again"
            with transaction(db):
                bump(db)
                db.execute_sql("INSERT INTO filler VALUES (randomblob(40000))")

        monkeypatch.setattr("workers.store.backup.time.sleep", write)
        before = questions.revision(db)
        made = backup.make(database, folder)
        assert FILLER // 64 <= len(rounds) <= FILLER // 64 + 4
        assert questions.revision(db) == before + len(rounds)
    assert backup.contents(made.path).revision == before


def test_a_commit_that_is_only_in_the_log_is_in_the_copy(database: Path, folder: Path) -> None:
    with opened(str(database)) as db:
        submitted(db)
        assert Path(f"{database}-wal").stat().st_size > 0
        assert jobs_in(backup.make(database, folder).path) == 3


def test_a_damaged_database_makes_no_backup(database: Path, folder: Path) -> None:
    with database.open("r+b") as file:
        file.seek(4096 * 3)
        file.write(os.urandom(4096 * 20))
    with pytest.raises(StoreError, match="is damaged") as refused:
        backup.make(database, folder)
    assert "spool restore" in str(refused.value)
    assert names(folder) == []


def test_a_file_that_is_no_database_makes_no_backup(tmp_path: Path) -> None:
    path = tmp_path / "spool.db"
    path.write_bytes(b"not a database" * 1000)
    with pytest.raises(StoreError, match="not a database"):
        backup.make(path, tmp_path / "backups")
    assert names(tmp_path / "backups") == []


def test_a_disk_that_is_nearly_full_is_told_before_anything_is_written(
    database: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backup, "_SPARE", 1 << 60)
    with pytest.raises(StoreError, match=r"it needs .* TB and .*B are free"):
        backup.make(database, folder)
    assert names(folder) == []


_LIMITED = """
import resource, sys
from pathlib import Path
from workers.errors import StoreError
from workers.store import backup
resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
try:
    backup.make(Path(sys.argv[1]), Path(sys.argv[2]))
except StoreError as error:
    print(error)
"""


def test_a_disk_that_fills_up_in_the_middle_leaves_nothing(database: Path, folder: Path) -> None:
    """As a disk without room does, no file may grow beyond one megabyte."""
    child = subprocess.run(
        [sys.executable, "-c", _LIMITED, str(database), str(folder)], capture_output=True, text=True, timeout=60
    )
    assert child.stdout.startswith(f"no backup was made in {folder}: ") and child.stderr == ""
    assert names(folder) == []


def test_one_that_is_given_up_leaves_nothing(database: Path, folder: Path) -> None:
    with pytest.raises(StoreError, match="given up"):
        backup.make(database, folder, stop=lambda: True)
    assert names(folder) == []


def test_what_a_killed_one_left_is_removed(database: Path, folder: Path) -> None:
    folder.mkdir(mode=0o700)
    (folder / ".new-0123").write_bytes(b"half")
    (folder / ".new-0123-journal").write_bytes(b"half")
    made = backup.make(database, folder)
    assert names(folder) == [made.path.name]


def test_two_at_once_take_turns(database: Path, folder: Path) -> None:
    made: list[Any] = []
    threads = [threading.Thread(target=lambda: made.append(backup.make(database, folder))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len({one.path for one in made}) == 3
    assert names(folder) == sorted(one.path.name for one in made)


def test_the_newest_are_kept_and_other_files_stay(folder: Path) -> None:
    folder.mkdir(parents=True)
    for day in (1, 3, 2, 5, 4):
        (folder / f"spool-2026010{day}-030000.db").write_bytes(b"")
    for name in ("replaced-20250101-000000.db", "spool-notes.db", "other.txt"):
        (folder / name).write_bytes(b"")
    assert [path.name for path in backup.prune(folder, 2)] == [
        f"spool-2026010{day}-030000.db" for day in (3, 2, 1)
    ]  # fmt: skip
    assert names(folder) == [
        "other.txt", "replaced-20250101-000000.db", "spool-20260104-030000.db", "spool-20260105-030000.db",
        "spool-notes.db",
    ]  # fmt: skip
    assert [found.at_ms for found in backup.set_aside(folder)] == [1_735_689_600_000]
    assert backup.listed(folder / "none") == []


def test_each_kind_is_kept_by_itself(database: Path, folder: Path) -> None:
    days = [backup.make(database, folder, reason=Reason.DAY) for _ in range(2)]
    before = backup.make(database, folder, reason=Reason.UPGRADE)
    asked = [backup.make(database, folder) for _ in range(4)]
    assert backup.prune(folder, 2) == [one.path for one in (asked[1], asked[0])]
    assert backup.listed(folder) == [asked[3], asked[2], before, days[1], days[0]]
    assert [one.reason for one in backup.listed(folder)] == [Reason.ASKED] * 2 + [Reason.UPGRADE] + [Reason.DAY] * 2


def test_what_is_no_database_of_ours_is_told(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no such file"):
        backup.contents(tmp_path / "none.db")
    other = tmp_path / "other.db"
    with contextlib.closing(sqlite3.connect(other)) as connection:
        connection.execute("CREATE TABLE song (a)")
    with pytest.raises(StoreError, match="none of Spool"):
        backup.contents(other)


def test_a_copy_of_a_newer_version_is_told(database: Path) -> None:
    with contextlib.closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.execute("UPDATE meta SET value = 999 WHERE key = 'schema'")
    with pytest.raises(StoreError, match="its version is 999"):
        backup.contents(database)
