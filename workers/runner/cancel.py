"""SIGINT as an exception of the operation's thread, held back where it would leave something half said or half done."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType


class Cancelled(KeyboardInterrupt):
    """The worker asked this runner to stop: clean up and let it pass. No `except Exception` catches it."""


class Shield:
    """Raises `Cancelled` in the main thread at the first SIGINT; `with shield:` puts that off to the block's end."""

    def __init__(self) -> None:
        self._main = threading.main_thread().ident
        self._depth = 0  # of the main thread, the only one in which signals are handled
        self._held_back = False
        self._raised = False

    def listen(self) -> None:
        """Handle SIGINT from now on. Call in the main thread."""
        signal.signal(signal.SIGINT, self._handle)

    def finish(self) -> None:
        """Ignore SIGINT from now on: the outcome is settled."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)

    def _handle(self, signum: int, frame: FrameType | None) -> None:
        if self._raised:
            return  # once: a second one must not interrupt the cleaning up; the worker goes on to TERM by itself
        if self._depth:
            self._held_back = True
        else:
            self._raise()

    def _raise(self) -> None:
        self._raised = True
        self._held_back = False
        raise Cancelled("cancelled")

    def __enter__(self) -> None:
        if threading.get_ident() == self._main:
            self._depth += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if threading.get_ident() != self._main:
            return
        self._depth -= 1
        if self._held_back and not self._depth and kind is None:
            self._raise()
