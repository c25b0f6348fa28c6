"""The database is locked, full, slow, damaged, deleted or not writable under a running worker."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.support.disks import fill, no_room, small_disk
from tests.support.home import CONFIG, ROOT, Home, WorkerProcess, final_moves, opened, wait_for
from tests.support.matrix import drawn
from workers.errors import StoreError
from workers.jobs import State

IMPATIENT = {
    "daemon": {"CHECK_S": 0.5, "BEAT_S": 0.3},
    "modules": {"workers.rounds": {"_STORE_PATIENCE_S": 1.5}},
}
HASTY_S = 2.0
HASTY = {"modules": {"workers.store.database": {"BUSY_TIMEOUT_S": HASTY_S}}}


@contextlib.contextmanager
def _locked(home: Home) -> Iterator[None]:
    """Hold the write lock of the database for the time of the block."""
    connection = sqlite3.connect(home.settings.paths.database, timeout=20, isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        connection.execute("ROLLBACK")
        connection.close()


def _staged(home: Home, job_id: int) -> bool:
    return bool(home.sql("SELECT staging FROM job WHERE id=?", job_id)[0][0] != "[]")


@pytest.mark.fault("23", "database locked as jobs end, for longer than any one write waits")
def test_lock_as_jobs_end(home: Home) -> None:
    home.start(HASTY)
    ids = [home.submit("publish", {"target": str(home.out / f"{n}.txt"), "pause_s": 0.6}) for n in range(3)]
    failing = home.submit("fail", {"error_class": "network"}, hold=True)
    for job_id in ids:
        home.wait_state(job_id, State.RUNNING)
    for job_id in ids:
        wait_for(partial(_staged, home, job_id), what="it is in the middle of its work")
    with _locked(home):
        wait_for(
            lambda: "the database refused" in home.log(), 60, what="a write that has waited for as long as any does"
        )
        time.sleep(HASTY_S + 0.5)  # and every other one has been refused too
        assert all(home.job(job_id).state is State.RUNNING for job_id in ids)
    for job_id in ids:
        job = home.wait_final(job_id)
        assert (job.state, job.attempts) == (State.SUCCEEDED, 1)
        assert final_moves(home.moves(job_id)) == ["succeeded"]
    assert home.made() == ["0.txt", "1.txt", "2.txt"]
    home.client.unhold([failing])
    wait_for(lambda: home.job(failing).failures == 1, what="its retry is kept")


@pytest.mark.fault("23", "database locked as a job is claimed and given to its runner")
def test_lock_as_jobs_start(home: Home) -> None:
    worker = home.start()
    job_id = home.submit("noop", hold=True)
    home.client.unhold([job_id])
    with _locked(home):
        time.sleep(drawn(23).uniform(0.1, 0.9))
    assert home.wait_final(job_id).state is State.SUCCEEDED
    assert worker.process.poll() is None


@pytest.fixture
def small_home(tmp_path: Path) -> Iterator[Home]:
    """A home whose state lies on a disk of 3 MB."""
    with small_disk(tmp_path / "home" / "state", "3m"), opened(tmp_path / "home") as home:
        yield home


@contextlib.contextmanager
def _full(home: Home) -> Iterator[None]:
    filler = home.settings.paths.state / "filler"
    fill(filler)
    yield
    filler.unlink()


@pytest.mark.fault("19", "disk of the state full: accepted jobs wait, reads work, all goes on after")
def test_state_disk_full(small_home: Home) -> None:
    worker = small_home.start()
    _goes_on_after(small_home, worker, lambda: _full(small_home), "full")


@pytest.mark.fault("19", "no file of the state may grow (RLIMIT_FSIZE): the same")
def test_state_may_not_grow(home: Home) -> None:
    """As on a full disk where none may be mounted: worker and client write nothing beyond the first pages of a file."""
    worker = home.start()
    bound = drawn(19).randrange(8 << 10, 32 << 10)
    _goes_on_after(home, worker, lambda: no_room(bound, worker.pid, 0), "I/O error")


def _goes_on_after(
    home: Home, worker: WorkerProcess, full: Callable[[], contextlib.AbstractContextManager[None]], words: str
) -> None:
    accepted = [home.submit("sleep", {"seconds": 0.8}) for _ in range(2)]
    for job_id in accepted:
        home.wait_running(job_id)
    with full():
        refused = None
        for _ in range(200):
            try:
                accepted.append(home.submit("noop"))
            except StoreError as error:
                refused = str(error)
                break
        assert refused is not None and words in refused
        assert home.client.count() >= len(accepted)  # reads work
        wait_for(lambda: "the database refused" in home.log(), what="an end that cannot be written")
        assert worker.process.poll() is None
    for job_id in accepted:
        assert home.wait_final(job_id).state is State.SUCCEEDED
        assert final_moves(home.moves(job_id)) == ["succeeded"]
    assert "Traceback" not in home.log()
    assert home.sql("PRAGMA integrity_check") == [("ok",)]


def _damage(home: Home) -> None:
    """Bring everything into the one file, then write noise over its pages."""
    with contextlib.closing(sqlite3.connect(home.settings.paths.database)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with home.settings.paths.database.open("r+b") as file:
        chance, pages = drawn(24), home.settings.paths.database.stat().st_size // 4096
        file.seek(4096 * chance.randrange(1, pages - 8))
        file.write(chance.randbytes(4096 * 8))


@pytest.mark.fault("24", "damaged database at start: exit 78 in one line with a hint")
def test_damaged_database_at_start(home: Home) -> None:
    for _ in range(20):
        home.submit("noop")
    home.client.close()
    _damage(home)
    worker = home.spawn()
    assert worker.wait() == 78
    assert "damaged" in worker.answer and "spool restore newest" in worker.answer and "\n" not in worker.answer
    assert "Traceback" not in home.log()


@pytest.mark.fault("24", "database damaged under a running worker: it ends, and does not flood its log")
def test_damaged_database_while_running(home: Home) -> None:
    worker = home.start(IMPATIENT)
    for _ in range(20):
        home.submit("noop", hold=True)
    home.client.close()
    with contextlib.closing(sqlite3.connect(home.settings.paths.database, timeout=10)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with home.settings.paths.database.open("r+b") as file:
        file.seek(0)
        file.write(os.urandom(home.settings.paths.database.stat().st_size))
    assert worker.wait(20) == 1
    lines = home.log().splitlines()
    assert len(lines) < 15, lines  # each kind of trouble is told once
    home.assert_no_process()


@pytest.mark.fault("25", "database deleted under a running worker: seen, exit 78")
def test_deleted_database(home: Home) -> None:
    worker = home.start()
    job_id = home.submit("hang")
    home.wait_running(job_id)
    for path in home.settings.paths.state.glob("spool.db*"):
        path.unlink()
    started = time.monotonic()
    assert worker.wait(15) == 78
    assert time.monotonic() - started < 5 + 2  # seen within 5 s, then the runner gets its graces
    assert "was removed or replaced" in home.log()
    home.assert_no_process()


@pytest.mark.fault("26", "database cannot be written (read-only file system): exit 78, one clear line, no loop")
def test_read_only_database(tmp_path: Path) -> None:
    with small_disk(tmp_path / "home" / "state", "20m") as state, opened(tmp_path / "home") as home:
        worker = home.start(IMPATIENT)
        done = subprocess.run(["mount", "-o", "remount,ro", str(state)], capture_output=True, text=True)
        if done.returncode:  # files that are open for writing keep it writable
            worker.stop()
            subprocess.run(["mount", "-o", "remount,ro", str(state)], check=True)
            again = home.spawn()
            assert again.wait() == 78
            assert "ead-only" in again.answer or "cannot be written" in again.answer
            assert "Traceback" not in again.answer
            return
        assert worker.wait(20) == 1
        assert "Traceback" not in home.log()


@pytest.mark.fault("26", "database that may not be written, by its mode and that of its folder: the same")
def test_database_of_a_wrong_mode(home: Home) -> None:
    """As on a read-only file system where none may be mounted."""
    if os.geteuid() == 0:
        pytest.skip("root may write whatever the modes say")
    home.start().stop()
    home.client.close()
    state = home.settings.paths.state
    before = {path: path.stat().st_mode for path in (*state.glob("spool.db*"), state)}
    try:
        for path, mode in before.items():
            path.chmod(mode & ~0o222)
        worker = home.spawn()
        assert worker.wait() == 78
        assert "ead-only" in worker.answer or "cannot be written" in worker.answer, worker.answer
        assert "Traceback" not in worker.answer and len(worker.answer.splitlines()) == 1
    finally:
        for path, mode in before.items():
            path.chmod(mode)
    assert home.start().stop() == 0


@pytest.mark.fault("26", "state that may not be entered is refused in one line")
def test_state_that_is_a_file(home: Home) -> None:
    home.client.close()
    shutil.rmtree(home.settings.paths.state)
    home.settings.paths.state.write_text("")
    worker = home.spawn()
    assert worker.wait() == 78
    assert str(home.settings.paths.state) in worker.answer


@pytest.mark.fault("17", "the same submission key, from several processes at once")
def test_same_key_at_once(home: Home) -> None:
    home.start()
    program = (
        "import os; from workers.client import open_client; from workers.config import load_settings;"
        "c = open_client(load_settings(), 'tests.support.fault_operations');"
        "print([c.submit('noop', {}, submission_key=f'k{n}').id for n in range(20)])"
    )
    children = [
        subprocess.Popen([sys.executable, "-c", program], env=home.environment(), cwd=ROOT, stdout=subprocess.PIPE)
        for _ in range(4)
    ]
    said = {child.communicate(timeout=30)[0] for child in children}
    assert len(said) == 1
    assert home.client.count() == 20
    wait_for(lambda: home.client.count("state:succeeded") == 20, what="each done once")
    assert home.sql("SELECT count(*) FROM job_event WHERE move = 'claimed'") == [(20,)]


@pytest.mark.fault("20", "EIO on fsync: those submits fail loudly, accepted ones are there")
def test_eio_on_fsync(home: Home) -> None:
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("strace is not installed")
    program = (
        "from workers.client import open_client; from workers.config import load_settings\n"
        "from workers.errors import StoreError\n"
        "c = open_client(load_settings(), 'tests.support.fault_operations')\n"
        "ok = failed = 0\n"
        "for n in range(30):\n"
        "    try: c.submit('noop', {}); ok += 1\n"
        "    except StoreError: failed += 1\n"
        "print(ok, failed)\n"
    )
    before, first = home.client.count(), drawn(20).randrange(12, 25)
    done = subprocess.run(
        [strace, "-f", "-qq", "-o", "/dev/null", "-e", "trace=fdatasync,fsync", "-e",
         f"inject=fdatasync,fsync:error=EIO:when={first}..{first + 4}", sys.executable, "-c", program],
        env=home.environment(), cwd=ROOT, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    if "PTRACE" in done.stderr or "attach" in done.stderr:
        pytest.skip(f"strace may not trace here: {done.stderr.strip()[:80]}")
    ok, failed = (int(word) for word in done.stdout.split())
    assert failed >= 1 and ok + failed == 30
    assert home.client.count() - before == ok
    assert home.sql("PRAGMA integrity_check") == [("ok",)]


@pytest.mark.fault("54", "slow disk: every flush takes 0.2 s; no false stall, no false rescue")
def test_slow_disk(home: Home) -> None:
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("strace is not installed")
    (home.root / "config.toml").write_text(CONFIG + "stall_minutes = 0.02\n")
    home.start().stop()  # makes the tables and rings, which are some 40 flushes that show nothing
    inject = f"inject=fdatasync,fsync:delay_exit={drawn(54).randrange(150_000, 250_000)}"
    traced = ["-e", "trace=fdatasync,fsync", "-e", inject]
    prefix = [strace, "-f", "-qq", "--seccomp-bpf", "-o", "/dev/null", *traced]
    worker = home.spawn(prefix=prefix)
    if worker.answer != "ready":
        pytest.skip(f"strace may not trace a worker here: {home.log()[-200:]}")
    ids = [home.submit("sleep", {"seconds": 1.5}) for _ in range(3)]
    for job_id in ids:
        job = home.wait_final(job_id, 30)
        assert (job.state, job.attempts, job.failures) == (State.SUCCEEDED, 1, 0)
    age = home.client.worker().age_s
    assert age is not None and age < 6
    assert home.client.worker().report == ()
    os.kill(home.client.worker().pid or 0, signal.SIGTERM)
    assert worker.wait() == 0


@pytest.mark.fault("12", "worker stopped for a while, its runners not: no stall, nothing twice")
def test_sleeping_worker(home: Home) -> None:
    (home.root / "config.toml").write_text(CONFIG + "stall_minutes = 0.02\n")
    worker = home.start()
    target = home.out / "file.txt"
    talking = home.submit("sleep", {"seconds": 2.0})
    publishing = home.submit("publish", {"target": str(target), "pause_s": 0.3})
    home.wait_running(talking)
    home.wait_state(publishing, State.RUNNING)
    worker.signal(signal.SIGSTOP)
    time.sleep(drawn(12).uniform(1.3, 1.9))  # longer than the limit of a stall
    worker.signal(signal.SIGCONT)
    for job_id in (talking, publishing):
        job = home.wait_final(job_id)
        assert (job.state, job.attempts) == (State.SUCCEEDED, 1)
    assert home.made() == ["file.txt"]


@pytest.mark.fault("12", "worker and runners frozen together: no stall when the worker thaws first")
def test_frozen_home(home: Home) -> None:
    (home.root / "config.toml").write_text(CONFIG + "stall_minutes = 0.02\n")
    worker = home.start()
    job_id = home.submit("sleep", {"seconds": 0.8})
    home.wait_running(job_id)
    runner = home.runner_pid(job_id)
    for pid in (worker.pid, runner):
        os.kill(pid, signal.SIGSTOP)
    time.sleep(2.5)
    worker.signal(signal.SIGCONT)
    time.sleep(0.4)  # it has looked into the pipe, and found nothing
    os.kill(runner, signal.SIGCONT)
    job = home.wait_final(job_id)
    assert (job.state, job.attempts, job.failures) == (State.SUCCEEDED, 1, 0)


@pytest.mark.fault("50", "modes under umask 022: 0700 and 0600")
def test_modes(tmp_path: Path) -> None:
    old = os.umask(0o022)
    try:
        with opened(tmp_path / "home") as home:
            home.start()
            job_id = home.submit("print")
            assert home.wait_final(job_id).state is State.SUCCEEDED
            wrong = []
            for folder in (home.settings.paths.state, home.settings.paths.runtime):
                for path in (folder, *folder.rglob("*")):
                    mode = stat.S_IMODE(path.lstat().st_mode)
                    if mode & 0o077:
                        wrong.append((str(path.relative_to(home.root)), oct(mode)))
            assert wrong == []
    finally:
        os.umask(old)


@pytest.mark.fault("52", "the worker's log is moved away: a new one is begun")
def test_log_rotation(home: Home) -> None:
    worker = home.start()
    log = home.settings.paths.worker_log
    wait_for(lambda: "takes jobs" in log.read_text(), what="its first line")
    moved = log.with_suffix(".1")
    log.rename(moved)
    worker.signal(signal.SIGHUP)
    home.client.set_slots("default", 3)
    wait_for(lambda: log.exists() and "3 slots" in log.read_text(), what="a new log")
    assert "takes jobs" in moved.read_text()
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    assert worker.process.poll() is None
