"""The jobs screen: the list, the job under its cursor, marks, and the panel beside it."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal

from console import keys
from console.screens.listing import ListScreen
from console.screens.walking import Walking
from console.widgets.detail import DetailPane
from console.widgets.side import SidePanel
from console.widgets.table import JobTable
from workers.client import Client
from workers.errors import SpoolError
from workers.jobs import Job, State, Waiting

_FOLLOW_CURSOR_S = 0.08
_READ_DETAIL_S = 2.0  # why a job waits is a question over many jobs


class JobsScreen(ListScreen, Walking):
    """1 Jobs."""

    PLACES = ("jobs",)
    BINDINGS: ClassVar[list[BindingType]] = [*keys.bindings("jobs")]

    def __init__(self) -> None:
        super().__init__()
        self._waiting: tuple[Waiting, ...] = ()
        self._log: list[str] = []
        self._detail_id: int | None = None
        self._detail_revision = -1
        self._detail_due = 0.0
        self._detail_seen = -1
        self._detail_dirty = False
        self._mark_from: int | None = None
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

    # what the feed brings

    def refresh_now(self) -> None:
        """Paint what differs; read the order again when it changed and that is due."""
        self.follow_order()
        self.table.worker, self.table.pauses = self.spool.feed.figures.at_work, self.spool.feed.figures.pauses
        self.table.tick()
        self.tell_status()
        self.tell_list()
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

    def rows_read(self) -> None:
        """The one under the cursor may be among them."""
        self._tell_detail()

    # the job under the cursor

    @property
    def job(self) -> Job | None:
        """The job under the cursor, when it is known."""
        job_id = self.table.cursor_id
        return None if job_id is None else self.spool.feed.window.job(job_id)

    @on(JobTable.CursorMoved)
    def _cursor_moved(self) -> None:
        self.tell_list()
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

    @property
    def lines_seen(self) -> int:
        """Jobs on the screen."""
        return self.table.page

    def walk(self, by: int) -> None:
        """Rows down or up."""
        self.table.move_by(by)

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
        self.tell_list()

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
        self.tell_list()
        self._tell_detail()

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
