from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from workers import launch
from workers.client import login_name, open_client
from workers.config import load_settings
from workers.errors import SpoolError, StillStarting
from workers.home import prepare_home
from workers.launch import start_worker, stop_worker, worker_pid

_STUBBORN = """
import os, signal, sys, time
from pathlib import Path
from workers import lock
held = lock.take(Path(sys.argv[1]))

def nameless(*_):
    os.ftruncate(held, 0)  # as between the two calls of lock.release
    time.sleep(0.3)
    sys.exit()

if sys.argv[2] == "nameless":
    signal.signal(signal.SIGTERM, nameless)
if sys.argv[2] == "stubborn":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("held", flush=True)
signal.pause()
signal.pause()
"""


def _holder(path: Path, how: str) -> subprocess.Popen[str]:
    child = subprocess.Popen([sys.executable, "-c", _STUBBORN, str(path), how], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None and child.stdout.readline() == "held\n"
    return child


def test_no_worker_is_to_be_stopped(tmp_path: Path) -> None:
    settings = load_settings({"SPOOL_HOME": str(tmp_path)})
    assert worker_pid(settings) is None and stop_worker(settings) is False


def test_a_running_worker_is_not_started_again_and_stops_when_asked(tmp_path: Path) -> None:
    settings = load_settings({"SPOOL_HOME": str(tmp_path)})
    prepare_home(settings)
    child = _holder(settings.paths.lock, "polite")
    try:
        assert worker_pid(settings) == child.pid
        assert start_worker(settings) is False
        assert stop_worker(settings, timeout_s=20) is True
        assert worker_pid(settings) is None
    finally:
        child.kill()
        child.wait()


def test_a_worker_has_not_stopped_while_it_holds_the_lock_without_a_name(tmp_path: Path) -> None:
    settings = load_settings({"SPOOL_HOME": str(tmp_path)})
    prepare_home(settings)
    child = _holder(settings.paths.lock, "nameless")
    client = open_client(settings)
    try:
        assert stop_worker(settings, timeout_s=20) is True
        assert worker_pid(settings) is None
        (order,) = client.ordered()
        assert (order.move, order.by, order.reason) == ("worker stopped", login_name(), f"process {child.pid}")
    finally:
        client.close()
        child.kill()
        child.wait()


def test_a_worker_that_does_not_end_is_told(tmp_path: Path) -> None:
    settings = load_settings({"SPOOL_HOME": str(tmp_path)})
    prepare_home(settings)
    child = _holder(settings.paths.lock, "stubborn")
    try:
        with pytest.raises(SpoolError, match=f"process {child.pid}, has not ended after 0.1 s"):
            stop_worker(settings, timeout_s=0.1)
    finally:
        child.kill()
        child.wait()


def test_a_lock_without_a_name_cannot_be_stopped(tmp_path: Path) -> None:
    from workers import lock

    settings = load_settings({"SPOOL_HOME": str(tmp_path)})
    prepare_home(settings)
    descriptor = lock.take(settings.paths.lock)
    settings.paths.lock.write_text("")
    try:
        with pytest.raises(SpoolError, match="cannot be read"):
            stop_worker(settings)
    finally:
        os.close(descriptor)


_SLOW = """#!{python}
import os, signal, sys, time
from pathlib import Path
word, told = os.fdopen(int(sys.argv[sys.argv.index("--ready-fd") + 1]), "w"), Path(os.environ["SPOOL_HOME"], "told")
while not told.exists():
    time.sleep(0.01)
if told.read_text() == "ready":
    word.write("ready")
if told.read_text() == "silent":
    signal.pause()
word.close()
while not Path(os.environ["SPOOL_HOME"], "end").exists():
    time.sleep(0.01)
sys.exit(3)
"""


@pytest.fixture
def slow_worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home whose workers say nothing until the file `told` says what; with an `end` they go."""
    program = tmp_path / "python"
    program.write_text(_SLOW.format(python=sys.executable))
    program.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(program))
    monkeypatch.setenv("SPOOL_HOME", str(tmp_path))
    monkeypatch.setattr(launch, "_SLOW_S", 0.05)
    return tmp_path


def test_a_slow_start_is_told_and_waited_for(slow_worker: Path) -> None:
    settings, heard = load_settings({"SPOOL_HOME": str(slow_worker)}), list[str]()

    def slow(text: str) -> None:
        heard.append(text)
        (slow_worker / "new").write_text("ready")
        (slow_worker / "new").rename(slow_worker / "told")

    assert start_worker(settings, slow) is True
    (said,) = heard
    assert "is still starting after 0.05 s" in said and "spool status" in said
    assert str(settings.paths.worker_log) in said
    (slow_worker / "end").touch()


def test_a_start_that_takes_minutes_is_no_failure(slow_worker: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launch, "_PATIENCE_S", 0.1)
    with pytest.raises(StillStarting, match=r"process \d+, is still starting after 0.1 s") as still:
        start_worker(load_settings({"SPOOL_HOME": str(slow_worker)}))
    (slow_worker / "end").touch()
    (slow_worker / "told").write_text("")
    assert "exit code" not in str(still.value)


def test_a_worker_that_ends_without_a_word_is_waited_for(slow_worker: Path) -> None:
    """Its end of the pipe closes a moment before it has ended."""
    (slow_worker / "told").write_text("")
    ends = threading.Timer(0.2, (slow_worker / "end").touch)
    ends.start()
    with pytest.raises(SpoolError, match=r"did not start \(exit code 3\)") as failed:
        start_worker(load_settings({"SPOOL_HOME": str(slow_worker)}))
    assert not isinstance(failed.value, StillStarting)
    ends.join()


def test_a_worker_takes_a_relative_home_as_we_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SPOOL_HOME", "rel")
    settings = load_settings()
    assert start_worker(settings) is True
    try:
        pid = worker_pid(settings)
        assert pid and Path(f"/proc/{pid}/cwd").readlink() == Path("/")
        assert start_worker(settings) is False
    finally:
        assert stop_worker(settings) is True
    assert settings.paths.database.is_relative_to(tmp_path / "rel") and settings.paths.database.exists()
