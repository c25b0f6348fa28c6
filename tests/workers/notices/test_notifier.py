"""The thread that follows the history: against a real database, a real webhook and a real program."""

from __future__ import annotations

import contextlib
import json
import logging
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.databases import migrated, opened, submitted
from tests.support.home import wait_for
from tests.support.receivers import Program, Webhook, webhook
from workers.config import load_settings
from workers.jobs import Move
from workers.notices import following, notifier
from workers.notices.notifier import Notifier
from workers.store import moves, questions
from workers.store.database import DatabaseError


@pytest.fixture(autouse=True)
def brisk(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same, with shorter waits."""
    monkeypatch.setattr(following, "GATHER_S", 0.1)
    monkeypatch.setattr(following, "_FIRST_WAIT_S", 0.2)
    monkeypatch.setattr(following, "_LONGEST_WAIT_S", 0.4)
    monkeypatch.setattr(notifier, "_LOOK_S", 0.05)


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Any]:
    with opened(migrated("sqlite", tmp_path)) as db:
        yield db


@pytest.fixture
def program(tmp_path: Path) -> Program:
    return Program(tmp_path)


@pytest.fixture
def server() -> Iterator[Webhook]:
    with webhook() as server:
        yield server


@contextlib.contextmanager
def telling(db: Any, folder: Path, urls: list[str], command: list[str]) -> Iterator[Notifier]:
    """A notifier for the time of the block, as one life of a worker has it."""
    text = f'[notify]\non = ["done", "failed"]\nurls = {json.dumps(urls)}\ncommand = {json.dumps(command)}\n'
    (folder / "config.toml").write_text(text)
    notifier = Notifier(load_settings({"SPOOL_HOME": str(folder)}), db)
    notifier.start()
    try:
        yield notifier
    finally:
        notifier.stop()


def _end(db: Any, move: Move = Move.SUCCEEDED) -> int:
    job_id = submitted(db).id
    assert moves.move(db, Move.CLAIMED, job_id, by="worker")
    assert moves.move(db, move, job_id, by="runner", reason="no room")
    return job_id


def _ids(program: Program) -> list[int]:
    return [int(number) for told in program.told for number in told["JOB_IDS"].split()]


def test_nobody_to_tell_is_no_thread(db: Any, tmp_path: Path) -> None:
    before = threading.active_count()
    with telling(db, tmp_path, [], []):
        assert threading.active_count() == before


def test_a_server_that_comes_back_hears_what_it_missed_once(
    db: Any, tmp_path: Path, server: Webhook, program: Program, caplog: pytest.LogCaptureFixture
) -> None:
    server.status = 500
    with caplog.at_level(logging.INFO), telling(db, tmp_path, [server.url], program.command):
        first = _end(db)
        wait_for(lambda: _ids(program) == [first], what="the program, which waits for nobody")
        wait_for(lambda: "next try" in caplog.text, what="a refusal")
        second = _end(db, Move.FAILED)
        wait_for(lambda: _ids(program) == [first, second], what="the program again")
        server.status = 200
        wait_for(lambda: "Spool: job 1 done" in str(server.got), what="the first")
        wait_for(lambda: "Spool: job 2 failed" in str(server.got), what="the second")
    assert len(server.got) == 2
    assert "answers again" in caplog.text
    assert not any(secret in caplog.text for secret in ("Tr0ub4dor", "k3yk3yk3y"))


def test_what_ends_between_two_lives_is_told_once(db: Any, tmp_path: Path, program: Program) -> None:
    _end(db)
    with telling(db, tmp_path, [], program.command):
        first = _end(db)
        wait_for(lambda: _ids(program) == [first])
    between = [_end(db) for _ in range(2)]
    with telling(db, tmp_path, [], program.command):
        wait_for(lambda: _ids(program) == [first, *between])
        last = _end(db)
        wait_for(lambda: _ids(program) == [first, *between, last])
    with telling(db, tmp_path, [], program.command):
        newest = _end(db)
        wait_for(lambda: newest in _ids(program))
    assert _ids(program) == [first, *between, last, newest], "and what was before the first life not at all"


def test_many_at_once_are_one_summary_of_all(db: Any, tmp_path: Path, program: Program) -> None:
    with telling(db, tmp_path, [], []):
        pass
    with telling(db, tmp_path, [], program.command):
        pass  # it begins now
    jobs = [_end(db, Move.FAILED if number % 20 == 0 else Move.SUCCEEDED) for number in range(200)]
    with telling(db, tmp_path, [], program.command):
        wait_for(lambda: len(_ids(program)) == 200)
    (told,) = program.told
    assert told["TITLE"] == "190 jobs done, 10 failed" and _ids(program) == jobs


def test_a_hanging_service_holds_up_no_other_and_no_stop(
    db: Any, tmp_path: Path, server: Webhook, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notifier, "_PATIENCE_S", 0.1)
    server.answering.clear()
    with telling(db, tmp_path, [f"{server.url}?rto=60"], program.command):
        jobs = [_end(db)]
        assert server.asked.wait(30)
        jobs.append(_end(db))
        wait_for(lambda: _ids(program) == jobs)
    server.answering.set()
    with telling(db, tmp_path, [f"{server.url}?rto=60"], program.command):
        wait_for(lambda: len(server.got) >= 2, what="what it had not taken")
    assert _ids(program) == jobs


@pytest.mark.parametrize("refusal", [DatabaseError("disk I/O error"), ValueError("what nobody foresaw")])
def test_what_fails_for_a_while_ends_nothing(
    refusal: Exception,
    db: Any,
    tmp_path: Path,
    program: Program,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    real = questions.revision
    refusals = [refusal] * 3

    def revision(db: Any) -> int:
        if refusals and threading.current_thread().name == "notices":
            raise refusals.pop()
        return real(db)

    monkeypatch.setattr(questions, "revision", revision)
    with telling(db, tmp_path, [], program.command):
        job_id = _end(db)
        wait_for(lambda: _ids(program) == [job_id])
    assert not refusals and caplog.text.count("notices wait") == 1 and str(refusal) in caplog.text
