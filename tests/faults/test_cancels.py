"""Everything that waits and runs is cancelled by one query, and the console in which that was done goes on."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.consoles import EMPTY_FILTER, open_console, type_keys
from tests.support.home import CONFIG, Home, final_moves, opened, wait_for
from tests.support.pty import Terminal
from workers.jobs import State

JOBS, SLOTS = 500, 8
ALL_FINAL_S = 10.0  # what is promised, whatever the tools do
GRACES_AS_THEY_ARE = CONFIG.replace("default = 4", f"default = {SLOTS}").replace("grace_seconds = 0.3\n", "")


def _fill(home: Home, console: Terminal) -> list[int]:
    """Submit jobs that never end and hear no signal, until the first of them take every slot."""
    ids = []
    for _ in range(JOBS):
        ids.append(home.submit("hang"))
        console.drain(0.0)
    for job_id in ids[:SLOTS]:
        home.wait_running(job_id)
    return ids


@pytest.mark.fault("10", f"{JOBS} jobs, {SLOTS} of which ignore signals, cancelled by one query: 10 s at most")
def test_one_query_cancels_everything_and_the_console_goes_on(tmp_path: Path) -> None:
    with opened(tmp_path / "home", GRACES_AS_THEY_ARE) as home:
        bystander = home.submit("noop", hold=True)
        with open_console(home) as console:
            home.start()
            ids = _fill(home, console)
            query = "hang state:queued,running"
            type_keys(console, ("", "worker ok"), ("/", EMPTY_FILTER), (f"{query}\r", f"(Esc) {JOBS} found"))
            type_keys(console, ("g", ""), (" ", "on 1 jobs"), ("G*", f"on {JOBS} jobs"), ("X", f"Type {JOBS} and"))
            console.send(f"{JOBS}\r")
            wait_for(lambda: home.client.count("state:cancelled") == JOBS, ALL_FINAL_S, 0.05, "every job is cancelled")
            home.assert_clean()
            type_keys(console, ("", f"{JOBS} jobs cancelled"), ("", "Nothing matches"), ("\x1b", f"of {JOBS + 1}"))
            assert home.job(bystander).state is State.QUEUED
            type_keys(console, ("/", EMPTY_FILTER), ("noop\r", "/noop (Esc) 1 found"), ("H", f"R0 Q0 F0 S1 C{JOBS}"))
            console.send("\x11")
            assert console.wait_end() == 0
        assert home.job(bystander).state is State.SUCCEEDED
        assert all(final_moves(home.moves(job_id)) == ["cancelled"] for job_id in ids)
        runners = [command for command in home.processes().values() if "forkserver" in command]
        assert len(runners) == 1, runners  # the warm one, and none that it has started
