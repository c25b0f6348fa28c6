"""One makes what several want, and nobody waits in vain."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from tests.support.home import state_letter, wait_for
from workers.cache.making import making

KEY = bytes(16)


def _hold(folder: Path, pipe: Connection) -> None:
    with making(folder, "thumbnail", KEY, lambda: None):
        pipe.send("held")
        pipe.recv()


@contextmanager
def held(folder: Path) -> Iterator[tuple[int, Connection]]:
    """Another process that makes it, until it is sent something."""
    spawning = multiprocessing.get_context("spawn")
    ours, theirs = spawning.Pipe()
    process = spawning.Process(target=_hold, args=(folder, theirs))
    process.start()
    assert process.pid is not None and ours.recv() == "held"
    try:
        yield process.pid, ours
    finally:
        process.kill()
        process.join()


class Patience(Exception):
    """It waits."""


def _waits() -> None:
    raise Patience


def test_whoever_wants_the_same_waits_until_it_is_made(tmp_path: Path) -> None:
    signs: list[int] = []

    def alive() -> None:
        signs.append(1)
        if len(signs) == 2:
            pipe.send("enough")

    with held(tmp_path) as (_, pipe):
        with pytest.raises(Patience), making(tmp_path, "thumbnail", KEY, _waits):
            pass
        with making(tmp_path, "thumbnail", b"x" * 16, _waits):
            pass  # another key
        with making(tmp_path, "thumbnail", KEY, alive):
            assert len(signs) >= 2
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_nobody_waits_for_one_that_stands_still_or_is_gone(tmp_path: Path) -> None:
    with held(tmp_path) as (pid, _):
        os.kill(pid, signal.SIGSTOP)
        wait_for(lambda: state_letter(pid) == "T")
        with making(tmp_path, "thumbnail", KEY, _waits):
            pass
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: state_letter(pid) in ("Z", ""))
        with making(tmp_path, "thumbnail", KEY, _waits):
            pass


def test_where_no_lock_can_be_made_nobody_waits(tmp_path: Path) -> None:
    (tmp_path / "files").write_text("in the way")
    with making(tmp_path, "thumbnail", KEY, _waits):
        pass
