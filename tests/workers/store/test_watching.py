"""Looking at a database without a trace, as its files may stand."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from workers.client import open_client
from workers.config import load_settings
from workers.errors import ReadOnlyError, SchemaError, StoreError
from workers.looking import look_at, looking_uri
from workers.store.database import transaction
from workers.store.watching import WatchPoll, open_watched


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A database that nobody has open."""
    settings = load_settings({"SPOOL_HOME": str(tmp_path)})
    open_client(settings).close()
    return settings.paths.database


def _files(path: Path) -> dict[str, bytes]:
    return {each.name: each.read_bytes() for each in path.parent.iterdir() if each.is_file()}


def _elsewhere(path: Path, script: str) -> None:
    subprocess.run([sys.executable, "-c", f"import sqlite3, os, sys; p = sys.argv[1]\n{script}", str(path)], check=True)


CUT_SHORT = """
c = sqlite3.connect(p, isolation_level=None)
c.execute("UPDATE meta SET value = 77 WHERE key = 'back'")
os._exit(0)
"""


def test_nobody_has_it_open(path: Path) -> None:
    before = _files(path)
    with pytest.raises(sqlite3.OperationalError):
        look_at(path).execute("DELETE FROM meta")
    db = open_watched(path)
    with pytest.raises(ReadOnlyError), transaction(db):
        raise AssertionError("a transaction was begun")
    db.close()
    assert "immutable=1" in looking_uri(path) and _files(path) == before


def test_what_a_killed_writer_left_is_seen_and_not_mended(path: Path) -> None:
    _elsewhere(path, CUT_SHORT)
    before = _files(path)
    assert len(before) > 2, "the write-ahead log is there"
    connection = look_at(path)
    assert connection.execute("SELECT value FROM meta WHERE key = 'back'").fetchone() == (77,)
    connection.close()
    assert _files(path) == before


def test_a_log_without_its_index_is_refused(path: Path) -> None:
    _elsewhere(path, CUT_SHORT)
    Path(f"{path}-shm").unlink()
    before = _files(path)
    with pytest.raises(StoreError, match="cut short"):
        open_watched(path)
    assert _files(path) == before


def test_another_version_is_named(path: Path) -> None:
    for version, whose in ((0, "older"), (9999, "newer")):
        _elsewhere(
            path,
            f"c = sqlite3.connect(p); c.execute('UPDATE meta SET value={version} WHERE key=\"schema\"'); c.commit()",
        )
        with pytest.raises(SchemaError, match=whose):
            open_watched(path)


def test_odd_names(tmp_path: Path) -> None:
    folder = tmp_path / "a?mode=rwc&b#c %41"
    settings = load_settings({"SPOOL_HOME": str(folder)})
    open_client(settings).close()
    assert look_at(settings.paths.database).execute("SELECT count(*) FROM job").fetchone() == (0,)


def test_commits_of_others_are_noticed(path: Path) -> None:
    poll = WatchPoll(path)
    assert poll.changed()
    for file in (path, Path(f"{path}-wal")):
        if file.exists():
            os.utime(file, ns=(1, 1))
    poll.changed()
    assert not poll.changed()
    _elsewhere(path, CUT_SHORT)
    assert poll.changed()
    poll.close()
