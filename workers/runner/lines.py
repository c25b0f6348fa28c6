"""Lines out of a stream of bytes that arrives in pieces, and into one that takes them in pieces."""

from __future__ import annotations

import os

from workers.runner.wire import MAX_LINE, WireError


class LineReader:
    """Collects pieces and gives back whole lines without their newline; none may be longer than `limit` bytes."""

    def __init__(self, limit: int = MAX_LINE) -> None:
        self._limit = limit
        self._held = bytearray()

    @property
    def held(self) -> int:
        """Bytes of a line that has not ended yet."""
        return len(self._held)

    def feed(self, piece: bytes) -> list[bytes]:
        """The lines that `piece` completes, in order. WireError when one is too long; the reader is then of no use."""
        head, newline, tail = piece.rpartition(b"\n")
        if not newline:
            self._hold(piece)
            return []
        lines = bytes(self._held + head).split(b"\n")
        self._held.clear()
        if any(len(line) >= self._limit for line in lines):
            raise WireError(f"a line of more than {self._limit} bytes")
        self._hold(tail)
        return lines

    def _hold(self, piece: bytes) -> None:
        if len(self._held) + len(piece) >= self._limit:
            raise WireError(f"a line of more than {self._limit} bytes")
        self._held += piece


def write_whole(fd: int, line: bytes) -> None:
    """Write all of a line; blocks while the pipe is full. OSError."""
    view = memoryview(line)
    while view:
        view = view[os.write(fd, view) :]
