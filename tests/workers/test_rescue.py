from __future__ import annotations

import errno
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.databases import claimed, opened, submitted
from workers import rescue as rescuing
from workers.config import load_settings
from workers.home import prepare_home
from workers.jobs import Job, Move, State, Wish
from workers.rescue import rescue
from workers.runner.processes import alive, boot_id, identify, start_ticks
from workers.settings import Settings
from workers.store import hosts, moves, orders, pausing, questions, reports
from workers.store.answers import Answer
from workers.store.database import transaction
from workers.store.tables import JobRow


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    made = load_settings({"SPOOL_HOME": str(tmp_path)})
    prepare_home(made)
    return made


@pytest.fixture
def db(settings: Settings) -> Iterator[Any]:
    with opened(str(settings.paths.database)) as database:
        yield database


@pytest.fixture
def worker(db: Any) -> int:
    """The life of a worker that is dead now."""
    values = {"host": "h", "pid": 1, "pid_start": 1, "boot_id": boot_id(), "version": "1", "operations": "[]"}
    return hosts.add_worker(db, values)


def _left(db: Any, worker: int, **values: Any) -> Job:
    job_id = submitted(db, **values).id
    job = claimed(db, values.get("queue", "default"), worker_id=worker)
    assert job is not None and job.id == job_id
    return job


def test_nothing_was_left(db: Any, settings: Settings) -> None:
    submitted(db)
    revision = questions.revision(db)
    assert rescue(db, settings) == [] and questions.revision(db) == revision


def test_running_jobs_are_queued_again_and_paused_ones_held(db: Any, settings: Settings, worker: int) -> None:
    ran, paused, asked = (_left(db, worker) for _ in range(3))
    moves.move(db, Move.PAUSED, paused.id, by="ann")
    pausing.pause(db, [asked.id], "ann")
    assert rescue(db, settings)[0].startswith("3 jobs were running when the last worker died")
    found = [questions.job_by_id(db, job.id) for job in (ran, paused, asked)]
    assert [job.state for job in found] == [State.QUEUED] * 3
    assert [job.hold for job in found] == [False, True, True]
    assert [job.lease for job in found] == [2, 2, 2] and {job.wish for job in found} == {Wish.NONE}
    assert rescue(db, settings) == []


def test_a_paused_job_that_was_to_go_on_does(db: Any, settings: Settings, worker: int) -> None:
    job = _left(db, worker)
    moves.move(db, Move.PAUSED, job.id, by="ann")
    assert pausing.resume(db, [job.id], "ann")[0].ok
    rescue(db, settings)
    found = questions.job_by_id(db, job.id)
    assert (found.state, found.hold) == (State.QUEUED, False)


def test_a_job_that_was_to_be_cancelled_is(db: Any, settings: Settings, worker: int) -> None:
    job = _left(db, worker)
    orders.cancel(db, [job.id], "ann")
    rescue(db, settings)
    assert questions.job_by_id(db, job.id).state is State.CANCELLED
    assert questions.events(db, job_id=job.id)[-1].by == "ann"


@pytest.mark.parametrize(
    ("order", "state", "hold"),
    [
        (lambda db, job_id: orders.cancel(db, [job_id], "ann"), State.CANCELLED, False),
        (lambda db, job_id: pausing.pause(db, [job_id], "ann"), State.QUEUED, True),
        (lambda db, job_id: pausing.pause(db, [job_id], "ann", soft=True), State.QUEUED, True),
    ],
)
def test_what_is_asked_while_its_processes_are_ended_counts(
    db: Any,
    settings: Settings,
    worker: int,
    monkeypatch: pytest.MonkeyPatch,
    order: Callable[[Any, int], list[Answer]],
    state: State,
    hold: bool,
) -> None:
    job = _left(db, worker)
    answers: list[Answer] = []

    def slow(orphan: hosts.Orphan) -> int:
        answers.extend(order(db, orphan.job_id))
        return 0

    monkeypatch.setattr(rescuing, "_end_processes", slow)
    rescue(db, settings)
    found = questions.job_by_id(db, job.id)
    assert [answer.ok for answer in answers] == [True]
    assert (found.state, found.hold) == (state, hold)
    if state is State.CANCELLED:
        assert questions.events(db, job_id=job.id)[-1].by == "ann"


def test_a_paused_job_that_goes_on_while_its_processes_are_ended_is_not_held(
    db: Any, settings: Settings, worker: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = _left(db, worker)
    moves.move(db, Move.PAUSED, job.id, by="ann")
    monkeypatch.setattr(rescuing, "_end_processes", lambda orphan: len(pausing.resume(db, [orphan.job_id], "ann")) - 1)
    rescue(db, settings)
    found = questions.job_by_id(db, job.id)
    assert (found.state, found.hold) == (State.QUEUED, False)


def test_a_job_in_whose_company_three_workers_died_fails(db: Any, settings: Settings, worker: int) -> None:
    job_id = submitted(db).id
    waits = submitted(db, queue="video", after=(job_id,)).id
    for death in range(1, 4):
        assert claimed(db, worker_id=worker) is not None
        rescue(db, settings)
        assert questions.job_by_id(db, job_id).state is (State.FAILED if death == 3 else State.QUEUED)
    failure = questions.job_by_id(db, job_id).failure
    assert failure is not None and "3 workers died" in failure.message
    assert questions.job_by_id(db, waits).state is State.SKIPPED


def test_folders_of_ours_go_and_no_others(db: Any, settings: Settings, worker: int, tmp_path: Path) -> None:
    job = _left(db, worker)
    ours, theirs = tmp_path / "out" / ".spool-1-x", tmp_path / "out" / "films"
    link = tmp_path / "out" / ".spool-link"
    for folder in (ours, theirs):
        folder.mkdir(parents=True)
        (folder / "file").write_text("x")
    link.symlink_to(theirs)
    for folder in (ours, theirs, link, tmp_path / ".spool-gone"):
        reports.add_staging(db, job.id, job.lease, str(folder))
    for name in (str(job.id), "999", "\u00b2", "films"):
        settings.paths.job_work(0).with_name(name).mkdir(parents=True)
    rescue(db, settings)
    assert not ours.exists() and (theirs / "file").exists() and link.is_symlink()
    assert sorted(path.name for path in settings.paths.work.iterdir()) == sorted([str(job.id), "films", "\u00b2"])


def test_a_work_folder_that_cannot_be_moved_is_passed_over(
    db: Any, settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    work = settings.paths.work
    for name in ("998", "999", "1000"):
        (work / name).mkdir(parents=True)
    rename = Path.rename

    def stuck(path: Path, target: Path) -> Path:
        if path.name == "999":  # as of a mount point
            raise OSError(errno.EBUSY, os.strerror(errno.EBUSY), str(path))
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", stuck)
    assert rescuing.remove_stale_work(db, settings) == 2
    assert rescuing.remove_stale_work(db, settings) == 0
    assert [path.name for path in work.iterdir()] == ["999"]
    (told,) = caplog.messages
    assert str(work / "999") in told and "busy" in told


def test_its_processes_are_ended_but_not_those_that_got_their_numbers(db: Any, settings: Settings, worker: int) -> None:
    mine, other = (subprocess.Popen(["sleep", "600"], start_new_session=True) for _ in range(2))
    try:
        first, second = _left(db, worker), _left(db, worker)
        start = start_ticks(mine.pid)
        assert start is not None
        reports.set_runner(db, first.id, first.lease, mine.pid, start)
        reports.set_runner(db, second.id, second.lease, other.pid, start + 12345)
        rescue(db, settings)
        assert mine.wait(20) == -signal.SIGKILL
        assert other.poll() is None
    finally:
        for child in (mine, other):
            if child.poll() is None:
                os.kill(child.pid, signal.SIGKILL)
            child.wait()


@pytest.mark.fault("57", "the pid of a dead runner was given out again: what its new bearer left lives on")
def test_what_strangers_left_under_the_pid_of_a_runner_is_not_touched(db: Any, settings: Settings, worker: int) -> None:
    job = _left(db, worker)
    script = "sleep 600 & echo $!"  # a shell that leads a session, ends, and leaves a child in it
    shell = subprocess.Popen(["sh", "-c", script], start_new_session=True, stdout=subprocess.PIPE, text=True)
    start = start_ticks(shell.pid)
    assert shell.stdout is not None and start is not None
    left = int(shell.stdout.readline())
    try:
        shell.wait(20)
        reports.set_runner(db, job.id, job.lease, shell.pid, start - 1000)
        stranger = identify(left)
        assert stranger is not None and os.getsid(left) == shell.pid
        rescue(db, settings)
        assert alive(stranger)
        assert questions.job_by_id(db, job.id).state is State.QUEUED
    finally:
        os.kill(left, signal.SIGKILL)
        shell.stdout.close()


def test_poison_is_counted_over_lives(db: Any, settings: Settings, worker: int) -> None:
    job = _left(db, worker)
    with transaction(db):
        JobRow.update(worker_deaths=1).where(JobRow.id == job.id).execute(db)
    rescue(db, settings)
    row = JobRow.select(JobRow.worker_deaths).where(JobRow.id == job.id).scalar(db)
    assert row == 2
