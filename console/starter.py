"""Starting a worker from the console, in a thread, and saying what came of it."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from workers.client import open_client
from workers.errors import SpoolError, StillStarting
from workers.settings import Settings

if TYPE_CHECKING:
    from console.app import SpoolApp

LEFT_BEHIND = "The worker that this console started goes on.\n`spool stop` ends it.\n"
"""Said after leaving, in lines that fit the least terminal."""


class Starter:
    """One start at a time. `start` is `workers.client.start_worker`, or None where none may be started."""

    def __init__(self, app: SpoolApp, start: Callable[[Settings], bool] | None) -> None:
        self._app, self._start = app, start
        self._asked = False
        self.busy = False
        self.started = False
        """Whether a worker runs that this console has started."""

    def begin(self, *, asked: bool = False) -> None:
        """Start a worker unless one runs. When a person has `asked`, say also that one runs already."""
        self._asked = self._asked or asked
        if self.busy or self._start is None:
            return
        self.busy = True
        # A thread of our own: the pool's threads would be waited for at exit.
        threading.Thread(target=self._run, args=(self._start,), name="spool-start", daemon=True).start()

    def _run(self, start: Callable[[Settings], bool]) -> None:
        try:
            outcome: bool | str | StillStarting = start(self._app.settings)
        except StillStarting as error:
            outcome = error
        except (SpoolError, OSError) as error:
            outcome = str(error)
        try:
            self._app.call_from_thread(self._tell, outcome)
        except RuntimeError:
            self.started = outcome is True  # the console has been closed meanwhile

    def _tell(self, outcome: bool | str | StillStarting) -> None:
        self.busy = False
        self._app.feed.wake()
        if isinstance(outcome, StillStarting):
            self._app.tell(f"{str(outcome)[:1].upper()}{str(outcome)[1:]}")
        elif isinstance(outcome, str):
            self._app.tell(f"No worker could be started: {outcome}", bad=True)
        elif outcome:
            self.started = True
            self._app.tell("No worker was running: started one. It goes on when you leave.")
        elif self._asked:
            self._app.tell("A worker is running already.")

    def left_behind(self) -> str:
        """What is said on leaving: that the worker goes on, if it was started here and still runs; else nothing."""
        if not self.started:
            return ""
        try:
            with contextlib.closing(open_client(self._app.settings)) as client:
                return LEFT_BEHIND if client.worker().running else ""  # it may have been stopped, or have died
        except SpoolError:
            return ""
