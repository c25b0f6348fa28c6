"""The warm process from which every runner is forked.

It has one thread, has loaded the media libraries, and never opens the database. It starts runners on request, reaps
them, ends what they leave behind, and ends itself and all of them when its worker is gone.

Started by `workers.runner.process` as `python -m workers.runner.forkserver`.
"""

from __future__ import annotations

import argparse
import errno
import gc
import io
import os
import resource
import select
import signal
import socket
import sys
import traceback
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from workers import linux
from workers.operations.contract import Operation
from workers.runner import child, control, limits, processes, warm
from workers.runner.exits import EXIT_FAILED

_OOM_POINTS = 500


class Forkserver:
    """Starts, reaps and cleans up after runners."""

    def __init__(self, worker: socket.socket, operations: Mapping[str, Operation[Any]]) -> None:
        self._worker = worker
        self._operations = operations
        self._runners: set[int] = set()
        self._null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        self._woken, self._waker = socket.socketpair()
        self._ending = False
        self._warming = True
        self._warming_steps = warm.later()

    def run(self) -> None:
        """Serve until the worker is gone; then end every runner."""
        self._listen_to_signals()
        linux.die_with_parent(signal.SIGTERM)  # from now on there is something to end first
        poll = select.poll()
        poll.register(self._worker, select.POLLIN)
        poll.register(self._woken, select.POLLIN)
        try:
            while not self._ending:
                ready = dict(poll.poll(0 if self._warming else None))
                if not ready:
                    self._warm_further()
                if self._woken.fileno() in ready:
                    self._woken.recv(4096)
                    self._reap()
                if self._worker.fileno() in ready and not self._serve():
                    break
        except (BrokenPipeError, ConnectionResetError):
            pass  # the worker is gone
        finally:
            self._end_all()

    def _warm_further(self) -> None:
        """Use a moment without requests."""
        try:
            next(self._warming_steps)
        except StopIteration:
            self._warming = False
            _settle_memory()

    def _listen_to_signals(self) -> None:
        for end in (self._woken, self._waker):
            end.setblocking(False)
        signal.set_wakeup_fd(self._waker.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda signum, frame: None)
        signal.signal(signal.SIGTERM, self._note_end)

    def _note_end(self, signum: int, frame: object) -> None:
        self._ending = True

    def _serve(self) -> bool:
        """Answer one request; False when the worker is gone."""
        received = control.receive(self._worker)
        if received is None:
            return False
        request, fds = received
        try:
            if len(fds) != control.FDS_OF_A_RUNNER:
                raise OSError(errno.EBADF, "a request came without its file descriptors")
            pid = self._fork(fds, limits.Limits(**request["limits"]))
        except OSError as error:
            control.send(self._worker, {"failed": request["spawn"], "why": str(error)})
        else:
            self._runners.add(pid)
            ticks = processes.start_ticks(pid)
            control.send(self._worker, {"spawned": request["spawn"], "pid": pid, "start_ticks": ticks})
        finally:
            for fd in fds:
                os.close(fd)
        return True

    def _fork(self, fds: list[int], bounds: limits.Limits) -> int:
        parent = os.getpid()
        pid = os.fork()
        if pid == 0:
            try:
                self._become_runner(fds, bounds, parent)
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(EXIT_FAILED)
        return pid

    def _become_runner(self, fds: list[int], bounds: limits.Limits, parent: int) -> NoReturn:
        os.setsid()
        linux.die_with_parent(signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(EXIT_FAILED)
        _restore_signals()
        down, up, log = fds
        for target, fd in ((0, self._null), (1, log), (2, log)):
            os.dup2(fd, target)
        _close_all_but(down, up)
        os.umask(0o077)
        linux.prefer_for_oom_kill(_OOM_POINTS)
        linux.gain_nothing()
        linux.stay_ordinary()
        limits.apply(bounds)
        child.main(down, up, self._operations)

    def _reap(self) -> None:
        """Take note of every process that ended, and end what a runner left behind."""
        ended: list[dict[str, Any]] = []
        while (pid := _next_zombie()) is not None:
            if pid in self._runners:
                processes.send_group(pid, signal.SIGKILL)  # before its pid, and with it the group's, can be reused
            _, status, usage = os.wait4(pid, 0)
            if pid in self._runners:
                self._runners.discard(pid)
                ended.append(_end_of(pid, status, usage))
        self._end_orphans()
        for message in ended:
            control.send(self._worker, message)

    def _end_orphans(self) -> None:
        """Kill processes that outlived their parents, unless they are in the session of a live runner."""
        for pid in processes.children():
            if pid not in self._runners and processes.session_of(pid) not in self._runners:
                processes.send(pid, signal.SIGKILL)

    def _end_all(self) -> None:
        """KILL every runner with its group, and whatever is then left below this process."""
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        for pid in self._runners:
            processes.send_group(pid, signal.SIGKILL)
        self._runners.clear()
        while True:
            self._end_orphans()
            try:
                os.waitpid(-1, 0)
            except ChildProcessError:
                return


def _next_zombie() -> int | None:
    """A child that ended and still bears its pid."""
    try:
        found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return None
    return None if found is None else found.si_pid


def _end_of(pid: int, status: int, usage: resource.struct_rusage) -> dict[str, Any]:
    cpu_s = usage.ru_utime + usage.ru_stime
    return {"ended": pid, "status": os.waitstatus_to_exitcode(status), "cpu_s": cpu_s, "rss_kib": usage.ru_maxrss}


def _restore_signals() -> None:
    signal.set_wakeup_fd(-1)
    for signum in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, signal.SIG_DFL)


def _close_all_but(first: int, second: int) -> None:
    low, high = sorted((first, second))
    os.closerange(3, low)
    os.closerange(low + 1, high)
    os.closerange(high + 1, resource.getrlimit(resource.RLIMIT_NOFILE)[0])


def _settle_memory() -> None:
    """What is loaded stays for ever: kept out of collections, its pages stay shared with every runner."""
    gc.collect()
    gc.freeze()
    gc.disable()


def _steady_output() -> None:
    """What a runner prints is in its log line by line, whatever the locale and however the runner ends."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Load everything, say so, and serve."""
    parser = argparse.ArgumentParser(prog="workers.runner.forkserver")
    parser.add_argument("--control-fd", type=int, required=True)
    parser.add_argument("--registry", required=True, help="dotted name of the module that holds REGISTRY")
    parser.add_argument("--parent", type=int, required=True, help="pid of the worker")
    options = parser.parse_args(arguments)
    linux.die_with_parent(signal.SIGKILL)
    if os.getppid() != options.parent:
        return 1
    linux.set_name("spool-runner")
    linux.adopt_orphans()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in a terminal is for the worker
    os.set_inheritable(options.control_fd, False)
    _steady_output()
    worker = socket.socket(fileno=options.control_fd)
    try:
        operations = warm.operations_of(options.registry)
        warm.load()
    except Exception as error:
        traceback.print_exc()
        control.send(worker, {"broken": f"{type(error).__name__}: {error}"[:2000]})
        return 1
    _settle_memory()
    control.send(worker, {"ready": os.getpid()})
    Forkserver(worker, operations).run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
