"""Why a queued job does not run: the rules that keep it waiting, each once, for the claim and for the words.

A rule is an SQL predicate that is true while it holds the job back, and a sentence about it. The claim takes the
best job that no rule holds back; "why is it waiting?" asks the same predicates of one job.
"""

from __future__ import annotations

import functools
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from peewee import Database, fn

from workers.errors import ErrorClass, UsageError
from workers.jobs import MOST_AT_ONCE, Job, State, Waiting, rfc3339
from workers.localtime import local
from workers.store.prepared import Prepared, hole
from workers.store.standing import paused, tell_hold, tell_paused
from workers.store.tables import FINAL_STATES, LIVE_STATES, After, BatchRow, JobRow
from workers.text import span_words
from workers.windows import opens

DEPENDENCY = "dependency"  # the reason that another job has not ended as it should
FRESH_MS = 20_000  # a job has taken by then what memory it will need
_NAMED = 5  # jobs that a sentence names
POISON_DEATHS = 3  # a job in whose company that many workers died is taken for their murderer


@dataclass(frozen=True, slots=True)
class Situation:
    """What the rules depend on besides the tables."""

    now: Any  # milliseconds; a hole in prepared statements
    per_site: int  # downloads from one site at once
    operations: Sequence[str] = field(default=())  # those that the worker knows
    batch_auto: Any = 1  # how many jobs of a batch that says "auto" run at once, for want of cores; a hole, too
    batch_room: Any = MOST_AT_ONCE  # for how many more jobs of such a batch there is memory; a hole, too
    windows: Sequence[str] = field(default=())  # windows of jobs that are open now; any other is taken for closed
    closed_queues: Sequence[str] = field(default=())  # queues that may start nothing now, by the configuration
    hours: Mapping[str, str] = field(default_factory=dict)  # the windows of queues, for words alone

    @property
    def values(self) -> dict[str, int]:
        """What fills the holes of statements."""
        return {"now": self.now, "batch_auto": self.batch_auto, "batch_room": self.batch_room}

    @property
    def shape(self) -> tuple[int, tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
        """What statements are written for; the rest are values in them."""
        return self.per_site, tuple(self.operations), tuple(self.windows), tuple(self.closed_queues)


def shaped(shape: tuple[int, tuple[str, ...], tuple[str, ...], tuple[str, ...]]) -> Situation:
    """The situation of a prepared statement: holes for what changes all the time."""
    per_site, operations, windows, closed_queues = shape
    return Situation(hole("now"), per_site, operations, hole("batch_auto"), hole("batch_room"), windows, closed_queues)


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
    seconds = span_words(((job.run_after or 0) - situation.now) / 1000)
    if job.failure is not None and job.failure.error_class is ErrorClass.DISK:
        return f"{job.failure.message}; looks again in {seconds}, at {when}", "it goes on when there is room"
    if job.failures and job.failure is not None:
        return (
            f"tries again in {seconds}, at {when}: {job.failure.message}",
            f"spool retry {job.id} tries at once",
        )
    return f"starts in {seconds}, at {when}", f"spool retry {job.id} starts it now"


def _unfinished() -> Any:
    other = JobRow.alias("other")
    return (
        After.select(After.on_id)
        .join(other, on=(other.id == After.on_id))
        .where((After.job_id == JobRow.id) & holds_up(other))
    )


_HOW = (("succeeded", False), ("ended", True))  # in words, and whether any end of the other job will do


def holds_up(other: Any) -> Any:
    """The predicate that a job which waits for `other`, by a row of `After`, has to go on waiting."""
    return (other.state != State.SUCCEEDED.value) & ~(After.ended & other.state.in_(FINAL_STATES))


def blockers(db: Database, job_id: int) -> list[tuple[int, State, bool]]:
    """The jobs that one still waits for: id, state, and whether any end of it will do."""
    other = JobRow.alias("other")
    query = (
        After.select(After.on_id, other.state, After.ended)
        .join(other, on=(other.id == After.on_id))
        .where((After.job_id == job_id) & holds_up(other))
        .order_by(After.on_id)
        .tuples()
    )
    return [(on_id, State(state), bool(ended)) for on_id, state, ended in query.execute(db)]


def _tell_dependency(db: Database, job: Job, situation: Situation) -> tuple[str, str]:
    waits = blockers(db, job.id)
    named = ", ".join(f"{on_id} ({state.value})" for on_id, state, _ in waits[:_NAMED])
    more = f" and {len(waits) - _NAMED} more" if len(waits) > _NAMED else ""
    return f"waits for job {named}{more}", f"it starts when {_needed(waits)}"


def _needed(waits: Sequence[tuple[int, State, bool]]) -> str:
    """How those that it waits for have to end; which ones where they differ in that."""
    kinds = {how: [on_id for on_id, _, ended in waits if ended == any_end] for how, any_end in _HOW}
    if not all(kinds.values()):
        how = next((how for how, ids in kinds.items() if ids), "succeeded")
        return f"{'that job has' if len(waits) == 1 else 'these have'} {how}"
    few = {how: ", ".join(map(str, ids[:_NAMED])) + ("…" if len(ids) > _NAMED else "") for how, ids in kinds.items()}
    return " and ".join(f"{few[how]} {'has' if len(ids) == 1 else 'have'} {how}" for how, ids in kinds.items())


# What is full or paused is asked once for a whole statement, not anew for each job that waits: no predicate on sites,
# batches and queues refers to the job from within its subquery.


def _site_full(situation: Situation) -> Any:
    other = JobRow.alias("sibling")
    full = (
        other.select(other.site)
        .where(other.site.is_null(False) & other.state.in_(LIVE_STATES))
        .group_by(other.site)
        .having(fn.COUNT(other.id) >= situation.per_site)
    )
    return JobRow.site.is_null(False) & JobRow.site.in_(full)


def _batch_full(situation: Situation) -> Any:
    other = JobRow.alias("member")
    live, fresh = fn.COUNT(other.id), _fresh(other, situation.now)
    crowded = (live >= situation.batch_auto) | (fresh >= situation.batch_room)
    # Found by what runs, which is little, and not by all that is in the batch: hence no plain column to be looked up.
    full = (
        BatchRow.select(BatchRow.name)
        .join(other, on=(fn.COALESCE(other.batch, "") == BatchRow.name))
        .where(BatchRow.limit.is_null(False) & other.state.in_(LIVE_STATES))
        .group_by(BatchRow.name, BatchRow.limit)
        .having(((BatchRow.limit > 0) & (live >= BatchRow.limit)) | ((BatchRow.limit == 0) & crowded))
    )
    return JobRow.batch.is_null(False) & JobRow.batch.in_(full)


def _fresh(member: Any, now: Any) -> Any:
    """How many have begun so lately that the memory that is free now does not tell yet what they take."""
    return fn.COUNT(member.id).filter(member.started_at + FRESH_MS > now)


def _tell_batch_full(db: Database, job: Job, situation: Situation) -> tuple[str, str]:
    limit = BatchRow.select(BatchRow.limit).where(BatchRow.name == job.batch).scalar(db)
    members = (JobRow.batch == job.batch) & JobRow.state.in_(LIVE_STATES)
    live, fresh = next(
        iter(JobRow.select(fn.COUNT(JobRow.id), _fresh(JobRow, situation.now)).where(members).tuples().execute(db))
    )
    auto = max(1, min(situation.batch_auto, live - fresh + situation.batch_room))
    told = f"auto, {auto} now" if limit == 0 else str(limit)
    paused, lifts = _paused_of(db, members)
    return (
        f"so many jobs of the batch {job.batch} run as its limit allows: {told}{paused}",
        f"it starts when one ends{lifts}; spool batch limit {shlex.quote(str(job.batch))} N",
    )


def _tell_site_full(db: Database, job: Job, situation: Situation) -> tuple[str, str]:
    paused, lifts = _paused_of(db, (JobRow.site == job.site) & JobRow.state.in_(LIVE_STATES))
    return (
        f"{situation.per_site} downloads from {job.site} are running{paused}",
        f"it starts when one of them ends{lifts}; jobs.per_site in config.toml",
    )


def _paused_of(db: Database, members: Any) -> tuple[str, str]:
    """How many of those in its way are paused, which do not end by themselves, and the verb that lets them go on."""
    still = members & (JobRow.state == State.PAUSED.value)
    ids = [row[0] for row in JobRow.select(JobRow.id).where(still).order_by(JobRow.id).tuples().execute(db)]
    if not ids:
        return "", ""
    return f", {len(ids)} of them paused", f"; spool resume {' '.join(map(str, ids[:_NAMED]))} lets these go on"


def _closed(situation: Situation) -> Any:
    closed = JobRow.queue.in_(list(situation.closed_queues))
    return closed | (JobRow.window.is_null(False) & JobRow.window.not_in(list(situation.windows)))


def _tell_closed(db: Database, job: Job, situation: Situation) -> tuple[str, str]:
    told, lifts = [], []
    if job.queue in situation.closed_queues:
        hours = situation.hours.get(job.queue, "")
        named = f"{job.queue}, {hours}{_opens(hours, situation.now)}" if hours else job.queue
        told.append(f"outside the hours of the queue {named}")
        lifts.append(f"it starts within them; windows.{job.queue} in config.toml changes them")
    if job.window is not None and job.window not in situation.windows:
        told.append(f"outside its window {job.window}{_opens(job.window, situation.now)}")
        lifts.append(f"it starts within it; spool schedule {job.id} --window any lifts it")
    return " and ".join(told), "; ".join(lifts)


def _opens(hours: str, now: int) -> str:
    """When the next of these windows begins, in brackets."""
    try:
        return f" (next at {rfc3339(int(opens(hours, local(now)).timestamp() * 1000))})"
    except UsageError:
        return ", which this version cannot read"


def _other_suspect(situation: Situation) -> Any:
    """One more death would condemn it, and another such job runs: then nobody could tell which of them it was."""
    other = JobRow.alias("suspect")
    running = other.select(other.id).where((other.worker_deaths >= POISON_DEATHS - 1) & other.state.in_(LIVE_STATES))
    return (JobRow.worker_deaths >= POISON_DEATHS - 1) & fn.EXISTS(running)


RULES: tuple[Rule, ...] = (
    Rule("hold", lambda situation: JobRow.hold, lambda db, job, situation: tell_hold(db, job, situation.now)),
    Rule("schedule", _later, _tell_later),
    Rule(DEPENDENCY, lambda situation: fn.EXISTS(_unfinished()), _tell_dependency),
    Rule(
        "paused",
        lambda situation: paused(situation.now),
        lambda db, job, situation: tell_paused(db, job, situation.now),
    ),
    Rule("batch", _batch_full, _tell_batch_full),
    Rule("window", _closed, _tell_closed),
    Rule(
        "site",
        _site_full,
        _tell_site_full,
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
def _flags(shape: Any) -> Prepared:
    """Of one job, whether each rule holds it back."""
    situation = shaped(shape)
    flags = [rule.holds(situation).alias(f"holds_{rule.name}") for rule in RULES]
    return Prepared(lambda sqlite: JobRow.select(*flags).where(JobRow.id == hole("id")))


def _when_named(job: Job) -> str:
    """What a time not to start before is for."""
    if job.failure is not None and job.failure.error_class is ErrorClass.DISK:
        return "disk"
    return "retry" if job.failures else "schedule"


def reasons(db: Database, job: Job, situation: Situation) -> list[Waiting]:
    """Which rules hold back this queued job, in words. Slots and a missing worker are not known here."""
    flags = _flags(situation.shape)
    row = flags.run(db, id=job.id, **situation.values).fetchone()
    if row is None:
        return []  # removed meanwhile
    found = []
    for rule, holds in zip(RULES, row, strict=True):
        if holds:
            detail, lifts = rule.tell(db, job, situation)
            name = _when_named(job) if rule.name == "schedule" else rule.name
            found.append(Waiting(name, detail, lifts))
    return found
