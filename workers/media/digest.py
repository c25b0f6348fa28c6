"""Checksums of whole files."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from workers.errors import ErrorClass, JobFailed
from workers.media.names import path_to_key
from workers.text import clean

Algorithm = Literal["sha256", "blake2b", "sha1", "md5"]

_PIECE = 1 << 20
_PULSE_PIECES = 16


def digest(
    path: Path, algorithm: Algorithm = "sha256", *, pulse: Callable[[int, int], None] = lambda done, total: None
) -> tuple[str, int]:
    """The checksum of the file at `path` in hexadecimal, and how many bytes it has.

    `pulse` is told the bytes that were read and how many there are. JobFailed: bad_input when it is missing, no plain
    file, unreadable, or changes meanwhile; disk when the disk refuses.
    """
    key = path_to_key(path)
    try:
        # Opening a named pipe would wait for a writer.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(descriptor, "rb", buffering=0) as file:
            before = os.fstat(descriptor)
            if not stat.S_ISREG(before.st_mode):
                raise JobFailed(ErrorClass.BAD_INPUT, f"{clean(key)} is no plain file", input=key)
            state = hashlib.new(algorithm, usedforsecurity=False)
            piece = bytearray(_PIECE)
            view = memoryview(piece)
            done = number = 0
            while count := file.readinto(piece):
                state.update(view[:count])
                done += count
                number += 1
                if number % _PULSE_PIECES == 0:
                    pulse(done, before.st_size)
            after = os.fstat(descriptor)
    except OSError as error:
        what = ErrorClass.DISK if error.errno == 5 else ErrorClass.BAD_INPUT
        raise JobFailed(what, f"cannot read {clean(key)}: {error.strerror}", input=key) from error
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns) or done != after.st_size:
        raise JobFailed(ErrorClass.BAD_INPUT, f"{clean(key)} changed while it was read", input=key)
    return state.hexdigest(), done
