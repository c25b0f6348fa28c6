"""Checksums of files: of all bytes, or quickly of both ends."""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal, Protocol

from workers.errors import ErrorClass, JobFailed
from workers.media.names import path_to_key
from workers.media.sniff import no_file
from workers.text import clean

Algorithm = Literal["sha256", "blake3", "xxh3", "blake2b", "sha512", "sha1", "md5"]

END_BYTES = 16 << 10  # of each end, by which files of one size are told apart before they are read in full
_PIECE = 1 << 20
_QUICK_PIECE = 1 << 18  # xxh3 is faster than memory: a piece that stays in the processor's cache is read sooner
_PULSE_PIECES = 16


class _State(Protocol):
    def update(self, data: memoryview, /) -> object: ...

    def hexdigest(self) -> str: ...


def _state(algorithm: Algorithm) -> _State:
    if algorithm == "blake3":
        from blake3 import blake3

        return blake3()
    if algorithm == "xxh3":
        from xxhash import xxh3_128

        return xxh3_128()
    return hashlib.new(algorithm, usedforsecurity=False)


def digest(
    path: Path, algorithm: Algorithm = "sha256", *, pulse: Callable[[int, int], None] = lambda done, total: None
) -> tuple[str, int]:
    """The checksum of the file at `path` in hexadecimal, and how many bytes it has. xxh3 is the one of 128 bits.

    `pulse` is told the bytes that were read and how many there are. JobFailed bad_input when it is missing, no plain
    file, unreadable, or changes meanwhile.
    """
    with _opened(path) as (descriptor, facts):
        state = _state(algorithm)
        done, number = 0, 0
        # Small files are most files: no piece is made that they do not fill.
        piece = bytearray(min(_QUICK_PIECE if algorithm == "xxh3" else _PIECE, max(facts.st_size + 1, 1)))
        every = _PULSE_PIECES * _PIECE // len(piece)
        view = memoryview(piece)
        while count := os.readv(descriptor, (piece,)):
            state.update(view[:count])
            done += count
            number += 1
            if number % every == 0:
                pulse(done, facts.st_size)
        _same(descriptor, facts, done, path)
    return state.hexdigest(), done


def ends(path: Path, size: int) -> bytes:
    """A short checksum of the first and the last END_BYTES of the file at `path`, which has `size` bytes.

    Files of one size whose ends differ are different; others have to be read in full. JobFailed as `digest`; also
    when the file has not got that size.
    """
    from xxhash import xxh3_128_digest

    with _opened(path) as (descriptor, facts):
        if facts.st_size != size:
            raise _changed(path)
        head = os.pread(descriptor, END_BYTES, 0)
        tail = os.pread(descriptor, END_BYTES, max(size - END_BYTES, len(head))) if size > len(head) else b""
    return xxh3_128_digest(head + tail)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[tuple[int, os.stat_result]]:
    """A descriptor of the plain file at `path`, and its facts at the start."""
    key = path_to_key(path)
    try:
        # Opening a named pipe would wait for a writer.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            facts = os.fstat(descriptor)
            if not stat.S_ISREG(facts.st_mode):
                raise JobFailed(ErrorClass.BAD_INPUT, no_file(path), input=key)
            yield descriptor, facts
        finally:
            os.close(descriptor)
    except OSError as error:
        if os.path.isdir(path) or os.path.islink(path):
            raise JobFailed(ErrorClass.BAD_INPUT, no_file(path), input=key) from error
        # An I/O error too: a bad spot of the disk is this one file's trouble, and the others can be read.
        raise JobFailed(ErrorClass.BAD_INPUT, f"cannot read {clean(key)}: {error.strerror}", input=key) from error


def _same(descriptor: int, before: os.stat_result, done: int, path: Path) -> None:
    after = os.fstat(descriptor)
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns) or done != after.st_size:
        raise _changed(path)


def _changed(path: Path) -> JobFailed:
    key = path_to_key(path)
    return JobFailed(ErrorClass.BAD_INPUT, f"{clean(key)} changed while it was read", input=key)
