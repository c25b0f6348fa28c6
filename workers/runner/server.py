"""One life of the warm process, as the worker sees it: started, asked for runners, buried."""

from __future__ import annotations

import itertools
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from concurrent.futures import Future, wait
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from workers.media import environment
from workers.runner import control, processes
from workers.runner.limits import Limits
from workers.runner.patience import NotWanted, Patience, RunnerError

T = TypeVar("T")


class ServerDied(RunnerError):
    """The warm process ended before it answered; the next one may do better."""


@dataclass(frozen=True, slots=True)
class Exit:
    """How a runner ended."""

    status: int | None  # exit code, or minus the signal; None when nobody saw it (the forkserver died with it)
    cpu_s: float = 0.0  # of the runner and of the children that it waited for
    rss_kib: int = 0  # the most memory that it held


class End:
    """What the forkserver will tell about the end of one runner."""

    def __init__(self, identity: processes.Identity) -> None:
        self.identity = identity
        self.seen = threading.Event()
        self.exit = Exit(None)

    def tell(self, how: Exit) -> None:
        """It has ended, and this is how."""
        self.exit = how
        self.seen.set()


class Server:
    """One life of the warm process."""

    def __init__(self, registry: str) -> None:
        self._socket, theirs = control.socketpair()
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self._pending: dict[int, Future[End]] = {}
        self._ends: dict[int, End] = {}
        self.ready: Future[None] = Future()
        self.gone = threading.Event()
        with theirs:
            self.process = _start(registry, theirs.fileno())

    @property
    def was_ready(self) -> bool:
        """Whether it had loaded everything."""
        return self.ready.done() and self.ready.exception() is None

    def request(self, fds: list[int], limits: Limits, patience: Patience) -> End:
        """A new runner; RunnerError when there can be none."""
        answer: Future[End] = Future()
        with self._lock:
            if self.gone.is_set():
                raise ServerDied("the forkserver died")
            if self.ready.done() and (trouble := self.ready.exception()) is not None:
                raise trouble
            number = next(self._numbers)
            try:
                control.send(self._socket, control.spawn_request(number, limits), fds)
            except OSError as error:
                raise ServerDied(f"the forkserver died: {error}") from None
            self._pending[number] = answer
        return settled(answer, patience)

    def hang_up(self) -> None:
        """Let it know that the worker ends."""
        with suppress(OSError):  # it went away by itself
            self._socket.shutdown(socket.SHUT_RDWR)

    def listen(self) -> None:
        """Pass on what it tells, until it is gone."""
        while True:
            try:
                received = control.receive(self._socket)
            except ConnectionResetError:
                continue  # it ended with a request unread; its last words may still be there
            except OSError:
                return
            if received is None:
                return
            with self._lock:
                self._heed(received[0])

    def _heed(self, message: Mapping[str, Any]) -> None:
        match message:
            case {"spawned": number, "pid": pid, "start_ticks": ticks}:
                end = End(processes.Identity(pid, ticks or 0, processes.boot_id()))
                self._ends[pid] = end
                _answer(self._pending.pop(number, None), end)
            case {"failed": number, "why": why}:
                _refuse(self._pending.pop(number, None), RunnerError(f"no runner could be started: {why}"))
            case {"ended": pid, "status": status, "cpu_s": cpu_s, "rss_kib": rss_kib}:
                self._ends.pop(pid).tell(Exit(status, cpu_s, rss_kib))
            case {"ready": _}:
                self.ready.set_result(None)
            case {"broken": why}:
                trouble = RunnerError(f"the operations cannot be loaded: {why}")
                self.ready.set_exception(trouble)
                self._refuse_all(trouble)

    def bury(self) -> None:
        """It is gone: see to it that its runners are, and tell everybody who waits."""
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        with self._lock:
            self._socket.close()
            trouble = ServerDied(f"the forkserver ended with status {self.process.returncode}")
            if not self.ready.done():
                self.ready.set_exception(trouble)
            self._refuse_all(trouble)
            ends = list(self._ends.values())
            self._ends.clear()
        # The death signal has killed the runners themselves; what they had spawned is left.
        processes.sweep(end.identity for end in ends)
        for end in ends:
            end.tell(Exit(None))
        self.gone.set()

    def _refuse_all(self, trouble: RunnerError) -> None:
        for answer in self._pending.values():
            _refuse(answer, trouble)
        self._pending.clear()


def _start(registry: str, control_fd: int) -> subprocess.Popen[bytes]:
    arguments = ["--control-fd", str(control_fd), "--registry", registry, "--parent", str(os.getpid())]
    return subprocess.Popen(
        # -P: no module may come from whatever folder the worker was started in.
        [sys.executable, "-P", "-m", "workers.runner.forkserver", *arguments],
        stdin=subprocess.DEVNULL,
        pass_fds=(control_fd,),
        env={
            **environment.for_tools(os.environ),
            environment.MARK: "1",
            "PYTHONPATH": os.pathsep.join(_import_path()),
        },
        start_new_session=True,
    )


def _import_path() -> list[str]:
    """Where this process finds modules, so that the warm one finds the same."""
    own = str(Path(__file__).parents[2])
    return list(dict.fromkeys([own, *(os.path.abspath(entry) for entry in sys.path)]))


def settled(answer: Future[T], patience: Patience) -> T:
    """What `answer` comes to; RunnerError when it does not in time, or is not wanted any more."""
    try:
        done = patience.wait(lambda step_s: bool(wait([answer], step_s).done))
    except NotWanted:
        answer.cancel()
        raise
    if not done:
        answer.cancel()
        raise RunnerError(f"the forkserver did not answer for {patience.timeout_s:.0f} s")
    return answer.result()


def _answer(answer: Future[End] | None, end: End) -> None:
    if answer is not None and answer.set_running_or_notify_cancel():
        answer.set_result(end)


def _refuse(answer: Future[End] | None, trouble: RunnerError) -> None:
    if answer is not None and answer.set_running_or_notify_cancel():
        answer.set_exception(trouble)
