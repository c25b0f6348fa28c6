"""The list of jobs: which rows stand there, in what order, and the filter that narrows them."""

from __future__ import annotations

import time
from array import array

from textual import on
from textual.widgets import Input

from console import keys
from console.format import Spans, amount
from console.screens.acting import ActingScreen
from console.screens.help import SortScreen
from console.widgets.bars import TabLine
from console.widgets.filter import FilterLine
from console.widgets.side import paused_queues_words
from console.widgets.table import JobTable
from workers.client import Client
from workers.errors import SpoolError, UsageError

_FILTER_PAUSE_S = 0.15
_LEAST_REORDER_S = 0.5
_REORDER_SHARE = 25  # an order that took 30 ms to read is read again after 0.75 s at the earliest


class ListScreen(ActingScreen):
    """Reads the order and the visible rows of a query, and shows them in `table`, which the screen makes."""

    table: JobTable

    def __init__(self) -> None:
        super().__init__()
        self.filter_words = ""  # in force: those of the rows that are shown
        self._trying = ""  # being tried; those in force again once they turn out wrong
        self._before = ""  # in force when the filter was opened
        self._keeping: str | None = None  # Enter was pressed on these: close as soon as they are known to be right
        self.sort_word = ""
        self._problem = ""
        self._order_due = 0.0
        self._ordering = False
        self._asked_for = ""  # the words of the last answer
        self.tabs, self.filter_line = TabLine("jobs"), FilterLine(id="filter")

    def on_mount(self) -> None:
        """Read the order at once."""
        self.table.focus()
        self.table.empty_words = ["reading the jobs …"]
        self.reorder()

    def rows_read(self) -> None:
        """Rows have come that were not in memory."""

    def follow_order(self) -> None:
        """Read the order again when it changed and that is due."""
        if self.spool.feed.window.order_changed and time.monotonic() >= self._order_due:
            self.reorder()

    def tell_list(self) -> None:
        """At the right of the tabs: marks, new rows, filter and order."""
        table, window = self.table, self.spool.feed.window
        right: Spans = []
        if window.marks:
            right.append((f"on {len(window.marks):,} jobs ", "mark"))
        if table.above:
            right.append((f"+{amount(table.above)} new (n) ", "badge"))
        if self.filter_words:
            right.append((f"/{self.filter_words} ", "accent"))
            right += [] if self.filter_line.is_open or window.marks else [("(Esc) ", "dim")]
            right.append((f"{len(window):,} found ", "dim"))
        if self.sort_word:
            right.append((f"by {self.sort_word.lstrip('-')} ", "dim"))
        if self._problem:
            right = [(self._problem + " ", "bad")]
        self.tabs.tell(right or self._place())

    def _place(self) -> Spans:
        """What is said where there is nothing else: which queues rest, and where the cursor stands."""
        paused = paused_queues_words(self.spool.feed.figures.queues, self.spool.now_ms())
        spans: Spans = [(f"{paused}  ", "paused")] if paused else []
        count = len(self.spool.feed.window)
        return [*spans, (f"{self.table.place + 1:,} of {count:,} ", "dim")] if count else spans

    def reorder(self) -> None:
        """Read the order, unless it is being read."""
        if not self._ordering:
            self._ordering = True
            self.run_worker(self._read_order(), group="order")

    async def _read_order(self) -> None:
        words, sort = self._trying, self.sort_word
        began = time.monotonic()
        self.spool.feed.window.order_changed = False
        try:
            ids = await self.spool.feed.ask(Client.job_ids, words, sort=sort)
            self._problem = ""
            first = ids[: self.table.page + 1]
            known = self.spool.feed.window
            missing = [job_id for job_id in first if known.job(job_id) is None]
            if missing:
                known.keep((await self.spool.feed.ask(Client.jobs_by_id, missing)).values())
            self.filter_words = words
            self._take_order(ids, (words, sort))
            self._filter_answered(words)
        except UsageError as error:
            self._filter_answered(words, str(error))
        except SpoolError as error:
            self._problem = str(error)
            self.spool.feed.window.order_changed = True
        finally:
            self._ordering = False
            now = time.monotonic()
            self._order_due = now + max(_LEAST_REORDER_S, _REORDER_SHARE * (now - began))
        if (words, sort) != (self._trying, self.sort_word):
            self.reorder()  # typed on meanwhile

    def _take_order(self, ids: array[int], asked: tuple[str, str]) -> None:
        table, window = self.table, self.spool.feed.window
        same = self._asked_for == repr(asked)
        if same and ids == window.ids:
            return
        came = max(0, len(ids) - len(window)) if same else 0
        self._asked_for = repr(asked)
        window.reorder(ids)
        if not same:
            table.pinned = False
            table.scroll_to(y=0, animate=False, force=True)
        table.empty_words = self._empty_words()
        table.reordered(came)
        self.tell_list()

    def _empty_words(self) -> list[str]:
        add, start = self._key("add"), self._key("worker")
        if self.filter_words:
            return ["Nothing matches.", "Esc shows all jobs again."]
        if self.spool.read_only:
            return ["No jobs yet.", f"This console only watches; {self._key('help')} shows all keys."]
        return [
            "No jobs yet.",
            f"{add} adds one. Or paste a URL or the path of a file here.",
            f"{start} starts a worker if none runs; {self._key('help')} shows all keys.",
        ]

    def _key(self, action: str) -> str:
        return keys.shown_key(keys.BY_ID[action], self.spool.keymap)

    @on(JobTable.Wanted)
    def _wanted(self) -> None:
        self.run_worker(self._read_rows(), group="rows", exclusive=True)

    async def _read_rows(self) -> None:
        window, visible = self.spool.feed.window, self.table.in_sight
        ids = window.missing(visible.start, visible.stop)
        if ids:
            try:
                window.keep((await self.spool.feed.ask(Client.jobs_by_id, ids)).values())
            except SpoolError as error:
                self._problem = str(error)
        self.table.refresh()
        self.rows_read()

    def action_sort(self) -> None:
        """Choose the order."""

        def chosen(name: str | None) -> None:
            if name:
                self.sort_word = "" if name == "standard" else name
                self.reorder()

        self.app.push_screen(SortScreen(self.sort_word), chosen)

    # the filter

    def action_filter(self) -> None:
        """Open the filter."""
        if not self.filter_line.is_open:
            self._before = self.filter_words
        self.filter_line.open(self.filter_words)
        self.tell_list()

    @on(Input.Changed)
    def _filter_typed(self, event: Input.Changed) -> None:
        words = event.value.strip()
        self._keeping = None

        def apply() -> None:
            if self.filter_line.is_open and self.filter_line.words == words:
                self.apply_filter(words)

        self.set_timer(_FILTER_PAUSE_S, apply)

    def filter_anew(self, words: str) -> None:
        """Somebody asks for other jobs from elsewhere: drop what is marked or being written, and show them."""
        if self.filter_line.is_open:
            self._close_filter()
        self.forget_marks()
        self.apply_filter(words)

    def apply_filter(self, words: str) -> None:
        """Show only jobs that match; when the words are wrong, say so and let the list stand as it is."""
        if words != self._trying:
            self._trying = words
            self.reorder()
        elif words == self.filter_words:
            self._filter_answered(words)

    def _filter_answered(self, words: str, problem: str = "") -> None:
        """Words were tried: tell what is wrong with them beside the field, or close it after Enter."""
        if words == self._trying and problem:
            self._trying = self.filter_words  # what is shown goes on being read
        if self.filter_line.is_open and words == self.filter_line.words:
            self.filter_line.tell(problem)
            if self._keeping == words and not problem:
                self._close_filter()
        self._keeping = None if self._keeping == words else self._keeping
        self.tell_list()

    def _close_filter(self) -> None:
        self._keeping = None
        self.filter_line.close()
        self.table.focus()
        self.tell_list()

    @on(FilterLine.Kept)
    def _filter_kept(self) -> None:
        self._keeping = self.filter_line.words
        self.apply_filter(self._keeping)

    @on(FilterLine.Dropped)
    def _filter_dropped(self) -> None:
        self._close_filter()
        self.apply_filter(self._before)

    def step_back(self) -> bool:
        """Leave an open filter as it was before; without marks, end the filter that is in force."""
        if self.filter_line.is_open:
            self._filter_dropped()
            return True
        if self._trying and not self.spool.feed.window.marks:
            self.apply_filter("")
            return True
        return False
