"""How things stand: which windows are open, and that one that cannot be read stops nothing else."""

from __future__ import annotations

from pathlib import Path

from workers.client import open_client
from workers.config import load_settings
from workers.jobs import State
from workers.situation import situation
from workers.store import claims
from workers.store.database import transaction
from workers.store.tables import WindowRow

REGISTRY = "tests.support.operations"


def test_a_window_of_another_version_is_closed_and_holds_no_other_job(tmp_path: Path) -> None:
    client = open_client(load_settings({"SPOOL_HOME": str(tmp_path / "home")}), REGISTRY)
    db = client._db
    client.submit("noop", {}, window="mon-sun")
    with transaction(db):
        WindowRow.insert(text="25:00-26:00").execute(db)
    now = situation(db, client.settings, ("noop",))
    assert now.windows == ("mon-sun",)
    found = claims.claim(db, "default", 1, now)
    assert found is not None and found.job.state is State.RUNNING
    client.close()
