"""What a runner and its tools may have and may not, with a real worker whose environment holds secrets."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.home import CONFIG, Home, wait_for
from tests.workers.media.test_environment import NETWORK, SECRETS
from workers.errors import ErrorClass
from workers.jobs import Job, State
from workers.launch import worker_pid
from workers.media.environment import MARK

REGISTRY = "tests.support.limit_operations"
LIMITS = "attempts = 1\nprocesses = 60\nfile_size_gib = 0.002\n"
_HEEDED = ("PYTHONPATH",)  # the worker itself would heed it


class _Rich(Home):
    """A home whose worker is started from an environment full of secrets."""

    def environment(self, hooks: Any = None) -> dict[str, str]:
        secrets = {name: value for name, value in SECRETS.items() if name not in _HEEDED}
        return {**super().environment(hooks), **secrets, **NETWORK}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    home = _Rich(tmp_path_factory.mktemp("limits") / "home", CONFIG + LIMITS, REGISTRY)
    try:
        home.start()
        yield home
    finally:
        home.close()


def _failed(home: Home, operation: str, values: dict[str, Any]) -> Job:
    """The job of an operation that must fail, and leave worker and machine as they were."""
    worker = worker_pid(home.settings)
    before = set(home.processes())
    job = home.wait_final(home.submit(operation, values), 30)
    assert job.state is State.FAILED and job.failure is not None, job
    wait_for(lambda: set(home.processes()) <= before, what="no process more than before")
    assert worker_pid(home.settings) == worker
    assert home.wait_final(home.submit("noop")).state is State.SUCCEEDED
    return job


def _told(home: Home, note: Path, operation: str) -> dict[str, Any]:
    """What a runner says that it and a tool of it were given."""
    job = home.wait_final(home.submit(operation, {"note": str(note)}))
    assert job.state is State.SUCCEEDED, job.failure
    told: dict[str, Any] = json.loads(note.read_text())
    return told


@pytest.mark.fault("T15", "no secret of the environment reaches a runner or a tool")
@pytest.mark.parametrize("online", [False, True], ids=["offline", "online"])
def test_no_secret_reaches_a_runner_or_a_tool(home: Home, tmp_path: Path, online: bool) -> None:
    told = _told(home, tmp_path / "note", "surroundings-online" if online else "surroundings")
    forkserver = Path(f"/proc/{home.forkserver_pid()}/environ")
    assert told["runner"]["SPOOL_HOME"] == told["tool"]["SPOOL_HOME"] == str(home.root)
    for name, value in SECRETS.items():
        for who in ("runner", "started", "tool"):
            assert told[who].get(name) != value, (who, name)
    assert "AWS_SECRET_ACCESS_KEY" not in told["started"]
    assert not NETWORK.keys() & (told["tool"].keys() | told["started"].keys())
    assert "word" not in forkserver.read_text()
    assert told["started"][MARK] == told["tool"][MARK] == "1", "by which the next worker knows what is left"
    assert (NETWORK.keys() & told["runner"].keys()) == (NETWORK.keys() if online else set())
    assert told["tool"]["PATH"] == told["runner"]["PATH"]


@pytest.mark.fault("T9", "limits of the kernel on a runner: no core, no new rights, files, processes")
def test_limits_hold_in_a_runner(home: Home, tmp_path: Path) -> None:
    told = _told(home, tmp_path / "note", "surroundings")
    limits = {line[:25].strip(): line[25:].split()[:2] for line in told["limits"]}
    assert told["gains"] == "1"
    assert limits["Max core file size"] == ["1", "1"]
    assert limits["Max file size"] == [str(int(0.002 * (1 << 30)))] * 2
    assert int(limits["Max open files"][1]) <= 4096
    assert int(limits["Max processes"][1]) >= 60


@pytest.mark.fault("T9", "an encoder that wants to be real-time, as SVT-AV1 does for root")
def test_an_encoder_does_not_become_real_time(home: Home, tmp_path: Path) -> None:
    assert _told(home, tmp_path / "note", "surroundings")["turns"] == [os.SCHED_OTHER]


@pytest.mark.fault("T9", "a fork bomb ends as a failed job")
@pytest.mark.parametrize("sessions", [False, True], ids=["one session", "many sessions"])
def test_a_job_that_breeds_is_ended(home: Home, sessions: bool) -> None:
    job = _failed(home, "breed", {"sessions": sessions})
    assert job.failure is not None and job.failure.error_class is ErrorClass.CRASHED
    assert "processes at once" in job.failure.message and "allows 60" in job.failure.message


@pytest.mark.fault("T9", "a writer of an endless file fails with its reason")
@pytest.mark.parametrize("writer", ["python", "ffmpeg"])
def test_an_endless_file_ends(home: Home, tmp_path: Path, writer: str) -> None:
    job = _failed(home, "endless", {"folder": str(tmp_path), "writer": writer})
    assert job.failure is not None and job.failure.error_class is ErrorClass.UNSUPPORTED
    assert "file_size_gib" in job.failure.message
    assert list(tmp_path.iterdir()) == []


@pytest.mark.fault("T9", "a crash leaves no core file")
def test_a_crash_leaves_no_core(home: Home, tmp_path: Path) -> None:
    job = _failed(home, "dump", {"folder": str(tmp_path)})
    assert job.failure is not None and "SIGQUIT" in job.failure.message
    assert list(tmp_path.iterdir()) == []
