from __future__ import annotations

import os
import sqlite3
import time
from pathlib import Path

import pytest

from tests.support.findings import named
from workers.checks import tables
from workers.checks.findings import Level
from workers.client import make_backup, open_client
from workers.doctor import examine
from workers.settings import Settings


def test_a_broken_database_fails(settings: Settings) -> None:
    open_client(settings).close()
    assert named(tables.database(settings))["database"].level is Level.OK
    path = settings.paths.database
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE filler AS SELECT randomblob(100000) AS blob")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    data = bytearray(path.read_bytes())
    data[4096 : len(data) // 2] = b"\xff" * (len(data) // 2 - 4096)
    path.write_bytes(data)
    assert named(examine(settings))["database"].level is Level.FAIL
    path.write_bytes(b"no database at all" * 100)
    assert named(examine(settings))["database"].level is Level.FAIL


def test_backups_that_have_stopped_are_warned_of(settings: Settings) -> None:
    assert named(tables.backups(settings))["backups"].level is Level.OK
    for age_days, level in ((30, Level.WARN), (3, Level.WARN), (1, Level.OK)):
        name = kept_copy(settings, age_days).name
        finding = named(tables.backups(settings))["backups"]
        assert finding.level is level and name in finding.detail
        assert finding.detail.endswith(f"{age_days} day{'s' if age_days > 1 else ''} old")


def test_the_age_of_a_backup_is_no_fiction_of_a_clock_that_was_wrong(settings: Settings) -> None:
    """Once a clock was far ahead, names stay ahead; its file, or a copy of that, may tell another time."""
    day = 86_400
    for named_s, written_s, level, said in (
        (-5000 * day, 30 * day, Level.WARN, "30 days old"),
        (-5000 * day, 7200, Level.OK, "2 hours old"),
        (40 * day, 60, Level.WARN, "40 days old"),  # copied since
        (-5000 * day, -5000 * day, Level.WARN, "dated 5000 days ahead of the clock"),
    ):
        path, moment = kept_copy(settings, named_s // day), time.time() - written_s
        os.utime(path, (moment, moment))
        finding = named(tables.backups(settings))["backups"]
        assert finding.level is level and finding.detail.endswith(said), finding
        assert bool(finding.todo) == (level is not Level.OK)
        path.unlink()


def kept_copy(settings: Settings, age_days: int) -> Path:
    """A backup with the name of a moment so long ago."""
    open_client(settings).close()
    made = make_backup(settings).path
    moment = time.gmtime(time.time() - age_days * 86_400)
    return made.rename(made.with_name(f"spool-{time.strftime('%Y%m%d-%H%M%S', moment)}.db"))


@pytest.mark.parametrize("wrong", ["empty", "text", "short", "pages"])
def test_a_damaged_newest_backup_fails_and_the_newest_whole_one_is_named(settings: Settings, wrong: str) -> None:
    old, good, broken = (kept_copy(settings, age) for age in (9, 5, 1))
    data = bytearray(broken.read_bytes())
    if wrong == "pages":
        data[8192:40960] = b"\xff" * 32768
    changed: dict[str, bytes | bytearray] = {
        "empty": b"",
        "text": b"no database at all" * 99,
        "short": data[: len(data) // 2],
        "pages": data,
    }
    broken.write_bytes(changed[wrong])
    finding = named(tables.backups(settings))["backups"]
    assert finding.level is Level.FAIL and broken.name in finding.detail and "spool backup" in finding.todo
    assert finding.detail.endswith(f"; the newest whole one is {good.name}")
    said = {"empty": "it is empty", "text": "it is not a database", "short": "cut short", "pages": "it is damaged"}
    assert said[wrong] in finding.detail
    settings.paths.database.write_bytes(b"no database at all" * 100)
    (lost,) = tables.database(settings)
    assert lost.level is Level.FAIL and lost.detail.endswith("it is not a database, or its beginning is damaged")
    assert f"`spool restore {good.name}`" in lost.todo
    for one in (old, good):
        one.write_bytes(b"")
    assert "there is no whole backup" in named(tables.database(settings))["database"].todo


def test_sizes_tell_something_however_small(settings: Settings) -> None:
    copied = kept_copy(settings, 0)
    said = named(tables.backups(settings))["backups"].detail
    assert f"{copied.stat().st_size / 1000:.1f} kB" in said
    assert " kB" in named(tables.database(settings))["database"].detail
