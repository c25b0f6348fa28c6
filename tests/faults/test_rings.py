"""Rings are lost, doubled, damaged or hostile; the jobs table is the truth and work goes on."""

from __future__ import annotations

import pickle
import sqlite3
import time
from pathlib import Path

import pytest

from tests.support.home import Home, final_moves, wait_for
from tests.support.matrix import drawn
from workers.jobs import State
from workers.queues import Bells

SWEEP_S = 1.0
NO_SWEEP = {"daemon": {"SWEEP_S": 3600.0}}  # what starts was rung for


def _ring_db(home: Home, queue: str = "default") -> Path:
    return home.settings.paths.rings / f"{queue}.db"


class _Trap:
    """Unpickling it leaves a file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> tuple[object, tuple[str, str]]:
        return (open, (str(self._path), "w"))


@pytest.mark.fault("30", "garbage and pickle among the rings")
def test_garbage_and_pickle_rings_run_nothing(home: Home) -> None:
    home.start()
    trap = home.root / "trapped"
    chance = drawn(30)
    noise = [chance.randbytes(chance.randrange(200)) for _ in range(10)]
    rows = [*noise, pickle.dumps(_Trap(trap)), b"\x00garbage", b"{}", b"[1]", b'{"id":1,"name":"os.system","eta":null}']
    with sqlite3.connect(_ring_db(home), timeout=10) as rings:
        for row in rows:
            rings.execute("INSERT INTO task (queue, data, priority) VALUES ('default', ?, 1000)", (row,))
    rings.close()
    job_id = home.submit("noop")
    assert home.wait_final(job_id).state is State.SUCCEEDED
    Bells(home.settings.paths.rings, home.settings.paths.wake_socket).wake("ring default")
    wait_for(lambda: _count(home) == 0, what="all were dropped")
    assert not trap.exists()
    assert home.client.worker().running


def _count(home: Home) -> int:
    rings = sqlite3.connect(_ring_db(home), timeout=10)
    try:
        return int(rings.execute("SELECT count(*) FROM task").fetchone()[0])
    finally:
        rings.close()


@pytest.mark.fault("31", "all rings lost: work starts at the next sweep")
def test_lost_rings(home: Home) -> None:
    home.start({"daemon": {"SWEEP_S": SWEEP_S}})
    home.client.pause_queue("default")
    ids = [home.submit("noop") for _ in range(20)]
    wait_for(lambda: _count(home) == 0, what="all rings were taken in vain")
    home.sql("DELETE FROM pause")  # nobody rings
    started = time.monotonic()
    for job_id in ids:
        assert home.wait_final(job_id, SWEEP_S + 5).state is State.SUCCEEDED
    assert time.monotonic() - started < SWEEP_S + 5


@pytest.mark.fault("28", "kill -9 of the worker as scheduled jobs are due: each runs once, by the next worker")
def test_killed_as_jobs_are_due(home: Home) -> None:
    worker = home.start()
    due = int(time.time() * 1000) + 1500
    ids = [home.submit("touch", {"folder": str(home.out), "seconds": 0.2}, run_after=due) for _ in range(10)]
    wait_for(lambda: any(home.job(job_id).state is not State.QUEUED for job_id in ids), what="the first is due")
    time.sleep(drawn(28).uniform(0.0, 0.4))
    worker.kill()
    home.start()
    for job_id in ids:
        assert home.wait_final(job_id).state is State.SUCCEEDED
        assert final_moves(home.moves(job_id)) == ["succeeded"]


@pytest.mark.fault("31", "ring files deleted while the worker runs")
def test_deleted_ring_files(home: Home) -> None:
    home.start(NO_SWEEP)
    for path in home.settings.paths.rings.iterdir():
        path.unlink()
    for name in ("touch", "touch-images"):
        job_id = home.submit(name, {"folder": str(home.out)})
        assert home.wait_final(job_id).state is State.SUCCEEDED


@pytest.mark.fault("31", "ring folder deleted while no worker runs")
def test_deleted_ring_folder(home: Home) -> None:
    import shutil

    job_id = home.submit("noop")
    shutil.rmtree(home.settings.paths.rings)
    home.start()
    assert home.wait_final(job_id, SWEEP_S + 5).state is State.SUCCEEDED


@pytest.mark.fault("32", "1000 rings for ten jobs")
def test_doubled_rings(home: Home) -> None:
    ids = [home.submit("touch", {"folder": str(home.out)}) for _ in range(10)]
    bells = Bells(home.settings.paths.rings, home.settings.paths.wake_socket)
    for _ in range(drawn(32).randrange(800, 1200)):
        bells.ring("default")
    home.start()
    for job_id in ids:
        assert home.wait_final(job_id).state is State.SUCCEEDED
        assert home.moves(job_id) == ["submitted", "claimed", "succeeded"]
    wait_for(lambda: _count(home) == 0, what="surplus rings are used up")
    assert len(home.made()) == 10


@pytest.mark.fault("24", "damaged ring file is made anew")
def test_damaged_ring_file(home: Home) -> None:
    job_id = home.submit("noop")
    for suffix in ("-wal", "-shm"):
        Path(f"{_ring_db(home)}{suffix}").unlink(missing_ok=True)
    _ring_db(home).write_bytes(b"SQLite format 3\0" + b"\xff" * 8000)
    home.start(NO_SWEEP)
    assert home.wait_final(job_id).state is State.SUCCEEDED
    another = home.submit("noop")
    assert home.wait_final(another).state is State.SUCCEEDED
    assert "made anew" in home.log()


@pytest.mark.fault("29", "unknown operation stays queued and says why")
def test_unknown_operation_waits(home: Home) -> None:
    future = home.submit("noop")
    home.sql("UPDATE job SET operation = 'future' WHERE id = ?", future)
    home.start()
    later = home.submit("noop")
    assert home.wait_final(later).state is State.SUCCEEDED
    job = home.job(future)
    assert (job.state, job.attempts) == (State.QUEUED, 0)
    assert [reason.reason for reason in home.client.why(future)] == ["unknown_operation"]
