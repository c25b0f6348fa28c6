"""Orders that are given without a client: they are noted where there is a history, and hold where there is none."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from workers.backups import make_backup
from workers.client import open_client
from workers.config import load_settings
from workers.noting import note_by_hand
from workers.settings import Settings
from workers.store import database
from workers.store.audit import ordered
from workers.users import login_name


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings({"SPOOL_HOME": str(tmp_path)})


def test_a_backup_made_by_hand(settings: Settings) -> None:
    client = open_client(settings)
    made = make_backup(settings)
    (order,) = ordered(client._db)
    assert (order.move, order.by, order.reason) == ("backup made", login_name(), made.path.name)
    client.close()


def test_no_history_is_made_for_it(settings: Settings) -> None:
    note_by_hand(settings, "worker stopped", "process 1")
    assert not settings.paths.database.exists()


def test_a_history_that_cannot_be_written_is_no_hindrance(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    open_client(settings).close()
    monkeypatch.setattr(database, "BUSY_TIMEOUT_S", 0.01)
    holder = sqlite3.connect(settings.paths.database, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    note_by_hand(settings, "worker stopped", "process 1")
    holder.close()
    assert "worker stopped cannot be noted" in caplog.text
