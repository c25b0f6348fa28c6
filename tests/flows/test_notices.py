"""A worker that tells what happens: to a webhook and to a program, over crashes and restarts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.home import CONFIG, opened, wait_for
from tests.support.receivers import Program, Webhook, webhook
from workers.jobs import State

HASTY = {
    "modules": {
        "workers.notices.notifier": {"_LOOK_S": 0.1, "_STEP_S": 0.05},
        "workers.notices.following": {"GATHER_S": 0.2, "_FIRST_WAIT_S": 1.0},
    }
}
EVENTS = ["done", "failed", "batch_done", "worker_restarted"]


def configured(urls: list[str], command: list[str], events: list[str] = EVENTS, **more: object) -> str:
    lines = [f"{name} = {json.dumps(value)}" for name, value in more.items()]
    return "\n".join(
        [
            CONFIG,
            "[notify]",
            f"on = {json.dumps(events)}",
            f"urls = {json.dumps(urls)}",
            f"command = {json.dumps(command)}",
            *lines,
        ]
    )


@pytest.fixture
def program(tmp_path: Path) -> Program:
    return Program(tmp_path)


@pytest.fixture
def server() -> Iterator[Webhook]:
    with webhook() as server:
        yield server


def test_a_crash_and_hostile_titles_reach_a_program_whole_and_nothing_is_run(tmp_path: Path, program: Program) -> None:
    pwned = tmp_path / "pwned"
    name = f'"it\'s" $(touch {pwned.name}) `touch {pwned.name}`; touch {pwned.name}\n\x1b[31m.mkv'
    events = [*EVENTS, "disk_low"]
    text = configured([], [*program.command, "$(touch pwned)"], events, disk_low_mib=1 << 40)
    with opened(tmp_path / "home", text) as home:
        worker = home.start(HASTY)
        (told,) = wait_for(lambda: program.told, what=home.log())
        assert told["EVENT"] == "disk_low" and str(home.settings.paths.output) in told["MESSAGE"]
        failed = home.submit("probe", {"inputs": [str(home.out / name)]})
        assert home.wait_final(failed).state is State.FAILED
        (told,) = wait_for(lambda: program.told[1:], what=home.log())
        assert told["EVENT"] == "failed" and told["JOB_ID"] == str(failed) and told["STATE"] == "failed"
        assert (told["OPERATION"], told["ERROR_CLASS"]) == ("probe", "bad_input")
        assert "$(touch pwned)" in told["TITLE"] and "\\x1b[31m.mkv" in told["TITLE"]
        assert not any(char in value for value in told.values() for char in "\n\x1b")
        assert program.got[1]["arguments"] == ["$(touch pwned)"], "arguments are passed as they are"
        (ended,) = [event.revision for event in home.client.events(job_id=failed) if event.move == "failed"]
        told_up_to = "SELECT value FROM meta WHERE key LIKE 'noticed %'"
        wait_for(lambda: home.sql(told_up_to)[0][0] >= ended, what="the worker's note that it was told")
        running = home.submit("hang")
        home.wait_state(running, State.RUNNING)
        worker.kill()
        home.start(HASTY)
        told = wait_for(lambda: program.told[2:], what=home.log())[0]
        assert told["EVENT"] == "worker_restarted" and "1 job was running" in told["MESSAGE"]
        home.client.cancel([running])
        home.wait_final(running)
        assert len(program.got) == 3, "that a person cancels is not told, nor the full disk again"
    assert not list(tmp_path.rglob("pwned*")) and not Path("pwned").exists()


def test_a_worker_that_died_idle_is_told_and_one_that_stopped_is_not(tmp_path: Path, program: Program) -> None:
    with opened(tmp_path / "home", configured([], program.command)) as home:
        home.start(HASTY).stop()
        worker = home.start(HASTY)
        worker.kill()
        home.start(HASTY)
        (told,) = wait_for(lambda: program.told, what=home.log())
        assert told["EVENT"] == "worker_restarted" and f"process {worker.pid}, had died" in told["MESSAGE"]
        assert [event.move for event in home.client.events(job_id=0)] == ["worker_restarted"]


def test_a_server_that_is_down_holds_up_nobody_and_hears_all_after_a_restart(
    tmp_path: Path, program: Program, server: Webhook
) -> None:
    server.status = 503
    with opened(tmp_path / "home", configured([server.url], program.command)) as home:
        worker = home.start(HASTY)
        jobs = [home.submit("touch", {"folder": str(home.out)}, batch="<b>holiday</b>") for _ in range(8)]
        for job in jobs:
            assert home.wait_final(job).state is State.SUCCEEDED
        wait_for(lambda: "not told, next try" in home.log(), 30, what="a refusal of the server")
        heard = wait_for(lambda: [one for one in program.told if "holiday" in str(one)], what=home.log())
        assert worker.stop() == 0
        assert server.got == []
        server.status = 200
        home.start(HASTY)
        (notice,) = wait_for(lambda: server.got, 30, what=home.log())
        assert notice["title"] == "Spool: 8 jobs done, batch <b>holiday</b> ended: 8 succeeded"
        assert notice["type"] == "success"
        ids = [number for one in program.told for number in one.get("JOB_IDS", "").split()]
        assert sorted(ids) == [str(job) for job in jobs], "the program heard of each job once, restart or not"
        assert heard
        log = home.log()
        assert not any(secret in log for secret in ("Tr0ub4dor", "k3yk3yk3y"))
        assert not any(secret in str(home.sql("SELECT * FROM meta")) for secret in ("Tr0ub4dor", "k3yk3yk3y"))
    home.assert_no_process()
