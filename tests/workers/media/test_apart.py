"""Code that may end its process, in a child."""

from __future__ import annotations

import ctypes
import faulthandler
import gc
import os
import signal
from pathlib import Path

import pytest

from workers.media.apart import apart


def leave(data: bytes) -> bytes:
    """As a C library does that gives up."""
    os.write(2, b"no such\x1b table\n")
    ctypes.CDLL(None).exit(1)
    return data


def crash(data: bytes) -> bytes:
    faulthandler.disable()  # else it looks as if the tests had crashed
    os.kill(os.getpid(), signal.SIGSEGV)
    return data


def refuse(data: bytes) -> bytes:
    raise KeyError("not this one")


def test_what_it_gives_comes_back() -> None:
    assert apart(lambda data: data * 2, b"ab" * 500_000) == b"ab" * 1_000_000


@pytest.mark.parametrize(("function", "words"), [(leave, "no such"), (crash, "gives up"), (refuse, "not this one")])
def test_what_ends_it_is_an_error_here(function: object, words: str) -> None:
    with pytest.raises(ValueError, match=words) as caught:
        apart(function, b"")  # type: ignore[arg-type]
    assert "\x1b" not in str(caught.value)


def test_garbage_of_the_parent_is_not_collected_in_the_child(tmp_path: Path) -> None:
    class Held:
        def __init__(self) -> None:
            self.me = self

        def __del__(self) -> None:
            with (tmp_path / "collected").open("a") as by:
                by.write(f"{os.getpid()}\n")

    def collect(data: bytes) -> bytes:
        gc.collect()
        return data

    gc.disable()
    try:
        Held()
        assert apart(collect, b"x") == b"x"
        assert not (tmp_path / "collected").exists()
        gc.collect()
        assert (tmp_path / "collected").read_text().split() == [str(os.getpid())]
    finally:
        gc.enable()
