"""The batches screen: every named group of jobs, its progress, its limit, and until when it is paused."""

from __future__ import annotations

import time
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType

from console import keys
from console.batching import batch_detail, batch_head, query_of
from console.format import Spans
from console.screens.batchacting import BatchActing
from console.screens.walking import Walking
from console.widgets.bars import TabLine
from console.widgets.batches import BatchList
from console.widgets.paint import Lines
from workers.client import Batch, Client
from workers.errors import SpoolError, UsageError
from workers.text import clean

_BY_IDS = 200
_LEAST_S = 0.25
_SHARE = 20  # a list that took 30 ms to read is read again after 0.6 s at the earliest


class BatchesScreen(BatchActing, Walking):
    """4 Batches."""

    PLACES = ("batches", "lines")
    BINDINGS: ClassVar[list[BindingType]] = [*keys.bindings("batches", "lines")]

    def __init__(self) -> None:
        super().__init__()
        self.tabs, self.head, self.pane = TabLine("batches"), Lines(id="batch-head"), Lines(id="batch-detail")
        self._problem = ""
        self._dirty = True
        self._reading = self._known = False
        self._due = 0.0

    def compose(self) -> ComposeResult:
        """Status, tabs, list under its head, the one under the cursor, keys."""
        self.view = BatchList(self.spool.now_ms, id="batches")
        self.view.empty = ["reading the batches …"]
        yield self.status
        yield self.tabs
        yield self.head
        yield self.view
        yield self.pane
        yield self.footer

    def on_mount(self) -> None:
        """The list has the cursor."""
        self.view.focus()

    # what the feed brings

    def refresh_now(self) -> None:
        """The store has changed, or the screen is seen again: read the batches when that is due."""
        self._dirty = True
        self._show()
        self._read_when_due()

    def beat(self) -> None:
        """Once a second: ages and countdowns go on; nothing is read unless something has changed."""
        if self.is_current and not self.spool.feed.pace.frozen:
            self._show()
            self._read_when_due()

    def _read_when_due(self) -> None:
        if not self._dirty or self._reading or not self.is_current:
            return
        wait = self._due - time.monotonic()
        if wait > 0:
            self.set_timer(wait, self._read_when_due)
            return
        self._dirty, self._reading = False, True
        self.run_worker(self._read(), group="batches")

    async def _read(self) -> None:
        began = time.monotonic()
        try:
            found = await self.spool.feed.ask(Client.batches)
            self._problem, self._known = "", True
            self.view.empty = self._none_yet()
            self.view.tell(found)
        except SpoolError as error:
            self._problem = str(error)
        finally:
            self._reading = False
            now = time.monotonic()
            self._due = now + max(_LEAST_S, _SHARE * (now - began))
        self._show()

    def _none_yet(self) -> list[str]:
        if self.spool.read_only:
            return ["No batches yet."]
        key = keys.shown_key(keys.BY_ID["batch"], self.spool.keymap)
        return ["No batches yet.", f"{key} in the list of jobs puts marked jobs into one."]

    def _show(self) -> None:
        self.tell_status()
        count = len(self.view.batches)
        right: Spans = [("1 batch " if count == 1 else f"{count:,} batches ", "dim")] if self._known else []
        self.tabs.tell([(clean(self._problem) + " ", "bad")] if self._problem else right)
        self.head.show([batch_head(self.size.width)])
        chosen = self.view.chosen
        self.pane.show(batch_detail(chosen, self.spool.now_ms()) if chosen is not None else [])
        self.view.refresh()

    # the list

    @property
    def chosen(self) -> Batch | None:
        """The batch under the cursor."""
        return self.view.chosen

    def look_again(self) -> None:
        """Something was ordered: read at once."""
        self._due = 0.0
        self.refresh_now()

    @property
    def lines_seen(self) -> int:
        """Batches on the screen."""
        return self.view.size.height

    def walk(self, by: int) -> None:
        """Another batch."""
        self.view.move(by)
        self._show()

    def action_top(self) -> None:
        """The first."""
        self.walk(-len(self.view.batches))

    def action_bottom(self) -> None:
        """The last."""
        self.walk(len(self.view.batches))

    async def action_open_batch(self) -> None:
        """Its jobs, in the list of jobs."""
        batch = self.view.chosen
        if batch is None:
            return
        words = query_of(batch.name)
        try:
            await self.spool.show_jobs(words or await self._by_ids(batch.name))
        except SpoolError as error:
            self.spool.tell(str(error), bad=True)

    async def _by_ids(self, name: str) -> str:
        """The words for a batch whose name no query can hold."""
        ids = list(await self.spool.feed.ask(Client.batch_members, name))
        if not ids or len(ids) > _BY_IDS:
            raise UsageError(f"A name with quotes or commas can be shown with 1 to {_BY_IDS} jobs, not {len(ids):,}.")
        return "id:" + ",".join(map(str, ids))

    @on(BatchList.Opened)
    async def _opened(self) -> None:
        await self.action_open_batch()
