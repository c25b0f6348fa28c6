"""What worker and runner say to each other, as plain data. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from workers.errors import Failure, SpoolError
from workers.jobs import ItemRecord, Progress

VERSION = 1
NAME_DIGITS = 64  # hexadecimal ones of a name under which a result may be kept: its key and its stamp
UNKEPT = "0" * NAME_DIGITS  # the name of what cannot be looked at: no result of it is kept
Fields: TypeAlias = dict[str, Any]  # of one message, as JSON has them


class WireError(SpoolError):
    """The other side said something that is no message of this version."""


# --- what the worker says ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Published:
    """A file that an attempt at the job was allowed to publish; in place if inode, device and size (bytes) agree."""

    item: str  # key of the item, "" for the job itself
    path: str
    inode: int
    device: int
    size: int


@dataclass(frozen=True, slots=True)
class JobMessage:
    """The work: the first line down, once."""

    job_id: int
    lease: int
    attempt: int
    operation: str
    params: Mapping[str, Any]
    work_dir: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    resumed: bool = False  # an earlier attempt may have finished items: ask of each
    published: tuple[Published, ...] = ()
    memory_bytes: int = 0  # the limit that the runner was spawned with, for its words; 0 is none
    environment: Mapping[str, str] = field(default_factory=dict)  # how to reach the net, if the operation does


@dataclass(frozen=True, slots=True)
class Granted:
    """Yes to `Staging` or `Publishing` of this path: it is recorded."""

    path: str


@dataclass(frozen=True, slots=True)
class Refused:
    """No to `Staging` or `Publishing`; `path` says to which, empty means to the one that waits."""

    why: str  # "lease_lost" or words
    path: str = ""


@dataclass(frozen=True, slots=True)
class Known:
    """What the worker knows of the items of `Offered`, each by its place there; the others want work."""

    number: int
    finished: tuple[int, ...] = ()  # by an earlier attempt
    cached: tuple[int, ...] = ()  # a kept result was recorded as theirs
    elsewhere: tuple[int, ...] = ()  # another job works on the same: ask again later
    failed: int = 0  # so many of the finished failed


@dataclass(frozen=True, slots=True)
class Yield:
    """Begin no more items, and say `Yielded` when those in hand have ended; not `wanted` takes that back."""

    wanted: bool = True


# --- what the runner says ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Hello:
    """The first line of the operation's code is about to run."""

    pid: int


@dataclass(frozen=True, slots=True)
class Progressed:
    """How far the job is."""

    progress: Progress


@dataclass(frozen=True, slots=True)
class Titled:
    """What a person calls the job."""

    title: str


@dataclass(frozen=True, slots=True)
class Alive:
    """A sign of life without figures."""


@dataclass(frozen=True, slots=True)
class Staging:
    """May this hidden folder be made? Wants `Granted` or `Refused`."""

    path: str
    gone: tuple[str, ...] = ()  # earlier ones that are removed, and need no record any more


@dataclass(frozen=True, slots=True)
class Publishing:
    """May this flushed file be renamed to `path`? Wants `Granted` or `Refused`."""

    item: str
    path: str
    inode: int
    device: int
    size: int
    durable: bool = True  # whether a power cut must not take the record of it


def file_of(question: Publishing) -> Published:
    """The file that may be published when the answer is yes."""
    return Published(question.item, question.path, question.inode, question.device, question.size)


@dataclass(frozen=True, slots=True)
class Total:
    """How many items the job has, those that were finished before included."""

    items: int


@dataclass(frozen=True, slots=True)
class Offered:
    """Which of these items want work? Wants `Known` with the same number."""

    number: int
    keys: tuple[str, ...]
    kept: str = ""  # under what the cache may know each: `NAME_DIGITS` an item; empty: it is not asked


@dataclass(frozen=True, slots=True)
class ItemsEnded:
    """These items have their outcomes."""

    items: tuple[ItemRecord, ...]


@dataclass(frozen=True, slots=True)
class FilesKept:
    """What item processes had from the kept files of a cache category, or added to them."""

    category: str
    hits: int
    misses: int
    size: int  # bytes that hits gave; without hits, that were newly kept
    saved_s: float


@dataclass(frozen=True, slots=True)
class Yielded:
    """The runner made room as asked; items are left. The last line."""


@dataclass(frozen=True, slots=True)
class Finished:
    """The job is done; the last line."""

    outputs: tuple[str, ...] = ()
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Failed:
    """The attempt failed; the last line."""

    failure: Failure


Down: TypeAlias = JobMessage | Granted | Refused | Known | Yield
Up: TypeAlias = (
    Hello
    | Progressed
    | Titled
    | Alive
    | Staging
    | Publishing
    | Total
    | Offered
    | ItemsEnded
    | FilesKept
    | Finished
    | Failed
    | Yielded
)
