from __future__ import annotations

import contextlib
import os
import pickle
import queue as queues_
import sqlite3
import stat
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers import queues
from workers.queues import Bells, JsonSerializer, QueueConsumer

_BOUNDS = ("page_size", "wal_autocheckpoint")


def _until(true: Callable[[], object], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.005)


class _Queue:
    """A consumer whose work is counted."""

    def __init__(self, folder: Path, slots: int = 1) -> None:
        self.folder = folder
        self.worked: queues_.Queue[str] = queues_.Queue()
        self.consumer = QueueConsumer(folder, "video", slots, lambda: self.worked.put("work"))
        self.bells = Bells(folder, folder / "nobody-listens")

    def heard(self) -> None:
        """The client rang; the daemon passes its datagram on."""
        self.consumer.hear()
        assert self.worked.get(timeout=20) == "work"


@pytest.fixture
def running(tmp_path: Path) -> Iterator[_Queue]:
    made = _Queue(tmp_path / "rings")
    made.consumer.start()
    yield made
    made.consumer.stop_taking()
    made.consumer.join(20)


def test_a_ring_is_heard(running: _Queue) -> None:
    for _ in range(20):
        running.bells.ring("video")
        running.heard()
    assert running.consumer.huey.pending_count() == 0


def test_a_ring_is_private(running: _Queue) -> None:
    running.bells.ring("video", priority=90)
    for path in running.folder.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(running.folder.stat().st_mode) == 0o700


def test_a_ring_for_later_waits(running: _Queue) -> None:
    running.bells.ring("video", at=int(time.time() * 1000) + 3_600_000)
    running.consumer.hear()
    _until(lambda: running.consumer.huey.scheduled_count() == 1)
    running.bells.ring("video", at=0)
    running.heard()


def test_rings_never_fail(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file", tmp_path / "rings"):
        bells = Bells(folder, tmp_path / ("x" * 200))
        for at in (None, 0, -1, 2**40, 2**62, -(2**62)):
            bells.ring("video", at=at)
        bells.wake()


def test_a_closed_bell_holds_no_file_and_rings_again(tmp_path: Path) -> None:
    def held() -> int:
        links = [Path("/proc/self/fd") / name for name in os.listdir("/proc/self/fd")]
        return sum(str(tmp_path) in os.readlink(link) for link in links if link.is_symlink())

    bells = Bells(tmp_path, tmp_path / "none")
    bells.ring("video")
    assert held() > 0
    bells.close()
    assert held() == 0
    bells.ring("video")
    assert held() > 0
    bells.close()


def test_threads_that_ring_first_at_once_share_one_connection(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    open_file = queues._open

    def counted(folder: Path, queue: str) -> Any:
        opened.append(queue)
        return open_file(folder, queue)

    monkeypatch.setattr(queues, "_open", counted)
    bells, together = Bells(tmp_path, tmp_path / "none"), threading.Barrier(4)

    def ring() -> None:
        together.wait(20)
        bells.ring("video")

    with ThreadPoolExecutor(4) as threads:
        rung = [threads.submit(ring) for _ in range(4)]
        bells.close()
    for one in rung:
        one.result()
    bells.close()
    assert opened == ["video"]
    with contextlib.closing(sqlite3.connect(tmp_path / "video.db")) as file:
        assert file.execute("SELECT COUNT(*) FROM task").fetchone() == (4,)


class _Bomb:
    def __reduce__(self) -> Any:
        return (os.mkdir, (os.environ["BOMB"],))


def test_garbage_and_pickles_run_nothing_and_hold_nothing_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOMB", str(tmp_path / "exploded"))
    made = _Queue(tmp_path / "rings")
    rows = [pickle.dumps(_Bomb()), b"", b"\xff\x00", b"[]", b"{}", b'"x"', b"null", b"1e999", b"[" * 5000]
    rows += [b'{"id": 1, "name": "ring", "eta": "never", "priority": null}']
    rows += [b'{"id": 1, "name": "no such task", "eta": null, "priority": 0}']
    with sqlite3.connect(made.folder / "video.db") as raw:
        for row in rows:
            raw.execute("INSERT INTO task (queue, data, priority) VALUES ('video', ?, 1)", (row,))
            raw.execute("INSERT INTO schedule (queue, data, timestamp) VALUES ('video', ?, 0)", (row,))
    raw.close()
    made.bells.ring("video")
    made.consumer.start()
    _until(lambda: made.consumer.huey.pending_count() == 0 and made.consumer.huey.scheduled_count() == 0)
    made.bells.ring("video")
    made.heard()
    assert not (tmp_path / "exploded").exists()
    made.consumer.stop_taking()
    made.consumer.join(20)


@given(st.one_of(st.binary(), st.text().map(str.encode)))
def test_anything_is_read_as_a_message(data: bytes) -> None:
    message = JsonSerializer()._deserialize(data)
    assert message.args == () and message.kwargs == {}


@pytest.mark.parametrize("thing", [object(), {"a": 1}, "text", _Bomb])
def test_nothing_but_rings_can_be_sent(thing: object) -> None:
    with pytest.raises(TypeError, match="only plain rings"):
        JsonSerializer()._serialize(thing)


def test_a_damaged_ring_file_is_made_anew_at_the_start(tmp_path: Path) -> None:
    folder = tmp_path / "rings"
    folder.mkdir()
    (folder / "video.db").write_bytes(b"no database at all " * 500)
    made = _Queue(folder)
    made.consumer.start()
    made.bells.ring("video")
    made.heard()
    made.consumer.stop_taking()
    made.consumer.join(20)


@pytest.mark.parametrize("harm", ["deleted", "damaged"])
def test_a_ring_file_that_goes_while_it_is_used_is_made_anew(running: _Queue, harm: str) -> None:
    running.bells.ring("video")
    running.heard()
    path = running.folder / "video.db"
    if harm == "deleted":
        for file in running.folder.iterdir():
            file.unlink()
    else:
        running.consumer.huey.storage.close()
        (running.folder / "video.db-wal").unlink(missing_ok=True)
        path.write_bytes(b"no database at all " * 500)
    running.consumer.check()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    running.bells.ring("video")  # the client notices the new file
    running.heard()
    running.consumer.ring(1)
    assert running.worked.get(timeout=20) == "work"


def test_the_sweep_rings_no_more_than_is_missing(tmp_path: Path) -> None:
    made = _Queue(tmp_path)
    made.consumer.ring(3)
    made.consumer.ring(2)
    assert made.consumer.huey.pending_count() == 3


def _bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir())


def _ring_and_take(made: _Queue, rings: int, *, waiting: int = 1) -> None:
    """So many rings by a client, `waiting` at a time, each taken by the worker over its own connection."""
    for _ in range(rings // waiting):
        for _ in range(waiting):
            made.bells.ring("video")
        for _ in range(waiting):
            assert made.consumer.huey.dequeue() is not None


def test_files_of_rings_grow_to_their_bound_and_no_further(tmp_path: Path) -> None:
    """SQLite begins its log of changes anew after 1000 pages, 4 MB; what was taken leaves room for what is rung."""
    made = _Queue(tmp_path)
    page, most = (int(made.consumer.huey.storage.sql(f"pragma {name}", results=True)[0][0]) for name in _BOUNDS)
    sizes = []
    for _ in range(5):
        _ring_and_take(made, 400)
        sizes.append(_bytes(tmp_path))
    assert sizes[0] > page * most / 2, "it was filled"
    assert sizes[2] == sizes[3] == sizes[4] < page * (most + 100)
    made.bells.close()
    made.consumer.huey.storage.close()


def test_a_heap_of_rings_takes_room_only_once(tmp_path: Path) -> None:
    made = _Queue(tmp_path)
    sizes = []
    for _ in range(4):
        _ring_and_take(made, 1000, waiting=1000)
        sizes.append((tmp_path / "video.db").stat().st_size)
    assert sizes[1] == sizes[2] == sizes[3] < 1 << 20 and _bytes(tmp_path) < 6 << 20
    made.bells.close()
    made.consumer.huey.storage.close()


def test_no_ring_is_lost_among_many_threads(tmp_path: Path) -> None:
    made = _Queue(tmp_path, slots=3)
    made.consumer.start()

    def ring() -> None:
        bells = Bells(tmp_path, tmp_path / "none")
        for _ in range(50):
            bells.ring("video")
            made.consumer.hear()

    threads = [threading.Thread(target=ring) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for _ in range(150):
        assert made.worked.get(timeout=20) == "work"
    made.consumer.stop_taking()
    made.consumer.join(20)


def test_a_queue_without_slots_stops_at_once(tmp_path: Path) -> None:
    made = _Queue(tmp_path, slots=0)
    made.consumer.start()
    started = time.monotonic()
    made.consumer.stop_taking()
    made.consumer.join(20)
    assert time.monotonic() - started < 4  # a thread looks for itself only every 5 s


def test_more_slots_run_more_at_once(tmp_path: Path) -> None:
    together = threading.Barrier(3)
    done = threading.Semaphore(0)

    def work() -> None:
        together.wait(20)
        done.release()

    consumer = QueueConsumer(tmp_path, "video", 1, work)
    consumer.start()
    consumer.set_slots(3)
    consumer.ring(3)
    for _ in range(3):
        assert done.acquire(timeout=20)
    consumer.stop_taking()
    consumer.join(20)
