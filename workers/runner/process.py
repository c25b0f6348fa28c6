"""The worker's side of the runners: one warm forkserver, and a handle for each runner that came from it."""

from __future__ import annotations

import itertools
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from workers.errors import ErrorClass, Failure, SpoolError
from workers.runner import control, processes
from workers.runner.limits import Limits
from workers.runner.lines import LineReader
from workers.runner.wire import Down, Failed, Up, WireError, decode_up, encode

SPAWN_TIMEOUT_S = 60.0  # the first runner waits for the imports, on a slow and busy machine
SEND_TIMEOUT_S = 10.0
_PIECE = 1 << 16
_MAX_READ = 1 << 20  # bytes taken at once from one runner, so that a talkative one does not hold its supervisor
_NO_LIMITS = Limits()
T = TypeVar("T")


class RunnerError(SpoolError):
    """No runner could be started."""


class _ServerDied(RunnerError):
    """The warm process ended before it answered; the next one may do better."""


@dataclass(frozen=True, slots=True)
class Exit:
    """How a runner ended."""

    status: int | None  # exit code, or minus the signal; None when nobody saw it (the forkserver died with it)
    cpu_s: float = 0.0  # of the runner and of the children that it waited for
    rss_kib: int = 0  # the most memory that it held


class _End:
    """What the forkserver will tell about the end of one runner."""

    def __init__(self, identity: processes.Identity) -> None:
        self.identity = identity
        self.seen = threading.Event()
        self.exit = Exit(None)

    def tell(self, how: Exit) -> None:
        self.exit = how
        self.seen.set()


class Runner:
    """One child process that runs one job. For the one thread that supervises it, except where said otherwise."""

    def __init__(self, end: _End, down: int, up: int) -> None:
        self._end = end
        self._down = down
        self._up = up
        self._reader = LineReader()
        self._broken = False
        self._ended = False
        os.set_blocking(down, False)
        os.set_blocking(up, False)

    @property
    def identity(self) -> processes.Identity:
        """Who it is, for the record that the next worker sweeps."""
        return self._end.identity

    @property
    def pid(self) -> int:
        """Its process id; also that of its group and session."""
        return self._end.identity.pid

    @property
    def start_ticks(self) -> int:
        """When it started, in clock ticks after the boot."""
        return self._end.identity.start_ticks

    @property
    def ended(self) -> bool:
        """Whether `messages` has seen the end of its pipe: nothing more will come."""
        return self._ended

    @property
    def exited(self) -> bool:
        """Whether the process has ended. Any thread may ask."""
        return self._end.seen.is_set()

    def fileno(self) -> int:
        """The pipe to poll for `messages`."""
        return self._up

    def messages(self) -> list[Up]:
        """What it has said since the last call, without waiting.

        After something that is no message comes one `Failed` of class `crashed`, and nothing of it is heard any more.
        """
        said: list[Up] = []
        room = _MAX_READ
        while room > 0 and not self._ended:
            try:
                piece = os.read(self._up, _PIECE)
            except BlockingIOError:
                break
            room -= len(piece)
            self._ended = not piece
            said += self._decoded(piece)
        return said

    def _decoded(self, piece: bytes) -> list[Up]:
        if self._broken:
            return []
        said: list[Up] = []
        try:
            for line in self._reader.feed(piece):
                said.append(decode_up(line))
        except WireError as error:
            self._broken = True
            said.append(Failed(Failure(ErrorClass.CRASHED, f"the runner spoke nonsense: {error}")))
        return said

    def send(self, message: Down, timeout_s: float = SEND_TIMEOUT_S) -> bool:
        """Say something; False when it is gone or has not listened for `timeout_s`."""
        view = memoryview(encode(message))
        deadline = time.monotonic() + timeout_s
        while view:
            try:
                view = view[os.write(self._down, view) :]
            except BlockingIOError:
                if not _writable(self._down, deadline - time.monotonic()):
                    return False
            except BrokenPipeError:
                return False
        return True

    def wait(self, timeout_s: float) -> bool:
        """Wait until the process has ended; whether it has. Any thread may wait."""
        return self._end.seen.wait(timeout_s)

    def exit_status(self, timeout_s: float = 2.0) -> int | None:
        """Its exit code, or minus the signal that ended it; None when it still runs or nobody saw its end."""
        self.wait(timeout_s)
        return self._end.exit.status

    def usage(self) -> Exit:
        """How it ended, with what it used."""
        return self._end.exit

    def signal_group(self, signum: int) -> bool:
        """Send a signal to its whole group; False when that is gone. Any thread may call."""
        # Once its end is known its pid may name somebody else, and what was left of its group has been killed.
        return not self.exited and processes.send_group(self.pid, signum)

    def stop(self) -> bool:
        """Pause it: stop every process of its group."""
        return self.signal_group(signal.SIGSTOP)

    def cont(self) -> bool:
        """Let its group go on."""
        return self.signal_group(signal.SIGCONT)

    def close(self) -> None:
        """Let go of its pipes: a runner that still lives dies of it, with its group."""
        for name in ("_down", "_up"):
            fd = getattr(self, name)
            if fd >= 0:
                setattr(self, name, -1)
                os.close(fd)

    def __enter__(self) -> Runner:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Forkserver:
    """The warm process of this worker, started again when it dies. `spawn` may be called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()  # of everything below
        self._wanted = threading.Condition(self._lock)
        self._registry = ""
        self._server: _Server | None = None
        self._asked = False
        self._closing = False
        self._keeper: threading.Thread | None = None

    def start(self, registry: str) -> None:
        """Start the warm process with the operations of the module `registry`; returns while it still loads."""
        with self._lock:
            if self._keeper is not None:
                raise RunnerError("the forkserver was started before")
            self._registry = registry
            self._asked = True
            # The death signal of the warm process belongs to the thread that starts it: one that lives as long as we.
            self._keeper = threading.Thread(target=self._keep, name="forkserver", daemon=True)
            self._keeper.start()

    def wait_ready(self, timeout_s: float = SPAWN_TIMEOUT_S) -> None:
        """Wait until everything is loaded; RunnerError when that fails."""
        _settled(self._current(timeout_s).ready, timeout_s)

    @property
    def pid(self) -> int | None:
        """The pid of the warm process, None while there is none."""
        with self._lock:
            return None if self._server is None else self._server.process.pid

    def spawn(self, log_fd: int, limits: Limits = _NO_LIMITS, timeout_s: float = SPAWN_TIMEOUT_S) -> Runner:
        """A new runner whose output goes to `log_fd`, which stays the caller's; RunnerError when there can be none."""
        down_read, down_write, up_read, up_write = _two_pipes()
        try:
            end = self._requested([down_read, up_write, log_fd], limits, timeout_s)
        except BaseException:
            os.close(down_write)  # one that comes too late finds its leash cut
            os.close(up_read)
            raise
        finally:
            os.close(down_read)
            os.close(up_write)
        return Runner(end, down_write, up_read)

    def close(self) -> None:
        """End the warm process and every runner that is left."""
        with self._lock:
            self._closing = True
            self._wanted.notify_all()
            if self._server is not None:
                self._server.hang_up()
            keeper = self._keeper
        if keeper is not None:
            keeper.join()

    def _requested(self, fds: list[int], limits: Limits, timeout_s: float) -> _End:
        """Ask the current server, or once more the next one if that one has just died."""
        server = self._current(timeout_s)
        try:
            return server.request(fds, limits, timeout_s)
        except _ServerDied:
            server.gone.wait(timeout_s)
        return self._current(timeout_s).request(fds, limits, timeout_s)

    def _current(self, timeout_s: float) -> _Server:
        """The server that lives, started now if need be."""
        with self._lock:
            if self._keeper is None or self._closing:
                raise RunnerError("the forkserver is not running")
            if self._server is None:
                self._asked = True
                self._wanted.notify_all()
                self._wanted.wait_for(lambda: self._server is not None or self._closing, timeout_s)
            if self._server is None:
                raise RunnerError("the forkserver could not be started")
            return self._server

    def _keep(self) -> None:
        """Start the server, serve it until it dies, and again: at once if it was of use, else when it is asked for."""
        while True:
            with self._lock:
                self._wanted.wait_for(lambda: self._asked or self._closing)
                if self._closing:
                    return
                self._asked = False
                try:
                    server = self._server = _Server(self._registry)
                except OSError:
                    continue  # no process or memory to be had; whoever asked is told when his time is out
                finally:
                    self._wanted.notify_all()
            server.listen()
            with self._lock:
                self._server = None
                self._asked = self._asked or server.was_ready
            server.bury()


class _Server:
    """One life of the warm process."""

    def __init__(self, registry: str) -> None:
        self._socket, theirs = control.socketpair()
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self._pending: dict[int, Future[_End]] = {}
        self._ends: dict[int, _End] = {}
        self.ready: Future[None] = Future()
        self.gone = threading.Event()
        with theirs:
            self.process = _start(registry, theirs.fileno())

    @property
    def was_ready(self) -> bool:
        """Whether it had loaded everything."""
        return self.ready.done() and self.ready.exception() is None

    def request(self, fds: list[int], limits: Limits, timeout_s: float) -> _End:
        """A new runner; RunnerError when there can be none."""
        answer: Future[_End] = Future()
        with self._lock:
            if self.gone.is_set():
                raise _ServerDied("the forkserver died")
            if self.ready.done() and (trouble := self.ready.exception()) is not None:
                raise trouble
            number = next(self._numbers)
            try:
                control.send(self._socket, control.spawn_request(number, limits), fds)
            except OSError as error:
                raise _ServerDied(f"the forkserver died: {error}") from None
            self._pending[number] = answer
        return _settled(answer, timeout_s)

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
                end = _End(processes.Identity(pid, ticks or 0, processes.boot_id()))
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
            trouble = _ServerDied(f"the forkserver ended with status {self.process.returncode}")
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
        env={**os.environ, "PYTHONPATH": os.pathsep.join(_import_path())},
        start_new_session=True,
    )


def _import_path() -> list[str]:
    """Where this process finds modules, so that the warm one finds the same."""
    own = str(Path(__file__).parents[2])
    return list(dict.fromkeys([own, *(os.path.abspath(entry) for entry in sys.path)]))


def _two_pipes() -> tuple[int, int, int, int]:
    """Read and write ends of two pipes; RunnerError when no more files may be open."""
    try:
        first = os.pipe()
    except OSError as error:
        raise RunnerError(f"no runner could be started: {error.strerror}") from None
    try:
        return *first, *os.pipe()
    except OSError as error:
        for fd in first:
            os.close(fd)
        raise RunnerError(f"no runner could be started: {error.strerror}") from None


def _settled(answer: Future[T], timeout_s: float) -> T:
    try:
        return answer.result(timeout_s)
    except FutureTimeout:
        answer.cancel()
        raise RunnerError(f"the forkserver did not answer for {timeout_s:.0f} s") from None


def _answer(answer: Future[_End] | None, end: _End) -> None:
    if answer is not None and answer.set_running_or_notify_cancel():
        answer.set_result(end)


def _refuse(answer: Future[_End] | None, trouble: RunnerError) -> None:
    if answer is not None and answer.set_running_or_notify_cancel():
        answer.set_exception(trouble)


def _writable(fd: int, timeout_s: float) -> bool:
    poll = select.poll()
    poll.register(fd, select.POLLOUT)
    return timeout_s > 0 and bool(poll.poll(timeout_s * 1000))
