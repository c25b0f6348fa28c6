"""The health screen: queues with their slots, the host, the worker and what it did at its start."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType

from console import keys
from console.screens.base import SpoolScreen
from console.screens.queues import change_slots, toggle_pause
from console.widgets.bars import TabLine
from console.widgets.paint import ScrollLines
from console.widgets.queues import QueueList
from console.widgets.side import host_lines, title_line, worker_lines
from workers.errors import SpoolError


class HealthScreen(SpoolScreen):
    """2 Health."""

    PLACES = ("health",)
    BINDINGS: ClassVar[list[BindingType]] = [*keys.bindings("health")]

    def __init__(self) -> None:
        super().__init__()
        self.tabs, self.queues, self.host = TabLine("health"), QueueList(id="queue-list"), ScrollLines(id="host")

    def compose(self) -> ComposeResult:
        """Status, tabs, queues, host and worker, keys."""
        yield self.status
        yield self.tabs
        yield self.queues
        yield self.host
        yield self.footer

    def on_mount(self) -> None:
        """The queues have the cursor."""
        self.queues.focus()

    def refresh_now(self) -> None:
        """Show the present figures."""
        self.tell_status()
        self.tabs.tell([])
        feed, width = self.spool.feed, self.size.width
        view = self.queues
        view.styles.height = len(feed.figures.queues) + 1
        view.tell(feed.figures, self.spool.now_ms())
        worker, plain = feed.figures.worker, self.spool.ascii_only
        figures = worker.figures if worker is not None and worker.running else None
        self.host.show(
            [
                [],
                title_line("Host", width - 1, ascii_only=plain),
                *host_lines(figures, width, ascii_only=plain),
                *([[(f" disk    {figures.disk_path}", "dim")]] if figures else []),
                [],
                title_line("Worker", width - 1, ascii_only=plain),
                *worker_lines(worker, width, self.spool.now_ms()),
            ]
        )

    def action_next(self) -> None:
        """The next queue."""
        self.queues.move(1)

    def action_previous(self) -> None:
        """The queue before."""
        self.queues.move(-1)

    def action_slots(self, by: int) -> None:
        """Slots more or less."""
        self.run_worker(self._do(by), group="queue")

    def action_pause_queue(self) -> None:
        """Pause or go on."""
        self.run_worker(self._do(0), group="queue")

    async def _do(self, by: int) -> None:
        view = self.queues
        try:
            words = await (change_slots(self.spool, view, by) if by else toggle_pause(self.spool, view))
        except SpoolError as error:
            words = str(error)
        if words:
            self.say([(" " + words, "good")])
