"""The top line: jobs by state, host load, disk, the worker, and how old all this is."""

from __future__ import annotations

import time
from dataclasses import dataclass

from console.feed import Figures
from console.format import Spans, amount, fit_spans, span_of, width_of
from console.rows import role_of
from console.widgets.paint import Lines
from workers.client import SILENT_S, HostFigures
from workers.jobs import State
from workers.text import clean

_SHOWN = (State.RUNNING, State.PAUSED, State.QUEUED, State.FAILED, State.SUCCEEDED, State.CANCELLED, State.SKIPPED)
_SELDOM = frozenset({State.PAUSED, State.CANCELLED, State.SKIPPED})


@dataclass(frozen=True, slots=True)
class Now:
    """What the status line must know beside the figures."""

    host: str
    speed: float = 0.0  # bytes a second of all downloads
    frozen: bool = False
    rate: int = 0  # shown while it is being changed
    read_only: bool = False
    starting: bool = False  # a worker is being started
    loading: bool = False
    hour: str = ""


def counts_spans(figures: Figures, room: int) -> Spans:
    """The number of jobs in each state, states that are rare only when there are any."""
    spans: Spans = [(" ", "plain")]
    for state in _SHOWN:
        number = figures.counts.get(state, 0)
        if (state in _SELDOM and not number) or (state is State.SUCCEEDED and room < 72):
            continue
        letter_role = role_of(state) if number else "dim"
        spans += [
            ("skipped " if state is State.SKIPPED else state.letter, letter_role),  # "-2" would be a number
            (amount(number) + " ", "strong" if number and state.value == "running" else letter_role),
        ]
    return spans


def load_role(percent: float) -> str:
    """Calm until it matters."""
    return "bad" if percent >= 95 else "warn" if percent >= 85 else "plain"


def _host_spans(figures: HostFigures, room: int) -> Spans:
    spans: Spans = []
    wanted = [
        ("cpu", figures.cpu_percent, 100.0),
        ("mem", figures.memory_percent, 90.0),
        ("disk", figures.disk_percent, 85.0),
    ]
    for name, value, _limit in wanted if room >= 72 else wanted[::2]:
        role = "plain" if name == "cpu" else load_role(value)
        spans += [(f"{name} ", "dim"), (f"{value:.0f}% ", role)]
    return spans


def worker_spans(figures: Figures, now: Now) -> Spans:
    """Whether a worker works, and how old its last sign of life is."""
    if figures.problem:
        return [("store: " + clean(figures.problem), "bad")]
    worker = figures.worker
    if now.starting:
        return [("starting a worker … ", "accent")]
    if worker is None:
        return [("reading … ", "dim")]
    if not worker.running:
        return [("no worker", "bad"), (" " if now.read_only else " W starts one ", "warn")]
    age = _age(figures)
    if age is not None and age > SILENT_S:
        return [(f"STALE {span_of(age)} ", "bad")]
    return [("worker ", "dim"), ("ok ", "good")]


def _age(figures: Figures) -> float | None:
    """Seconds since the worker's last sign of life, counted on from when it was read."""
    worker = figures.worker
    if worker is None or worker.age_s is None:
        return None
    return worker.age_s + max(0.0, time.monotonic() - figures.read_at)


def status_spans(figures: Figures, now: Now, width: int, *, ascii_only: bool = False) -> Spans:
    """The whole line in `width` cells; the right end drops first when it is narrow."""
    bar = ("| " if ascii_only else "│ ", "track")
    left = counts_spans(figures, width)
    worker = figures.worker
    if now.speed >= 1000 and width >= 76:
        left += [bar, ("in " if ascii_only else "↓ ", "dim"), (f"{amount(now.speed)}/s ", "running")]
    if worker is not None and worker.running and worker.figures is not None and not figures.problem:
        left += [bar, *_host_spans(worker.figures, width)]
    left += [bar, *worker_spans(figures, now)]
    if now.loading:
        left += [bar, ("loading … ", "dim")]
    if now.frozen:
        left += [bar, ("FROZEN", "warn"), (" z ", "dim")]
    if now.read_only:
        left += [bar, ("read only ", "warn")]
    right: Spans = [(now.hour + " ", "dim"), (clean(now.host) + " ", "dim")]
    gap = width - width_of(left) - width_of(right)
    if gap < 1:
        right, gap = right[:1], width - width_of(left) - width_of(right[:1])
    if gap < 1:
        return fit_spans(left, width, ascii_only=ascii_only)
    return [*left, (" " * gap, "plain"), *right]


class StatusLine(Lines):
    """The top line as a widget."""

    def tell(self, figures: Figures, now: Now) -> None:
        """Show these figures; paints only when the line differs."""
        self.show([status_spans(figures, now, self.size.width, ascii_only=self.ascii_only)])
