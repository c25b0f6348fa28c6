"""A batch told in words: its line of the list, what there is to say below it, what deleting it would take. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from console.about import item_words
from console.countdown import left_words, until_words
from console.format import Spans, amount, bar, clock, fit, percent, plain, plural
from console.limits import limit_word
from console.screens.ask import Asked, Question
from workers.client import Batch, new_batch_name
from workers.errors import UsageError
from workers.jobs import LIVE, Job, State
from workers.text import clean

_NUMBERS = (("Limit", 5), ("Run", 4), ("Wait", 5), ("Fail", 4), ("Done", 5))
_NAME_MOST = 48  # beyond that the figures would stand too far from their name
_SAID = {State.QUEUED: "waiting"}


@dataclass(frozen=True, slots=True)
class Columns:
    """How wide each part of a line is, in cells."""

    name: int
    bar: int
    paused: int
    done: bool  # whether there is room for the number of jobs that succeeded

    @property
    def numbers(self) -> tuple[tuple[str, int], ...]:
        """The columns of figures."""
        return _NUMBERS if self.done else _NUMBERS[:-1]


def columns_for(width: int) -> Columns:
    """The columns of a list of `width` cells."""
    narrow = width < 72
    bars, paused = (8, 6) if narrow else (10, 6) if width < 100 else (20, 24)
    numbers = sum(cells + 1 for _, cells in (_NUMBERS[:-1] if narrow else _NUMBERS))
    room = width - 3 - (1 + bars) - 4 - numbers - (1 + paused) - 1
    return Columns(max(8, min(room, _NAME_MOST)), bars, paused, done=not narrow)


def batch_head(width: int) -> Spans:
    """The line over the list."""
    shape = columns_for(width)
    parts = ["St", fit("Batch", shape.name), fit("Progress", shape.bar), "  %"]
    parts += [fit(name, cells, right=True) for name, cells in shape.numbers]
    return [(" ".join([*parts, fit("Paused", shape.paused)]), "head")]


def batch_line(batch: Batch, width: int, now_ms: int, *, ascii_only: bool = False) -> Spans:
    """One batch: how it stands, its name, one progress for all its jobs, its limit, counts, and until when it rests."""
    shape, (letter, role) = columns_for(width), standing(batch)
    name = clean(batch.name)
    full, rest = bar(batch.fraction, shape.bar, ascii_only=ascii_only)
    spans: Spans = [
        (f" {letter} ", role),
        (fit(plain(name) if ascii_only else name, shape.name, ascii_only=ascii_only, middle=True) + " ", "plain"),
        (full, role),
        (rest, "track"),
        (f" {percent(batch.fraction) or '-':>3}", role),
    ]
    figures = [batch.live, *(_number(batch, state) for state in (State.QUEUED, State.FAILED, State.SUCCEEDED))]
    texts = [limit_word(batch.limit), *(amount(number) if number else "-" for number in figures)]
    for (head, cells), text in zip(shape.numbers, texts, strict=False):
        role = "dim" if text in ("-", "any") else "failed" if head == "Fail" else "plain"
        spans.append((" " + fit(text, cells, right=True), role))
    return [*spans, (" " + fit(_paused_word(batch, shape.paused, now_ms), shape.paused), "paused")]


def standing(batch: Batch) -> tuple[str, str]:
    """The letter and the role of how a batch stands as a whole."""
    if batch.pause is not None or (batch.live and not _number(batch, State.RUNNING)):
        state = State.PAUSED
    elif batch.live:
        state = State.RUNNING
    elif not batch.over:
        state = State.QUEUED
    else:
        ends = (State.FAILED, State.SUCCEEDED, State.CANCELLED)
        state = next((end for end in ends if _number(batch, end)), State.SKIPPED)
    return state.letter, state.value


def _number(batch: Batch, state: State) -> int:
    return batch.counts.get(state, 0)


def _paused_word(batch: Batch, cells: int, now_ms: int) -> str:
    if batch.pause is None:
        return ""
    if batch.pause.until is None:
        return "paused"
    return until_words(batch.pause.until, now_ms) if cells > 20 else left_words(batch.pause.until, now_ms)


def batch_detail(batch: Batch, now_ms: int) -> list[Spans]:
    """Two lines under the list about the batch under the cursor."""
    spans: Spans = [(f" {clean(batch.name)}  ", "strong")]
    if batch.pause is not None:
        until = f" {until_words(batch.pause.until, now_ms)}".rstrip()
        spans.append((f"paused{until} by {clean(batch.pause.by)}, ", "paused"))
    spans += [(plural(batch.jobs, "job"), "plain"), (f", {_limit_words(batch)}", "dim")]
    if batch.last_end is not None:
        spans.append((f", ended {clock(batch.last_end, now_ms)}", "dim"))
    told = state_words(batch)
    told += f"; {item_words(batch.items)}" if batch.items.total else ""
    return [spans, [(f" {told}", "plain")]]


def _limit_words(batch: Batch) -> str:
    if batch.limit is None:
        return "any number at once"
    return "as many at once as the host is good for" if batch.limit == 0 else f"at most {batch.limit} at once"


def state_words(batch: Batch) -> str:
    """How many of its jobs are in each state."""
    order = (State.RUNNING, State.PAUSED, State.QUEUED, State.FAILED, State.SUCCEEDED, State.CANCELLED, State.SKIPPED)
    parts = [f"{number:,} {_SAID.get(state, state.value)}" for state in order if (number := _number(batch, state))]
    return ", ".join(parts) or "no jobs"


def open_jobs(batch: Batch) -> int:
    """How many of its jobs have not ended."""
    return sum(_number(batch, state) for state in (*LIVE, State.QUEUED))


def delete_words(batch: Batch) -> str:
    """What deleting it would take, and what stays."""
    own = [words for words, there in (("limit", batch.limit is not None), ("pause", batch.pause is not None)) if there]
    jobs = f"{plural(batch.jobs, 'job')} ({state_words(batch)}) with history and logs" if batch.jobs else ""
    gone = " and ".join(part for part in (jobs, f"its {' and its '.join(own)}" if own else "") if part)
    return f"Goes: {gone or 'only its name'}. Files that jobs made stay."


def batch_question(jobs: Sequence[Job], known: Sequence[str]) -> Question:
    """Into which batch jobs go; `known` are the names of those that there are."""
    held = sorted({job.batch for job in jobs if job.batch})
    what = f"job {jobs[0].id}" if len(jobs) == 1 else plural(len(jobs), "job")

    def meaning(asked: Asked) -> str:
        if asked.text in known:
            return f"Joins the batch {asked.text}."
        if asked.text:
            return f"Makes a new batch, {new_batch_name(asked.text)}."
        if not held:
            raise UsageError("A name is needed: they are in no batch.")
        return f"Takes out of {', '.join(held[:3])}{' …' if len(held) > 3 else ''}."

    example = ", ".join(known[:3]) or "a name, such as summer"
    return Question(f"Put {what} into a batch", "Batch", example, meaning, known=known)


def query_of(name: str) -> str | None:
    """The words that find the jobs of a batch; None for a name that no query can hold."""
    if '"' in name or "," in name:
        return None
    return f'batch:"{name}"' if any(letter.isspace() for letter in name) else f"batch:{name}"
