"""A job as one line of the table: the columns that change stand first, so that little is painted again. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from console.countdown import left_words, until_words
from console.format import Span, Spans, age, bar, cut, fit, percent, plain, plural, rate, span_of
from workers.client import sites_over
from workers.jobs import Job, Pause, Priority, Scope, State, Wish
from workers.text import clean

_ROLE = {
    State.QUEUED: "queued",
    State.RUNNING: "running",
    State.PAUSED: "paused",
    State.SUCCEEDED: "succeeded",
    State.FAILED: "failed",
    State.CANCELLED: "cancelled",
    State.SKIPPED: "skipped",
}
_NAME_LEAST = 28
_NAME_GOOD = 56  # further columns join by themselves only beside a name as wide as this
_ETA, _SPEED, _AGE, _OPERATION, _QUEUE = 6, 8, 4, 10, 9


def role_of(state: State) -> str:
    """The role (colour) of a state."""
    return _ROLE[state]


@dataclass(frozen=True, slots=True)
class Layout:
    """Which columns fit a width and how wide each is, in cells; 0 leaves a column out."""

    width: int
    percent: int
    bar: int
    speed: int
    id: int
    name: int
    operation: int = 0
    queue: int = 0
    age: int = 0
    tries: int = 0
    priority: int = 0
    batch: int = 0
    site: int = 0
    ascii_only: bool = False

    @property
    def zone(self) -> int:
        """Cells of the changing columns right of the state letter: percentage, bar, speed and time left."""
        return self.percent + 1 + self.bar + (self.speed + 1 if self.speed else 0) + 1 + _ETA

    @property
    def extras(self) -> tuple[tuple[str, int], ...]:
        """The columns after the name, with their widths."""
        names = ("operation", "queue", "priority", "tries", "batch", "site", "age")
        return tuple((name, width) for name in names if (width := getattr(self, name)))


def layout_for(width: int, id_digits: int = 5, *, wide: bool = False, ascii_only: bool = False) -> Layout:
    """The columns for a table of `width` cells; further ones join while the name keeps its room."""
    narrow = width < 72
    pct = 5 if width >= 100 else 3
    bars = 8 if narrow else 10 if width < 100 else 16 if width < 140 else 20
    speed = 0 if narrow else _SPEED
    ids = max(4, id_digits)
    fixed = 2 + 1 + pct + 1 + bars + (speed + 1 if speed else 0) + 1 + _ETA + 2 + ids + 1
    room = width - fixed - 1  # a blank before the scrollbar
    chosen: dict[str, int] = {}
    further = _NAME_LEAST if wide else _NAME_GOOD
    order = [("age", _AGE, _NAME_LEAST), ("operation", _OPERATION, _NAME_LEAST), ("queue", _QUEUE, _NAME_LEAST)]
    order += [("site", 18, further), ("batch", 12, further), ("tries", 5, further), ("priority", 8, further)]
    for name, cells, least in order:
        if room - cells - 1 < least:
            break
        chosen[name] = cells
        room -= cells + 1
    return Layout(width, pct, bars, speed, ids, max(4, room), ascii_only=ascii_only, **chosen)


@dataclass(frozen=True, slots=True)
class Row:
    """A job's line: `live` spans with the cell where each ends, then the `rest`, which seldom changes."""

    live: tuple[Span, ...]
    edges: tuple[int, ...]
    rest: tuple[Span, ...]

    @property
    def spans(self) -> Spans:
        """The whole line."""
        return [*self.live, *self.rest]


def changed_edge(old: Row | None, new: Row, width: int) -> int:
    """How many cells from the left must be painted again to turn `old` into `new`; 0 for none."""
    if old is None or old.rest != new.rest or old.edges != new.edges:
        return width
    for index in range(len(new.live) - 1, -1, -1):
        if old.live[index] != new.live[index]:
            return new.edges[index]
    return 0


def header(layout: Layout) -> Spans:
    """The line over the table."""
    parts = ["St", fit("%", layout.percent, right=True), fit("Progress", layout.bar)]
    if layout.speed:
        parts.append(fit("Speed", layout.speed, right=True))
    parts.append(fit("ETA", _ETA, right=True))
    parts.append(" " + fit("Id", layout.id, right=True))
    parts.append(fit("Name", layout.name))
    # "age" is the time since the last change; as a word of the filter it counts from the submission: not the same word.
    parts += [fit("Ago" if name == "age" else name.capitalize(), c, right=name == "age") for name, c in layout.extras]
    return [(" ".join(parts), "head")]


def row(
    job: Job,
    layout: Layout,
    now_ms: int,
    *,
    marked: bool = False,
    rate_now: float | None = None,
    worker: bool = True,
    pauses: Sequence[Pause] = (),
) -> Row:
    """A job's line. `rate_now` is its smoothed speed, used instead of the reported one; without a `worker` none is.

    `pauses` are those of queues, sites and batches that are in force.
    """
    role = role_of(job.state)
    mark = ("*" if layout.ascii_only else "●") if marked else " "
    first: Span = (f"{mark}", "mark")
    if job.live:
        left = not worker and job.state is State.RUNNING
        if left:
            live, widths = _left_zone(job, layout, role)
        else:
            live, widths = _live_zone(job, layout, role, rate_now, now_ms, pauses)
        spans = (first, (job.state.letter + " ", role), *live)
        lengths = [1, 2, *widths]
    else:
        note = _short(note_of(job, now_ms, pauses), layout.zone - 1)
        note = fit(f" {note}", layout.zone, ascii_only=layout.ascii_only)
        spans = (first, (job.state.letter + " ", role), (note, _note_role(job, role)))
        lengths = [1, 2, layout.zone]
    return Row(spans, tuple(accumulate(lengths)), _rest(job, layout, now_ms))


def _live_zone(
    job: Job, layout: Layout, role: str, rate_now: float | None, now_ms: int, pauses: Sequence[Pause] = ()
) -> tuple[list[Span], list[int]]:
    progress = job.progress
    fraction = _fraction(job)
    text = percent(fraction, decimals=1 if layout.percent >= 5 else 0)
    spans: list[Span] = [(fit(text, layout.percent, right=True) + " ", role)]
    if fraction is None:
        word = clean(progress.phase)
        spans.append(
            (
                fit(
                    (plain(word) if layout.ascii_only else word) or "starting", layout.bar, ascii_only=layout.ascii_only
                ),
                "dim",
            )
        )
        spans.append(("", "track"))
    else:
        full, rest = bar(fraction, layout.bar, ascii_only=layout.ascii_only)
        spans += [(full, role), (rest, "track")]
    widths = [layout.percent + 1, layout.bar, 0]  # both parts of the bar end where it ends
    speed, eta = _speed(job, rate_now), _eta(job, now_ms, pauses)
    if layout.speed:
        spans.append((" " + fit(speed, layout.speed, right=True), "plain"))
        widths.append(layout.speed + 1)
    elif speed in _WISHES.values() or (job.state is State.PAUSED and not eta):
        eta = speed
    spans.append((" " + fit(eta, _ETA, right=True), "plain"))
    widths.append(_ETA + 1)
    return spans, widths


def _left_zone(job: Job, layout: Layout, role: str) -> tuple[list[Span], list[int]]:
    """What a dead worker left running: how far it had come, without a speed or a time left that nobody keeps."""
    live, widths = _live_zone(job, layout, role, None, 0)
    kept = 3 if layout.speed else 1  # a narrow line has no other place for the words than that of the bar
    cells = layout.zone - sum(widths[:kept])
    return [*live[:kept], (fit("no worker", cells, right=True), "warn")], [*widths[:kept], cells]


_WISHES = {Wish.CANCEL: "ending", Wish.PAUSE: "pausing", Wish.RESUME: "waking", Wish.HOLD: "holds"}


def _speed(job: Job, rate_now: float | None) -> str:
    if job.wish in _WISHES:
        return _WISHES[job.wish]
    if job.state is State.PAUSED:
        return "paused"
    value = job.progress.rate if rate_now is None else rate_now
    return rate(value, job.progress.unit)


def pause_of(job: Job, pauses: Sequence[Pause]) -> Pause | None:
    """The pause of its queue, batch or site under which a job is; the one that lasts longest."""
    own = {(Scope.QUEUE, job.queue), (Scope.BATCH, job.batch)}
    own.update((Scope.SITE, name) for name in sites_over(job.site or ""))
    over = [pause for pause in pauses if (pause.scope, pause.name) in own]
    return max(over, key=lambda pause: float("inf") if pause.until is None else pause.until, default=None)


def _eta(job: Job, now_ms: int, pauses: Sequence[Pause]) -> str:
    """How long it takes to its end; of a job that is paused for a time, how long it still is."""
    if job.state is State.RUNNING:
        return span_of(job.progress.eta_s)
    until = job.pause_until
    if until is None and (pause := pause_of(job, pauses)) is not None:
        until = pause.until
    return "" if until is None else left_words(until, now_ms)


def _fraction(job: Job) -> float | None:
    if job.progress.fraction is not None:
        return job.progress.fraction
    items = job.items
    if items.total:
        return min(1.0, (items.done + items.failed + items.skipped + items.cached) / items.total)
    return None


def _short(note: str, width: int) -> str:
    """A note without the countdown at its end, or even the time, where it does not fit whole."""
    for end in (" (", " until "):
        if len(note) > width and " until " in note:
            note = note.rpartition(end)[0] or note
    return note


def _note_role(job: Job, role: str) -> str:
    if job.state is State.FAILED:
        return "failed"
    if job.state is State.QUEUED and job.priority >= Priority.HIGH and not job.hold:
        return "plain"
    return "dim"


def note_of(job: Job, now_ms: int, pauses: Sequence[Pause] = ()) -> str:
    """What a job that does not run says in place of its bar."""
    if job.state is State.QUEUED:
        return _queued_note(job, now_ms, pauses)
    took = ""
    if job.started_at is not None and job.finished_at is not None:
        took = span_of((job.finished_at - job.started_at) / 1000)
    if job.state is State.FAILED:
        why = job.failure.error_class.value.replace("_", " ") if job.failure else "failed"
        tries = f", {job.attempts} tries" if job.attempts > 1 else ""
        return f"{why}{tries}"
    if job.state is State.SUCCEEDED:
        items = f"{plural(job.items.total, 'item')}, " if job.items.total > 1 else ""
        bad = f" ({job.items.failed} failed)" if job.items.failed else ""
        return f"{items}took {took or '0s'}{bad}"
    return job.state.value


def _queued_note(job: Job, now_ms: int, pauses: Sequence[Pause]) -> str:
    level = "" if job.priority is Priority.NORMAL else f"{job.priority.word}, "
    if job.hold:
        return f"{level}held {until_words(job.pause_until, now_ms)}".rstrip()
    if job.run_after is not None and job.run_after > now_ms:
        wait = span_of((job.run_after - now_ms) / 1000)
        if job.failures:
            why = job.failure.error_class.value.replace("_", " ") if job.failure else "failed"
            return f"{level}{why}, again in {wait}"
        return f"{level}starts in {wait}"
    if job.after:
        more = f" +{len(job.after) - 1}" if len(job.after) > 1 else ""
        return f"{level}after {job.after[0]}{more}"
    pause = pause_of(job, pauses)
    if pause is not None:
        return f"{level}{pause.scope.value} paused {until_words(pause.until, now_ms)}".rstrip()
    return f"{level}waiting"


def _since(job: Job) -> int:
    if job.final and job.finished_at is not None:
        return job.finished_at
    if job.live and job.started_at is not None:
        return job.started_at
    return job.submitted_at


def _rest(job: Job, layout: Layout, now_ms: int) -> tuple[Span, ...]:
    title = clean(job.title)
    name = fit(plain(title) if layout.ascii_only else title, layout.name, ascii_only=layout.ascii_only, middle=True)
    tail = ""
    for column, cells in layout.extras:
        text = _extra(job, column, now_ms)
        tail += " " + fit(text, cells, right=column == "age", ascii_only=layout.ascii_only)
    spans: list[Span] = [(f"  {job.id:>{layout.id}} ", "dim"), (name, "dim" if job.final else "plain")]
    if tail:
        spans.append((tail, "dim"))
    return tuple(spans)


def _extra(job: Job, column: str, now_ms: int) -> str:
    if column == "age":
        return age(_since(job), now_ms)
    if column == "priority":
        return job.priority.word
    if column == "tries":
        return f"{job.attempts}/{job.max_attempts}"
    if column == "batch":
        return clean(job.batch or "")
    if column == "site":
        return clean(job.site or "")
    return cut(clean(str(getattr(job, column))), 40)
