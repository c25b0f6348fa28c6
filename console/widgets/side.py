"""Queues, host and worker as lines: the panel beside the table, and the body of the health screen."""

from __future__ import annotations

from collections.abc import Sequence

from console.countdown import left_words, until_words
from console.feed import Figures
from console.format import Spans, age, amount, bar, clock, fit, size, spark, wrap
from console.widgets.paint import Lines
from console.widgets.status import load_role
from workers.client import HostFigures, QueueStatus, WorkerStatus
from workers.text import clean


def slots_spans(queue: QueueStatus, room: int, *, ascii_only: bool = False) -> Spans:
    """The slots of a queue as dots, taken ones filled; figures when there are too many."""
    full, free = ("#", ".") if ascii_only else ("●", "○")
    taken = queue.running + queue.paused_jobs
    if max(queue.slots, taken) > room - 1:
        return [(fit(f"{taken}/{queue.slots}", room), "running" if taken else "dim")]
    spare = max(0, queue.slots - taken)
    blanks = room - taken - spare
    return [
        (full * queue.running, "running"),
        (full * queue.paused_jobs, "paused"),
        (free * spare, "dim"),
        (" " * blanks, "plain"),
    ]


def queue_line(queue: QueueStatus, width: int, now_ms: int, *, ascii_only: bool = False) -> Spans:
    """One queue: name, slots, how many run, wait and failed; in words why it is paused, and who chose its slots."""
    dots = 8 if width < 60 else 16
    paused = queue_pause_words(queue, now_ms, short=width < 80)
    waiting = amount(queue.waiting) if queue.waiting else "-"
    spans: Spans = [
        (" " + fit(clean(queue.name), 10), "paused" if queue.paused else "plain"),
        *slots_spans(queue, dots, ascii_only=ascii_only),
        (fit(waiting, 7, right=True), "plain" if queue.waiting else "dim"),
    ]
    if width >= 60:
        spans.append(
            (fit(amount(queue.failed) if queue.failed else "-", 8, right=True), "failed" if queue.failed else "dim")
        )
        spans.append((f"   {paused}", "paused"))
        if queue.slots_words:
            room = max(0, width - 47 - len(paused))
            spans.append((f"  {fit(clean(queue.slots_words), room)}" if room > 8 else "", "dim"))
    elif paused:
        left = left_words(queue.paused_until, now_ms) if queue.paused_until else "paused"
        spans.append((f" {left}" if width >= 34 else " P", "paused"))
    else:
        spans.append((fit(amount(queue.failed) if queue.failed else "", 7, right=True), "failed"))
    return spans


def queue_pause_words(queue: QueueStatus, now_ms: int, *, short: bool = False) -> str:
    """Who paused a queue and until when, or in `short` for how long; empty when it is not paused."""
    if not queue.paused:
        return ""
    if short:
        return "paused" if queue.paused_until is None else f"paused {left_words(queue.paused_until, now_ms)}"
    by = f" by {clean(queue.paused_by)}" if queue.paused_by else ""
    return f"paused{by} {until_words(queue.paused_until, now_ms)}".rstrip()


def paused_queues_words(queues: Sequence[QueueStatus], now_ms: int) -> str:
    """Which queues are paused, for a place with little room; empty when none is."""
    paused = [queue for queue in queues if queue.paused]
    if len(paused) != 1:
        return f"{'all' if len(paused) == len(queues) else len(paused)} queues paused" if paused else ""
    until = paused[0].paused_until
    return f"{clean(paused[0].name)} paused{f' {left_words(until, now_ms)}' if until is not None else ''}"


def queue_head(width: int) -> Spans:
    """The titles over the queues."""
    dots = 8 if width < 60 else 16
    return [
        (
            " "
            + fit("Queue", 10)
            + fit("Slots", dots)
            + fit("Waiting", 7, right=True)
            + fit("Failed", 8 if width >= 60 else 7, right=True),
            "head",
        )
    ]


def meter(name: str, percent: float, words: str, width: int, *, ascii_only: bool = False) -> Spans:
    """A named percentage with its bar."""
    full, rest = bar(percent / 100, 10 if width < 44 else 16 if width < 60 else 24, ascii_only=ascii_only)
    role = load_role(percent)
    return [
        (f" {name:<7}", "dim"),
        (full, "running" if role == "plain" else role),
        (rest, "track"),
        (f" {percent:>3.0f}%", role),
        (f"  {words}", "dim"),
    ]


def host_lines(figures: HostFigures | None, width: int, *, ascii_only: bool = False) -> list[Spans]:
    """Load, memory, disk and pressure of the worker's host."""
    if figures is None:
        return [[(" no figures: no worker reports any", "dim")]]
    lines = [
        meter("cpu", figures.cpu_percent, f"load {figures.load1:.1f}", width, ascii_only=ascii_only),
        meter("memory", figures.memory_percent, "", width, ascii_only=ascii_only),
        meter("disk", figures.disk_percent, f"{size(figures.disk_free)} free", width, ascii_only=ascii_only),
    ]
    pressure = [(name, getattr(figures, f"psi_{name}")) for name in ("cpu", "io", "memory")]
    known = [f"{name} {value:.0f}%" for name, value in pressure if value is not None]
    if known:
        lines.append([(" waits  ", "dim"), ("  ".join(known), "plain")])
    return lines


def worker_lines(worker: WorkerStatus | None, width: int, now_ms: int, *, watching: bool = False) -> list[Spans]:
    """The worker: since when, where; what it found and did when it started. Who is only `watching` starts none."""
    if worker is None:
        return [[(" …", "dim")]]
    if not worker.running:
        lines: list[Spans] = [[(" no worker runs", "bad")], [(" nothing is started until one does", "dim")]]
        lines[1] += [] if watching else [("; ", "dim"), ("W", "key"), (" starts one", "dim")]
        return lines
    started = clock(worker.started_at, now_ms) if worker.started_at else "?"
    lines = [
        [(" running", "good"), (f" since {started}", "plain")],
        [(f" pid {worker.pid} on {clean(worker.host)}, version {clean(worker.version)}", "dim")],
    ]
    if worker.heartbeat is not None and worker.silent:
        lines.append([(f" silent for {age(worker.heartbeat, now_ms)}", "bad")])
    if worker.stale_config:
        lines += [[(" " + part, "warn")] for part in wrap(worker.stale_words, width - 2)]
    for text in worker.report:
        lines += [[(" " + part, "plain")] for part in wrap(clean(text), width - 2)]
    return lines


def title_line(words: str, width: int, *, ascii_only: bool = False) -> Spans:
    """A section's title with a quiet line after it."""
    rule = ("-" if ascii_only else "─") * max(0, width - len(words) - 3)
    return [(f" {words} ", "title"), (rule, "track")]


class SidePanel(Lines):
    """The panel at the right of wide terminals."""

    def tell(self, figures: Figures, speeds: Sequence[float], now_ms: int) -> None:
        """Show queues, host, download speed and worker."""
        width, plain = self.size.width, self.ascii_only
        lines: list[Spans] = [title_line("Queues", width, ascii_only=plain), queue_head(width)]
        lines += [queue_line(queue, width, now_ms, ascii_only=plain) for queue in figures.queues]
        lines += [[], title_line("Host", width, ascii_only=plain)]
        worker = figures.worker
        lines += host_lines(worker.figures if worker and worker.running else None, width, ascii_only=plain)
        if any(speeds):
            words = f" {amount(speeds[-1])}/s"
            lines += [[], title_line("Download speed", width, ascii_only=plain)]
            lines.append([(" " + spark(list(speeds), width - 10, ascii_only=plain), "running"), (words, "plain")])
        lines += [
            [],
            title_line("Worker", width, ascii_only=plain),
            *worker_lines(worker, width, now_ms, watching=self.spool.read_only),
        ]
        self.show(lines)
