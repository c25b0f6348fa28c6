"""A job's own screen: summary, items, history and log. Acting keys act on this job."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.widgets import ContentSwitcher

from console import about, keys
from console.format import Spans, fit_spans, width_of
from console.screens.acting import ActingScreen
from console.screens.item import ItemScreen
from console.screens.walking import Walking
from console.widgets.items import ItemList
from console.widgets.log import LogView
from console.widgets.paint import Lines, ScrollLines
from workers.client import Client
from workers.errors import NoSuchJob, SpoolError
from workers.jobs import Job, JobEvent, State, Waiting
from workers.text import clean

_READ_OTHERS_S = 2.0  # why a job waits is a question over many jobs
TABS = ("summary", "items", "history", "log")


class JobScreen(ActingScreen, Walking):
    """One job in full. Reads again whenever the job has changed."""

    PLACES = ("job", "lines")
    BINDINGS: ClassVar[list[BindingType]] = [*keys.bindings("job", "lines")]

    def __init__(self, job_id: int) -> None:
        super().__init__()
        self.job_id = job_id
        self.job: Job | None = None
        self._tab = "summary"
        self._waiting: tuple[Waiting, ...] = ()
        self._history: list[JobEvent] = []
        self._defaults: Mapping[str, Any] = {}
        self._dirty = True
        self._others: object = None  # how the other jobs and the pauses stood when this one was read
        self._others_due = 0.0
        self._reading = False
        self._gone = ""
        self.head, self.tab_line = Lines(id="job-head"), Lines(id="job-tabs")
        self.summary, self.history = ScrollLines(id="summary"), ScrollLines(id="history")

    def compose(self) -> ComposeResult:
        """Status, the job's line, tabs, the tab's body, keys."""
        self.items = ItemList(self.job_id, self.spool.feed, id="items")
        self.log_view = LogView(self.job_id, self.spool.feed, id="log")
        yield self.status
        yield self.head
        yield self.tab_line
        with ContentSwitcher(initial="summary", id="job-body"):
            yield self.summary
            yield self.items
            yield self.history
            yield self.log_view
        yield self.footer

    def on_mount(self) -> None:
        """Follow this job."""
        self.spool.feed.follow(self)
        self.summary.focus()
        self.refresh_now()

    def on_unmount(self) -> None:
        """Stop following."""
        self.spool.feed.unfollow(self)

    # what the feed brings

    def changed(self, jobs: list[Job], removed: list[int]) -> None:
        """Note that this job has changed."""
        self._dirty = self._dirty or any(job.id == self.job_id for job in jobs)
        if self.job_id in removed:
            self._gone = "This job has been removed."

    def refresh_now(self) -> None:
        """Read what is new, and show it."""
        self.tell_status()
        if (self._dirty or self._may_stand_otherwise()) and not self._reading:
            self._dirty, self._reading = False, True
            self._others, self._others_due = self._others_now, time.monotonic() + _READ_OTHERS_S
            self.run_worker(self._read(), group="job")
        if self._tab == "log":
            self.log_view.read_on()
        self._tell()

    @property
    def _others_now(self) -> object:
        feed = self.spool.feed
        worker = feed.figures.worker
        return feed.revision, feed.figures.pauses, worker and (worker.running, worker.silent)

    def _may_stand_otherwise(self) -> bool:
        """Whether what keeps this job may have changed without it: other jobs, a pause, or the worker."""
        stands = self.job is not None and self.job.state in (State.QUEUED, State.PAUSED)
        return stands and self._others_now != self._others and time.monotonic() >= self._others_due

    async def _read(self) -> None:
        feed = self.spool.feed
        try:
            self.job = await feed.ask(Client.job, self.job_id)
            stands = self.job.state in (State.QUEUED, State.PAUSED)
            self._waiting = await feed.ask(Client.why, self.job_id) if stands else ()
            if not self._defaults:
                self._defaults = _defaults(await feed.ask(Client.operations), self.job.operation)
            if self._tab == "history":
                await self._read_history()
        except NoSuchJob:
            self._gone = "This job has been removed."
        except SpoolError as error:
            self._gone = str(error)
        finally:
            self._reading = False
        self.items.job_changed(self.job)
        self._tell()

    async def _read_history(self) -> None:
        since = self._history[-1].revision if self._history else 0
        self._history += await self.spool.feed.ask(Client.events, since, job_id=self.job_id)

    def _tell(self) -> None:
        if not self.is_mounted:
            return
        width, now = self.size.width, self.spool.now_ms()
        if self._gone:
            self.head.show([[(" " + self._gone, "bad")], []])
        elif self.job is not None:
            self.head.show([about.facts(self.job, now), [(" " + clean(self.job.title), "strong")]])
        self._tell_tabs(width)
        if self.job is None:
            return
        if self._tab == "summary":
            lines = about.summary(self.job, self._waiting, self._defaults, width - 2, now)
            self.summary.show(lines)
        elif self._tab == "history":
            lines = [about.event_line(event, now, with_job=False) for event in self._history]
            self.history.show(lines)

    def _tell_tabs(self, width: int) -> None:
        spans: Spans = [(" ", "plain")]
        for name in TABS:
            words = name.capitalize()
            if name == "items" and self.job is not None:
                words += f" {self.job.items.total:,}" if self.job.items.total else ""
            spans += [(f" {words} ", "tab-on" if name == self._tab else "tab"), (" ", "plain")]
        right: Spans = []
        if self._tab == "log" and self.log_view.following:
            right = [("following ", "good")]
        if self._tab == "items" and self.items.failed_only:
            right = [("failed only ", "warn")]
        elif self._tab == "items" and self.items.chosen is not None:
            right = [("enter opens ", "dim")]
        gap = max(0, width - width_of(spans) - width_of(right))
        self.tab_line.show([fit_spans([*spans, (" " * gap, "plain"), *right], width)])

    # keys

    def target_ids(self) -> list[int]:
        """This job."""
        return [self.job_id]

    @property
    def body(self) -> ScrollLines:
        """What the present tab shows."""
        return {"summary": self.summary, "items": self.items, "history": self.history, "log": self.log_view}[self._tab]

    def action_tab(self, by: int) -> None:
        """Another tab."""
        self.show_tab(TABS[(TABS.index(self._tab) + by) % len(TABS)])

    def show_tab(self, name: str) -> None:
        """Show a tab and read what it needs."""
        self._tab = name
        self.query_one(ContentSwitcher).current = name
        self.body.focus()
        self._dirty = True
        self.refresh_now()

    def action_follow(self) -> None:
        """The log, and its end as it grows."""
        if self._tab != "log":
            self.show_tab("log")
        view = self.log_view
        view.following = not view.following or not view.at_end
        if view.following:
            view.to_end()
        self._tell()

    def action_failed_only(self) -> None:
        """Failed items, or all."""
        if self._tab != "items":
            self.show_tab("items")
        self.items.toggle_failed()
        self._tell()

    def action_open_item(self) -> None:
        """All facts of the item under the cursor, or its whole error."""
        item = self.items.chosen if self._tab == "items" else None
        if item is not None and self.job is not None:
            self.app.push_screen(ItemScreen(self.job.operation, item))

    @property
    def lines_seen(self) -> int:
        """Lines of the tab on the screen."""
        return self.body.size.height

    def walk(self, by: int) -> None:
        """Lines down or up in the present tab."""
        self.body.move(by)

    def action_top(self) -> None:
        """The first line."""
        self.body.move(-self.body.count - self.body.scroll_offset.y)

    def action_bottom(self) -> None:
        """The last line."""
        self.body.to_end()


def _defaults(operations: Any, name: str) -> dict[str, Any]:
    """Default values of an operation's options, so that the command to repeat stays short."""
    for operation in operations:
        if operation.name == name:
            fields = operation.params.model_fields
            return {
                key: info.get_default(call_default_factory=True)
                for key, info in fields.items()
                if not info.is_required()
            }
    return {}
