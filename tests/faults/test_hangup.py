"""The terminal of a console goes, as when SSH drops: the worker that it started and the job in hand go on."""

from __future__ import annotations

import os
import random
import signal
import time
from pathlib import Path

import pytest
from PIL import Image

from tests.support.consoles import open_console, type_keys
from tests.support.home import Home, final_moves, wait_for
from tests.support.matrix import seed
from tests.support.pty import Terminal
from workers.door import DEFAULT_REGISTRY
from workers.jobs import State

PICTURES = 5


def _pictures(folder: Path) -> None:
    """Noise that takes a while to pack."""
    folder.mkdir()
    for number in range(PICTURES):
        bands = [Image.effect_noise((400, 400), 50 + number).point(lambda value: value & 0xF0) for _ in range(3)]
        Image.merge("RGB", bands).save(folder / f"{number}.png", compress_level=0)


def _hang_up(console: Terminal, told: bool) -> None:
    """The terminal vanishes under it; or its session hears of that first, as by sshd."""
    if told:
        os.killpg(console.pid, signal.SIGHUP)
        console.wait_end()
    console.hang_up()
    wait_for(lambda: console.poll() is not None, 10, what="the end of the console")


@pytest.mark.fault("55", "the console's terminal goes, told or not by chance, in the middle of a job")
def test_terminal_goes_and_work_goes_on(tmp_path: Path) -> None:
    chance = random.Random(seed(55))
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
        running = home.job(job_id)
        assert running.state is State.RUNNING and running.items.done < PICTURES
        assert home.client.worker().running and home.client.worker().pid == pid
        job = home.wait_final(job_id, 60)
        assert (job.state, job.items.done, job.attempts) == (State.SUCCEEDED, PICTURES, 1)
        assert final_moves(home.moves(job_id)) == ["succeeded"]
        assert not [command for command in home.processes().values() if "console" in command]
    finally:
        if pid:
            os.kill(pid, signal.SIGTERM)
            wait_for(lambda: not home.client.worker().running, what="its end")
        home.close()
