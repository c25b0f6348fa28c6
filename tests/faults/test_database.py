"""The jobs table lies where none may, is brought back from a backup, or comes from another version."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.home import CONFIG, ROOT, Home, opened, wait_for
from tests.support.readers import CONSOLE, log_size, reader, write_moves
from tests.support.releases import RELEASES, build
from workers.backups import list_backups, list_replaced, make_backup
from workers.client import open_client
from workers.jobs import State
from workers.store import backup, checkpoints
from workers.store.migrations import latest


def _on_nfs(home: Home, folder: Path) -> dict[str, str]:
    """The hook by which a worker finds the state of `home` on NFS."""
    table = folder / "mountinfo"
    state = home.settings.paths.state.resolve()
    table.write_text(f"1 0 8:1 / / rw - ext4 /dev/sda1 rw\n2 1 0:9 / {state} rw - nfs4 box:/h rw\n")
    return {"mountinfo": str(table)}


@pytest.mark.fault("27", "state on NFS: refused with the reason, exit 78, no database made")
def test_state_on_a_network(home: Home, tmp_path: Path) -> None:
    worker = home.spawn(_on_nfs(home, tmp_path))
    assert worker.wait() == 78
    assert all(word in worker.answer for word in (str(home.settings.paths.state), "nfs4", "SPOOL_HOME"))
    assert "Traceback" not in home.log()
    assert not list(home.settings.paths.state.glob("*.db*"))


@pytest.mark.fault("27", "state on NFS, and the person takes the risk: it works")
def test_state_on_a_network_by_will(tmp_path: Path) -> None:
    with opened(tmp_path / "home", "state_on_network = true\n" + CONFIG) as home:
        home.start(_on_nfs(home, tmp_path))
        assert home.wait_final(home.submit("noop")).state is State.SUCCEEDED


@pytest.mark.fault("53", "upgrade: a worker opens the state of each version, after a backup, and goes on with it")
@pytest.mark.parametrize("release", RELEASES, ids=lambda path: path.stem)
def test_upgrade(tmp_path: Path, release: Path) -> None:
    config = CONFIG + "keep_days = 36500\n"
    with opened(tmp_path / "home", config) as home:
        build(release.read_text(encoding="utf-8"), home.settings.paths.database)
        old = backup.contents(home.settings.paths.database)
        home.start()
        for job_id in (6, 8, 9):  # one that ran, one that waited, and one that waited for that
            assert home.wait_final(job_id).state is State.SUCCEEDED
        assert home.job(7).hold  # was paused
        assert len(home.client.job_ids()) == old.jobs
        kept = [one for one in list_backups(home.settings) if backup.contents(one.path).schema == old.schema]
        assert old.schema == latest() or kept


@pytest.mark.fault("53", "downgrade: a state of a newer version is refused, exit 78, untouched")
def test_downgrade(home: Home) -> None:
    home.submit("noop")
    home.client.close()
    home.sql("UPDATE meta SET value = 999 WHERE key = 'schema'")
    worker = home.spawn()
    assert worker.wait() == 78
    assert "made by a newer Spool" in worker.answer and "Traceback" not in home.log()
    assert home.sql("SELECT state FROM job") == [("queued",)]


def _restore(home: Home, *prefix: str) -> subprocess.CompletedProcess[str]:
    """`spool restore`, by nobody's terminal."""
    return subprocess.run(
        [*prefix, sys.executable, "-m", "console", "restore", "--yes"],
        env={**home.environment(), "PYTHONDONTWRITEBYTECODE": "1"},
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


@pytest.mark.fault(
    "db", "restore killed as it exchanges the tables: the old or the new one, whole; then it can be done"
)
def test_killed_in_a_restore(home: Home) -> None:
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("strace is not installed")
    home.submit("noop")
    home.client.close()
    made = make_backup(home.settings)
    for call, when in (("link,linkat", 1), ("rename", 2), ("fsync", 4)):
        client = open_client(home.settings, home.registry)
        last = client.submit("noop", {}).id
        count = client.count()
        client.close()
        ran = _restore(home, strace, "-f", "-qq", "-o", "/dev/null", "-e", f"inject={call}:signal=KILL:when={when}")
        if "PTRACE" in ran.stderr or "attach" in ran.stderr:
            pytest.skip(f"strace may not trace here: {ran.stderr.strip()[:80]}")
        assert ran.returncode != 0, call
        assert backup.problems_of(home.settings.paths.database, full=True) == []
        assert sum(backup.contents(home.settings.paths.database).states.values()) in (1, count), call
        ran = _restore(home)
        assert ran.returncode == 0 and made.path.name in ran.stdout, ran.stderr
        assert backup.contents(home.settings.paths.database).jobs == 1
        assert backup.contents(home.settings.paths.database).last_job == last
        kept = [backup.contents(found.path).jobs for found in list_replaced(home.settings)]
        assert count in kept, call  # what was there is never lost
        assert not list(home.settings.paths.state.glob(".spool*"))


@pytest.mark.fault("24", "damaged database: the backup of the day is restored, and work goes on")
def test_damaged_and_restored(home: Home) -> None:
    waits = home.submit("noop", hold=True)
    worker = home.start()  # makes the day's backup by itself
    told = wait_for(lambda: home.client.events(job_id=0), what="the backup of the day")
    (made,) = list_backups(home.settings)
    assert [(event.move, event.reason) for event in told] == [("backup made", made.path.name)]
    lost = home.submit("noop")
    home.wait_final(lost)
    seen = home.client.revision()
    assert worker.stop() == 0
    home.client.close()
    path = home.settings.paths.database
    path.write_bytes(os.urandom(path.stat().st_size))
    assert home.spawn().wait() == 78
    restored = _restore(home)
    assert restored.returncode == 0 and made.path.name in restored.stdout, restored.stderr
    home.start()
    home.client.unhold([waits])
    assert home.wait_final(waits).state is State.SUCCEEDED
    assert home.submit("noop") > lost  # its log and scripts that know it mean no other job
    assert [event.move for event in home.client.events(seen, job_id=0)] == ["restored"]
    assert len(list(home.settings.paths.backups.glob("replaced-*.db"))) == 1


@pytest.mark.fault("19", "backup on a full disk: told in the history, nothing left behind, work goes on")
def test_backup_without_room(home: Home) -> None:
    home.submit("noop", hold=True)
    home.start({"modules": {"workers.store.backup": {"_SPARE": 1 << 60}}})
    (event,) = wait_for(lambda: home.client.events(job_id=0), what="a word about it")
    assert event.move == "backup failed" and "make room" in event.reason
    assert "make room" in home.log()
    assert [path.name for path in home.settings.paths.backups.iterdir()] == [".lock"]
    assert home.wait_final(home.submit("noop")).state is State.SUCCEEDED


@pytest.mark.fault("db", "killed in the middle of a backup: the next one removes what it left")
def test_killed_in_a_backup(home: Home) -> None:
    home.submit("noop", hold=True)
    home.sql("CREATE TABLE filler AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300)"
             " SELECT randomblob(4000) FROM n")  # fmt: skip
    folder = home.settings.paths.backups
    worker = home.start({"modules": {"workers.store.backup": {"_PAGES": 8, "_PAUSE_S": 0.2}}})
    wait_for(lambda: folder.is_dir() and list(folder.glob(".new-*")), what="a backup under way")
    worker.kill()
    assert list_backups(home.settings) == []
    home.start()
    (made,) = wait_for(lambda: list_backups(home.settings), what="a whole backup")
    assert backup.problems_of(made.path, full=True) == []
    assert sorted(path.name for path in folder.iterdir()) == [".lock", made.path.name]


@pytest.mark.fault("db", "write-ahead log beside 4 consoles that always read and 2,000 moves: bounded")
def test_log_beside_readers(home: Home) -> None:
    home.start()
    home.client.pause_queue("default")  # claims look, while a number of slots is only heard of
    for _ in range(20):
        home.submit("noop")
    with reader(CONSOLE, home.settings.paths.database, 4):
        write_moves(home.settings.paths.database, 2000)
        wait_for(lambda: log_size(home.settings.paths.database) <= checkpoints.BOUND, what="a small log")
        home.client.resume_queue("default")
        wait_for(lambda: home.client.count("state:succeeded") == 20, what="work beside them")
    assert home.sql("PRAGMA integrity_check") == [("ok",)]
