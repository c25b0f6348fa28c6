"""The terminal of a console goes, as when SSH drops: the worker that it started and the job in hand go on."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest
from PIL import Image

from tests.support.consoles import open_console, type_keys
from tests.support.home import Home, wait_for
from tests.support.matrix import drawn
from tests.support.pty import Terminal
from workers.door import DEFAULT_REGISTRY
from workers.jobs import State

PICTURES = 80


def _pictures(folder: Path) -> None:
    """Noise that takes a while to pack: more of it than is packed while the console goes."""
    folder.mkdir()
    bands = [Image.effect_noise((600, 600), 60).point(lambda value: value & 0xF0) for _ in range(3)]
    noise = Image.merge("RGB", bands)
    for number in range(PICTURES):
        noise.crop((number, number, number + 500, number + 500)).save(folder / f"{number:02}.png", compress_level=0)


def _hang_up(console: Terminal, told: bool) -> None:
    """The terminal vanishes under it; or its session hears of that first, as by sshd."""
    if told:
        os.killpg(console.pid, signal.SIGHUP)
        console.wait_end()
    console.hang_up()
    wait_for(lambda: console.poll() is not None, 10, what="the end of the console")


@pytest.mark.fault("55", "the console's terminal goes, told or not by chance, in the middle of a job")
def test_terminal_goes_and_work_goes_on(tmp_path: Path) -> None:
    chance = drawn(55)
    home = Home(tmp_path / "home", registry=DEFAULT_REGISTRY)
    pid = 0
    try:
        _pictures(tmp_path / "pictures")
        with open_console(home, plain=True) as console:
            type_keys(console, ("", "worker ok"))
            pid = home.client.worker().pid or 0
            values = {"inputs": [str(tmp_path / "pictures")], "level": "best", "processes": 1}
            job_id = home.submit("optimize-image", values)
            type_keys(console, ("", "optimize-image"))
            wait_for(lambda: home.job(job_id).items.done, what="a first picture")
            time.sleep(chance.uniform(0.0, 0.1))
            _hang_up(console, told=chance.random() < 0.5)
        left = home.job(job_id)
        assert home.client.worker().running and home.client.worker().pid == pid
        wait_for(lambda: home.job(job_id).items.done > left.items.done + 2, what="it goes on")
        assert not [command for command in home.processes().values() if "console" in command]
        job = home.job(job_id)
        assert (left.state, job.state, job.attempts) == (State.RUNNING, State.RUNNING, 1)
        assert home.moves(job_id) == ["submitted", "claimed"]
    finally:
        if pid:
            os.kill(pid, signal.SIGTERM)
            wait_for(lambda: not home.client.worker().running, what="its end")
        home.close()
