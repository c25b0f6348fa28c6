from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.hardware import pretend
from tests.support.releases import RELEASES, build
from workers import configmark, doctor, filesystems
from workers.client import open_client
from workers.config import load_settings
from workers.doctor import (
    Finding,
    Level,
    examine,
    sqlite_finding,
    yt_dlp_finding,
)
from workers.lock import release, take
from workers.media.sandbox import Sandbox
from workers.settings import Settings
from workers.store import hosts
from workers.store.backup import contents
from workers.store.database import transaction
from workers.store.migrations import latest
from workers.store.records import now_ms
from workers.store.tables import WorkerRow


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings({"SPOOL_HOME": str(tmp_path / "home")})


def named(findings: Iterator[Finding]) -> dict[str, Finding]:
    return {finding.name: finding for finding in findings}


def test_nothing_is_made_by_looking(settings: Settings, tmp_path: Path) -> None:
    found = named(examine(settings))
    assert not any(finding.level is Level.FAIL for finding in found.values())
    assert not (tmp_path / "home").exists()


def test_a_table_of_an_older_version_stays_one(settings: Settings) -> None:
    database = settings.paths.database
    database.parent.mkdir(parents=True, mode=0o700)
    build(RELEASES[0].read_text(), database)
    before = database.read_bytes()
    found = named(examine(settings, full=True))
    assert "none runs" in found["worker"].detail
    assert database.read_bytes() == before and contents(database).schema < latest()
    assert not settings.paths.backups.exists()


def test_a_worker_that_is_there_is_told(settings: Settings) -> None:
    client = open_client(settings)
    held = take(settings.paths.lock)
    assert next(doctor.worker(settings)) == Finding("worker", Level.OK, f"pid {os.getpid()} is starting")
    life = {"host": "box\x1b", "pid": 7, "pid_start": 1, "boot_id": "b", "version": "0.1.0", "operations": "[]"}
    hosts.add_worker(client._db, life)
    (found,) = doctor.worker(settings)
    assert (found.level, found.detail) == (Level.OK, f"pid {os.getpid()} on box\\x1b, version 0.1.0")
    with transaction(client._db):
        WorkerRow.update(heartbeat=now_ms() - 100_000).execute(client._db)
    (found,) = doctor.worker(settings)
    assert found.level is Level.WARN and "silent for 10" in found.detail
    configmark.note(settings)
    settings.paths.config.write_text("[slots]\nvideo = 2\n")
    (_, found) = doctor.worker(settings)
    assert found.level is Level.WARN and "still has the old one" in found.detail and "`spool stop`" in found.todo
    release(held)
    client.close()


def test_who_is_told_is_checked_without_telling(settings: Settings, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    config = home / "config.toml"
    config.write_text(
        '[notify]\nurls = ["json://me:geheim@127.0.0.1:9/x", "nosuch://geheim"]\ncommand = ["no-such-hook"]\n'
    )
    config.chmod(0o644)
    found = list(doctor.notices(load_settings({"SPOOL_HOME": str(home)})))
    assert [finding.level for finding in found] == [Level.OK, Level.FAIL, Level.FAIL, Level.WARN]
    details = [finding.detail for finding in found]
    assert details[:2] == ["json://127.0.0.1:9/…", "nosuch://…: Apprise does not understand this URL"]
    assert details[2] == "command no-such-hook: no-such-hook is not there" and "others can read" in details[3]
    assert "geheim" not in str(found)
    config.write_text(f'[notify]\ncommand = ["{config}"]\n')
    (finding,) = doctor.notices(load_settings({"SPOOL_HOME": str(home)}))
    assert finding.detail.endswith("cannot be executed")
    assert list(doctor.notices(settings)) == [], "nobody is told of anything"


def test_the_wal_reset_bug_is_named_until_it_is_mended() -> None:
    old, new = sqlite_finding((3, 51, 2)), sqlite_finding((3, 51, 3))
    assert (old.level, new.level) == (Level.WARN, Level.OK)
    assert "3.51.2" in old.detail and "WAL-reset" in old.detail and old.todo


def test_an_old_yt_dlp_is_told_by_its_date() -> None:
    now_s = time.mktime((2026, 8, 1, 12, 0, 0, 0, 0, -1))
    assert yt_dlp_finding("2026.7.20", now_s).detail == "2026.7.20, 12 days old"
    assert yt_dlp_finding("2026.1.2", now_s).level is Level.WARN
    assert yt_dlp_finding("2026.8.2.dev0", now_s).level is Level.OK


@pytest.mark.parametrize(
    ("kind", "level"),
    [("nfs4", Level.FAIL), ("fuse.sshfs", Level.FAIL), ("fuse.mergerfs", Level.WARN), ("ext4", Level.OK)],
)
def test_the_filesystem_of_the_state_is_judged(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, kind: str, level: Level
) -> None:
    monkeypatch.setattr(filesystems, "type_of", lambda path: kind)
    finding = named(doctor.folders(settings))["filesystem"]
    assert finding.level is level
    assert kind in finding.detail and bool(finding.todo) == (level is not Level.OK)
    forced = settings.model_copy(update={"state_on_network": True})
    assert named(doctor.folders(forced))["filesystem"].level is not Level.FAIL


def test_an_open_state_folder_is_warned_of(settings: Settings) -> None:
    settings.paths.state.mkdir(parents=True)
    settings.paths.state.chmod(0o755)
    finding = named(doctor.folders(settings))["state"]
    assert finding.level is Level.WARN
    assert finding.todo == f"chmod 700 {settings.paths.state}"
    settings.paths.state.chmod(0o700)
    assert named(doctor.folders(settings))["state"].level is Level.OK


def test_a_file_in_the_way_fails(settings: Settings) -> None:
    settings.paths.state.parent.mkdir(parents=True)
    settings.paths.state.write_text("in the way")
    assert named(doctor.folders(settings))["state"].level is Level.FAIL


def test_a_full_disk_fails(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    for free, level in ((100 << 20, Level.FAIL), (1 << 30, Level.WARN), (100 << 30, Level.OK)):
        usage = type("Usage", (), {"free": free})()
        monkeypatch.setattr("shutil.disk_usage", lambda path, usage=usage: usage)
        assert named(doctor.folders(settings))["free space"].level is level


def test_a_broken_database_fails(settings: Settings) -> None:
    from workers.client import open_client

    open_client(settings).close()
    assert named(doctor.database(settings))["database"].level is Level.OK
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
    assert named(doctor.backups(settings))["backups"].level is Level.OK
    for age_days, level in ((30, Level.WARN), (3, Level.WARN), (1, Level.OK)):
        name = kept_copy(settings, age_days).name
        finding = named(doctor.backups(settings))["backups"]
        assert finding.level is level and name in finding.detail
        assert finding.detail.endswith(f"{age_days} day{'s' if age_days > 1 else ''} old")


def kept_copy(settings: Settings, age_days: int) -> Path:
    """A backup with the name of a moment so long ago."""
    from workers.client import make_backup, open_client

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
    finding = named(doctor.backups(settings))["backups"]
    assert finding.level is Level.FAIL and broken.name in finding.detail and "spool backup" in finding.todo
    assert finding.detail.endswith(f"; the newest whole one is {good.name}")
    said = {"empty": "it is empty", "text": "it is not a database", "short": "cut short", "pages": "it is damaged"}
    assert said[wrong] in finding.detail
    settings.paths.database.write_bytes(b"no database at all" * 100)
    (lost,) = doctor.database(settings)
    assert lost.level is Level.FAIL and lost.detail.endswith("it is not a database, or its beginning is damaged")
    assert f"`spool restore {good.name}`" in lost.todo
    for one in (old, good):
        one.write_bytes(b"")
    assert "there is no whole backup" in named(doctor.database(settings))["database"].todo


def test_sizes_tell_something_however_small(settings: Settings) -> None:
    copied = kept_copy(settings, 0)
    said = named(doctor.backups(settings))["backups"].detail
    assert f"{copied.stat().st_size / 1000:.1f} kB" in said
    assert " kB" in named(doctor.database(settings))["database"].detail


def test_an_ffmpeg_that_is_none_fails(settings: Settings, tmp_path: Path) -> None:
    tool = tmp_path / "ffmpeg"
    tool.write_text("#!/bin/sh\necho hello\n")
    tool.chmod(0o755)
    tools = settings.tools.model_copy(update={"ffmpeg": str(tool)})
    (finding,) = doctor.ffmpeg(settings.model_copy(update={"tools": tools}))
    assert finding.level is Level.FAIL
    assert str(tool) in finding.detail


def test_missing_encoders_are_named(settings: Settings, tmp_path: Path) -> None:
    tool = tmp_path / "ffmpeg"
    tool.write_text(
        '#!/bin/sh\ncase "$*" in\n*-version*) echo ffmpeg version 6.1;;\n'
        '*-encoders*) echo " V....D libx264 H.264";;\nesac\n'
    )
    tool.chmod(0o755)
    tools = settings.tools.model_copy(update={"ffmpeg": str(tool)})
    found = named(doctor.ffmpeg(settings.model_copy(update={"tools": tools})))
    assert found["ffmpeg"].detail == f"6.1 in {tool}"
    assert found["encoders"].level is Level.WARN
    assert "libsvtav1" in found["encoders"].detail and "libx264" not in found["encoders"].detail


def test_whatever_goes_wrong_is_a_finding(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(settings: Settings) -> Iterator[Finding]:
        yield from ()
        raise OSError(5, "Input/output error\x1b[2J")

    monkeypatch.setattr(doctor, "CHECKS", (broken,))
    (finding,) = examine(settings)
    assert (finding.name, finding.level) == ("broken", Level.FAIL)
    assert "\x1b" not in finding.detail


def test_hardware_that_works_is_listed(settings: Settings, tmp_path: Path) -> None:
    tool = pretend(tmp_path, "h264_nvenc")
    tools = settings.tools.model_copy(update={"ffmpeg": tool})
    found = named(doctor.ffmpeg(settings.model_copy(update={"tools": tools})))
    assert found["hardware"].level is Level.OK
    assert "nvenc (h264)" in found["hardware"].detail


def test_hardware_that_does_not_work_is_not_listed(settings: Settings, tmp_path: Path) -> None:
    tool = tmp_path / "ffmpeg"
    tool.write_text(
        '#!/bin/sh\ncase "$*" in\n*-version*) echo "ffmpeg version 7";;\n'
        '*-encoders*) echo " V....D h264_nvenc NVENC";;\n*-filters*) ;;\n*) exit 1;;\nesac\n'
    )
    tool.chmod(0o700)
    tools = settings.tools.model_copy(update={"ffmpeg": str(tool)})
    found = named(doctor.ffmpeg(settings.model_copy(update={"tools": tools})))
    assert "no hardware encoder works here" in found["hardware"].detail


def test_it_tells_how_tools_run(settings: Settings) -> None:
    found = named(doctor.ffmpeg(settings))["sandbox"]
    assert found.level is Level.OK
    inside = doctor.sandbox_finding(Sandbox("/usr/bin/bwrap"))
    assert inside.level is Level.OK and "/usr/bin/bwrap" in inside.detail
    missing = doctor.sandbox_finding(Sandbox(why_not="bubblewrap is not installed"))
    assert missing.level is Level.OK and missing.detail.startswith("none: bubblewrap is not installed")
    required = doctor.sandbox_finding(Sandbox(why_not="bubblewrap is not installed", required=True))
    assert required.level is Level.FAIL and required.todo
