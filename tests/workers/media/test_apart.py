"""Code that may end its process, in a child."""

from __future__ import annotations

import ctypes
import faulthandler
import os
import signal

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
