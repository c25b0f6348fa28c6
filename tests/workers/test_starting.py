from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import pytest

from workers.client import open_client
from workers.config import load_settings
from workers.errors import ConfigError
from workers.settings import Settings
from workers.starting import check_whole
from workers.store.database import open_database

REGISTRY = "tests.support.operations"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings({"SPOOL_HOME": str(tmp_path / "home")})


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
        with pytest.raises(ConfigError, match=r"spool\.db: it is damaged.*spool restore newest"):
            check_whole(db, path)
    finally:
        db.close()
