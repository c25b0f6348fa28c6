"""One job in full, for people: the lines of `spool show`."""

from __future__ import annotations

import itertools
import json
import os
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from console.about import after_words, command
from console.cli.forms import defaults_of, shown_params
from console.format import clock, cut, in_clock, rate, size, span_of
from console.reached import reached
from console.told import Line, headline, lines
from workers.jobs import Job, Outcome, State
from workers.text import clean

if TYPE_CHECKING:
    from workers.client import Client

_HISTORY = 20
_BROKEN = 20
_FOUND = 20  # inputs whose facts are told
_ROWS = 6  # of a terminal that one fact may fill
_LEAST_NAME = 24  # cells that a name gets in any terminal
_INDENT = 13  # cells before a fact
_NAMES = 14  # characters for the name of a fact


def card(client: Client, job: Job, width: int = 0) -> Iterator[str]:
    """Everything that is known about a job, line by line.

    For a terminal of `width` cells names fit into a line, and nothing fills the screen; 0 cuts nothing.
    """
    for line in _lines(client, job, width):
        yield cut(line, width * _ROWS) if width else line


def _short(name: str, width: int, taken: int) -> str:
    """A name with its beginning and its end in what is left of a line of which so many cells are `taken`."""
    return cut(name, max(_LEAST_NAME, width - taken), middle=True) if width else name


def _lines(client: Client, job: Job, width: int) -> Iterator[str]:
    now_ms = int(time.time() * 1000)
    start = f"job {job.id}: "
    yield start + _short(clean(job.title), width, len(start))
    yield from _field("state", _state(job))
    yield from _field("operation", f"{job.operation}, in queue {job.queue}, priority {job.priority.word}")
    yield from _field("submitted", f"{clock(job.submitted_at, now_ms)} by {job.submitted_by}")
    yield from _times(job, now_ms)
    yield from _field("batch", job.batch or "")
    yield from _field("after", after_words(job))
    yield from _field("progress", _progress(job))
    yield from _items(client, job, width)
    if job.state in (State.QUEUED, State.PAUSED):
        word = "waits" if job.state is State.QUEUED else "paused"
        for waiting in client.why(job.id):
            told = f"{waiting.detail}; {waiting.lifts}" if waiting.lifts else waiting.detail
            yield from _field(word, in_clock(told, now_ms))
    yield from _failure(job, width)
    for path in job.outputs:
        yield from _field("output", _short(clean(path), width, _INDENT))
    yield from _found(client, job, width)
    yield from _options(client, job)
    yield from _history(client, job, now_ms)


def _field(name: str, value: str) -> Iterator[str]:
    if value:
        yield f"  {name + ':' if name else '':<10} {clean(value)}"


def _state(job: Job) -> str:
    held = ", held" if job.hold and not job.final else ""
    tries = f", attempt {job.attempts} of {job.max_attempts}" if job.attempts else ""
    wish = f", asked to {job.wish.value}" if job.wish.value else ""
    return f"{job.state.value}{held}{tries}{wish}"


def _times(job: Job, now_ms: int) -> Iterator[str]:
    if job.state is State.QUEUED and job.run_after and job.run_after > now_ms:
        yield from _field("not before", clock(job.run_after, now_ms))
    if job.started_at:
        until = job.finished_at or now_ms
        yield from _field(
            "started", f"{clock(job.started_at, now_ms)}, took {span_of((until - job.started_at) / 1000)}"
        )
    yield from _field("finished", clock(job.finished_at, now_ms))


def _progress(job: Job) -> str:
    progress = job.progress
    parts = [progress.phase]
    share = reached(job)
    if share is not None:
        parts.append(f"{share * 100:.0f}%")
    early = job.final and progress.total is not None and progress.done != progress.total  # it did not need them all
    if progress.unit == "bytes" and progress.done is not None and not early:
        parts.append(size(progress.done) + (f" of {size(progress.total)}" if progress.total else ""))
    if job.live:
        parts.append(rate(progress.rate, progress.unit))
        parts.append(f"{span_of(progress.eta_s)} left" if progress.eta_s is not None else "")
    return ", ".join(part for part in parts if part)


def _items(client: Client, job: Job, width: int) -> Iterator[str]:
    counts = job.items
    if not counts.total:
        return
    ended = {"done": counts.done, "failed": counts.failed, "skipped": counts.skipped, "cached": counts.cached}
    yield from _field(
        "items", ", ".join([f"{counts.total} in all", *(f"{n} {word}" for word, n in ended.items() if n)])
    )
    if counts.failed:
        for item in client.items(job.id, outcome=Outcome.FAILED.value, limit=_BROKEN):
            reason = f"{item.failure.error_class.value}: {item.failure.message}" if item.failure else "no reason given"
            yield from _field("failed", f"{_short(clean(item.key), width, width // 2)}: {reason}")
        if counts.failed > _BROKEN:
            yield from _field("failed", f"and {counts.failed - _BROKEN} more")


def _found(client: Client, job: Job, width: int) -> Iterator[str]:
    """What came out: all facts of one input or of a job without items, a line each of several inputs."""
    ended = job.items.done + job.items.skipped + job.items.cached
    if not job.items.total:
        facts = lines(job.operation, client.result(job.id)) if job.state is State.SUCCEEDED else []
        yield from _facts(facts)
    elif ended and job.items.total == 1:
        for item in client.items(job.id, limit=1):
            yield from _facts(lines(job.operation, item.detail))
    elif ended:
        good = (item for item in client.items(job.id, limit=_FOUND + job.items.failed) if item.failure is None)
        for item in itertools.islice(good, _FOUND):
            name = _short(clean(os.path.basename(item.key)), width, width // 2)
            yield from _field("found", f"{name}: {headline(job.operation, item)}".rstrip(": "))
        more = f"and {ended - _FOUND} more; " if ended > _FOUND else ""
        yield from _field("", f"{more}`spool show {job.id} --items` prints all facts of each, as JSON")


def _facts(facts: list[Line]) -> Iterator[str]:
    for place, (name, value) in enumerate(facts):
        yield from _field("found" if place == 0 else "", f"{name:<{_NAMES}} {value}")


def _failure(job: Job, width: int) -> Iterator[str]:
    if job.failure is None:
        return
    helps = "trying again can help" if job.failure.retryable else "trying again does not help"
    yield from _field("error", f"{job.failure.error_class.value}: {job.failure.message} ({helps})")
    if job.failure.input != job.title:
        yield from _field("input", _short(clean(job.failure.input), width, _INDENT))
    for line in job.failure.detail.splitlines():
        yield f"    | {clean(line)}"
    if job.state is State.FAILED:
        yield from _field("again", f"spool retry {job.id}")


def _options(client: Client, job: Job) -> Iterator[str]:
    shown = shown_params(client.operations(), job)
    for name, value in shown.items():
        if value not in (None, "", [], {}):
            yield from _field(
                "option", f"{name} = {value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}"
            )
    defaults = defaults_of(client.operations(), job.operation)
    yield from _field("command", command(job.operation, shown, defaults, job))


def _history(client: Client, job: Job, now_ms: int) -> Iterator[str]:
    events = client.events(job_id=job.id)
    if len(events) > _HISTORY:
        yield from _field("history", f"the last {_HISTORY} of {len(events)} changes")
    for event in events[-_HISTORY:]:
        reason = f" ({in_clock(event.reason, now_ms)})" if event.reason else ""
        yield from _field("history", f"{clock(event.at, now_ms)} {event.move} by {event.by}{reason}")
