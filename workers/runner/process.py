"""The worker's side of the runners: one warm forkserver, and a handle for each runner that came from it."""

from __future__ import annotations

import os
import select
import signal
import threading
import time
from collections.abc import Callable
from types import TracebackType

from workers.errors import ErrorClass, Failure
from workers.runner import processes
from workers.runner.limits import Limits
from workers.runner.lines import LineReader
from workers.runner.patience import ASK_S, NotWanted, Patience, RunnerError
from workers.runner.server import End, Exit, Server, ServerDied, settled
from workers.runner.wire import Down, Failed, Up, WireError, decode_up, encode

__all__ = ["Exit", "Forkserver", "NotWanted", "Runner", "RunnerError"]

SPAWN_TIMEOUT_S = 60.0  # the first runner waits for the imports, on a slow and busy machine
SEND_TIMEOUT_S = 10.0
_PIECE = 1 << 16
_MAX_READ = 1 << 20  # bytes taken at once from one runner, so that a talkative one does not hold its supervisor
_NO_LIMITS = Limits()


def _always() -> bool:
    return True


class Runner:
    """One child process that runs one job. For the one thread that supervises it, except where said otherwise."""

    def __init__(self, end: End, down: int, up: int, wanted: Callable[[], bool] = _always) -> None:
        self._end = end
        self._wanted = wanted
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
        """Say something; False when it is gone, is not wanted any more, or has not listened for `timeout_s`."""
        view = memoryview(encode(message))
        deadline = time.monotonic() + timeout_s
        while view:
            try:
                view = view[os.write(self._down, view) :]
            except BlockingIOError:
                left = deadline - time.monotonic()
                if left <= 0 or not self._wanted():
                    return False
                _writable(self._down, min(left, ASK_S))
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
        self._server: Server | None = None
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
        settled(self._current(Patience(timeout_s)).ready, Patience(timeout_s))

    @property
    def pid(self) -> int | None:
        """The pid of the warm process, None while there is none."""
        with self._lock:
            return None if self._server is None else self._server.process.pid

    def spawn(
        self,
        log_fd: int,
        limits: Limits = _NO_LIMITS,
        timeout_s: float = SPAWN_TIMEOUT_S,
        wanted: Callable[[], bool] = _always,
    ) -> Runner:
        """A new runner whose output goes to `log_fd`, which stays the caller's; RunnerError when there can be none.

        While one waits, `wanted` is asked again and again; NotWanted as soon as it says no.
        """
        down_read, down_write, up_read, up_write = _two_pipes()
        try:
            end = self._requested([down_read, up_write, log_fd], limits, Patience(timeout_s, wanted))
        except BaseException:
            os.close(down_write)  # one that comes too late finds its leash cut
            os.close(up_read)
            raise
        finally:
            os.close(down_read)
            os.close(up_write)
        return Runner(end, down_write, up_read, wanted)

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

    def _requested(self, fds: list[int], limits: Limits, patience: Patience) -> End:
        """Ask the current server, or once more the next one if that one has just died."""
        server = self._current(patience)
        try:
            return server.request(fds, limits, patience)
        except ServerDied:
            patience.wait(server.gone.wait)
        return self._current(patience).request(fds, limits, patience)

    def _current(self, patience: Patience) -> Server:
        """The server that lives, started now if need be."""
        with self._lock:
            if self._keeper is None or self._closing:
                raise RunnerError("the forkserver is not running")
            if self._server is None:
                self._asked = True
                self._wanted.notify_all()
                patience.wait(lambda step_s: self._wanted.wait_for(self._answered, step_s))
            if self._server is None:
                raise RunnerError("the forkserver could not be started")
            return self._server

    def _answered(self) -> bool:
        return self._server is not None or self._closing

    def _keep(self) -> None:
        """Start the server, serve it until it dies, and again: at once if it was of use, else when it is asked for."""
        while True:
            with self._lock:
                self._wanted.wait_for(lambda: self._asked or self._closing)
                if self._closing:
                    return
                self._asked = False
                try:
                    server = self._server = Server(self._registry)
                except OSError:
                    continue  # no process or memory to be had; whoever asked is told when his time is out
                finally:
                    self._wanted.notify_all()
            server.listen()
            with self._lock:
                self._server = None
                self._asked = self._asked or server.was_ready
            server.bury()


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


def _writable(fd: int, timeout_s: float) -> None:
    poll = select.poll()
    poll.register(fd, select.POLLOUT)
    poll.poll(timeout_s * 1000)
