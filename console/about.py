"""A job told in words: its line of facts, what it does, why it waits or failed, how to repeat it. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from console.countdown import until_words
from console.format import Spans, clock, in_clock, plural, rate, size, span_of, wrap
from console.rows import note_of, role_of
from workers.errors import ErrorClass, Failure
from workers.jobs import ItemCounts, Job, JobEvent, Priority, State, Waiting, Wish, rfc3339
from workers.text import clean

_CLASS_WORDS = {
    ErrorClass.NETWORK: "the network or the site failed",
    ErrorClass.THROTTLED: "the site asks to slow down",
    ErrorClass.GONE: "it is not there any more",
    ErrorClass.AUTH: "a login or permission is missing",
    ErrorClass.DISK: "the disk is full or refuses",
    ErrorClass.BAD_INPUT: "the input is missing or broken",
    ErrorClass.UNSUPPORTED: "nothing here can handle this input",
    ErrorClass.TOOL: "the tool failed",
    ErrorClass.CRASHED: "the runner or the worker died",
    ErrorClass.STALLED: "there was no sign of progress for too long",
}


def facts(job: Job, now_ms: int) -> Spans:
    """One line: id, operation, queue, since when, attempt, priority."""
    spans: Spans = [
        (f" {job.id} ", "strong"),
        (f"{clean(job.operation)} ", "accent"),
        (f"in {clean(job.queue)}  ", "dim"),
        (_since_words(job, now_ms), role_of(job.state)),
    ]
    if job.attempts > 1 or job.state is State.FAILED:
        spans.append((f"  attempt {job.attempts}/{job.max_attempts}", "dim"))
    if job.priority is not Priority.NORMAL:
        spans.append((f"  {job.priority.word} priority", "mark"))
    if job.batch:
        spans.append((f"  batch {clean(job.batch)}", "dim"))
    return spans


def _since_words(job: Job, now_ms: int) -> str:
    if job.live:
        if job.state is State.RUNNING:
            return f"running since {clock(job.started_at, now_ms)}"
        until = f" {until_words(job.pause_until, now_ms)}".rstrip()
        return f"paused{until}, started {clock(job.started_at, now_ms)}"
    if job.final:
        return f"{job.state.value} {clock(job.finished_at, now_ms)}"
    return f"{note_of(job, now_ms)}, since {clock(job.submitted_at, now_ms)}"


def doing(job: Job, waiting: Sequence[Waiting], now_ms: int) -> Spans:
    """The second line: what is being done, what came out, why it waits or failed."""
    if job.failure is not None and job.state in (State.FAILED, State.QUEUED):
        return [(f" {clean(job.failure.message)}", "failed" if job.final else "warn"), *_again(job)]
    if job.state is State.QUEUED and waiting:
        return [(" " + clean(in_clock(waiting[0].detail, now_ms)), "plain"), *_lifts(waiting[0])]
    if job.live:
        return [(" " + clean(job.title), "plain"), (progress_words(job), "dim")]
    if job.outputs:
        more = f"  +{len(job.outputs) - 1} more" if len(job.outputs) > 1 else ""
        return [(" -> ", "dim"), (clean(job.outputs[0]), "plain"), (more, "dim")]
    return [(" " + clean(job.title), "plain"), (f"  {note_of(job, now_ms)}", "dim")]


def _again(job: Job) -> Spans:
    if job.failure is None or job.state is not State.FAILED:
        return []
    return [("  R tries again" if job.failure.retryable else "  trying again will not help", "dim")]


def _lifts(waiting: Waiting) -> Spans:
    return [(f"  ({lifted_by(waiting)})", "dim")] if waiting.lifts else []


def lifted_by(waiting: Waiting) -> str:
    """What lifts a reason of the job that is shown: the command, and where one does the same, the key."""
    lifts = clean(waiting.lifts)
    return f"{lifts}, or H" if lifts and waiting.reason == "hold" else lifts


def progress_words(job: Job) -> str:
    """Phase, amounts, speed and time left of a live job."""
    progress = job.progress
    parts = [clean(progress.phase)] if progress.phase else []
    if progress.done is not None:
        parts.append(_amounts(progress.done, progress.total, progress.unit))
    if job.items.total > 1:
        parts.append(item_words(job.items))
    if job.state is State.RUNNING:
        parts += [rate(progress.rate, progress.unit)] if progress.rate else []
        parts += [f"{span_of(progress.eta_s)} left"] if progress.eta_s is not None else []
    return "  " + ", ".join(part for part in parts if part) if parts else ""


def _amounts(done: int, total: int | None, unit: str) -> str:
    if unit == "bytes":
        return f"{size(done)} of {size(total)}" if total else size(done)
    if unit == "ms":
        return f"{span_of(done / 1000)} of {span_of(total / 1000)}" if total else span_of(done / 1000)
    return f"{done:,} of {total:,}" if total else f"{done:,}"


def item_words(items: ItemCounts) -> str:
    """How the items of a job stand."""
    parts = [f"{items.done:,} done"]
    for name in ("failed", "skipped", "cached"):
        if number := getattr(items, name):
            parts.append(f"{number:,} {name}")
    return f"{plural(items.total, 'item')}: {', '.join(parts)}"


def command(
    operation: str, params: Mapping[str, Any], defaults: Mapping[str, Any] | None = None, job: Job | None = None
) -> str:
    """The command line that asks for the same again, quoted for a shell. Equal defaults are left out.

    Of a `job` with all that was asked of it besides its options: priority, batch, window, what it waits for.
    """
    words = ["spool", operation, *(_wishes(job) if job is not None else ())]
    inputs: list[str] = []
    for name, value in params.items():
        if name == "inputs":
            inputs = [str(part) for part in value] if isinstance(value, (list, tuple)) else [str(value)]
        elif value is not None and not (defaults and name in defaults and _same(defaults[name], value)):
            words += _flag(name.replace("_", "-"), value)
    if any(word.startswith("-") for word in inputs):
        words.append("--")
    return shlex.join([*words, *inputs])


def _wishes(job: Job) -> Iterator[str]:
    if job.priority is not Priority.NORMAL:
        yield from ("--priority", job.priority.word)
    if job.batch:
        yield from ("--batch", job.batch)
    if job.window:
        yield from ("--window", job.window)
    if job.state is State.QUEUED and job.run_after and job.failure is None:  # else the wait is that of a retry
        yield from ("--at", rfc3339(job.run_after) or "")
    if job.state is State.QUEUED and job.hold:
        yield "--hold"
    for other in job.after:
        yield from ("--after-ended" if other in job.after_ended else "--after", str(other))


def after_words(job: Job) -> str:
    """The jobs that it starts after, and of which of them any end will do."""
    return ", ".join(f"{other} (any end)" if other in job.after_ended else str(other) for other in job.after)


def _same(left: Any, right: Any) -> bool:
    return bool(left == right or str(left) == str(right))


def _flag(name: str, value: Any) -> list[str]:
    if isinstance(value, bool):
        return [f"--{name}" if value else f"--no-{name}"]
    if isinstance(value, (list, tuple)):
        return [word for part in value for word in (f"--{name}", str(part))]
    return [f"--{name}", str(value)]


def _field(name: str, text: str, width: int, role: str = "plain") -> list[Spans]:
    """A named value; long ones go on under themselves."""
    lines = [part for line in text.split("\n") for part in wrap(clean(line), max(20, width - 16))]
    first: Spans = [(f"  {name:<11} ", "dim"), (lines[0], role)]
    return [first, *([(" " * 14 + line, role)] for line in lines[1:])]


def summary(job: Job, waiting: Sequence[Waiting], defaults: Mapping[str, Any], width: int, now_ms: int) -> list[Spans]:
    """The first tab of a job's screen."""
    lines: list[Spans] = [[]]
    lines += error_card(job, defaults, width)
    lines += why_lines(job, waiting, width)
    if job.live:
        lines += [[("  ", "plain"), (progress_words(job).strip() or "running", role_of(job.state))], []]
    lines += _times(job, width, now_ms)
    lines += _parameters(job, width)
    if job.outputs:
        lines.append([("  Outputs", "title")])
        lines += [[("    " + clean(path), "plain")] for path in job.outputs]
        lines.append([])
    lines.append([("  The same again", "title")])
    lines += [
        [("    " + part, "accent")]
        for part in wrap(clean(command(job.operation, job.params, defaults, job)), width - 6)
    ]
    return lines


def _times(job: Job, width: int, now_ms: int) -> list[Spans]:
    lines = [[("  Job", "title")]]
    asked = {Wish.PAUSE: ", to be paused", Wish.HOLD: ", to be held"}.get(job.wish, ", held" if job.hold else "")
    state = f"{job.state.value}{asked} {until_words(job.pause_until, now_ms)}".rstrip()
    if job.final:  # what it was once asked or kept by is over
        state = job.state.value
    lines += _field("state", state, width, role_of(job.state))
    lines += _field("operation", f"{job.operation} in queue {job.queue}, {job.priority.word} priority", width)
    lines += _field("attempt", f"{job.attempts} of {job.max_attempts}", width)
    lines += _field("submitted", f"{clock(job.submitted_at, now_ms)} by {job.submitted_by}", width)
    if job.started_at is not None:
        lines += _field("started", clock(job.started_at, now_ms), width)
    if job.finished_at is not None:
        took = f", took {span_of((job.finished_at - job.started_at) / 1000)}" if job.started_at is not None else ""
        lines += _field("ended", clock(job.finished_at, now_ms) + took, width)
    if job.items.total:
        lines += _field("items", item_words(job.items), width)
    if job.batch:
        lines += _field("batch", job.batch, width)
    if job.after:
        lines += _field("after", after_words(job), width)
    if job.site:
        lines += _field("site", job.site, width)
    return [*lines, []]


def _parameters(job: Job, width: int) -> list[Spans]:
    lines: list[Spans] = [[("  Options", "title")]]
    for name, value in job.params.items():
        if isinstance(value, (list, tuple)):
            shown = "\n".join(str(part) for part in value[:50])
            lines += _field(name, shown if value else "(none)", width)
            if len(value) > 50:
                lines += _field("", f"and {len(value) - 50:,} more", width, "dim")
        else:
            lines += _field(name, "" if value is None else str(value), width)
    return [*lines, []]


def error_card(job: Job, defaults: Mapping[str, Any], width: int) -> list[Spans]:
    """Why it failed: class, whether again can help, message, last lines of the tool, the input concerned."""
    failure = job.failure
    if failure is None or job.state is State.SUCCEEDED:
        return []
    lines: list[Spans] = [
        [
            ("  " + ("Failed" if job.final else "The last attempt failed"), "failed"),
            (f": {_CLASS_WORDS[failure.error_class]}", "plain"),
        ]
    ]
    lines += failure_lines(failure, width)
    return [*lines, []]


def failure_lines(failure: Failure, width: int) -> list[Spans]:
    """One failure in full."""
    again = "yes" if failure.retryable else "no, not with the same input and options"
    lines = _field("class", failure.error_class.value, width, "failed")
    lines += _field("again helps", again, width)
    lines += _field("message", failure.message, width, "strong")
    if failure.input:
        lines += _field("input", failure.input, width)
    if failure.detail:
        lines += (
            _field("last lines", failure.detail, width, "dim")
            if "\n" not in failure.detail
            else _tail(failure.detail, width)
        )
    return lines


def _tail(detail: str, width: int) -> list[Spans]:
    lines: list[Spans] = [[("  last lines", "dim")]]
    for line in detail.split("\n")[-12:]:
        lines += [[("    " + part, "dim")] for part in wrap(clean(line), width - 6)]
    return lines


def why_lines(job: Job, waiting: Sequence[Waiting], width: int) -> list[Spans]:
    """Every reason why a job waits or stands still, and what lifts it."""
    if job.state not in (State.QUEUED, State.PAUSED) or not waiting:
        return []
    title = "Why it waits" if job.state is State.QUEUED else "Why it stands still"
    lines: list[Spans] = [[(f"  {title}", "title")]]
    for one in waiting:
        lines += _field(one.reason.replace("_", " "), in_clock(one.detail), width)
        if one.lifts:
            lines += _field("", f"lifted by: {lifted_by(one)}", width, "dim")
    return [*lines, []]


_MOVE_ROLES = {
    "succeeded": "succeeded",
    "failed": "failed",
    "retried": "warn",
    "rescued": "warn",
    "cancelled": "cancelled",
    "paused": "paused",
    "claimed": "running",
    "resumed": "running",
    "submitted": "strong",
    "restarted": "strong",
}


def event_line(event: JobEvent, now_ms: int, *, with_job: bool) -> Spans:
    """One move of the history."""
    spans: Spans = [(f" {clock(event.at, now_ms):>16} ", "dim")]
    if with_job:
        spans.append((f"{event.job_id:>7} ", "strong"))
    spans.append((f"{clean(event.move):<11} ", _MOVE_ROLES.get(event.move, "plain")))
    change = f"{event.before} -> {event.after}" if event.before and event.before != event.after else event.after
    spans.append((f"{clean(change):<22} ", "dim"))
    spans.append((clean(in_clock(event.reason, now_ms)), "plain"))
    if event.by:
        spans.append((f"  by {clean(event.by)}", "dim"))
    return spans


def failures_in_words(answers: Iterable[tuple[int, str]]) -> str:
    """Refused moves: the reasons, with the jobs that each concerns."""
    reasons: dict[str, list[int]] = {}
    for job_id, message in answers:
        reasons.setdefault(clean(message), []).append(job_id)
    return "; ".join(
        f"{', '.join(map(str, ids[:5]))}{' …' if len(ids) > 5 else ''}: {why}" for why, ids in reasons.items()
    )
