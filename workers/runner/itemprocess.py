"""One of the processes that share the items of a job: takes chunks from the runner, tells outcomes, ends with it.

Down come chunks (`c` and JSON) and answers (`a` and a line of the wire). Up go lines whose first letter tells the
runner what to do with the rest, which is a line of the wire: `i` and two counts (all, and those that failed) for
outcomes, `q` for a question, `p` for progress, `k` for kept files, `x` for a failure that ends the job, `l` for a lost
lease; `r` alone says that a chunk is done.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import NoReturn, TypeAlias

from workers import linux
from workers.errors import ErrorClass, Failure, JobFailed, LeaseLost
from workers.jobs import ItemRecord, Outcome, Progress
from workers.runner.answers import is_granted
from workers.runner.board import Board
from workers.runner.cancel import Cancelled, Shield
from workers.runner.exits import EXIT_CANCELLED, EXIT_DONE, EXIT_FAILED
from workers.runner.failures import print_traceback
from workers.runner.itemwork import ItemWork
from workers.runner.lines import LineReader, write_whole
from workers.runner.messages import Failed, Granted, ItemsEnded, Progressed, Published, Publishing, Refused, Staging, Up
from workers.runner.pace import Pace
from workers.runner.wire import MAX_LINE, decode_down, encode

_PIECE = 1 << 16
_TELL_S = 0.1  # outcomes wait so long at most
_TELL_SIZE = MAX_LINE // 4  # characters of outcomes that do not wait
Given: TypeAlias = tuple[str, str, tuple[Published, ...]]  # key, under what its result may be kept, what it published


class ItemChannel:
    """What an item process says and hears. Any of its threads may speak; only its main thread hears."""

    def __init__(self, down: int, up: int, shield: Shield, board: Board, number: int) -> None:
        self._down = down
        self._up = up
        self._shield = shield
        self._board = board
        self._number = number
        self._reader = LineReader()
        self._chunks: deque[bytes] = deque()
        self._answers: deque[Granted | Refused] = deque()
        self._writing = threading.Lock()
        self._pace = Pace()
        self._ended: list[ItemRecord] = []
        self._size = 0
        self._told_at = time.monotonic()

    def next_chunk(self) -> tuple[int, list[Given]] | None:
        """The next chunk, (its number, its items); None when there is no more work."""
        while not self._chunks:
            if not self._read():
                return None
        number, keys, kept, published = json.loads(self._chunks.popleft())
        names = kept or [""] * len(keys)
        before = [tuple(Published(key, *file) for file in published) for key in keys] if published else [()] * len(keys)
        return number, list(zip(keys, names, before, strict=True))

    def ended(self, record: ItemRecord) -> None:
        """One item has its outcome; told with others, unless it left files: those must not be made again."""
        with self._shield:
            self._ended.append(record)
            self._size += len(record.detail) + sum(map(len, record.outputs)) + 200
            if record.failure is not None:
                self._size += len(record.failure.message) + len(record.failure.detail)
            if record.outputs or self._size > _TELL_SIZE or time.monotonic() - self._told_at > _TELL_S:
                self.tell()

    def tell(self) -> None:
        """Say the outcomes that wait."""
        with self._shield:
            records, self._ended, self._size = tuple(self._ended), [], 0
            self._told_at = time.monotonic()
            if records:
                failed = sum(record.outcome is Outcome.FAILED for record in records)
                self._say(b"i%d %d " % (len(records), failed) + encode(ItemsEnded(records)))

    def chunk_done(self) -> None:
        """Say that the chunk in hand is done."""
        self.tell()
        self._say(b"r\n")

    def send(self, message: Up) -> None:
        """Say something that is for the worker."""
        self._say(b"k" + encode(message))

    def fail(self, error: JobFailed | LeaseLost) -> None:
        """Say that the job must end."""
        self.tell()
        lost = isinstance(error, LeaseLost)
        failure = Failure(ErrorClass.CRASHED, str(error)) if isinstance(error, LeaseLost) else error.failure
        self._say((b"l" if lost else b"x") + encode(Failed(failure)))

    def report(self, progress: Progress) -> None:
        """Say how far the item in hand is, at most ten times a second."""
        self.alive()
        with self._shield, self._writing:
            if self._pace.offer(progress, time.monotonic()):
                self._write(b"p" + encode(Progressed(progress)))

    def alive(self) -> None:
        """The work goes on; costs next to nothing."""
        self._board.touch(self._number)

    def ask(self, question: Staging | Publishing, meanwhile: Callable[[], None] | None = None) -> None:
        """Ask the worker, do something meanwhile, and wait; LeaseLost when it refuses."""
        self._say(b"q" + encode(question))
        try:
            if meanwhile is not None:
                meanwhile()
        finally:
            self._hear_answer(question)

    def _hear_answer(self, question: Staging | Publishing) -> None:
        while True:
            while self._answers:
                if is_granted(question, self._answers.popleft()):
                    return
            if not self._read():
                raise LeaseLost("the runner is gone")

    def _read(self) -> bool:
        piece = os.read(self._down, _PIECE)
        for line in self._reader.feed(piece):
            if line.startswith(b"c"):
                self._chunks.append(line[1:])
            else:
                answer = decode_down(line[1:])
                if isinstance(answer, Granted | Refused):
                    self._answers.append(answer)
        return bool(piece)

    def _say(self, line: bytes) -> None:
        with self._shield, self._writing:
            self._write(line)

    def _write(self, line: bytes) -> None:
        write_whole(self._up, line)


def chunk_line(number: int, keys: list[str], kept: list[str], published: Sequence[Published] = ()) -> bytes:
    """The line that brings a chunk down; `published` is what a chunk of one item has in place already."""
    files = [(file.path, file.inode, file.device, file.size) for file in published]
    values = [number, keys, kept if any(kept) else None, files]
    return b"c" + json.dumps(values, separators=(",", ":")).encode("ascii") + b"\n"


def answer_line(line: bytes) -> bytes:
    """The line that brings an answer of the worker down."""
    return b"a" + line


def main(
    down: int, up: int, board: Board, number: int, parent: int, work: Callable[[ItemChannel, Shield], ItemWork]
) -> NoReturn:
    """Be an item process until the runner has no more chunks. Called in the child, right after the fork."""
    code = EXIT_FAILED
    try:
        linux.die_with_parent(signal.SIGKILL)
        if os.getppid() == parent:
            code = _serve(down, up, board, number, work)
    except Cancelled:
        code = EXIT_CANCELLED
    except BaseException as error:
        print_traceback(error)
    finally:
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except (OSError, ValueError):
                pass  # the disk of the log is full
        os._exit(code)


def _serve(down: int, up: int, board: Board, number: int, make_work: Callable[[ItemChannel, Shield], ItemWork]) -> int:
    shield = Shield()
    shield.listen()
    channel = ItemChannel(down, up, shield, board, number)
    work = make_work(channel, shield)
    try:
        while (chunk := channel.next_chunk()) is not None:
            _work_through(chunk, channel, work, board, number)
    except (JobFailed, LeaseLost) as error:
        channel.fail(error)
        return EXIT_FAILED
    except Cancelled:
        channel.tell()  # what has ended needs no work when the job goes on
        raise
    finally:
        work.folders.remove()
    return EXIT_DONE


def _work_through(
    chunk: tuple[int, list[Given]], channel: ItemChannel, work: ItemWork, board: Board, number: int
) -> None:
    chunk_number, items = chunk
    for place, item in enumerate(items):
        board.write(number, chunk_number, place)
        channel.ended(work.do(*item))
    board.write(number, chunk_number, -1)
    channel.chunk_done()
