"""The queues as a list with a cursor: slots more or less, pause and go on."""

from __future__ import annotations

from textual import events
from textual.strip import Strip

from console.feed import Figures
from console.widgets.paint import Lines
from console.widgets.side import queue_head, queue_line
from workers.client import QueueStatus


class QueueList(Lines, can_focus=True):
    """One line per queue under a head."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.queues: list[QueueStatus] = []
        self.cursor = 0

    @property
    def chosen(self) -> QueueStatus | None:
        """The queue under the cursor."""
        return self.queues[self.cursor] if self.cursor < len(self.queues) else None

    def tell(self, figures: Figures, now_ms: int) -> None:
        """Show the queues."""
        self.queues = list(figures.queues)
        width = self.size.width
        lines = [queue_line(queue, width, now_ms, ascii_only=self.ascii_only) for queue in self.queues]
        self.show([queue_head(width), *lines])

    def move(self, by: int) -> None:
        """Another queue."""
        self.cursor = max(0, min(len(self.queues) - 1, self.cursor + by))
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """A line; the cursor's stands out."""
        spans = self.lines[y] if y < len(self.lines) else []
        return self.strip_of(spans, self.size.width, on_cursor=y == self.cursor + 1 and bool(self.queues))

    def on_click(self, event: events.Click) -> None:
        """A click moves the cursor."""
        if 1 <= event.y <= len(self.queues):
            self.cursor = event.y - 1
            self.refresh()
