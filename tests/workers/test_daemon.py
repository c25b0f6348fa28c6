"""Parts of the daemon that need no second process: its lock, its ear, its patience."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from workers import daemon as daemon_module
from workers import rounds
from workers.client import open_client
from workers.config import load_settings
from workers.daemon import Daemon
from workers.errors import StoreError, WorkerRunning
from workers.lock import take
from workers.settings import Settings
from workers.store.database import DatabaseError

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


def test_a_database_that_refuses_for_long_ends_the_worker(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(rounds, "_STORE_PATIENCE_S", 0.0)
    monkeypatch.setattr(daemon_module, "CHECK_S", 0.01)
    daemon = Daemon(settings, REGISTRY, 0o077)

    def refuse() -> None:
        raise DatabaseError("database or disk is full")

    monkeypatch.setattr(daemon, "_check", refuse)
    daemon.open()
    try:
        daemon.loop()  # ends by itself
    finally:
        with pytest.raises(StoreError, match="full"):
            daemon.close()
    assert [record.message for record in caplog.records if "refuses" in record.message]
