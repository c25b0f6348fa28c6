"""What a job is: its states, the table of moves between them, its record and its JSON form.

Pure: imports only `workers.errors`. Every change of state anywhere is one of the moves below.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import IntEnum, StrEnum
from typing import Any

from workers.errors import Failure

QUEUES = ("downloads", "video", "images", "metadata", "default")


class State(StrEnum):
    """Where a job stands. Waiting for a retry is `queued` with a time; a wish to cancel is a field."""

    QUEUED = "queued"
    RUNNING = "running"
    PAUSED = "paused"  # its process group is stopped; it keeps its slot's lease
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"  # was not needed, or what it waited for failed

    @property
    def letter(self) -> str:
        """One letter for narrow screens, so that no state is told by colour alone."""
        return "-" if self is State.SKIPPED else self.value[0].upper()


LIVE = frozenset({State.RUNNING, State.PAUSED})
FINAL = frozenset({State.SUCCEEDED, State.FAILED, State.CANCELLED, State.SKIPPED})

MOST_AT_ONCE = 32
"""The highest number that a person may set: of jobs of a queue, site or batch, or of processes of a job."""


class Move(StrEnum):
    """A named change of state."""

    CLAIMED = "claimed"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    RETRIED = "retried"
    RESCUED = "rescued"
    RELEASED = "released"
    CANCELLED = "cancelled"
    PAUSED = "paused"
    RESUMED = "resumed"
    SKIPPED = "skipped"
    RESTARTED = "restarted"


@dataclass(frozen=True, slots=True)
class Rule:
    """What one move may leave and where it leads."""

    sources: frozenset[State]
    target: State
    why: str
    lease: int = 0  # added to the lease: a new holder fences out the old one
    attempts: int = 0  # added to the number of attempts
    failures: int = 0  # added to the failures that count towards giving up


MOVES: Mapping[Move, Rule] = {
    Move.CLAIMED: Rule(frozenset({State.QUEUED}), State.RUNNING, "a slot took it", lease=1, attempts=1),
    Move.SUCCEEDED: Rule(frozenset({State.RUNNING}), State.SUCCEEDED, "its outputs are in place"),
    Move.FAILED: Rule(frozenset({State.RUNNING, State.PAUSED}), State.FAILED, "it gave up", failures=1),
    Move.RETRIED: Rule(frozenset({State.RUNNING}), State.QUEUED, "it failed and will be tried again", failures=1),
    Move.RESCUED: Rule(LIVE, State.QUEUED, "its worker died", lease=1, failures=1),
    Move.RELEASED: Rule(LIVE, State.QUEUED, "it gave its slot back unharmed", lease=1, attempts=-1),
    Move.CANCELLED: Rule(LIVE | {State.QUEUED}, State.CANCELLED, "a person cancelled it", lease=1),
    Move.PAUSED: Rule(frozenset({State.RUNNING}), State.PAUSED, "a person paused it"),
    Move.RESUMED: Rule(frozenset({State.PAUSED}), State.RUNNING, "a person resumed it"),
    Move.SKIPPED: Rule(frozenset({State.QUEUED, State.RUNNING}), State.SKIPPED, "it was not needed", lease=1),
    Move.RESTARTED: Rule(FINAL, State.QUEUED, "a person asked for it again", lease=1),
}


def allowed(move: Move, state: State) -> bool:
    """Whether `move` may be made on a job in `state`."""
    return state in MOVES[move].sources


def moves_as_table() -> str:
    """The table of moves as Markdown; the README holds it and a test compares."""
    order = list(State)
    lines = ["| move | from | to | when |", "|---|---|---|---|"]
    for move, rule in MOVES.items():
        sources = ", ".join(s.value for s in order if s in rule.sources)
        lines.append(f"| {move.value} | {sources} | {rule.target.value} | {rule.why} |")
    return "\n".join(lines)


class Priority(IntEnum):
    """How urgent a job is; a higher one is claimed first."""

    LOW = 10
    NORMAL = 50
    HIGH = 70
    URGENT = 90

    @property
    def word(self) -> str:
        """The word used on screens and the command line."""
        return self.name.lower()

    @classmethod
    def parse(cls, word: str) -> Priority:
        """The priority for a word; ValueError when there is none."""
        try:
            return cls[word.upper()]
        except KeyError:
            raise ValueError(f"no priority {word!r}: use one of {', '.join(p.word for p in cls)}") from None


class Wish(StrEnum):
    """What a person asked of a live job; a field, not a state, read by whoever runs the job."""

    NONE = ""
    CANCEL = "cancel"
    PAUSE = "pause"
    RESUME = "resume"
    HOLD = "hold"  # end what is in hand, then wait

    def holds(self, paused: bool) -> bool:
        """Whether a job that goes back to its queue waits there on hold; `paused`: its processes were stopped."""
        return (paused and self is not Wish.RESUME) or self in (Wish.PAUSE, Wish.HOLD)


class Scope(StrEnum):
    """What can be paused as a whole."""

    QUEUE = "queue"
    SITE = "site"
    BATCH = "batch"

    def called(self, name: str) -> str:
        """In words, as in "the queue video"."""
        return f"the {self.value} {name}"


@dataclass(frozen=True, slots=True)
class Pause:
    """A queue, site or batch of which nothing starts. Times are milliseconds since 1970 in UTC."""

    scope: Scope
    name: str
    since: int
    until: int | None  # it ends by itself; None: when somebody says so
    by: str
    soft: bool = True  # what ran when it began goes on


class Outcome(StrEnum):
    """How one item of a job ended."""

    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"
    CACHED = "cached"


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a live job is. Unknown values are None."""

    fraction: float | None = None  # 0 to 1
    phase: str = ""
    done: int | None = None  # bytes for downloads, milliseconds for media, items for bulk
    total: int | None = None
    rate: float | None = None  # units of `done` a second
    eta_s: float | None = None
    unit: str = ""  # "bytes", "ms", "items"


@dataclass(frozen=True, slots=True)
class ItemCounts:
    """How many inputs a job has and how they ended."""

    total: int = 0
    done: int = 0
    failed: int = 0
    skipped: int = 0
    cached: int = 0


@dataclass(frozen=True, slots=True)
class Waiting:
    """One reason why a queued job does not run, and what lifts it."""

    reason: str  # the name of a rule in workers.store.waiting, or retry, slot, no_worker, silent_worker
    detail: str
    lifts: str
    ahead: tuple[tuple[int, str], ...] = ()  # what keeps jobs that it waits for: the id of each, and the reason


@dataclass(frozen=True, slots=True)
class ItemOutcome:
    """How one input of a job ended. `key` names the input within the job."""

    key: str
    outcome: Outcome
    outputs: tuple[str, ...] = ()
    failure: Failure | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ItemRecord:
    """How one input of a job ended, on its way to the store: `detail` is JSON text that nobody between takes apart."""

    key: str
    outcome: Outcome
    outputs: tuple[str, ...] = ()
    failure: Failure | None = None
    detail: str = "{}"
    cost_s: float = 0.0  # what making it took
    kept: str = ""  # under what the cache may keep `detail`: key and stamp in hexadecimal; empty: not at all


@dataclass(frozen=True, slots=True)
class Job:
    """One job as the store holds it. Times are milliseconds since 1970 in UTC."""

    id: int
    operation: str
    queue: str
    state: State
    priority: Priority
    title: str  # what a person calls it: the file name or the URL, cleaned
    params: Mapping[str, Any]
    submitted_by: str
    submitted_at: int
    started_at: int | None
    finished_at: int | None
    run_after: int | None  # not before: a schedule or a retry
    window: str | None  # when in the week it may start
    hold: bool
    pause_until: int | None  # when its hold or pause ends by itself
    attempts: int
    failures: int
    max_attempts: int
    lease: int
    wish: Wish
    progress: Progress
    items: ItemCounts
    failure: Failure | None
    outputs: tuple[str, ...]
    batch: str | None
    after: tuple[int, ...]
    after_ended: tuple[int, ...]  # those of `after` that need not succeed
    site: str | None
    position: float
    revision: int  # of its last change; grows over the whole store

    @property
    def live(self) -> bool:
        """Whether a runner works on it now."""
        return self.state in LIVE

    @property
    def final(self) -> bool:
        """Whether it has ended."""
        return self.state in FINAL


@dataclass(frozen=True, slots=True)
class JobEvent:
    """One line of a job's history."""

    id: int
    revision: int
    job_id: int
    at: int
    move: str  # a Move, or "submitted", "edited", "prioritised", "wished"
    before: str
    after: str
    by: str  # who: a user, "worker", "runner"
    reason: str


LATEST_MS = 253_402_300_799_999  # the end of the year 9999, the last that dates can tell


def rfc3339(ms: int | None) -> str | None:
    """A time as RFC 3339 in UTC with milliseconds, or None. One beyond the year 9999 is told as its end."""
    if ms is None:
        return None
    ms = max(0, min(ms, LATEST_MS))
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def job_as_json(job: Job, waiting: tuple[Waiting, ...] = ()) -> dict[str, Any]:
    """The one JSON form of a job, the same for every verb and stream."""
    failure, progress = job.failure, job.progress
    return {
        "id": job.id,
        "operation": job.operation,
        "queue": job.queue,
        "state": job.state.value,
        "priority": job.priority.word,
        "title": job.title,
        "params": dict(job.params),
        "submitted_by": job.submitted_by,
        "submitted_at": rfc3339(job.submitted_at),
        "started_at": rfc3339(job.started_at),
        "finished_at": rfc3339(job.finished_at),
        "attempts": job.attempts,
        "progress": {
            "fraction": progress.fraction,
            "phase": progress.phase,
            "done": progress.done,
            "total": progress.total,
            "rate": progress.rate,
            "eta_s": progress.eta_s,
        },
        "items": {
            "total": job.items.total,
            "done": job.items.done,
            "failed": job.items.failed,
            "skipped": job.items.skipped,
            "cached": job.items.cached,
        },
        "error": None
        if failure is None
        else {
            "class": failure.error_class.value,
            "message": failure.message,
            "retryable": failure.retryable,
            "input": failure.input,
        },
        "waiting": [{"reason": w.reason, "detail": w.detail, "lifts": w.lifts} for w in waiting],
        "outputs": list(job.outputs),
        "batch": job.batch,
        "after": list(job.after),
        "after_ended": list(job.after_ended),
        "window": job.window,
        "hold": job.hold,
        "pause_until": rfc3339(job.pause_until),
        "revision": job.revision,
    }
