"""What worker and runner say to each other, as plain data. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from workers.errors import Failure, SpoolError
from workers.jobs import ItemOutcome, Progress


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
    finished: tuple[str, ...] = ()  # keys of items that need no more work
    published: tuple[Published, ...] = ()
    memory_bytes: int = 0  # the limit that the runner was spawned with, for its words; 0 is none


@dataclass(frozen=True, slots=True)
class Granted:
    """Yes to `Staging` or `Publishing` of this path: it is recorded."""

    path: str


@dataclass(frozen=True, slots=True)
class Refused:
    """No to `Staging` or `Publishing`; `path` says to which, empty means to the one that waits."""

    why: str  # "lease_lost" or words
    path: str = ""


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


@dataclass(frozen=True, slots=True)
class Publishing:
    """May this flushed file be renamed to `path`? Wants `Granted` or `Refused`."""

    item: str
    path: str
    inode: int
    device: int
    size: int


@dataclass(frozen=True, slots=True)
class Total:
    """How many items the job has, those that were finished before included."""

    items: int


@dataclass(frozen=True, slots=True)
class ItemBegun:
    """Work on this item begins: if the runner dies now, this is the one that killed it."""

    key: str


@dataclass(frozen=True, slots=True)
class ItemEnded:
    """One item has its outcome."""

    item: ItemOutcome


@dataclass(frozen=True, slots=True)
class Finished:
    """The job is done; the last line."""

    outputs: tuple[str, ...] = ()
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Failed:
    """The attempt failed; the last line."""

    failure: Failure


Down: TypeAlias = JobMessage | Granted | Refused
Up: TypeAlias = (
    Hello | Progressed | Titled | Alive | Staging | Publishing | Total | ItemBegun | ItemEnded | Finished | Failed
)
