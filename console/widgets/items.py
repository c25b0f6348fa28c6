"""The items of a bulk job: any number of them, read by pages as they are looked at."""

from __future__ import annotations

from collections import OrderedDict

from textual.message import Message

from console.feed import Feed
from console.format import Spans, fit
from console.widgets.paint import ScrollLines
from workers.client import Client
from workers.errors import SpoolError
from workers.jobs import ItemOutcome, Job, Outcome
from workers.text import clean

_PAGE = 200
_PAGES = 20
_ROLES = {Outcome.DONE: "succeeded", Outcome.FAILED: "failed", Outcome.SKIPPED: "skipped", Outcome.CACHED: "queued"}


def item_line(item: ItemOutcome, width: int) -> Spans:
    """One item: outcome, key, and what came out or why not."""
    spans: Spans = [(f" {item.outcome.value:<8}", _ROLES[item.outcome])]
    room = max(20, width - 10)
    key_width = room if item.failure is None and not item.outputs else max(20, room // 2)
    spans.append((fit(clean(item.key), key_width, middle=True) + " ", "plain"))
    if item.failure is not None:
        spans.append((f"{item.failure.error_class.value}: {clean(item.failure.message)}", "failed"))
    elif item.outputs:
        spans.append((clean(item.outputs[0]), "dim"))
    return spans


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
        self.scroll_to(y=0, animate=False, force=True)
        self.job_changed(self._job)
        self.refresh()

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
