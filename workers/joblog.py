"""The log of one job while it runs: taken from a pipe, kept in two parts of bounded size.

All that a runner and its tools print comes through one pipe, read by a thread that waits for nothing but the disk: a
tool that floods its log is slowed to the disk's pace at worst and never fills it, and no line is lost or doubled where
a new part begins. What may be a secret is taken out before it is written (`workers.logfilter`). Only two things can be
lost: what stands in the pipe (at most 64 KiB to 256 KiB, by the system) and a line without its end when the worker
itself is killed, and what a full disk refuses, which is counted in the log.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import select
import threading
from pathlib import Path
from types import TracebackType

from workers.logfilter import LogFilter
from workers.logs import content_size, open_log, turn

log = logging.getLogger(__name__)

_PIPE_BYTES = 256 << 10
_SMALLEST_PART = 4096


class LogFile:
    """The two parts on the disk: appended to, and turned when the newer one is full. For one thread at a time."""

    def __init__(self, path: Path, most_bytes: int) -> None:
        self._path = path
        self._most = max(_SMALLEST_PART, most_bytes // 2)  # of one part
        self._lost = 0  # bytes that the disk refused since the last that it took
        self._fd = open_log(path)
        self._size, self._written = content_size(self._fd)
        self._at_line_start = True

    def append(self, data: bytes) -> None:
        """Keep `data`, or count it as lost: a log that cannot be written must not stop the work."""
        try:
            self._reopen_if_moved()
            if self._lost:
                self._take(f"--- {self._lost} bytes of log were lost: the disk refused them\n".encode())
                self._lost = 0
            self._take(data)
        except OSError as error:
            if not self._lost:
                log.warning("%s cannot be written: %s", self._path, error.strerror or error)
            self._lost += len(data)

    def _take(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            room = self._most - self._size
            if len(view) <= room:
                piece = view
            else:
                piece = view[: bytes(view[: max(0, room)]).rfind(b"\n") + 1]
                if not piece and not (self._at_line_start and self._size > 0):
                    piece = view[: max(0, room)]  # a line that no part could hold, or that has begun in this one
            if piece:
                self._write(piece)
                view = view[len(piece) :]
            if view:
                self._turn()

    def _write(self, view: memoryview) -> None:
        self._at_line_start = view[-1] == 10
        while view:
            written = os.write(self._fd, view)
            self._size += written
            self._written += written
            view = view[written:]

    def _turn(self) -> None:
        fresh = turn(self._path, self._written)
        os.close(self._fd)
        self._fd = fresh
        self._size = 0

    def _reopen_if_moved(self) -> None:
        try:
            there, ours = os.lstat(self._path), os.fstat(self._fd)
            moved = (there.st_ino, there.st_dev) != (ours.st_ino, ours.st_dev)
        except FileNotFoundError:
            moved = True
        if moved:
            self._turn()

    def close(self) -> None:
        """Close the newer part."""
        os.close(self._fd)


class JobLog:
    """Reads the pipe in a thread of its own until `close`. Give `writer` to the runner, then let go of it.

    OSError when the log cannot be opened.
    """

    def __init__(self, path: Path, most_bytes: int) -> None:
        self._file = LogFile(path, most_bytes)
        self._filter = LogFilter()
        self._reader, self.writer = os.pipe2(os.O_CLOEXEC)
        self._woken, self._waker = os.pipe2(os.O_CLOEXEC)
        with contextlib.suppress(OSError):  # as large as the system lets it be
            fcntl.fcntl(self.writer, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        os.set_blocking(self._reader, False)
        self._thread = threading.Thread(target=self._read, name=f"log {path.name}", daemon=True)
        self._thread.start()
        self._closed = False

    def note(self, line: str) -> None:
        """A line of ours, before the runner has said anything."""
        os.write(self.writer, f"{line}\n".encode())

    def let_go(self) -> None:
        """Close our end for writing, once the runner has its own."""
        if self.writer >= 0:
            os.close(self.writer)
            self.writer = -1

    def _read(self) -> None:
        poll = select.poll()
        poll.register(self._reader, select.POLLIN)
        poll.register(self._woken, select.POLLIN)
        while True:
            ready = dict(poll.poll())
            if self._woken in ready:
                self._drain()
                return
            if not self._pass_on():
                poll.unregister(self._reader)  # all writers have gone; now only `close` can come

    def _pass_on(self) -> int:
        """Keep one piece of what stands in the pipe; its bytes, 0 when nothing more can come."""
        try:
            data = os.read(self._reader, _PIPE_BYTES)
        except BlockingIOError:
            return -1
        if ready := self._filter.feed(data):
            self._file.append(ready)
        return len(data)

    def _drain(self) -> None:
        """What was written before the end; no more than fits into a pipe, should a stray process go on writing."""
        left = _PIPE_BYTES
        while left > 0 and (taken := self._pass_on()) > 0:
            left -= taken

    def close(self) -> None:
        """Keep what is still in the pipe and end. May be called twice."""
        if self._closed:
            return
        self._closed = True
        self.let_go()
        os.write(self._waker, b".")
        self._thread.join()
        if rest := self._filter.end():
            self._file.append(rest)
        self._file.close()
        for fd in (self._reader, self._woken, self._waker):
            os.close(fd)

    def __enter__(self) -> JobLog:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
