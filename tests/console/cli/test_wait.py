from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pexpect
import pytest

from console.cli import wait
from tests.console.cli.conftest import Ran
from tests.support.home import wait_for
from workers.client import Client, start_worker, stop_worker
from workers.jobs import State, Waiting

URL = "http://127.0.0.1:9/x.mp4"


def picture(name: str) -> None:
    from PIL import Image

    Image.new("RGB", (64, 48), "red").save(name)


@pytest.mark.usefixtures("worker")
def test_waiting_for_real_work(spool: Callable[..., Ran], client: Client) -> None:
    picture("a.png")
    spool("worker", "--detach")
    ran = spool("thumbnail", "a.png", "--wait")
    assert (ran.code, ran.out) == (0, "1\n")
    assert ran.err.startswith("job 1 succeeded: a.png")
    assert Path("a.thumb.jpg").is_file()
    Path("empty.png").touch()
    ran = spool("thumbnail", "empty.png", "--wait", "--json")
    assert ran.code == 1
    (job,) = ran.objects
    assert (job["id"], job["state"], job["error"]["class"]) == (2, "failed", "bad_input")
    assert spool("wait", "1").code == 0
    ran = spool("wait", "1-2", "--json")
    assert ran.code == 1
    assert {job["id"]: job["state"] for job in ran.objects} == {1: "succeeded", 2: "failed"}


def test_what_ended_otherwise_is_no_success(spool: Callable[..., Ran], client: Client) -> None:
    client.submit("download", {"inputs": [URL]})
    client.cancel([1])
    ran = spool("wait", "1")
    assert (ran.code, ran.err.splitlines()[-1][:15]) == (1, "job 1 cancelled")


def test_nothing_to_wait_for_is_usage(spool: Callable[..., Ran], client: Client) -> None:
    for words in ((), ("9",), ("state:failed",), ("1-5",)):
        assert spool("wait", *words).code == 2, words


@pytest.mark.usefixtures("worker")
def test_who_waits_needs_no_worker_first(spool: Callable[..., Ran], client: Client) -> None:
    picture("a.png")
    ran = spool("thumbnail", "a.png", "--wait")
    assert ran.code == 0
    assert ran.err.splitlines()[0].startswith("no worker was running: started one")
    assert client.worker().running


def test_what_a_job_waits_for_is_told_once(
    spool: Callable[..., Ran], client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that is paused for good and held: whoever waits learns it, and each change of the reasons."""
    client.submit("download", {"inputs": [URL]}, hold=True)
    assert spool("site", "pause", "127.0.0.1").code == 0
    told: list[str] = []

    def hear(text: str) -> None:
        told.append(text)
        if "waits: " in text:
            client.unhold([1]) if "on hold" in text else client.cancel([1])

    monkeypatch.setattr(wait, "_PATIENCE_S", 0.0)
    monkeypatch.setattr(wait, "tell", hear)
    assert spool("wait", "1").code == 1
    first, second = [text for text in told if "waits: " in text]
    assert first.startswith("job 1 waits: ") and "on hold" in first
    assert "paused the site 127.0.0.1; spool site resume 127.0.0.1" in first
    assert "paused the site 127.0.0.1" in second and "on hold" not in second
    monkeypatch.setattr(wait, "_PATIENCE_S", 3600.0)
    told.clear()
    client.submit("download", {"inputs": [URL]}, hold=True)
    client.cancel([2])
    assert spool("wait", "2").code == 1
    assert not any("waits: " in text for text in told)


def test_a_change_down_the_chain_is_told(
    spool: Callable[..., Ran], client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The job itself waits for the same one all the time; what keeps that one changes, from one held job to another."""
    for place in range(4):
        client.submit("download", {"inputs": [URL]}, hold=place in (0, 1), after=[[], [], [1, 2], [3]][place])
    told: list[str] = []

    def hear(text: str) -> None:
        if "waits: " in text:
            told.append(text)
            match len(told):
                case 1 | 2 as held:
                    client.unhold([held])
                case _:
                    client.cancel([4])

    monkeypatch.setattr(wait, "_PATIENCE_S", 0.0)
    monkeypatch.setattr(wait, "tell", hear)
    assert spool("wait", "4").code == 1
    assert all("waits for job 3 (queued)" in text for text in told)
    assert "further ahead job 1: it is on hold" in told[0] and "further ahead job 2: it is on hold" in told[0]
    assert "job 1" not in told[1] and "further ahead job 2: it is on hold" in told[1]
    assert len(told) == 3 and "further ahead" not in told[2]


def test_a_chain_that_moves_on_by_itself_is_not_told_anew() -> None:
    def waits(*ahead: tuple[int, str]) -> list[Waiting]:
        return [Waiting("dependency", "waits for job 9 (queued)", "", ahead)]

    keepers = wait._keepers
    assert keepers(waits((1, "slot"))) == keepers(waits((2, "slot"))) != keepers(waits((2, "hold")))
    assert keepers(waits((1, "hold"))) != keepers(waits((2, "hold"))) != keepers(waits())


@pytest.mark.usefixtures("worker")
def test_a_worker_that_ends_meanwhile_is_told(home: Path, client: Client) -> None:
    client.submit("download", {"inputs": [URL]}, hold=True)
    start_worker(client.settings)
    waiting = subprocess.Popen([sys.executable, "-m", "console", "wait", "1"], stderr=subprocess.PIPE, text=True)
    assert waiting.stderr is not None
    try:
        wait_for(lambda: not client.worker().running or Path(f"/proc/{waiting.pid}/fd/3").exists(), what="its database")
        stop_worker(client.settings)
        told = next(line for line in waiting.stderr if "worker" in line)
        assert "worker has ended" in told or "no worker runs" in told
    finally:
        waiting.kill()
        waiting.wait()


@pytest.mark.usefixtures("worker")
def test_inputs_that_failed_are_told(spool: Callable[..., Ran], client: Client) -> None:
    picture("a.png")
    Path("b.png").write_bytes(b"\x89PNG\r\n\x1a\nbroken")
    ran = spool("thumbnail", "a.png", "b.png", "--wait")
    assert ran.code == 1
    assert "1 of 2 inputs failed (spool show 1 tells which)" in ran.err
    assert client.job(1).state is State.SUCCEEDED


@pytest.mark.usefixtures("worker")
def test_ctrl_c_leaves_the_work_alone(home: Path, client: Client) -> None:
    waiting = subprocess.Popen(
        [sys.executable, "-m", "console", "download", URL, "--hold", "--wait"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert waiting.stdout is not None and waiting.stderr is not None
    assert waiting.stdout.readline() == "1\n"
    assert "started one" in waiting.stderr.readline()
    waiting.send_signal(signal.SIGINT)
    _, err = waiting.communicate(timeout=30)
    assert waiting.returncode == 130
    assert "the work goes on" in err and "Traceback" not in err
    assert client.job(1).state is State.QUEUED


def test_a_removed_job_ends_the_wait(home: Path, client: Client) -> None:
    client.submit("download", {"inputs": [URL]})
    waiting = subprocess.Popen(
        [sys.executable, "-m", "console", "wait", "1", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert waiting.stderr is not None
    waiting.stderr.readline()
    client.cancel([1])
    out, _ = waiting.communicate(timeout=30)
    assert waiting.returncode == 1
    assert json.loads(out)["state"] == "cancelled"


def test_a_terminal_shows_a_live_line(home: Path, client: Client) -> None:
    client.submit("download", {"inputs": [URL]}, hold=True)
    environ = {**os.environ, "TERM": "xterm", "COLUMNS": "60"}
    child = pexpect.spawn(sys.executable, ["-m", "console", "wait", "1"], env=environ, timeout=30)
    child.expect_exact("job 1 queued")
    client.cancel([1])
    child.expect_exact("job 1 cancelled")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 1
