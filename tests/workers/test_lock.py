from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from workers import lock
from workers.errors import ConfigError, WorkerRunning

_HOLDER = """
import sys, signal
from pathlib import Path
from workers import lock
lock.take(Path(sys.argv[1]))
print("held", flush=True)
signal.pause()
"""


@pytest.fixture
def held(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that holds the lock."""
    child = subprocess.Popen([sys.executable, "-c", _HOLDER, str(tmp_path / "lock")], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None and child.stdout.readline() == "held\n"
    yield child
    child.kill()
    child.wait()


def test_a_second_holder_is_refused_and_the_first_named(tmp_path: Path, held: subprocess.Popen[str]) -> None:
    with pytest.raises(WorkerRunning, match=f"process {held.pid}") as refused:
        lock.take(tmp_path / "lock")
    assert refused.value.exit_code == 78
    assert lock.holder(tmp_path / "lock") == held.pid


def test_death_gives_the_lock_back(tmp_path: Path, held: subprocess.Popen[str]) -> None:
    held.send_signal(signal.SIGKILL)
    held.wait()
    assert lock.holder(tmp_path / "lock") is None
    descriptor = lock.take(tmp_path / "lock")
    assert lock.holder(tmp_path / "lock") == os.getpid()
    os.close(descriptor)
    assert lock.holder(tmp_path / "lock") is None


def test_nobody_holds_a_lock_that_was_never_made(tmp_path: Path) -> None:
    assert lock.holder(tmp_path / "none") is None
    assert not (tmp_path / "none").exists()


def test_asking_keeps_no_worker_out(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    os.close(lock.take(path))
    stop = threading.Event()

    def ask() -> None:
        while not stop.is_set():
            lock.holder(path)

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(100):
            os.close(lock.take(path))
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def test_what_cannot_be_read_is_nobody_that_can_be_named(tmp_path: Path) -> None:
    descriptor = lock.take(tmp_path / "lock")
    for text in ("", "\u00b2", "x\x1b", "\udcff"):
        (tmp_path / "lock").write_bytes(text.encode("utf-8", "surrogateescape"))
        assert lock.holder(tmp_path / "lock") == 0
    os.close(descriptor)


def test_a_lock_that_cannot_be_opened_is_told(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    for path in (tmp_path, tmp_path / "link", tmp_path / "no" / "folder"):
        with pytest.raises(ConfigError, match="cannot be opened"):
            lock.take(path)
    assert not (tmp_path / "elsewhere").exists()
