"""The jobs screen: the list, its filter and order, marks, and the job under the cursor."""

from __future__ import annotations

import time
from array import array
from dataclasses import replace
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.widgets import Input

from console import keys
from console.format import Spans, amount
from console.screens.acting import ActingScreen
from console.screens.help import SortScreen
from console.widgets.bars import TabLine
from console.widgets.detail import DetailPane
from console.widgets.filter import FilterLine
from console.widgets.side import SidePanel
from console.widgets.table import JobTable
from workers.client import Client
from workers.errors import SpoolError, UsageError
from workers.jobs import Job, State, Waiting

_FOLLOW_CURSOR_S = 0.08
_FILTER_PAUSE_S = 0.15
_READ_DETAIL_S = 2.0  # why a job waits is a question over many jobs
_LEAST_REORDER_S = 0.5
_REORDER_SHARE = 25  # an order that took 30 ms to read is read again after 0.75 s at the earliest


class JobsScreen(ActingScreen):
    """1 Jobs."""

    PLACES = ("jobs",)
    BINDINGS: ClassVar[list[BindingType]] = [*keys.bindings("jobs")]

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
        self._known: set[int] | None = None
        self._waiting: tuple[Waiting, ...] = ()
        self._log: list[str] = []
        self._detail_id: int | None = None
        self._detail_revision = -1
        self._detail_due = 0.0
        self._detail_seen = -1
        self._detail_dirty = False
        self._mark_from: int | None = None
        self.tabs, self.filter_line = TabLine("jobs"), FilterLine(id="filter")
        self.panel, self.pane = SidePanel(), DetailPane()

    def compose(self) -> ComposeResult:
        """Status, tabs, filter, list with panel, detail, keys."""
        self.table = JobTable(self.spool.feed.window, self.spool.now_ms, id="list")
        yield self.status
        yield self.tabs
        yield self.filter_line
        with Horizontal(id="body"):
            yield self.table
            yield self.panel
        yield self.pane
        yield self.footer

    def on_mount(self) -> None:
        """Read the order at once."""
        self.table.focus()
        self.table.empty_words = ["reading the jobs …"]
        self._reorder()

    # what the feed brings

    def refresh_now(self) -> None:
        """Paint what differs; read the order again when it changed and that is due."""
        window = self.spool.feed.window
        if window.order_changed and time.monotonic() >= self._order_due:
            self._reorder()
        self.table.worker = self.spool.feed.figures.at_work
        self.table.tick()
        self.tell_status()
        self._tell_list()
        if self.panel.display and self.panel.size.width:
            self.panel.tell(self.spool.feed.figures, list(self.spool.feed.speeds), self.spool.now_ms())
        self._tell_detail()

    def beat(self) -> None:
        """Once a second: sample the speed, forget speeds of jobs that ended."""
        feed = self.spool.feed
        if not feed.pace.frozen:
            live = feed.window.live.values()
            total = sum(job.progress.rate or 0.0 for job in live if job.progress.unit == "bytes")
            feed.speeds.append(total if feed.figures.at_work else 0.0)
            self.table.speeds.only(feed.window.live)
        super().beat()

    def _tell_list(self) -> None:
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
        if not right and len(window):
            right = [(f"{table.place + 1:,} of {len(window):,} ", "dim")]
        self.tabs.tell(right)

    def _reorder(self) -> None:
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
            self._reorder()  # typed on meanwhile

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
        self._tell_list()

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
        self._tell_detail()

    # the job under the cursor

    @property
    def job(self) -> Job | None:
        """The job under the cursor, when it is known."""
        job_id = self.table.cursor_id
        return None if job_id is None else self.spool.feed.window.job(job_id)

    @on(JobTable.CursorMoved)
    def _cursor_moved(self) -> None:
        self._tell_list()
        self.set_timer(_FOLLOW_CURSOR_S, self._tell_detail)

    def _tell_detail(self) -> None:
        pane = self.pane
        if not pane.display or not pane.size.width:
            return
        job = self.job
        moved = job is None or job.id != self._detail_id
        if moved:
            self._waiting, self._log = (), []
        changed = job is not None and (job.id, job.revision) != (self._detail_id, self._detail_revision)
        self._detail_id = None if job is None else job.id
        self._detail_revision = -1 if job is None else job.revision
        marked = len(self.spool.feed.window.marks)
        pane.tell(self._as_shown(job), self._waiting, self._log, self.spool.now_ms(), marked)
        now = time.monotonic()
        with_log = pane.size.height > 3
        queued = job is not None and job.state is State.QUEUED
        # A waiting job may wait for others: ask again after any change, but seldom.
        others = queued and self.spool.feed.revision != self._detail_seen
        self._detail_dirty = self._detail_dirty or changed or others
        if job is not None and self._detail_dirty and (with_log or queued) and (moved or now >= self._detail_due):
            self._detail_dirty = False
            self._detail_due = now + _READ_DETAIL_S
            self._detail_seen = self.spool.feed.revision
            self.run_worker(self._read_detail(job, with_log), group="detail", exclusive=True)

    def _as_shown(self, job: Job | None) -> Job | None:
        """Without a worker nothing has a speed, nor a time left."""
        if job is None or self.spool.feed.figures.at_work:
            return job
        return replace(job, progress=replace(job.progress, rate=None, eta_s=None))

    async def _read_detail(self, job: Job, with_log: bool) -> None:
        job_id = job.id
        try:
            waiting = await self.spool.feed.ask(Client.why, job_id) if job.state is State.QUEUED else ()
            text = (await self.spool.feed.ask(Client.log, job_id, -4096))[0] if with_log else ""
        except SpoolError:
            return  # gone meanwhile: the list will say so
        if job_id == self.table.cursor_id:
            self._waiting, self._log = waiting, text.rstrip("\n").split("\n")[-8:] if text else []
            marked = len(self.spool.feed.window.marks)
            self.pane.tell(self._as_shown(self.job), waiting, self._log, self.spool.now_ms(), marked)

    # targets of the acting keys

    def target_ids(self) -> list[int]:
        """Marks, else the cursor."""
        marks = self.spool.feed.window.marks
        if marks:
            return list(marks)
        return [] if self.table.cursor_id is None else [self.table.cursor_id]

    def steady(self) -> bool:
        """Marks never move; the cursor's row may have."""
        return bool(self.spool.feed.window.marks) or self.table.steady

    def forget_marks(self) -> None:
        """No marks any more."""
        self.action_unmark()

    # keys

    def action_open(self) -> None:
        """The job's own screen."""
        from console.screens.job import JobScreen

        if self.table.cursor_id is not None:
            self.app.push_screen(JobScreen(self.table.cursor_id))

    @on(JobTable.Opened)
    def _opened(self) -> None:
        self.action_open()

    def action_next(self) -> None:
        """One row down."""
        self.table.move_by(1)

    def action_previous(self) -> None:
        """One row up."""
        self.table.move_by(-1)

    def action_page(self, by: int) -> None:
        """One page."""
        self.table.move_by(by * max(1, self.table.page - 1))

    def action_top(self) -> None:
        """The first row; the cursor then follows what comes to the top."""
        self.table.move_to(0)

    def action_bottom(self) -> None:
        """The last row."""
        self.table.move_to(len(self.spool.feed.window) - 1)

    def action_newest(self) -> None:
        """The new rows."""
        self.table.move_to(0)
        self.table.above = 0
        self._tell_list()

    def action_mark(self) -> None:
        """Mark, or unmark, and go on."""
        marks, job_id = self.spool.feed.window.marks, self.table.cursor_id
        if job_id is None:
            return
        if job_id in marks:
            del marks[job_id]
        else:
            marks[job_id] = None
        self._mark_from = self.table.place
        self.table.move_by(1)
        self._marks_changed()

    def action_mark_range(self) -> None:
        """Mark all from the last mark to the cursor."""
        window, here = self.spool.feed.window, self.table.place
        there = here if self._mark_from is None else self._mark_from
        for job_id in window.ids[min(here, there) : max(here, there) + 1]:
            window.marks[job_id] = None
        self._mark_from = here
        self._marks_changed()

    def action_unmark(self) -> None:
        """Forget all marks."""
        self.spool.feed.window.marks.clear()
        self._mark_from = None
        self._marks_changed()

    def _marks_changed(self) -> None:
        self.table.repaint()
        self._tell_list()
        self._tell_detail()

    def action_sort(self) -> None:
        """Choose the order."""

        def chosen(name: str | None) -> None:
            if name:
                self.sort_word = "" if name == "standard" else name
                self._reorder()

        self.app.push_screen(SortScreen(self.sort_word), chosen)

    def action_wide(self) -> None:
        """The list takes the whole width, with more columns."""
        self.table.wide = not self.table.wide
        self.set_class(self.table.wide, "-wide-list")
        self.call_after_refresh(self.table.relayout)

    def action_detail(self) -> None:
        """The detail pane: as the size suggests, high, or gone."""
        on, off = self.has_class("-detail-on"), self.has_class("-detail-off")
        self.set_class(not on and not off, "-detail-on")
        self.set_class(on, "-detail-off")
        self._detail_revision = -1
        self.call_after_refresh(self._tell_detail)

    # the filter

    def action_filter(self) -> None:
        """Open the filter."""
        if not self.filter_line.is_open:
            self._before = self.filter_words
        self.filter_line.open(self.filter_words)
        self._tell_list()

    @on(Input.Changed)
    def _filter_typed(self, event: Input.Changed) -> None:
        words = event.value.strip()
        self._keeping = None

        def apply() -> None:
            if self.filter_line.is_open and self.filter_line.words == words:
                self.apply_filter(words)

        self.set_timer(_FILTER_PAUSE_S, apply)

    def apply_filter(self, words: str) -> None:
        """Show only jobs that match; when the words are wrong, say so and let the list stand as it is."""
        if words != self._trying:
            self._trying = words
            self._reorder()
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
        self._tell_list()

    def _close_filter(self) -> None:
        self._keeping = None
        self.filter_line.close()
        self.table.focus()
        self._tell_list()

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
