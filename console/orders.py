"""What the acting keys do: which jobs an order fits, what must be confirmed, and the answer in words. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from console.about import failures_in_words
from console.format import Spans, plural
from workers.client import Answer, Client
from workers.jobs import FINAL, Job, Priority, State, Wish

Method = Callable[..., list[Answer]]
"""A method of `Client` that takes ids and answers for each."""


@dataclass(frozen=True, slots=True)
class Order:
    """One call of the front door for some jobs."""

    method: Method
    ids: tuple[int, ...]
    done: str  # "paused": what is said of those that were accepted
    options: tuple[Any, ...] = ()


def pausing(jobs: Sequence[Job]) -> list[Order]:
    """Pause; or resume when all that could be paused is paused or held already."""
    stopped = [job.id for job in jobs if job.state is State.PAUSED or (job.state is State.QUEUED and job.hold)]
    going = [job.id for job in jobs if job.id not in set(stopped)]
    able = [job for job in jobs if not job.final and job.id in set(going) and job.wish is not Wish.PAUSE]
    if stopped and not able:
        return [Order(Client.resume, tuple(stopped), "resumed")]
    return [Order(Client.pause, tuple(going), "asked to pause")]


def holding(jobs: Sequence[Job]) -> list[Order]:
    """Hold; or release when all of them are held."""
    ids = tuple(job.id for job in jobs)
    waiting = [job for job in jobs if job.state is State.QUEUED]
    if waiting and all(job.hold for job in waiting):
        return [Order(Client.unhold, ids, "released")]
    return [Order(Client.hold, ids, "held")]


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


def cancel_words(jobs: Sequence[Job]) -> str:
    """The consequence of cancelling, for the dialog."""
    numbers = [(state, sum(1 for job in jobs if job.state is state)) for state in (State.RUNNING, State.PAUSED)]
    live = " and ".join(plural(number, f"{state.value} job") for state, number in numbers if number)
    if live:
        return f"{live} will be stopped, unfinished work is lost."
    return "It will not start." if len(jobs) == 1 else "They will not start."


def can_cancel(job: Job) -> bool:
    """Whether cancelling means anything."""
    return job.state not in FINAL
