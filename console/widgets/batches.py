"""The batches as a list with a cursor that stays on its batch while others come and go."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from textual import events
from textual.message import Message
from textual.strip import Strip

from console.batching import batch_line
from console.format import Spans
from console.widgets.paint import ScrollLines
from workers.client import Batch


class BatchList(ScrollLines):
    """One line per batch."""

    class Opened(Message):
        """A batch was double clicked."""

    def __init__(self, now_ms: Callable[[], int], *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._now_ms = now_ms
        self.batches: Sequence[Batch] = ()
        self.place = 0  # of the cursor
        self.empty: Sequence[str] = ()  # said where there are none

    @property
    def count(self) -> int:
        """How many lines there are."""
        return len(self.batches) or len(self.empty)

    @property
    def chosen(self) -> Batch | None:
        """The batch under the cursor."""
        return self.batches[self.place] if self.place < len(self.batches) else None

    def tell(self, batches: Sequence[Batch]) -> None:
        """Show these; the cursor keeps its batch, or its place when that is gone."""
        chosen = self.chosen
        self.batches = batches
        names = [batch.name for batch in batches]
        if chosen is not None and chosen.name in names:
            self.place = names.index(chosen.name)
        self.place = max(0, min(self.place, len(batches) - 1))
        self.resized()
        self._follow()

    def move(self, by: int) -> None:
        """Another batch; the list follows."""
        self.place = max(0, min(self.place + by, len(self.batches) - 1))
        self._follow()

    def to_end(self) -> None:
        """The last batch."""
        self.move(len(self.batches))

    def _follow(self) -> None:
        top, height = self.scroll_offset.y, max(1, self.size.height)
        if self.size.height and not top <= self.place < top + height:
            y = self.place if self.place < top else self.place - height + 1
            self.scroll_to(y=y, animate=False, force=True)
        self.refresh()

    def line(self, index: int) -> Spans:
        """One batch, or what is said where there are none."""
        if not self.batches:
            return [(f"   {self.empty[index]}", "dim" if index else "plain")]
        return batch_line(self.batches[index], self.size.width, self._now_ms(), ascii_only=self.ascii_only)

    def render_line(self, y: int) -> Strip:
        """One visible line, on the cursor in its colour."""
        index = self.scroll_offset.y + y
        if index >= self.count:
            return self.strip_of([], self.size.width)
        return self.strip_of(self.line(index), self.size.width, bool(self.batches) and index == self.place)

    def on_click(self, event: events.Click) -> None:
        """One click moves the cursor, two open the batch."""
        place = self.scroll_offset.y + event.y
        if place < len(self.batches):
            self.place = place
            self.refresh()
            if event.chain == 2:
                self.post_message(self.Opened())
