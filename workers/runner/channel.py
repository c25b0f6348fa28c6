"""The runner's ends of the two pipes, and its leash.

One thread reads `down` for as long as the runner lives. When that pipe ends, the worker is gone, and the thread
kills the whole process group: the runner and all that it spawned.
"""

from __future__ import annotations

import os
import select
import signal
import threading
import time
from collections.abc import Callable
from queue import SimpleQueue

from workers.jobs import Progress
from workers.runner.answers import is_granted
from workers.runner.cancel import Shield
from workers.runner.lines import LineReader, write_whole
from workers.runner.pace import Pace
from workers.runner.routes import Routes
from workers.runner.wire import (
    MAX_JOB_LINE,
    Alive,
    Down,
    Granted,
    JobMessage,
    Known,
    Progressed,
    Publishing,
    Refused,
    Staging,
    Up,
    WireError,
    Yield,
    decode_down,
    encode,
)

_PIECE = 1 << 16


class Channel:
    """What the runner says and hears. Any thread of the runner may use it."""

    def __init__(self, down: int, up: int, shield: Shield) -> None:
        self._down = down
        self._up = up
        self._shield = shield
        self._reader = LineReader(MAX_JOB_LINE)
        self._early: list[bytes] = []  # lines that came with the job
        self._answers: SimpleQueue[Down] = SimpleQueue()
        self._asking = threading.Lock()
        self._writing = threading.Lock()
        self._pace = Pace()
        self._wake_read, self._wake_write = os.pipe()
        self.routes = Routes()  # of answers that others than this process wait for
        self.yielding = False  # the worker asked to make room
        self.on_yield: Callable[[], None] = lambda: None

    def receive_job(self) -> JobMessage:
        """Wait for the work. WireError when it cannot be understood; EOFError when the worker went away."""
        while not self._early:
            piece = os.read(self._down, _PIECE)
            if not piece:
                raise EOFError
            self._early = self._reader.feed(piece)
        message = decode_down(self._early.pop(0))
        if not isinstance(message, JobMessage):
            raise WireError("the first message is no job")
        return message

    def hold_leash(self) -> None:
        """Start the thread that listens to the worker and dies with it. Call after `receive_job`."""
        threading.Thread(target=self._listen, name="leash", daemon=True).start()

    def send(self, message: Up) -> None:
        """Say something; blocks while the pipe is full. Never leaves half a line, even when cancelled."""
        line = encode(message)
        with self._shield, self._writing:
            self._write(line)

    def report(self, progress: Progress) -> None:
        """Say how far the work is, or withhold it for at most a tenth of a second."""
        now = time.monotonic()
        with self._shield, self._writing:
            idle = self._pace.wait_s(now) is None
            if self._pace.offer(progress, now):
                self._write(encode(Progressed(progress)))
            elif idle:
                os.write(self._wake_write, b"r")  # the thread that listens sends it when it is due

    def alive(self) -> None:
        """Say that the work goes on, at most once a second."""
        with self._shield, self._writing:
            if self._pace.offer_alive(time.monotonic()):
                self._write(encode(Alive()))

    def flush(self, *, early: bool = True) -> None:
        """Say the report that was withheld, if any."""
        with self._shield, self._writing:
            withheld = self._pace.take(time.monotonic(), early=early)
            if withheld is not None:
                self._write(encode(Progressed(withheld)))

    def ask(self, question: Staging | Publishing, meanwhile: Callable[[], None] | None = None) -> None:
        """Ask the worker, do something meanwhile, and wait; LeaseLost when it refuses."""
        with self._asking:
            self.send(question)
            try:
                if meanwhile is not None:
                    meanwhile()
            finally:
                self._hear_answer(question)

    def _hear_answer(self, question: Staging | Publishing) -> None:
        while not is_granted(question, self._answers.get()):
            pass

    def known(self, number: int) -> Known:
        """Wait for the answer to the `Offered` of that number."""
        while True:
            answer = self._answers.get()
            if isinstance(answer, Known) and answer.number == number:
                return answer

    def relay(self, line: bytes) -> None:
        """Say what an item process has made into a line already, its newline included."""
        with self._shield, self._writing:
            self._write(line)

    def _write(self, line: bytes) -> None:
        write_whole(self._up, line)

    def _listen(self) -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # it has to interrupt the operation's thread
        try:
            self._hear(self._early)
            self._listen_until_the_end()
        finally:
            # The worker is gone, or talks what we cannot understand: nobody waits for this work any more.
            os.killpg(0, signal.SIGKILL)

    def _listen_until_the_end(self) -> None:
        poll = select.poll()
        poll.register(self._down, select.POLLIN)
        poll.register(self._wake_read, select.POLLIN)
        while True:
            wait_s = self._pace.wait_s(time.monotonic())
            ready = dict(poll.poll(None if wait_s is None else wait_s * 1000 + 1))
            if self._wake_read in ready:
                os.read(self._wake_read, _PIECE)
            if self._down in ready:
                piece = os.read(self._down, _PIECE)
                if not piece:
                    return
                self._hear(self._reader.feed(piece))
            self.flush(early=False)

    def _hear(self, lines: list[bytes]) -> None:
        for line in lines:
            answer = decode_down(line)
            if isinstance(answer, Yield):
                self.yielding = answer.wanted
                self.on_yield()
                continue
            takers = self.routes.take(answer.path) if isinstance(answer, Granted | Refused) else []
            for take in takers:
                take(line + b"\n")
            if not takers:
                self._answers.put(answer)
