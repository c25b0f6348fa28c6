"""One item process as the runner sees it: its pipes, the chunks it has, and how it ended."""

from __future__ import annotations

import contextlib
import gc
import os
import resource
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from workers.runner.board import Board, Sign
from workers.runner.cancel import Shield
from workers.runner.feeder import Task
from workers.runner.itemprocess import ItemChannel, chunk_line, main
from workers.runner.itemwork import ItemWork
from workers.runner.lines import LineReader
from workers.runner.messages import Published
from workers.runner.wire import MAX_LINE

MakeWork = Callable[[ItemChannel, Shield], ItemWork]
_PIECE = 1 << 16
_TELLING = 0.05  # of an item; its pace over less tells little
_PAGE = resource.getpagesize()


@dataclass(slots=True)
class Chunk:
    """Items that were given to a process together."""

    number: int
    tasks: list[Task]
    told: int = 0  # outcomes that the process has told, from the first item on


class ItemProcess:
    """A forked process that works through chunks. For the main thread of the runner."""

    def __init__(self, number: int, board: Board, make_work: MakeWork, others: Iterable[ItemProcess]) -> None:
        self.number = number
        self._board = board
        self.chunks: deque[Chunk] = deque()
        self.fraction = 0.0  # of the item in hand
        self._began = time.monotonic()  # the item in hand
        self.tops: list[Path] = []  # its staging folders
        self.published: list[Published] = []  # what it asked to publish for items of which it has told no outcome
        self.quiet_s = 0.0  # how long it gave no sign
        self.why_killed = ""
        self.crowded = False  # it was killed because all together held too much: no fault of the item in hand
        self.status: int | None = None  # exit code, or minus the signal; None while it runs
        self._sign_at = 0.0
        self._saying = threading.Lock()  # of the way down
        self._reader = LineReader(MAX_LINE + 64)
        down_read, self._down = os.pipe()
        self._up, up_write = os.pipe()
        foreign = [end for other in others for end in (other._down, other._up)]
        parent = os.getpid()
        self.pid = os.fork()
        if self.pid == 0:
            gc.freeze()  # what the runner has may hang on threads that are not here
            for end in (self._down, self._up, *foreign):  # an end held here would hide that its process is gone
                os.close(end)
            main(down_read, up_write, board, number, parent, make_work)
        os.close(down_read)
        os.close(up_write)
        os.set_blocking(self._up, False)
        self._before = _resident(self.pid)

    def fileno(self) -> int:
        """The pipe to poll for `lines`."""
        return self._up

    @property
    def outstanding(self) -> int:
        """Items that it was given and has told no outcome of."""
        return sum(len(chunk.tasks) - chunk.told for chunk in self.chunks)

    def give(self, chunk: Chunk) -> None:
        """Hand it a chunk. A process that has died meanwhile is found dead soon after."""
        if not self.chunks:
            self.quiet_s = 0.0
            self._began = time.monotonic()
        self.chunks.append(chunk)
        keys, kept = [task.key for task in chunk.tasks], [task.kept for task in chunk.tasks]
        self.answer(chunk_line(chunk.number, keys, kept, chunk.tasks[0].published))

    def answer(self, line: bytes) -> None:
        """Say a line to it. Any thread may, one that is shorter than a pipe takes at once.

        What comes too late for a process that has died, or was told that there is no more work, is for nobody.
        """
        with self._saying, contextlib.suppress(OSError):
            if self._down >= 0:
                os.write(self._down, line)

    def lines(self) -> list[bytes]:
        """What it has said since the last call, without waiting."""
        said: list[bytes] = []
        while True:
            try:
                piece = os.read(self._up, _PIECE)
            except BlockingIOError:
                return said
            said += self._reader.feed(piece)
            if len(piece) < _PIECE:
                return said

    def told(self, count: int) -> None:
        """It has told the outcomes of so many items, in order: of all that it published for."""
        self.published.clear()
        self.fraction = 0.0
        self._began = time.monotonic()
        self.quiet_s = 0.0
        for chunk in self.chunks:
            part = min(count, len(chunk.tasks) - chunk.told)
            chunk.told += part
            count -= part

    def slept(self, seconds: float) -> None:
        """The job stood still for so long."""
        self._began += seconds

    def left_s(self) -> float:
        """What the item in hand needs at the pace that it had so far; 0 where that cannot be told yet."""
        if not self.chunks or self.fraction < _TELLING:
            return 0.0
        return (time.monotonic() - self._began) * max(1.0 / self.fraction - 1.0, 0.0)

    def died_of(self) -> Task | None:
        """The item that it died of, if that is known: the one in hand, or the only one that it was to go on with."""
        task = self.in_hand()
        if task is None and self.chunks and len(self.chunks[0].tasks) - self.chunks[0].told == 1:
            task = self.chunks[0].tasks[-1]
        return task

    def in_hand(self) -> Task | None:
        """The item that it is at."""
        sign = self._board.read(self.number)
        for chunk in self.chunks:
            if chunk.number == sign.chunk and chunk.told <= sign.place:
                return chunk.tasks[sign.place]
        return None

    def grow_quiet(self, passed_s: float) -> None:
        """So much time has passed: count it as quiet, unless it gave a sign within."""
        sign: Sign = self._board.read(self.number)
        if sign.at != self._sign_at or not self.chunks:
            self._sign_at = sign.at
            self.quiet_s = 0.0
        else:
            self.quiet_s += passed_s

    def memory(self) -> int:
        """Bytes that it and the tools it started hold, beyond what it was forked with."""
        return max(0, _resident(self.pid) - self._before) + sum(map(_resident, _children(self.pid)))

    def kill(self, why: str = "") -> None:
        """End it at once; `why` is what is told of the item in hand."""
        self.why_killed = self.why_killed or why
        if self.status is None:
            try:
                os.kill(self.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass

    def reap(self, *, wait: bool = False) -> bool:
        """Whether it has ended; `wait` waits for that."""
        if self.status is None:
            pid, status = os.waitpid(self.pid, 0 if wait else os.WNOHANG)
            if pid:
                self.status = os.waitstatus_to_exitcode(status)
        return self.status is not None

    def hang_up(self) -> None:
        """Tell it that there is no more work."""
        with self._saying:  # a number that is closed may be another file at once
            if self._down >= 0:
                os.close(self._down)
                self._down = -1

    def close(self) -> None:
        """Let go of its pipes."""
        self.hang_up()
        if self._up >= 0:
            os.close(self._up)
            self._up = -1


def _resident(pid: int) -> int:
    """Bytes of memory that a process has in RAM; 0 when it is gone or the system does not tell."""
    try:
        with open(f"/proc/{pid}/statm", "rb") as file:
            return int(file.read().split()[1]) * _PAGE
    except (OSError, IndexError, ValueError):
        return 0


def _children(pid: int) -> list[int]:
    try:
        with open(f"/proc/{pid}/task/{pid}/children", "rb") as file:
            return [int(word) for word in file.read().split()]
    except OSError:
        return []
