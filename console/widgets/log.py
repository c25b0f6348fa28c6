"""A job's log: read from a byte on, kept to its last lines, following its end."""

from __future__ import annotations

from console.feed import Feed
from console.format import Spans
from console.widgets.paint import ScrollLines
from workers.client import Client
from workers.errors import SpoolError

_FIRST_BYTES = 256 * 1024
_MOST_LINES = 20_000


class LogView(ScrollLines):
    """Starts near the end and follows it; scrolling up stops following."""

    def __init__(self, job_id: int, feed: Feed, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._job_id, self._feed = job_id, feed
        self._offset: int | None = None
        self._reading = False
        self._texts: list[str] = []
        self.following = True

    @property
    def at_end(self) -> bool:
        """Whether the last line is in sight."""
        return self.scroll_offset.y + self.size.height >= self.count

    @property
    def count(self) -> int:
        """Lines in memory; one for the words that there are none."""
        return max(1, len(self._texts))

    def line(self, index: int) -> Spans:
        """One line of the log."""
        if not self._texts:
            return [(" The log is empty." if self._offset is not None else " …", "dim")]
        return [(" " + self._texts[index], "plain")]

    def read_on(self) -> None:
        """Read what has been written since."""
        if not self._reading:
            self._reading = True
            self.run_worker(self._read(), group="log")

    async def _read(self) -> None:
        try:
            while True:
                start = -_FIRST_BYTES if self._offset is None else self._offset
                text, following = await self._feed.ask(Client.log, self._job_id, start, _FIRST_BYTES)
                first, self._offset = self._offset is None, following
                if text or first:
                    self._add(text)
                if not text or first:
                    return
        except SpoolError:
            return
        finally:
            self._reading = False

    def _add(self, text: str) -> None:
        pieces = text.split("\n")
        if not pieces[-1]:
            pieces.pop()  # the front door gives whole lines
        self._texts.extend(pieces)
        gone = max(0, len(self._texts) - _MOST_LINES)
        if gone:
            del self._texts[:gone]
            if not self.following:
                self.scroll_to(y=max(0, self.scroll_offset.y - gone), animate=False)
        self.resized()
