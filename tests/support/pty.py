"""A terminal for tests: runs a command in a pseudo-terminal, counts its bytes, reads its CPU, shows its screen."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pyte


class Terminal:
    """One child in a pty of a given size. Use as a context manager; always drained by `wait` and its kin."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        size: tuple[int, int] = (80, 24),
        environ: Mapping[str, str] | None = None,
        ignore_hangup: bool = False,
    ) -> None:
        self.columns, self.rows = size
        self.received = bytearray()
        self.count = 0
        self.screen = pyte.Screen(*size)
        self._stream = pyte.ByteStream(self.screen)
        self.status: int | None = None
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            if ignore_hangup:
                signal.signal(signal.SIGHUP, signal.SIG_IGN)
            try:
                # The size must be known before the child looks at it.
                fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
                os.execvpe(command[0], list(command), dict(environ if environ is not None else os.environ))
            finally:
                os._exit(127)

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *error: object) -> None:
        if self.poll() is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        self.hang_up()

    def resize(self, columns: int, rows: int) -> None:
        """Another size, as when a window is dragged."""
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.screen.resize(rows, columns)

    def send(self, data: str | bytes) -> None:
        """Type."""
        os.write(self.fd, data.encode() if isinstance(data, str) else data)

    def drain(self, seconds: float) -> int:
        """Read for a time; the number of bytes that came."""
        before, end = self.count, time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0 and self._read(left):
            pass
        return self.count - before

    def _read(self, timeout: float) -> bool:
        if self.fd < 0 or not select.select([self.fd], [], [], timeout)[0]:
            return self.fd >= 0 and timeout > 0
        try:
            data = os.read(self.fd, 65536)
        except OSError:
            data = b""
        self.count += len(data)
        self.received += data
        self._stream.feed(data)
        return bool(data)

    def wait(self, condition: Callable[[Terminal], bool], timeout: float = 45.0) -> None:
        """Read until something holds; AssertionError with the screen when it does not in time."""
        end = time.monotonic() + timeout
        while not condition(self):
            if time.monotonic() > end:
                raise AssertionError("waited in vain; the screen shows:\n" + self.text)
            self._read(0.05)

    def wait_for(self, text: str, timeout: float = 45.0) -> None:
        """Read until the screen shows a text."""
        self.wait(lambda _terminal: text in self.text, timeout)

    def wait_end(self, timeout: float = 30.0) -> int:
        """Read until the child has ended; its exit code, or minus its signal."""
        end = time.monotonic() + timeout
        while self.poll() is None:
            if time.monotonic() > end:
                raise AssertionError("it does not end; the screen shows:\n" + self.text)
            self._read(0.02) if self.fd >= 0 else time.sleep(0.02)
        self.drain(0.1)
        assert self.status is not None
        return self.status

    def poll(self) -> int | None:
        """The exit code when it has ended."""
        if self.status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.status = os.waitstatus_to_exitcode(status)
        return self.status

    def hang_up(self) -> None:
        """The terminal vanishes."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    @property
    def text(self) -> str:
        """What the screen shows."""
        return "\n".join(line.rstrip() for line in self.screen.display)

    def cpu_s(self) -> float:
        """Processor seconds that the child has used, without its children."""
        times = psutil.Process(self.pid).cpu_times()
        return float(times.user + times.system)

    def modes(self) -> dict[int, bool]:
        """The private modes that the output switched last: 1049 alternate screen, 1000 mouse, 2004 paste …"""
        import re

        found: dict[int, bool] = {}
        for number, letter in re.findall(rb"\x1b\[\?(\d+)([hl])", bytes(self.received)):
            found[int(number)] = letter == b"h"
        return found


def drain_together(terminals: Sequence[Terminal], seconds: float) -> list[int]:
    """Read from several for the same time; the number of bytes that came from each."""
    with ThreadPoolExecutor(len(terminals)) as readers:
        return list(readers.map(lambda terminal: terminal.drain(seconds), terminals))


def terminal_environ(home: Path, **changes: str) -> dict[str, str]:
    """An environment for a console: a home of its own, 256 colours, no SSH."""
    keep = ("PATH", "HOME", "LANG", "PYTHONDONTWRITEBYTECODE", "VIRTUAL_ENV")
    values = {name: os.environ[name] for name in keep if name in os.environ}
    values |= {"TERM": "xterm-256color", "SPOOL_HOME": str(home), "LANG": "C.UTF-8", "TZ": "UTC"}
    return {**values, **changes}
