from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.stranger import UID, become_stranger
from workers import configmark
from workers.checks import services
from workers.checks.findings import Finding, Level
from workers.client import open_client
from workers.config import load_settings
from workers.lock import release, take
from workers.settings import Settings
from workers.store import hosts
from workers.store.database import transaction
from workers.store.records import now_ms
from workers.store.tables import WorkerRow


def test_a_worker_that_is_there_is_told(settings: Settings) -> None:
    client = open_client(settings)
    held = take(settings.paths.lock)
    assert next(services.worker(settings)) == Finding("worker", Level.OK, f"pid {os.getpid()} is starting")
    life = {"host": "box\x1b", "pid": 7, "pid_start": 1, "boot_id": "b", "version": "0.1.0", "operations": "[]"}
    hosts.add_worker(client._db, life)
    (found,) = services.worker(settings)
    assert (found.level, found.detail) == (Level.OK, f"pid {os.getpid()} on box\\x1b, version 0.1.0")
    with transaction(client._db):
        WorkerRow.update(heartbeat=now_ms() - 100_000).execute(client._db)
    (found,) = services.worker(settings)
    assert found.level is Level.WARN and "silent for 10" in found.detail
    configmark.note(settings)
    settings.paths.config.write_text("[slots]\nvideo = 2\n")
    (_, found) = services.worker(settings)
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
    found = list(services.notices(load_settings({"SPOOL_HOME": str(home)})))
    assert [finding.level for finding in found] == [Level.OK, Level.FAIL, Level.FAIL, Level.WARN]
    details = [finding.detail for finding in found]
    assert details[:2] == ["json://127.0.0.1:9/…", "nosuch://…: Apprise does not understand this URL"]
    assert details[2] == "command no-such-hook: no-such-hook is not there" and "others can read" in details[3]
    assert "geheim" not in str(found)
    config.write_text(f'[notify]\ncommand = ["{config}"]\n')
    (finding,) = services.notices(load_settings({"SPOOL_HOME": str(home)}))
    assert finding.detail.endswith("cannot be executed")
    assert list(services.notices(settings)) == [], "nobody is told of anything"


def test_services_of_a_user_without_a_name(tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    become_stranger(monkeypatch)
    monkeypatch.setattr(services, "_SYSTEMD", tmp_path)  # as where systemd runs
    (found,) = services.linger(settings)
    assert found == Finding(
        "linger", Level.WARN, f"services of uid {UID} end with the last logout", "loginctl enable-linger"
    )
    monkeypatch.setattr(services, "_SYSTEMD", tmp_path / "none")
    assert list(services.linger(settings)) == []
