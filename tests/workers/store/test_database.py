"""Opening, sharing, and any text there and back."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.databases import migrated, opened, submitted
from workers.errors import StoreError
from workers.store import claims, hosts, places, questions
from workers.store.database import (
    ChangePoll,
    is_sqlite,
    open_async_database,
    open_database,
    snapshot,
    told,
    transaction,
)
from workers.store.records import folded, storable
from workers.store.waiting import Situation
from workers.text import clean

_TEXTS = [
    "plain",
    "",
    "NUL\0NUL",
    "lone \ud800 and \udcff surrogates",
    "4 bytes 😀 \U0010ffff",
    "e\u0301 \xe9",
    "back\\slash % _ ' \" ; --",
    "line\nline\r\ttab\x1b[31m",
    "\u202egnp.exe",
    "%s %% $1 ? :x",
]


@pytest.mark.parametrize("text", _TEXTS)
def test_any_text_is_kept(db: Any, text: str) -> None:
    params = {text: [text, {"deep": text}], "path": f"/media/{text}"}
    job = submitted(db, title=text, params=params, by=text, batch=text, site=text, submission_key=text)
    back = questions.job_by_id(db, job.id)
    assert back == job
    assert back.params == params  # exactly: these are file names
    assert (back.title, back.submitted_by, back.batch) == (storable(text),) * 3
    assert submitted(db, submission_key=text).id == job.id
    if clean(text).strip() and '"' not in text:
        assert list(questions.job_ids(db, f'"{text}"')) == [job.id]
        assert list(questions.job_ids(db, f'batch:"{text}"')) == [job.id] or "," in text


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_any_characters_are_kept(kind: str, tmp_path: Path) -> None:
    with opened(migrated(kind, tmp_path)) as db:

        @settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
        @given(st.text(st.characters(codec=None), max_size=20))
        def check(text: str) -> None:
            job = submitted(db, title=text, params={"inputs": [text]})
            assert questions.job_by_id(db, job.id).params == {"inputs": [text]}
            assert questions.job_by_id(db, job.id).title == storable(text)

        check()


@given(st.text())
def test_folding_twice_changes_nothing(text: str) -> None:
    stored = storable(text)
    assert storable(stored) == stored and "\0" not in stored
    stored.encode()
    assert folded(folded(stored)) == folded(stored)


def test_the_files_are_private_under_any_umask(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        with opened(str(tmp_path / "home" / "spool.db")) as db:
            submitted(db)
            files = sorted((tmp_path / "home").iterdir())
            assert [path.name for path in files] == ["spool.db", "spool.db-shm", "spool.db-wal"]
            assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
            assert stat.S_IMODE((tmp_path / "home").stat().st_mode) == 0o700
    finally:
        os.umask(before)


def test_what_cannot_be_opened_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for path in (tmp_path, tmp_path / "file" / "spool.db"):
        with pytest.raises(StoreError, match="cannot be opened"):
            open_database(str(path))
        with pytest.raises(StoreError, match="cannot be opened"):
            open_async_database(str(path))
    garbage = tmp_path / "garbage.db"
    garbage.write_bytes(b"this is no database, " * 1000)
    with pytest.raises(StoreError, match="not a database"), told("opening"):
        questions.revision(open_database(str(garbage)))
    with pytest.raises(StoreError, match="cannot hold a value"), told("asking"):
        raise OverflowError("too large")


def test_connections_are_set_as_they_must_be(tmp_path: Path) -> None:
    with opened(str(tmp_path / "spool.db")) as db:

        def pragma(name: str) -> Any:
            return db.execute_sql(f"PRAGMA {name}").fetchone()[0]

        assert (pragma("journal_mode"), pragma("synchronous"), pragma("wal_autocheckpoint")) == ("wal", 2, 0)


_COMMITTER = """
import sys
import peewee
from tests.support.databases import open_database, submitted
db = open_database(sys.argv[1])
submitted(db)
for line in sys.stdin:
    submitted(db)
    print("done", flush=True)
"""


def test_the_poll_sees_every_commit_of_another_process(tmp_path: Path) -> None:
    path = tmp_path / "spool.db"
    with opened(str(path)):
        poll = ChangePoll(path)
    assert poll.changed() and not poll.changed()
    child = subprocess.Popen(
        [sys.executable, "-c", _COMMITTER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert child.stdin is not None and child.stdout is not None
    for _ in range(50):
        child.stdin.write("go\n")
        child.stdin.flush()
        assert child.stdout.readline() == "done\n"
        assert poll.changed() and not poll.changed()
    child.communicate(timeout=30)
    poll.close()


def test_a_snapshot_sees_nothing_of_what_commits_meanwhile(where: str) -> None:
    with opened(where) as db, opened(where) as other:
        with snapshot(db):
            assert questions.count(db) == 0
            submitted(other)
            with snapshot(db):
                assert questions.count(db) == 0 == questions.revision(db)
        assert questions.count(db) == 1


def test_a_transaction_that_fails_leaves_nothing_and_frees_the_lock(where: str) -> None:
    with opened(where) as db, opened(where) as other:
        with pytest.raises(ZeroDivisionError), transaction(db):
            submitted(db)
            raise ZeroDivisionError
        assert submitted(other).id == 1 and questions.revision(db) == 1


def test_indexes_serve_the_hot_questions(tmp_path: Path) -> None:
    """A partial index serves only if its condition is found in the question: else all jobs are read each time."""
    with opened(str(tmp_path / "spool.db")) as db:
        asked: list[tuple[str, Any]] = []
        run = db.execute_sql

        def noting(sql: str, params: Any = None) -> Any:
            asked.append((sql, params))
            return run(sql, params)

        db.execute_sql = noting
        claims.claim(db, "default", 1, Situation(1, 2, ("noop",)))
        hosts.wishes(db, 1)
        questions.jobs_since(db, 0, 10)
        questions.job_ids(db, "state:failed")
        questions.counts(db)
        hosts.ended_before(db, 1)
        submitted(db)
        places.reorder(db, [1], "up", "ann")
        del db.execute_sql
        for sql, params in asked:
            if sql.startswith(("SELECT", "UPDATE", "DELETE")):
                plan = [row[3] for row in db.execute_sql(f"EXPLAIN QUERY PLAN {sql}", params).fetchall()]
                full = [step for step in plan if step.startswith("SCAN") and "INDEX" not in step]
                assert not full, (sql, plan)


def test_what_need_not_last_is_whole_and_leaves_the_next_durable(db: Any) -> None:
    with transaction(db, durable=False):
        job = submitted(db, title="quick")
    with pytest.raises(ValueError, match="undone"), transaction(db, durable=False):
        submitted(db, title="never")
        raise ValueError("undone")
    assert [questions.job_by_id(db, job.id).title, questions.revision(db)] == ["quick", job.revision]
    ask = "PRAGMA synchronous" if is_sqlite(db) else "SHOW synchronous_commit"
    assert db.execute_sql(ask).fetchone()[0] in (2, "on")


def test_a_part_is_as_durable_as_the_whole(db: Any) -> None:
    ask = "PRAGMA synchronous" if is_sqlite(db) else "SHOW synchronous_commit"
    with transaction(db), transaction(db, durable=False):
        assert db.execute_sql(ask).fetchone()[0] in (2, "on")
