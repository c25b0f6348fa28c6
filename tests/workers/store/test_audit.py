from __future__ import annotations

from pathlib import Path

from tests.workers.test_trash import replaced
from workers.client import open_client
from workers.config import load_settings
from workers.retention import retain
from workers.store.audit import differences, forget_orders, note_all, note_order, ordered
from workers.store.records import now_ms

URL = "http://127.0.0.1:9/x"


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


def test_orders_outlive_their_job(tmp_path: Path) -> None:
    settings = load_settings({"SPOOL_HOME": str(tmp_path)})
    client = open_client(settings)
    db = client._db
    job = client.submit("download", {"inputs": [URL]}, by="ada")
    client.cancel([job.id], by="bob")
    client.remove([job.id], by="cleo")
    kept = [("ada", "submitted", job.id), ("bob", "cancelled", job.id), ("cleo", "removed", 0)]
    assert [(one.by, one.move, one.job_id) for one in ordered(db)] == kept
    retain(db, settings)
    assert len(ordered(db)) == 3
    db.execute_sql("UPDATE job_event SET at = at - ?", ((settings.jobs.keep_days + 1) * 86_400_000,))
    retain(db, settings)
    assert ordered(db) == []
    client.close()


def test_what_we_did_goes_with_the_job(tmp_path: Path) -> None:
    client = open_client(load_settings({"SPOOL_HOME": str(tmp_path)}))
    job = client.submit("download", {"inputs": [URL]}, by="ada")
    note_order(client._db, "rescued", "worker", "", job_id=job.id)
    client.cancel([job.id], by="bob")
    client.remove([job.id], by="cleo")
    assert {event.by for event in client.events(job_id=job.id)} == {"ada", "bob"}
    client.close()


def test_who_is_called_as_we_are_is_a_person(tmp_path: Path) -> None:
    client = open_client(load_settings({"SPOOL_HOME": str(tmp_path)}))
    for by in ("worker", "worker (uid 1000)", "workers"):
        note_order(client._db, "cache cleared", by, "")
    assert [one.by for one in ordered(client._db)] == ["worker (uid 1000)", "workers"]
    assert [one.by for one in ordered(client._db, by="worker")] == ["worker (uid 1000)"]
    client.close()


def test_everything_is_named_however_much_it_is(tmp_path: Path) -> None:
    client = open_client(load_settings({"SPOOL_HOME": str(tmp_path)}))
    names = [f"/films/{number}.mkv" for number in range(120)]
    note_all(client._db, "trash emptied", "ada", "files", names)
    note_all(client._db, "trash emptied", "ada", "files", [])
    orders = ordered(client._db)
    assert len(orders) == 3
    assert [name for one in orders for name in one.reason.removeprefix("files ").split(", ")] == names
    client.close()


def test_an_edit_tells_what_it_changes(tmp_path: Path) -> None:
    client = open_client(load_settings({"SPOOL_HOME": str(tmp_path)}))
    job = client.submit("download", {"inputs": [URL]}, by="ada", hold=True)
    client.edit(job.id, {"inputs": [f"{URL}?token=SENTINEL&v=1"]}, by="bob")
    client.edit(job.id, {"proxy": "http://me:SENTINEL@proxy:3128"}, by="bob")
    edits = ordered(client._db, by="bob")
    assert {one.move for one in edits} == {"edited"}
    assert [one.reason for one in edits] == [f'inputs ["{URL}"] -> ["{URL}?token=…&v=1"]', "proxy changed"]
    client.close()


def test_differences_are_short_and_on_one_line() -> None:
    told = differences({"a": 1, "b": "x", "c": None}, {"a": 1, "b": "y\n" * 400, "c": True})
    assert told.startswith("b x -> y y ") and told.endswith(", c null -> true")
    assert len(told) < 200 and "\n" not in told


def test_orders_about_the_trash_name_the_files(tmp_path: Path) -> None:
    client = open_client(load_settings({"SPOOL_HOME": str(tmp_path / "job")}))
    entries = [replaced(tmp_path, name=f"film {number}.avi") for number in range(2)]
    assert [entry.folder.parent for entry in entries] == [tmp_path / "films"] * 2
    client.trash_restore(entries[:1], by="ada")
    client.trash_remove(entries[1:], by="bob")
    told = {one.by: (one.move, one.reason) for one in ordered(client._db)}
    paths = [f"files {entry.original} ({entry.id})" for entry in entries]
    assert told == {"ada": ("trash restored", paths[0]), "bob": ("trash emptied", paths[1])}
    client.close()
