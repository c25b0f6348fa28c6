from __future__ import annotations

from pathlib import Path

from workers.client import open_client
from workers.config import load_settings
from workers.retention import retain
from workers.store.audit import forget_orders, note_order, ordered
from workers.store.records import now_ms


def test_orders_are_kept_for_a_time(tmp_path: Path) -> None:
    settings = load_settings({"SPOOL_HOME": str(tmp_path)})
    client = open_client(settings)
    db = client._db
    note_order(db, "trash emptied", "ada", "files x")
    note_order(db, "disk low", "worker", "")
    job = client.submit("download", {"inputs": ["http://127.0.0.1:9/x"]}, by="bob")
    assert [event.by for event in ordered(db)] == ["ada", "bob"]
    assert [event.by for event in ordered(db, after_id=ordered(db)[0].id)] == ["bob"]
    retain(db, settings)
    assert len(ordered(db)) == 2
    db.execute_sql("UPDATE job_event SET at = at - ?", ((settings.jobs.keep_days + 1) * 86_400_000,))
    retain(db, settings)
    assert [(event.by, event.job_id) for event in ordered(db)] == [("bob", job.id)], "of a job that is there still"
    assert forget_orders(db, now_ms()) == 0
    client.close()
