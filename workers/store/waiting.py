"""Why a queued job does not run: the rules that keep it waiting, each once, for the claim and for the words.

A rule is an SQL predicate that is true while it holds the job back, and a sentence about it. The claim takes the
best job that no rule holds back; "why is it waiting?" asks the same predicates of one job.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from peewee import Database, fn

from workers.jobs import Job, State, Waiting, rfc3339
from workers.store.prepared import Prepared, hole
from workers.store.tables import After, JobRow, QueueRow

_LIVE = [State.RUNNING.value, State.PAUSED.value]

POISON_DEATHS = 3  # a job in whose company that many workers died is taken for their murderer


@dataclass(frozen=True, slots=True)
class Situation:
    """What the rules depend on besides the tables."""

    now: Any  # milliseconds; a hole in prepared statements
    per_site: int  # downloads from one site at once
    operations: Sequence[str] = field(default=())  # those that the worker knows


@dataclass(frozen=True, slots=True)
class Rule:
    """One reason to wait."""

    name: str
    holds: Callable[[Situation], Any]  # the predicate
    tell: Callable[[Database, Job, Situation], tuple[str, str]]  # (detail, what lifts it)


def _later(situation: Situation) -> Any:
    return JobRow.run_after.is_null(False) & (JobRow.run_after > situation.now)


def _tell_later(db: Database, job: Job, situation: Situation) -> tuple[str, str]:
    when = rfc3339(job.run_after) or ""
    seconds = max(0, ((job.run_after or 0) - situation.now) // 1000)
    if job.failures and job.failure is not None:
        return (
            f"tries again in {seconds} s, at {when}: {job.failure.message}",
            f"spool retry {job.id} tries at once",
        )
    return f"starts in {seconds} s, at {when}", f"spool retry {job.id} starts it now"


def _unfinished() -> Any:
    other = JobRow.alias("other")
    return (
        After.select(After.on_id)
        .join(other, on=(other.id == After.on_id))
        .where((After.job_id == JobRow.id) & (other.state != State.SUCCEEDED.value))
    )


def _tell_dependency(db: Database, job: Job, situation: Situation) -> tuple[str, str]:
    other = JobRow.alias("other")
    query = (
        After.select(After.on_id, other.state)
        .join(other, on=(other.id == After.on_id))
        .where((After.job_id == job.id) & (other.state != State.SUCCEEDED.value))
        .order_by(After.on_id)
        .tuples()
    )
    waits = [f"{on_id} ({state})" for on_id, state in query.execute(db)]
    return "waits for job " + ", ".join(waits), "it starts when that job has succeeded"


def _site_full(situation: Situation) -> Any:
    other = JobRow.alias("sibling")
    running = other.select(fn.COUNT(other.id)).where((other.site == JobRow.site) & other.state.in_(_LIVE))
    return JobRow.site.is_null(False) & (running >= situation.per_site)


def _queue_paused(situation: Situation) -> Any:
    paused = QueueRow.select(QueueRow.queue).where(
        (QueueRow.queue == JobRow.queue)
        & QueueRow.paused
        & (QueueRow.paused_until.is_null() | (QueueRow.paused_until > situation.now))
    )
    return fn.EXISTS(paused)


def _tell_queue_paused(db: Database, job: Job, situation: Situation) -> tuple[str, str]:
    row: Any = next(iter(QueueRow.select().where(QueueRow.queue == job.queue).dicts().execute(db)))
    until = f" until {rfc3339(row['paused_until'])}" if row["paused_until"] else ""
    return f"{row['paused_by'] or 'somebody'} paused the queue {job.queue}{until}", f"spool queue resume {job.queue}"


def _other_suspect(situation: Situation) -> Any:
    """One more death would condemn it, and another such job runs: then nobody could tell which of them it was."""
    other = JobRow.alias("suspect")
    running = other.select(other.id).where((other.worker_deaths >= POISON_DEATHS - 1) & other.state.in_(_LIVE))
    return (JobRow.worker_deaths >= POISON_DEATHS - 1) & fn.EXISTS(running)


RULES: tuple[Rule, ...] = (
    Rule(
        "hold",
        lambda situation: JobRow.hold,
        lambda db, job, situation: ("it is on hold", f"spool unhold {job.id}, or H"),
    ),
    Rule("schedule", _later, _tell_later),
    Rule("dependency", lambda situation: fn.EXISTS(_unfinished()), _tell_dependency),
    Rule("queue_paused", _queue_paused, _tell_queue_paused),
    Rule(
        "site",
        _site_full,
        lambda db, job, situation: (
            f"{situation.per_site} downloads from {job.site} are running",
            "it starts when one of them ends; jobs.per_site in config.toml",
        ),
    ),
    Rule(
        "suspect",
        _other_suspect,
        lambda db, job, situation: (
            f"{POISON_DEATHS - 1} workers died while it ran; such jobs run one at a time",
            "it starts when the other one has ended",
        ),
    ),
    Rule(
        "unknown_operation",
        lambda situation: JobRow.operation.not_in(list(situation.operations)),
        lambda db, job, situation: (
            f"this worker does not know the operation {job.operation!r}",
            "start a worker of the version that submitted it",
        ),
    ),
)


def free_to_run(situation: Situation) -> Any:
    """The predicate: queued, and no rule holds it back."""
    free: Any = JobRow.state == State.QUEUED.value
    for rule in RULES:
        free = free & ~(rule.holds(situation))
    return free


@functools.lru_cache(maxsize=16)
def _flags(per_site: int, operations: tuple[str, ...]) -> Prepared:
    """Of one job, whether each rule holds it back."""
    situation = Situation(hole("now"), per_site, operations)
    flags = [rule.holds(situation).alias(f"holds_{rule.name}") for rule in RULES]
    return Prepared(lambda sqlite: JobRow.select(*flags).where(JobRow.id == hole("id")))


def reasons(db: Database, job: Job, situation: Situation) -> list[Waiting]:
    """Which rules hold back this queued job, in words. Slots and a missing worker are not known here."""
    flags = _flags(situation.per_site, tuple(situation.operations))
    row = flags.run(db, id=job.id, now=situation.now).fetchone()
    if row is None:
        return []  # removed meanwhile
    found = []
    for rule, holds in zip(RULES, row, strict=True):
        if holds:
            detail, lifts = rule.tell(db, job, situation)
            name = "retry" if rule.name == "schedule" and job.failures else rule.name
            found.append(Waiting(name, detail, lifts))
    return found
