"""The way from an operation to the worker, whichever process it runs in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from workers.jobs import Progress
from workers.runner.messages import Publishing, Staging, Up


class Speaker(Protocol):
    """The way to the worker: the runner's own channel, or that of an item process."""

    def send(self, message: Up) -> None:
        """Say something."""

    def report(self, progress: Progress) -> None:
        """Say how far the work is."""

    def alive(self) -> None:
        """Say that the work goes on."""

    def ask(self, question: Staging | Publishing, meanwhile: Callable[[], None] | None = None) -> None:
        """Ask, do something meanwhile, and wait for the answer; LeaseLost when it is refused."""
