"""The health screen: queues with their slots, the host, the worker and what it did at its start, kept results."""

from __future__ import annotations

import time
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType

from console import keys
from console.format import Spans, plural
from console.screens.base import SpoolScreen
from console.screens.queues import QueueKeys
from console.widgets.bars import TabLine
from console.widgets.cache import cache_lines, cache_title
from console.widgets.paint import ScrollLines
from console.widgets.queues import QueueList
from console.widgets.side import host_lines, title_line, worker_lines
from workers.client import CacheStats, Client
from workers.errors import SpoolError

_CACHE_EVERY_S = 2.0
_ROOMY = 30  # rows of the terminal from which on sections stand apart


class HealthScreen(SpoolScreen, QueueKeys):
    """2 Health."""

    PLACES = ("health",)
    BINDINGS: ClassVar[list[BindingType]] = [*keys.bindings("health")]

    def __init__(self) -> None:
        super().__init__()
        self.tabs, self.queues, self.host = TabLine("health"), QueueList(id="queue-list"), ScrollLines(id="host")
        self._cache: CacheStats | None = None
        self._cache_asked = float("-inf")

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
        apart: list[Spans] = [[]] if self.size.height >= _ROOMY else []
        self.host.show(
            self._fitting(
                *apart,
                title_line("Host", width - 1, ascii_only=plain),
                *host_lines(figures, width, ascii_only=plain),
                *([[(f" disk    {figures.disk_path}", "dim")]] if figures else []),
                *apart,
                title_line("Worker", width - 1, ascii_only=plain),
                *worker_lines(worker, width, self.spool.now_ms(), watching=self.spool.read_only),
                *apart,
                title_line(cache_title(self._cache), width - 1, ascii_only=plain),
                *cache_lines(self._cache, width),
            )
        )
        self._ask_cache()

    def _fitting(self, *lines: Spans) -> list[Spans]:
        """The lines for which there is room; the last says how many there are more, and where to see them."""
        room = self.host.size.height
        if not room or len(lines) <= room:
            return list(lines)
        left = len(lines) - room + 1
        return [*lines[: room - 1], [(f" and {plural(left, 'line')} more: a higher window, or `spool cache`", "dim")]]

    def _ask_cache(self) -> None:
        """Ask for the cache's figures now and then, while somebody looks."""
        now = time.monotonic()
        if self.is_current and now - self._cache_asked >= _CACHE_EVERY_S:
            self._cache_asked = now
            self.run_worker(self._read_cache(), group="cache")

    async def _read_cache(self) -> None:
        try:
            stats = await self.spool.feed.ask(Client.cache_stats)
        except SpoolError:
            return  # the status line tells that the store does not answer
        if stats != self._cache:
            self._cache = stats
            self.refresh_now()

    def tell_done(self, words: str) -> None:
        """In place of the keys."""
        if words:
            self.say([(" " + words, "good")])
