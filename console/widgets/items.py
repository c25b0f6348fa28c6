"""The items of a bulk job: any number of them, read by pages as they are looked at, with a cursor."""

from __future__ import annotations

import os
from collections import OrderedDict

from textual.message import Message
from textual.strip import Strip

from console.feed import Feed
from console.format import Spans, cells, fit
from console.widgets.paint import ScrollLines
from workers.client import Client
from workers.errors import SpoolError
from workers.jobs import ItemOutcome, Job, Outcome
from workers.text import clean

_PAGE = 200
_PAGES = 20
_ROLES = {Outcome.DONE: "succeeded", Outcome.FAILED: "failed", Outcome.SKIPPED: "skipped", Outcome.CACHED: "queued"}


def item_line(item: ItemOutcome, width: int) -> Spans:
    """One item: outcome, key, and what came out or why not. The reason gets most of the room."""
    spans: Spans = [(f" {item.outcome.value:<8}", _ROLES[item.outcome])]
    room = max(20, width - 10)
    if item.failure is not None:
        key = fit(clean(item.key), min(max(20, room // 3), cells(clean(item.key))), middle=True)
        return [*spans, (key + "  ", "plain"), (_reason(item), "failed")]
    key_width = max(20, room // 2) if item.outputs else room
    spans.append((fit(clean(item.key), key_width, middle=True) + " ", "plain"))
    if item.outputs:
        spans.append((clean(item.outputs[0]), "dim"))
    return spans


def _reason(item: ItemOutcome) -> str:
    """Class and words, without the name of the file that stands beside them."""
    if item.failure is None:
        return ""
    words = clean(item.failure.message)
    for name in (clean(item.key), clean(os.path.basename(item.key))):
        words = words.removeprefix(f"{name} ").removeprefix(f"{name}: ")
    return f"{item.failure.error_class.value}: {words}"


class ItemList(ScrollLines):
    """Finished items in the order of their keys."""

    class Wanted(Message):
        """Pages are looked at that are not in memory."""

        def can_replace(self, message: Message) -> bool:
            """Only what is visible now counts."""
            return isinstance(message, ItemList.Wanted)

    def __init__(self, job_id: int, feed: Feed, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._job_id, self._feed = job_id, feed
        self._pages: OrderedDict[int, list[ItemOutcome]] = OrderedDict()
        self._total = 0
        self._job: Job | None = None
        self.failed_only = False
        self.place = 0  # of the cursor

    @property
    def count(self) -> int:
        """How many items have ended (or failed, when only those are shown); one line says that there are none."""
        return max(1, self._total)

    def job_changed(self, job: Job | None) -> None:
        """The counts may have grown; what is shown is read again."""
        self._job = job
        total = self._count_of(job)
        self._pages.clear()
        if total != self._total:
            self._total = total
            self.place = min(self.place, self.count - 1)
            self.resized()
        if self.is_on_screen and self.size.width:
            self.post_message(self.Wanted())

    def _count_of(self, job: Job | None) -> int:
        if job is None:
            return 0
        items = job.items
        return items.failed if self.failed_only else items.done + items.failed + items.skipped + items.cached

    def toggle_failed(self) -> None:
        """Only failed items, or all."""
        self.failed_only = not self.failed_only
        self.place = 0
        self.scroll_to(y=0, animate=False, force=True)
        self.job_changed(self._job)
        self.refresh()

    @property
    def chosen(self) -> ItemOutcome | None:
        """The item under the cursor, when it has been read."""
        page = self._pages.get(self.place // _PAGE, [])
        return page[self.place % _PAGE] if self.place % _PAGE < len(page) else None

    def move(self, by: int) -> None:
        """Move the cursor by some items; the list follows."""
        self._put(self.place + by)

    def to_end(self) -> None:
        """The last item."""
        self._put(self.count - 1)

    def _put(self, place: int) -> None:
        self.place = min(max(0, place), self.count - 1)
        top, height = self.scroll_offset.y, max(1, self.size.height)
        if not top <= self.place < top + height:
            y = self.place if self.place < top else self.place - height + 1
            self.scroll_to(y=y, animate=False, force=True)
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """One visible item, on the cursor's line in its colour."""
        index = self.scroll_offset.y + y
        if index >= self.count:
            return self.strip_of([], self.size.width)
        return self.strip_of(self.line(index), self.size.width, bool(self._total) and index == self.place)

    def line(self, index: int) -> Spans:
        """One item; a blank promise until its page is read."""
        if not self._total:
            return [
                (" No item has failed." if self.failed_only else " No items have ended (single jobs have none).", "dim")
            ]
        page = self._pages.get(index // _PAGE)
        if page is None:
            self.post_message(self.Wanted())
            return [(" …", "dim")]
        place = index % _PAGE
        return item_line(page[place], self.size.width) if place < len(page) else []

    def on_item_list_wanted(self) -> None:
        """Read the visible pages."""
        self.run_worker(self._read(), group="items", exclusive=True)

    async def _read(self) -> None:
        first = self.scroll_offset.y // _PAGE
        last = (self.scroll_offset.y + self.size.height) // _PAGE
        outcome = Outcome.FAILED.value if self.failed_only else None
        for number in range(first, last + 1):
            if number in self._pages or number * _PAGE >= max(1, self._total):
                continue
            try:
                self._pages[number] = await self._feed.ask(
                    Client.items, self._job_id, outcome=outcome, offset=number * _PAGE, limit=_PAGE
                )
            except SpoolError:
                return
            while len(self._pages) > _PAGES:
                self._pages.popitem(last=False)
        self.refresh()
