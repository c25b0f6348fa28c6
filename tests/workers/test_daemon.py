"""Parts of the daemon that need no second process: its socket, its care for the database, its patience."""

from __future__ import annotations

import os
import sqlite3
import stat
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from workers import daemon as daemon_module
from workers.client import open_client
from workers.config import load_settings
from workers.daemon import Daemon, _check_whole, _listen
from workers.errors import ConfigError, StoreError, WorkerRunning
from workers.lock import take
from workers.queues import Bells
from workers.settings import Settings
from workers.store.database import DatabaseError, open_database

REGISTRY = "tests.support.operations"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings({"SPOOL_HOME": str(tmp_path / "home")})


@pytest.fixture
def running(settings: Settings) -> Iterator[Daemon]:
    """A daemon in this process, opened and looping in a thread, and closed for real."""
    daemon = Daemon(settings, REGISTRY, 0o077)
    assert daemon.open() == []
    thread = threading.Thread(target=daemon.loop)
    thread.start()
    try:
        yield daemon
    finally:
        daemon.ask_to_stop()
        thread.join(10)
        daemon.close()
    assert not thread.is_alive()


def test_socket_is_private_and_replaces_a_stale_one(tmp_path: Path) -> None:
    path = tmp_path / "wake"
    path.write_text("left by a dead worker")
    listener = _listen(path)
    try:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        Bells(tmp_path, path).wake("look")
        listener.settimeout(5)
        assert listener.recv(100) == b"look"
    finally:
        listener.close()


def test_socket_where_none_can_be(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be listened on"):
        _listen(tmp_path / "no-folder" / "wake")


def test_damaged_database_is_refused_with_what_to_do(settings: Settings) -> None:
    client = open_client(settings, REGISTRY)
    for _ in range(50):
        client.submit("noop", {})
    client.close()
    path = settings.paths.database
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    with path.open("r+b") as file:
        file.seek(4096 * 3)
        file.write(os.urandom(4096 * 4))
    db = open_database(str(path))
    try:
        with pytest.raises(ConfigError, match="spool restore newest"):
            _check_whole(db, path)
    finally:
        db.close()


def test_home_is_taken_once(settings: Settings, running: Daemon) -> None:
    with pytest.raises(WorkerRunning, match=str(os.getpid())):
        take(settings.paths.lock)
    with pytest.raises(WorkerRunning):
        Daemon(settings, REGISTRY, 0o077).open()


def test_one_that_looks_at_wishes_hears_a_datagram_at_once(settings: Settings, running: Daemon) -> None:
    client = open_client(settings, REGISTRY)
    job_id = client.submit("sleep", {"seconds": 30}).id
    deadline = time.monotonic() + 20
    while client.job(job_id).progress.phase == "" and time.monotonic() < deadline:
        time.sleep(0.01)
    asked = time.monotonic()
    client.cancel([job_id])
    while not client.job(job_id).final and time.monotonic() < deadline:
        time.sleep(0.005)
    assert client.job(job_id).final and time.monotonic() - asked < 2
    client.close()


def test_an_act_that_always_fails_ends_the_worker_though_others_go_well(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(daemon_module, "_STORE_PATIENCE_S", 0.05)
    daemon = Daemon(settings, REGISTRY, 0o077)
    well: list[float] = []

    def bad() -> None:
        raise DatabaseError("database or disk is full")

    def good() -> None:
        well.append(time.monotonic())

    deadline = time.monotonic() + 5
    while daemon._fatal is None and time.monotonic() < deadline:
        daemon._try(bad)
        daemon._try(good)
        time.sleep(0.005)
    assert isinstance(daemon._fatal, StoreError) and "full" in str(daemon._fatal)
    assert daemon._stopping and well
    assert len([record for record in caplog.records if "refuses" in record.message]) == 1  # told once, not each time
