"""The datagram socket by which clients wake the worker."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable
from pathlib import Path

from workers.errors import ConfigError


class Ear:
    """Hears `ring QUEUE`, that there is work, and `look`, that somebody wants something."""

    def __init__(self, path: Path) -> None:
        """The lock of the home is ours, so a socket that is left there is nobody's. ConfigError."""
        path.unlink(missing_ok=True)
        self._path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            self._socket.bind(str(path))
            path.chmod(0o600)
        except OSError as error:
            self._socket.close()
            raise ConfigError(f"{path}: cannot be listened on: {error.strerror or error}") from None

    def hear(self, timeout: float, rung: Callable[[str], bool]) -> bool:
        """Wait so many seconds at most; whether somebody asks to look at what people want.

        That comes before rings which were sent after it: slots that were taken away must not run the next job. `rung`
        is told each queue that has work; False where that is none, which is a reason to look.
        """
        self._socket.settimeout(max(0.001, timeout))
        with contextlib.suppress(TimeoutError, BlockingIOError, InterruptedError):
            while True:
                word, _, queue = self._socket.recv(256).decode(errors="replace").partition(" ")
                if word != "ring" or not rung(queue):
                    return True
                self._socket.settimeout(0.0)
        return False

    def close(self) -> None:
        """Hear no more, and leave no socket behind."""
        self._socket.close()
        self._path.unlink(missing_ok=True)
