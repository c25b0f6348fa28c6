"""What the full examination finds, that it says what to do, and that it changes nothing."""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.support.databases import ended, opened, running, submitted
from workers import trash
from workers.backups import make_backup
from workers.cache import store as cache_store
from workers.checks import full
from workers.doctor import Finding, Level, examine
from workers.jobs import Move
from workers.settings import Settings
from workers.store import moves
from workers.store.tables import After, ItemRow


@pytest.fixture
def db(settings: Settings) -> Iterator[Any]:
    """The jobs table, with one job that has succeeded."""
    with opened(str(settings.paths.database)) as database:
        ended(database)
        yield database


def troubles(findings: Iterator[Finding]) -> list[Finding]:
    found = list(findings)
    assert all(bool(finding.todo) == (finding.level is not Level.OK) for finding in found)
    return [finding for finding in found if finding.level is not Level.OK]


def state_of(folder: Path) -> dict[str, str]:
    """Every file below a folder with its content, but what readers of a database share."""
    return {
        str(path): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and not path.name.endswith("-shm")
    }


def test_a_sound_home_has_no_trouble(db: Any, settings: Settings) -> None:
    make_backup(settings)
    for check in full.FULL_CHECKS:
        assert troubles(check(settings)) == [], check.__name__


def test_a_fresh_home_has_no_trouble(settings: Settings) -> None:
    assert [finding for check in full.FULL_CHECKS for finding in troubles(check(settings))] == []
    assert not settings.paths.state.exists()


def test_rows_of_jobs_that_do_not_exist_are_found(db: Any, settings: Settings) -> None:
    waits = submitted(db, after=(submitted(db).id,))
    ItemRow.insert(job_id=77, key="a", outcome="done").execute(db)
    for job_id in (78, 0):  # 0 is no job, on purpose
        moves.record_event(db, 1, job_id, "claimed", ("", ""), "worker")
    for job_id, on_id in ((79, 1), (waits.id, 80)):
        After.insert(job_id=job_id, on_id=on_id).execute(db)
    found = {finding.detail for finding in troubles(full.rows(settings))}
    assert found == {
        "1 outcomes of inputs belong to jobs that do not exist, such as 77",
        "1 lines of history belong to jobs that do not exist, such as 78",
        "1 dependencies belong to jobs that do not exist, such as 79",
        f"job {waits.id} waits for job 80, which does not exist",
    }


def test_numbers_that_lag_behind_are_found(db: Any, settings: Settings) -> None:
    db.execute_sql("UPDATE meta SET value = 0 WHERE key IN ('job_id', 'revision')")
    assert [finding.detail.split()[3] for finding in troubles(full.rows(settings))] == ["id", "revision"]


def test_jobs_that_run_without_a_worker_are_found(db: Any, settings: Settings) -> None:
    running(db)
    (finding,) = troubles(full.rows(settings))
    assert "1 listed as running" in finding.detail and "spool worker" in finding.todo


def test_an_index_that_lies_is_found(db: Any, settings: Settings) -> None:
    """The quick check does not compare an index with its table; this one does."""
    for _ in range(5):
        submitted(db)
    db.close()
    path, good = settings.paths.database, make_backup(settings)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        page, size = connection.execute(
            "SELECT rootpage, (SELECT page_size FROM pragma_page_size) FROM sqlite_master WHERE name = 'job_state'"
        ).fetchone()
    data = path.read_bytes()
    start, end = (page - 1) * size, page * size
    assert b"queued" in data[start:end]
    path.write_bytes(data[:start] + data[start:end].replace(b"queued", b"paused") + data[end:])
    assert [finding.level for finding in examine(settings) if finding.name == "database"] == [Level.OK]
    found = troubles(full.integrity(settings))
    assert found and all(
        finding.level is Level.FAIL and f"`spool restore {good.path.name}`" in finding.todo for finding in found
    )


def test_the_newest_backup_is_judged(db: Any, settings: Settings) -> None:
    assert list(full.newest_backup(settings)) == []
    made = make_backup(settings)
    assert troubles(full.newest_backup(settings)) == []
    with made.path.open("r+b") as file:
        file.seek(4096 * 2)
        file.write(os.urandom(4096 * 4))
    (finding,) = troubles(full.newest_backup(settings))
    assert finding.level is Level.FAIL and str(made.path) in finding.detail


def test_a_damaged_cache_is_found(settings: Settings) -> None:
    settings.paths.cache.mkdir(parents=True)
    path = cache_store.database(settings.paths.cache)
    cache_store.connect(path, create=True).close()
    assert troubles(full.cache(settings)) == []
    path.write_bytes(b"no database" * 1000)
    (finding,) = troubles(full.cache(settings))
    assert str(path) in finding.todo


@pytest.fixture
def trashed(settings: Settings, tmp_path: Path) -> trash.Entry:
    """A file that lies in the trash, and its successor."""
    original, staged = tmp_path / "film.mp4", tmp_path / "new.mp4"
    original.write_bytes(b"old film")
    staged.write_bytes(b"new")
    entry = trash.new_entry(original, original, staged, job_id=1, keep_days=3)
    settings.paths.state.mkdir(parents=True, exist_ok=True)
    trash.write(entry, settings.paths.state)
    original.rename(entry.kept)
    staged.rename(original)
    done = trash.settle(entry)
    assert done is not None and done.done
    return done


def test_the_trash_is_compared_with_its_records(settings: Settings, trashed: trash.Entry) -> None:
    assert troubles(full.trash_records(settings)) == []
    stray = trashed.folder / "abc.kept"
    stray.write_bytes(b"whose?")
    assert [finding.detail for finding in troubles(full.trash_records(settings))] == [
        f"{stray}: has no record that could be read"
    ]
    stray.unlink()
    trashed.kept.write_bytes(b"changed since, and longer")
    (finding,) = troubles(full.trash_records(settings))
    assert "25 bytes, and 8 when" in finding.detail
    trashed.kept.unlink()
    (finding,) = troubles(full.trash_records(settings))
    assert "no longer in the trash" in finding.detail and trashed.id in finding.todo


def test_leftovers_are_found_and_what_is_needed_is_not(db: Any, settings: Settings, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    db.execute_sql("UPDATE job SET outputs = ?", (f'["{out}/made.txt"]',))
    job = running(db)
    failed = ended_failed(db)
    for folder in (
        settings.paths.job_work(job.id), settings.paths.job_work(failed), settings.paths.job_work(1),
        settings.paths.job_work(90), out / f".spool-{job.id}-{job.lease}-aa", out / ".spool-trash",
        out / f".spool-{job.id}-{job.lease - 1}-bb", settings.paths.output / ".spool-91-1-cc",
    ):  # fmt: skip
        folder.mkdir(parents=True)
    settings.paths.job_logs.mkdir(parents=True)
    for name in (f"{job.id}.log", "92.log", "92.log.1", "notes.txt"):
        (settings.paths.job_logs / name).write_text("")
    before = state_of(settings.paths.state)
    found = {finding.name: finding.detail for finding in troubles(full.leftovers(settings))}
    assert set(found) == {"work", "staging", "logs"}
    assert found["work"].endswith(f": {settings.paths.job_work(1)}, {settings.paths.job_work(90)}")
    assert found["staging"].endswith(
        f": {settings.paths.output / '.spool-91-1-cc'}, {out / f'.spool-{job.id}-{job.lease - 1}-bb'}"
    )
    assert found["logs"].endswith(f": {settings.paths.job_logs / '92.log'}, {settings.paths.job_logs / '92.log.1'}")
    assert state_of(settings.paths.state) == before


def ended_failed(db: Any) -> int:
    """A job that failed; whatever else runs goes on."""
    job = running(db, queue="images")
    assert moves.move(db, Move.FAILED, job.id, by="worker", lease=job.lease)
    return job.id
