"""Everything that waits and runs is cancelled by one query, and the console in which that was done goes on."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.support.home import CONFIG, REGISTRY, ROOT, Home, final_moves, opened, wait_for
from tests.support.pty import Terminal
from workers.jobs import State

JOBS, SLOTS = 500, 8
ALL_FINAL_S = 10.0  # what is promised, whatever the tools do
GRACES_AS_THEY_ARE = CONFIG.replace("default = 4", f"default = {SLOTS}").replace("grace_seconds = 0.3\n", "")
CONSOLE = f"""
import sys
from console.app import SpoolApp
from workers.client import AsyncClient
from workers.config import load_settings
sys.exit(SpoolApp(load_settings(), connect=lambda settings: AsyncClient(settings, {REGISTRY!r}), start=None).run() or 0)
"""
_EMPTY_FILTER = "state:failed queue:downloads"  # what its field shows as long as nothing is typed


def _console(home: Home) -> Terminal:
    environ = home.environment() | {"TERM": "xterm-256color", "PYTHONPATH": str(ROOT)}
    return Terminal([sys.executable, "-c", CONSOLE], size=(140, 30), environ=environ)


def _type(console: Terminal, *steps: tuple[str, str]) -> None:
    """Keys, and what the screen shows once they were understood."""
    for keys, seen in steps:
        console.send(keys)
        console.wait_for(seen)


def _fill(home: Home, console: Terminal) -> list[int]:
    """Submit jobs that never end and hear no signal, until the first of them take every slot."""
    ids = []
    for _ in range(JOBS):
        ids.append(home.submit("hang"))
        console.drain(0.0)
    for job_id in ids[:SLOTS]:
        home.wait_running(job_id)
    return ids


@pytest.mark.fault(
    "10", f"{JOBS} jobs, {SLOTS} of which run and ignore signals, cancelled by one query: all end in 10 s"
)
def test_one_query_cancels_everything_and_the_console_goes_on(tmp_path: Path) -> None:
    with opened(tmp_path / "home", GRACES_AS_THEY_ARE) as home:
        bystander = home.submit("noop", hold=True)
        with _console(home) as console:
            home.start()
            ids = _fill(home, console)
            query = "hang state:queued,running"
            _type(console, ("", "worker ok"), ("/", _EMPTY_FILTER), (f"{query}\r", f"/{query} (Esc) {JOBS} found"))
            _type(console, ("g", ""), (" ", "on 1 jobs"), ("G*", f"on {JOBS} jobs"), ("X", f"Type {JOBS} and"))
            console.send(f"{JOBS}\r")
            wait_for(lambda: home.client.count("state:cancelled") == JOBS, ALL_FINAL_S, 0.05, "every job is cancelled")
            home.assert_clean()
            _type(console, ("", f"{JOBS} jobs cancelled"), ("", "Nothing matches"), ("\x1b", f"of {JOBS + 1}"))
            assert home.job(bystander).state is State.QUEUED
            _type(console, ("/", _EMPTY_FILTER), ("noop\r", "/noop (Esc) 1 found"), ("H", f"R0 Q0 F0 S1 C{JOBS}"))
            console.send("\x11")
            assert console.wait_end() == 0
        assert home.job(bystander).state is State.SUCCEEDED
        assert all(final_moves(home.moves(job_id)) == ["cancelled"] for job_id in ids)
        runners = [command for command in home.processes().values() if "forkserver" in command]
        assert len(runners) == 1, runners  # the warm one, and none that it has started
