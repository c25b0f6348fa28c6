"""A copy is made ready and takes the place of the present database, which stays whole beside the backups."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.databases import ended, opened, running, situation, submitted
from workers.errors import StoreError
from workers.jobs import Move, Scope, State
from workers.store import backup, hosts, moves, orders, pausing, questions, restore
from workers.store.database import transaction
from workers.store.restore import Difference, Floor
from workers.store.waiting import reasons
from workers.store.watching import open_watched

_OTHER = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('SELECT count(*) FROM job').fetchone();"


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "state" / "spool.db"
    with opened(str(path)) as db:
        ended(db)
    return path


@pytest.fixture
def folder(database: Path) -> Path:
    return database.parent / "backups"


def copied(database: Path) -> Path:
    """A copy beside the database, as restoring makes it."""
    fresh = database.with_name(".fresh")
    backup.copy(database, fresh, live=True)
    return fresh


def test_what_would_change_is_counted(database: Path, folder: Path) -> None:
    with opened(str(database)) as db:
        waits, gone = submitted(db), ended(db, queue="images")
        copy = backup.make(database, folder).path
        for _ in range(3):
            submitted(db)
        orders.remove(db, [gone], "ann")
        orders.cancel(db, [waits.id], "ann")
    assert restore.difference(database, copy) == Difference(lost=3, again=1, back=1)
    assert restore.difference(database, database) == Difference(lost=0, again=0, back=0)


def test_a_copy_is_made_ready(database: Path) -> None:
    with opened(str(database)) as db:
        job = running(db)
        waits = submitted(db)
    fresh = copied(database)
    restore.prepare(fresh, Floor(500, 40), by="ann", reason="from somewhere", hold=False)
    with opened(str(fresh)) as db:
        assert questions.job_by_id(db, job.id).state is State.QUEUED
        assert questions.job_by_id(db, job.id).attempts == 0  # it was no attempt of its own that ended
        assert not questions.job_by_id(db, waits.id).hold
        assert submitted(db).id == 41
        (event,) = questions.events(db, 500, 0, 10)
        assert (event.move, event.by, event.reason) == ("restored", "ann", "from somewhere")
        assert min(event.revision for event in questions.events(db, 500, None, 10)) > 500


def test_waiting_jobs_can_be_held(database: Path) -> None:
    with opened(str(database)) as db:
        job, waits = running(db), submitted(db)
    fresh = copied(database)
    restore.prepare(fresh, Floor(0, 0), by="ann", reason="", hold=True)
    with opened(str(fresh)) as db:
        assert questions.job_by_id(db, job.id).hold and questions.job_by_id(db, waits.id).hold


def test_who_restores_holds_them_also_when_their_queue_goes_on(database: Path) -> None:
    with opened(str(database)) as db:
        job = running(db)
        pausing.pause_scope(db, Scope.QUEUE, "default", "bob", soft=False)
    fresh = copied(database)
    restore.prepare(fresh, Floor(0, 0), by="ann", reason="", hold=True)
    with opened(str(fresh)) as db:
        pausing.resume_scope(db, Scope.QUEUE, "default", "bob")
        (why,) = reasons(db, questions.job_by_id(db, job.id), situation())
        assert why.detail == "it is on hold, by ann"


def test_a_paused_job_stays_with_its_person(database: Path) -> None:
    with opened(str(database)) as db:
        job = running(db)
        assert moves.move(db, Move.PAUSED, job.id, by="ann")
    fresh = copied(database)
    restore.prepare(fresh, Floor(0, 0), by="ann", reason="", hold=False)
    with opened(str(fresh)) as db:
        found = questions.job_by_id(db, job.id)
        assert (found.state, found.hold) == (State.QUEUED, True)


def test_what_was_asked_of_a_running_job_before_the_copy_counts(database: Path) -> None:
    with opened(str(database)) as db:
        cancelled, paused, asked, going = (running(db) for _ in range(4))
        waits = submitted(db, after=(cancelled.id,))
        orders.cancel(db, [cancelled.id], "ann")
        pausing.pause(db, [paused.id], "ann")
        pausing.pause(db, [asked.id], "ann", soft=True)
        moves.move(db, Move.PAUSED, going.id, by="ann")
        pausing.resume(db, [going.id], "ann")
    fresh = copied(database)
    restore.prepare(fresh, Floor(0, 0), by="bob", reason="", hold=False)
    with opened(str(fresh)) as db:
        found = [questions.job_by_id(db, job.id) for job in (cancelled, paused, asked, going, waits)]
        queued = State.QUEUED
        assert [job.state for job in found] == [State.CANCELLED, queued, queued, queued, State.SKIPPED]
        assert [job.hold for job in found[1:4]] == [True, True, False]
        assert questions.events(db, job_id=cancelled.id)[-1].by == "ann"


def test_the_worker_of_a_copy_did_not_die(database: Path) -> None:
    with opened(str(database)) as db:
        life = {"host": "h", "pid": 1, "pid_start": 1, "boot_id": "b", "version": "1", "operations": "[]"}
        hosts.add_worker(db, life)
    fresh = copied(database)
    restore.prepare(fresh, Floor(0, 0), by="ann", reason="", hold=False)
    with opened(str(fresh)) as db:
        last = hosts.latest_worker(db)
        assert last is not None and last["stopped_at"] is not None


def test_numbers_that_nobody_knows_are_left_far_behind(database: Path) -> None:
    fresh = copied(database)
    restore.prepare(fresh, Floor(None, 30), by="ann", reason="", hold=False)
    with opened(str(fresh)) as db:
        assert questions.revision(db) > 1_000_000_000
        assert submitted(db).id > 30


def test_the_copy_takes_the_place_and_the_old_one_is_kept(database: Path, folder: Path) -> None:
    with opened(str(database)) as db:
        submitted(db)
    fresh = copied(database)
    with opened(str(fresh)) as db, transaction(db):
        moves.bump(db, 1000)
    with opened(str(database)) as db:
        submitted(db)
    inode = fresh.stat().st_ino
    aside = restore.exchange(fresh, database, folder, whole=True)
    assert aside is not None and aside.parent == folder and aside.name.startswith("replaced-")
    assert database.stat().st_ino == inode
    assert [path.name for path in database.parent.iterdir() if path.is_file()] == ["spool.db"]
    with opened(str(aside)) as db:
        assert questions.count(db, "") == 3
    with opened(str(database)) as db:
        assert questions.count(db, "") == 2


def test_the_log_of_a_damaged_database_goes_with_it(database: Path, folder: Path) -> None:
    fresh = copied(database)
    database.write_bytes(b"damaged" * 4000)
    Path(f"{database}-wal").write_bytes(b"its log")
    aside = restore.exchange(fresh, database, folder, whole=False)
    assert aside is not None
    assert Path(f"{aside}-wal").read_bytes() == b"its log"
    assert aside.read_bytes().startswith(b"damaged")
    with opened(str(database)) as db:
        assert questions.count(db, "") == 1


def test_whoever_only_watches_sees_the_new_one(database: Path, folder: Path) -> None:
    """Nobody knows of watchers, so they must look for themselves."""
    fresh = copied(database)
    with opened(str(database)) as db:
        submitted(db)
    watched = open_watched(database)
    assert questions.count(watched, "") == 2
    restore.exchange(fresh, database, folder, whole=True)
    assert questions.count(watched, "") == 1
    watched.close()


def test_without_a_database_the_copy_is_simply_put_there(database: Path, folder: Path) -> None:
    fresh = copied(database)
    database.unlink()
    assert restore.exchange(fresh, database, folder, whole=True) is None
    with opened(str(database)) as db:
        assert questions.count(db, "") == 1


def test_what_a_killed_restore_left_is_removed(database: Path, folder: Path) -> None:
    folder.mkdir(mode=0o700)
    for name in (".spool.db-restored-12", ".spool.db-restored-12-wal"):
        database.with_name(name).write_bytes(b"half")
    other, second = folder / "replaced-20260101-000000.db", folder / "replaced-20260102-000000.db"
    other.write_bytes(b"another")
    second.hardlink_to(database)
    restore.tidy(database, folder)
    assert [path.name for path in database.parent.iterdir() if path.is_file()] == ["spool.db"]
    assert list(folder.iterdir()) == [other] and database.stat().st_nlink == 1


def test_whoever_has_it_open_is_named(database: Path) -> None:
    assert restore.user_of(database) is None
    assert restore.user_of(database.with_name("none")) is None
    other = subprocess.Popen(
        [sys.executable, "-c", _OTHER + "print('open', flush=True); sys.stdin.read()", str(database)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert other.stdout is not None and other.stdout.readline() == "open\n"
    assert restore.user_of(database) == other.pid
    with pytest.raises(StoreError, match=rf"process {other.pid} has it open"):
        restore.require_unused(database)
    other.communicate("")
    assert restore.user_of(database) is None


def test_a_held_database_can_be_read_by_its_holder_alone(database: Path) -> None:
    left = subprocess.run(
        [sys.executable, "-c", _OTHER + "c.execute('CREATE TABLE more (x)'); import os; os._exit(0)", str(database)]
    )
    assert left.returncode == 0 and Path(f"{database}-wal").exists()  # it ended without closing
    look = [sys.executable, "-c", _OTHER.replace("argv[1]", "argv[1], timeout=0.1"), str(database)]
    with restore.held(database):
        assert "locked" in subprocess.run(look, capture_output=True, text=True).stderr
        assert backup.contents(database, held=True).jobs == 1
        assert "locked" in subprocess.run(look, capture_output=True, text=True).stderr  # looking let nobody in
    assert subprocess.run(look).returncode == 0


def test_a_database_that_is_made_meanwhile_stays(database: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fresh = copied(database)
    monkeypatch.setattr(Path, "exists", lambda path: False)  # as it was a moment ago
    with pytest.raises(StoreError, match="was made meanwhile"):
        restore.exchange(fresh, database, folder, whole=True)
    assert not database.samefile(fresh)


def test_a_file_that_sqlite_saved_from_a_damaged_one_will_do(database: Path, folder: Path) -> None:
    """Its tools write files without a log of changes."""
    saved = database.with_name("saved.db")
    with closing(sqlite3.connect(database)) as old, closing(sqlite3.connect(saved)) as new:
        new.executescript("\n".join(old.iterdump()))
    fresh = copied(saved)
    restore.prepare(fresh, Floor(None, 1), by="ann", reason="", hold=False)
    restore.exchange(fresh, database, folder, whole=True)
    with opened(str(database)) as db:
        assert db.execute_sql("PRAGMA journal_mode").fetchone() == ("wal",)
        assert questions.count(db, "") == 1
