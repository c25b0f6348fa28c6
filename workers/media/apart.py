"""Library code that ends its whole process when a file is broken, run in a child of its own."""

from __future__ import annotations

import gc
import os
import signal
import sys
import tempfile
import warnings
from collections.abc import Callable
from typing import BinaryIO

from workers.media.ffmpeg import leash
from workers.text import clean

_REFUSED = 3
_MAX_WORDS = 400


def apart(function: Callable[[bytes], bytes], data: bytes) -> bytes:
    """`function(data)`, called in a fork of this process that dies with it. Takes a few milliseconds more.

    ValueError, with the last words of the library where it has any, when the function raises or its process ends.
    """
    tie = leash()
    with tempfile.TemporaryFile() as made, tempfile.TemporaryFile() as words:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of forks beside threads: the child starts none
            sys.stdout.flush()
            sys.stderr.flush()
            child = os.fork()
        if child == 0:
            _work(function, data, made, words, tie)
        try:
            status = os.waitpid(child, 0)[1]
        except BaseException:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            raise
        if status != 0:
            words.seek(0)
            said = clean(words.read(_MAX_WORDS).decode("utf-8", "replace").strip())
            raise ValueError(said or "the library that packs it gives up")
        made.seek(0)
        return made.read()


def _work(
    function: Callable[[bytes], bytes], data: bytes, made: BinaryIO, words: BinaryIO, tie: Callable[[], None] | None
) -> None:
    """The child: never comes back."""
    # What it was forked with must not be collected here: a film's frame would wait for ever for the threads that scaled
    # it, which live in the parent only.
    gc.freeze()
    code = _REFUSED
    try:
        if tie:
            tie()
        os.dup2(words.fileno(), 1)
        os.dup2(words.fileno(), 2)
        made.write(function(data))
        made.flush()
        code = 0
    except BaseException as error:
        os.write(2, str(error).encode("utf-8", "replace"))
    finally:
        os._exit(code)
