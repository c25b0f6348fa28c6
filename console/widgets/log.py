"""A job's log: read from a byte on, kept to its last lines, following its end."""

from __future__ import annotations

from console.feed import Feed
from console.format import Spans, wrap
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
        self._wrapped: list[str] = []  # the same at the present width
        self._wrapped_at = 0
        self.following = True

    @property
    def at_end(self) -> bool:
        """Whether the last line is in sight."""
        return self.scroll_offset.y + self.size.height >= self.count

    @property
    def count(self) -> int:
        """Lines in memory; one for the words that there are none."""
        return max(1, len(self._wrapped))

    def line(self, index: int) -> Spans:
        """One line of the log."""
        if not self._wrapped:
            return [(" The log is empty." if self._offset is not None else " …", "dim")]
        return [(" " + self._wrapped[index], "plain")]

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
        if len(self._texts) > _MOST_LINES:
            del self._texts[: len(self._texts) - _MOST_LINES]
            before = len(self._wrapped)
            self._wrap_all()
            if not self.following:
                self.scroll_to(
                    y=max(0, self.scroll_offset.y - max(0, before - len(self._wrapped))), animate=False, force=True
                )
        else:
            self._wrapped.extend(part for piece in pieces for part in self._wrap(piece))
        self.resized()

    def on_resize(self) -> None:
        """Another width: break the lines again."""
        if self._wrapped_at != self.size.width:
            self._wrap_all()
        self.resized()

    def _wrap_all(self) -> None:
        self._wrapped_at = self.size.width
        self._wrapped = [part for text in self._texts for part in self._wrap(text)]

    def _wrap(self, text: str) -> list[str]:
        width = max(20, self.size.width - 2)
        return [text] if len(text) <= width // 2 else wrap(text, width)
