"""The events screen: every change of state, newest last, read in windows as far back as one scrolls."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType

from console import about, keys
from console.format import Spans
from console.screens.base import SpoolScreen
from console.screens.walking import Walking
from console.widgets.bars import TabLine
from console.widgets.paint import ScrollLines
from workers.client import Client
from workers.errors import SpoolError
from workers.jobs import Job, JobEvent

_WINDOW = 1000
_MOST = 20_000


class EventList(ScrollLines):
    """Lines made from events when they are looked at."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.events: list[JobEvent] = []
        self.now_ms = 0
        self.following = True

    @property
    def count(self) -> int:
        """Events in memory."""
        return len(self.events)

    def line(self, index: int) -> Spans:
        """One event."""
        return about.event_line(self.events[index], self.now_ms, with_job=True)


class EventsScreen(SpoolScreen, Walking):
    """3 Events."""

    PLACES = ("events", "lines")
    BINDINGS: ClassVar[list[BindingType]] = [*keys.bindings("events", "lines")]

    def __init__(self) -> None:
        super().__init__()
        self._oldest = 0  # the revision up to which older events have not been read
        self._newest = 0
        self._reading = False
        self._dirty = True
        self._behind = 0
        self.tabs, self.view = TabLine("events"), EventList(id="events")

    def compose(self) -> ComposeResult:
        """Status, tabs, list, keys."""
        yield self.status
        yield self.tabs
        yield self.view
        yield self.footer

    def on_mount(self) -> None:
        """Follow the store."""
        self.spool.feed.follow(self)
        self.view.focus()

    def on_unmount(self) -> None:
        """Stop following."""
        self.spool.feed.unfollow(self)

    def changed(self, jobs: list[Job], removed: list[int]) -> None:
        """Something happened; read on at the next paint."""
        self._dirty = True

    def refresh_now(self) -> None:
        """Show the figures; read on when there is news."""
        self.tell_status()
        self.view.now_ms = self.spool.now_ms()
        if self._dirty and not self._reading:
            self._dirty, self._reading = False, True
            self.run_worker(self._read(), group="events")
        self._tell_place()

    def _tell_place(self) -> None:
        following = self.view.following
        behind = f"+{self._behind} new (f) " if self._behind and not following else ""
        right: Spans = [("following ", "good")] if following else [(behind, "badge")]
        self.tabs.tell([*right, (f"{self.view.count:,} events ", "dim")])

    async def _read(self) -> None:
        try:
            if not self._newest:
                await self._read_first()
            while found := await self.spool.feed.ask(Client.events, self._newest, limit=_WINDOW):
                self._take(found)
        except SpoolError as error:
            self.spool.tell(str(error), bad=True)
        finally:
            self._reading = False

    async def _read_first(self) -> None:
        """The last window of events: revisions are shared with progress, so look back further until it is full."""
        top = await self.spool.feed.ask(Client.revision)
        reach = _WINDOW
        while True:
            start = max(0, top - reach)
            found = await self.spool.feed.ask(Client.events, start, limit=_WINDOW + 1)
            if start == 0 or len(found) >= 200:
                break
            reach *= 4
        self._oldest, self._newest = start, start

    def _take(self, found: list[JobEvent]) -> None:
        view = self.view
        self._newest = found[-1].revision
        view.events.extend(found)
        gone = max(0, len(view.events) - _MOST)
        del view.events[:gone]
        if not view.following:
            self._behind += len(found)
            if gone:
                view.scroll_to(y=max(0, view.scroll_offset.y - gone), animate=False, force=True)
        view.resized()
        self._tell_place()

    async def _read_older(self) -> None:
        """A window before what is in memory; keeps the place."""
        view = self.view
        if not self._oldest or not view.events:
            return
        reach, first = _WINDOW, view.events[0].revision
        found: list[JobEvent] = []
        while not found:
            start = max(0, self._oldest - reach)
            found = await self._between(start, first)
            self._oldest, reach = start, reach * 4
            if start == 0:
                break
        view.events[:0] = found
        view.resized()
        view.scroll_to(y=view.scroll_offset.y + len(found), animate=False, force=True)

    async def _between(self, start: int, before: int) -> list[JobEvent]:
        found: list[JobEvent] = []
        while part := await self.spool.feed.ask(Client.events, start, limit=_WINDOW):
            older = [event for event in part if event.revision < before]
            found += older
            if len(older) < len(part):
                break
            start = part[-1].revision
        return found

    # keys

    def action_follow(self) -> None:
        """Follow the end, or stand still."""
        self.view.following = not self.view.following
        if self.view.following:
            self._behind = 0
            self.view.to_end()
        self._tell_place()

    @property
    def lines_seen(self) -> int:
        """Events on the screen."""
        return self.view.size.height

    def walk(self, by: int) -> None:
        """Lines down or up; near the first in memory, older ones are read."""
        self.view.move(by)
        if by < 0 and self.view.scroll_offset.y <= self.view.size.height:
            self.run_worker(self._read_older(), group="older", exclusive=True)
        self._tell_place()

    def action_top(self) -> None:
        """The first line in memory, and older ones."""
        self.walk(-self.view.count - 1)

    def action_bottom(self) -> None:
        """The end, followed again."""
        if not self.view.following:
            self.action_follow()
