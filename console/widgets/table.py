"""The job table: draws what is visible of any number of jobs, and paints again only the cells that changed."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Sequence

from textual import events
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from console.format import Spans
from console.rows import Layout, Row, changed_edge, header, layout_for, row
from console.widgets.paint import Painted
from console.window import JobWindow
from workers.jobs import Job, Pause

_STRIPS = 400
_SMOOTH = 0.4  # weight of the newest speed


class Speeds:
    """Speeds smoothed over seconds and shown once a second, so that figures can be read."""

    def __init__(self) -> None:
        self._shown: dict[int, tuple[float, float]] = {}  # id: (value, when it was taken)

    def of(self, job: Job, now: float) -> float | None:
        """The speed to show for a live job at a monotonic time."""
        value = job.progress.rate
        if value is None:
            return None
        known = self._shown.get(job.id)
        if known is None:
            self._shown[job.id] = (value, now)
            return value
        smooth, at = known
        if now - at >= 1.0:
            smooth += _SMOOTH * (value - smooth) if now - at < 5 else value - smooth
            self._shown[job.id] = (smooth, now)
        return smooth

    def only(self, live: dict[int, Job]) -> None:
        """Forget jobs that no longer run."""
        for job_id in [known for known in self._shown if known not in live]:
            del self._shown[job_id]


class JobTable(ScrollView, Painted, can_focus=True, inherit_bindings=False):
    """A window onto `JobWindow`. The cursor is an id: it stays on its job while rows come and go."""

    COMPONENT_CLASSES = Painted.COMPONENT_CLASSES
    DEFAULT_CSS = "JobTable { overflow-x: hidden; scrollbar-size-vertical: 1; }"

    place: reactive[int] = reactive(0, repaint=False)
    """Where the cursor stands, from 0."""

    class CursorMoved(Message):
        """The cursor stands on another job."""

        def can_replace(self, message: Message) -> bool:
            """Only the last place counts."""
            return isinstance(message, JobTable.CursorMoved)

    class Wanted(Message):
        """Rows are looked at that are not in memory."""

        def can_replace(self, message: Message) -> bool:
            """Only what is visible now counts."""
            return isinstance(message, JobTable.Wanted)

    class Opened(Message):
        """A job was double clicked."""

    def __init__(self, window: JobWindow, now_ms: Callable[[], int], *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.window = window
        self.now_ms = now_ms
        self.cursor_id: int | None = None
        self.pinned = False  # a person has moved the cursor: rows may no longer move it back to the top
        self.moved_at = float("-inf")  # when rows last put another job under a cursor that nobody moved
        self.above = 0  # rows that came above the visible part
        self.wide = False
        self.pauses: Sequence[Pause] = ()  # of queues, sites and batches
        self.worker = True  # whether one works on what is shown as running
        self.empty_words: list[str] = []
        self.speeds = Speeds()
        self.columns: Layout = layout_for(80)
        self._painted: dict[int, Row] = {}  # line of the widget: what stands there
        self._made: dict[int, Row] = {}  # by job, as of the last tick, until painted
        self._strips: OrderedDict[tuple[object, ...], Strip] = OrderedDict()
        self.rendered = 0  # calls of render_line, watched by tests

    # where things are

    @property
    def page(self) -> int:
        """Rows that fit under the header."""
        return max(1, self.size.height - 1)

    @property
    def in_sight(self) -> range:
        """Places of the rows on the screen."""
        first = self.scroll_offset.y
        return range(first, min(first + self.page, len(self.window)))

    def on_resize(self) -> None:
        """Another size: choose the columns again."""
        self.relayout()

    def relayout(self) -> None:
        """Choose the columns for the present width and the longest id."""
        digits = len(str(max(self.window.ids, default=0)))
        width = self.scrollable_content_region.width or self.size.width
        columns = layout_for(width, digits, wide=self.wide, ascii_only=self.ascii_only)
        self.virtual_size = Size(width, len(self.window) + 1)
        if columns != self.columns:
            self.columns = columns
            self._strips.clear()
        self._made.clear()
        self.refresh()
        self.ask_for_rows()

    def notify_style_update(self) -> None:
        """Colours have changed."""
        self._strips = OrderedDict()
        super().notify_style_update()

    # rows come and go

    def reordered(self, came: int) -> None:
        """The window has fresh ids, `came` of them new: keep the cursor on its id and its line."""
        line = self.place - self.scroll_offset.y
        at_top = self.scroll_offset.y == 0
        place = None if self.cursor_id is None else self.window.place(self.cursor_id, self.place)
        self.virtual_size = Size(self.virtual_size.width, len(self.window) + 1)
        if not self.pinned or place is None:
            place = 0 if not self.pinned else min(self.place, max(0, len(self.window) - 1))
        if at_top and place < self.page:
            self.above = 0
        else:
            self.above += came if self.pinned else 0
            self.scroll_to(y=max(0, place - line), animate=False, force=True)
        self._set_cursor(place)
        self.relayout()

    def _set_cursor(self, place: int) -> None:
        found = self.window.ids[place] if 0 <= place < len(self.window) else None
        self.place = place
        if found != self.cursor_id:
            if not self.pinned and self.cursor_id is not None:
                self.moved_at = time.monotonic()
            self.cursor_id = found
            self.post_message(self.CursorMoved())

    def ask_for_rows(self) -> None:
        """Ask for visible rows that are not in memory, and a page on each side."""
        visible = self.in_sight
        if visible and self.window.missing(visible.start, visible.stop):
            self.post_message(self.Wanted())

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Scrolled: the lines show other rows."""
        super().watch_scroll_y(old_value, new_value)
        if round(old_value) != round(new_value):
            self._painted.clear()
            self._made.clear()
            if self.scroll_offset.y == 0:
                self.above = 0
            self.ask_for_rows()

    def tick(self) -> None:
        """Paint the cells of visible rows that differ from what stands there; nothing else is sent."""
        width = self.size.width
        self._made.clear()
        for place in self.in_sight:
            y = place - self.scroll_offset.y + 1
            job = self.window.at(place)
            if job is None:
                continue
            old = self._painted.get(y)
            made = self._made[job.id] = self._row(job)
            edge = changed_edge(old, made, width)
            if edge:
                self.refresh(Region(0, y, edge, 1))

    def _row(self, job: Job) -> Row:
        speed = self.speeds.of(job, time.monotonic()) if job.live else None
        marked = job.id in self.window.marks
        return row(
            job,
            self.columns,
            self.now_ms(),
            marked=marked,
            rate_now=speed,
            worker=self.worker,
            pauses=self.pauses,
        )

    # painting

    def render_line(self, y: int) -> Strip:
        """The header, or one row."""
        self.rendered += 1
        width = self.size.width
        if y == 0:
            return self.strip_of(header(self.columns), width)
        place = self.scroll_offset.y + y - 1
        if place >= len(self.window):
            self._painted.pop(y, None)
            return self.strip_of(self._empty_line(y), width)
        on_cursor = place == self.place
        job = self.window.at(place)
        if job is None:
            self._painted.pop(y, None)
            return self.strip_of([(f"   {self.window.ids[place]} …", "dim")], width, on_cursor)
        made = self._made.pop(job.id, None) or self._row(job)
        self._painted[y] = made
        edge = min(made.edges[-1], width)
        return Strip.join([self.strip_of(list(made.live), edge, on_cursor), self._rest(made, width - edge, on_cursor)])

    def _rest(self, made: Row, width: int, on_cursor: bool) -> Strip:
        """The part of a row that seldom changes, from memory when it has been drawn before."""
        key = (made.rest, width, on_cursor)
        strip = self._strips.get(key)
        if strip is None:
            strip = self._strips[key] = self.strip_of(list(made.rest), width, on_cursor)
            if len(self._strips) > _STRIPS:
                self._strips.popitem(last=False)
        return strip

    def _empty_line(self, y: int) -> Spans:
        if len(self.window) or y < 3 or y - 3 >= len(self.empty_words):
            return []
        return [("   " + self.empty_words[y - 3], "dim" if y > 3 else "plain")]

    # the cursor

    def move_to(self, place: int) -> None:
        """Put the cursor on a row, in sight."""
        if not len(self.window):
            return
        old = self.place
        place = max(0, min(place, len(self.window) - 1))
        self.pinned = place > 0
        self._set_cursor(place)
        self.moved_at = float("-inf")  # a person moved it
        first = self.scroll_offset.y
        if place < first:
            self.scroll_to(y=place, animate=False, force=True)
        elif place >= first + self.page:
            self.scroll_to(y=place - self.page + 1, animate=False, force=True)
        self._repaint_place(old)
        self._repaint_place(place)

    def _repaint_place(self, place: int) -> None:
        if place in self.in_sight:
            self.refresh(Region(0, place - self.scroll_offset.y + 1, self.size.width, 1))

    def move_by(self, rows: int) -> None:
        """Move the cursor up or down."""
        self.pinned = True
        self.move_to(self.place + rows)
        self.pinned = True

    def repaint(self) -> None:
        """Paint all visible rows that differ, marks included."""
        self.tick()

    @property
    def steady(self) -> bool:
        """Whether the row under the cursor has stood there long enough to be acted on."""
        return self.pinned or time.monotonic() - self.moved_at > 0.5

    def on_click(self, event: events.Click) -> None:
        """One click moves the cursor, two open the job."""
        place = self.scroll_offset.y + event.y - 1
        if event.y >= 1 and place < len(self.window):
            self.move_to(place)
            self.pinned = True
            if event.chain == 2:
                self.post_message(self.Opened())
