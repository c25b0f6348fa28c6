from __future__ import annotations

from collections.abc import Callable

from console.cli.status import figures_line, worker_as_json, worker_line
from console.widgets.side import worker_lines
from tests.console.cli.conftest import Ran
from workers import configmark
from workers.client import Client, HostFigures, WorkerStatus
from workers.jobs import QUEUES, State
from workers.lock import release, take
from workers.store import hosts


def test_a_fresh_home(spool: Callable[..., Ran]) -> None:
    ran = spool("status")
    assert ran.code == 0
    assert ran.lines[0] == "worker: none runs; `spool worker --detach` starts one"
    assert ran.lines[1] == "jobs: none yet"


def test_as_json(spool: Callable[..., Ran], client: Client) -> None:
    client.submit("download", {"inputs": ["http://127.0.0.1:9/x.mp4"]})
    (shown,) = spool("status", "--json").objects
    assert shown["worker"]["running"] is False
    assert set(shown["jobs"]) == {state.value for state in State}
    assert shown["jobs"]["queued"] == 1
    assert [queue["name"] for queue in shown["queues"]] == list(QUEUES)
    assert "1 queued" in spool("status").out


def test_a_running_worker_and_a_silent_one() -> None:
    status = WorkerStatus(True, 42, "box", "0.1.0", started_at=1_000, heartbeat=2_000, age_s=0.4, report=("none",))
    assert "pid 42 on box" in worker_line(status)
    assert "silent" not in worker_line(status)
    silent = WorkerStatus(True, 42, "box", "0.1.0", started_at=1_000, heartbeat=2_000, age_s=75.0)
    assert "silent for 75 s" in worker_line(silent)
    shown = worker_as_json(status)
    assert (shown["started_at"], shown["report"], shown["figures"]) == ("1970-01-01T00:00:01.000Z", ["none"], None)


def test_a_worker_with_an_older_configuration(spool: Callable[..., Ran], client: Client) -> None:
    settings = client.settings
    hosts.add_worker(
        client._db, {"host": "box", "pid": 7, "pid_start": 1, "boot_id": "", "version": "0.1.0", "operations": "[]"}
    )
    held = take(settings.paths.lock)
    configmark.note(settings)
    assert "config.toml" not in spool("status").out
    settings.paths.config.write_text("[slots]\nvideo = 2\n")
    ran = spool("status")
    assert "config.toml was changed since the worker started" in ran.lines[1] and "`spool stop`" in ran.lines[1]
    (shown,) = spool("status", "--json").objects
    assert shown["worker"]["stale_config"] is True
    release(held)
    assert "config.toml was changed" not in spool("status").out


def test_figures_of_the_host() -> None:
    figures = HostFigures(12.4, 0.5, 2, 40.0, "/x", 5_000_000_000, 10.0)
    assert figures_line(figures) == "host: CPU 12 %, load 0.5, memory 40 %, 5.0 GB free in /x"


def test_the_console_tells_of_an_older_configuration_too() -> None:
    lines = worker_lines(WorkerStatus(True, 42, "box", "0.1.0", started_at=1_000, stale_config=True), 60, 2_000)
    told = " ".join(text.strip() for line in lines for text, role in line if role == "warn")
    assert told.startswith("config.toml was changed") and "spool worker --detach" in told
