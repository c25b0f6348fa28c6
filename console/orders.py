"""What the acting keys do: which jobs an order fits, what must be confirmed, and the answer in words. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from console.about import failures_in_words
from console.format import Spans, plural
from workers.client import Answer, Client
from workers.jobs import FINAL, Job, Priority, State, Wish
from workers.text import clean

Method = Callable[..., list[Answer]]
"""A method of `Client` that takes ids and answers for each."""


@dataclass(frozen=True, slots=True)
class Order:
    """One call of the front door for some jobs."""

    method: Method
    ids: tuple[int, ...]
    done: str  # "paused": what is said of those that were accepted
    options: tuple[Any, ...] = ()
    named: Mapping[str, Any] = field(default_factory=dict)


def pausing(jobs: Sequence[Job]) -> list[Order]:
    """Pause; or resume when all that could be paused is paused or held already."""
    stopped = [job.id for job in jobs if job.state is State.PAUSED or (job.state is State.QUEUED and job.hold)]
    going = [job.id for job in jobs if job.id not in set(stopped)]
    able = [job for job in jobs if not job.final and job.id in set(going) and job.wish is not Wish.PAUSE]
    if stopped and not able:
        return [Order(Client.resume, tuple(stopped), "resumed")]
    return [Order(Client.pause, tuple(going), "asked to pause")]


def pausing_for(jobs: Sequence[Job], until: int | None, *, soft: bool) -> list[Order]:
    """Pause what has not ended until a time, or for good; `soft`: when each has ended what it has in hand."""
    able = tuple(job.id for job in jobs if not job.final)
    return [Order(Client.pause, able, "asked to pause", named={"until": until, "soft": soft})]


def holding(jobs: Sequence[Job]) -> list[Order]:
    """Hold; or release when all of them are held."""
    ids = tuple(job.id for job in jobs)
    waiting = [job for job in jobs if job.state is State.QUEUED]
    if waiting and all(job.hold for job in waiting):
        return [Order(Client.unhold, ids, "released")]
    return [Order(Client.hold, ids, "held")]


def batching(jobs: Sequence[Job], name: str) -> list[Order]:
    """Put them into a batch; without a name, out of theirs."""
    done = f"put into {clean(name)}" if name else "taken out of their batch"
    return [Order(Client.assign_batch, tuple(job.id for job in jobs), done, (name or None,))]


_LEVELS = sorted(Priority)


def stepping(jobs: Sequence[Job], by: int) -> list[Order]:
    """One priority higher or lower, each from where it is."""
    wanted: dict[Priority, list[int]] = {}
    for job in jobs:
        level = _LEVELS[max(0, min(len(_LEVELS) - 1, _LEVELS.index(job.priority) + by))]
        wanted.setdefault(level, []).append(job.id)
    return [
        Order(Client.set_priority, tuple(ids), f"set to {level.word} priority", (level,))
        for level, ids in wanted.items()
    ]


def simple(method: Method, jobs: Sequence[Job], done: str) -> list[Order]:
    """The same order for all."""
    return [Order(method, tuple(job.id for job in jobs), done)]


def in_order(jobs: Sequence[Job], *, backwards: bool) -> list[Job]:
    """Marked jobs in the order in which moving each one place keeps them together."""
    return list(reversed(jobs)) if backwards else list(jobs)


def answer_spans(orders: Sequence[tuple[Order, Sequence[Answer]]]) -> Spans:
    """What became of orders: how many were accepted, and why others were not."""
    good: dict[str, int] = {}
    refused: list[tuple[int, str]] = []
    for order, answers in orders:
        for answer in answers:
            if answer.ok:
                good[order.done] = good.get(order.done, 0) + 1
            else:
                refused.append((answer.job_id, answer.message))
    spans: Spans = [(" ", "plain")]
    for done, number in good.items():
        spans.append((f"{plural(number, 'job')} {done}  ", "good"))
    if refused:
        words = failures_in_words(refused)
        spans.append((f"refused: {words}" if len(refused) == 1 else f"{len(refused)} refused: {words}", "warn"))
    return spans


def cancel_words(states: Sequence[State]) -> str:
    """The consequence of cancelling jobs in these states, for the dialog."""
    numbers = [(state, sum(1 for one in states if one is state)) for state in (State.RUNNING, State.PAUSED)]
    live = " and ".join(plural(number, f"{state.value} job") for state, number in numbers if number)
    if live:
        return f"{live} will be stopped, unfinished work is lost."
    return "It will not start." if len(states) == 1 else "They will not start."


def can_cancel(job: Job) -> bool:
    """Whether cancelling means anything."""
    return job.state not in FINAL
