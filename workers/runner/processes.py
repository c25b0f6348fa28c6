"""Who a process is. A pid alone is reused; with its start time and the boot it names one process for good."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Identity:
    """One process on this host, for good."""

    pid: int
    start_ticks: int  # clock ticks after the boot
    boot_id: str


@dataclass(frozen=True, slots=True)
class _Stat:
    pid: int
    state: str
    parent: int
    group: int
    session: int
    start_ticks: int


@dataclass(frozen=True, slots=True)
class Kin:
    """Where a living process belongs."""

    pid: int
    parent: int
    session: int


@cache
def boot_id() -> str:
    """A name for this run of the kernel."""
    try:
        return (_PROC / "sys/kernel/random/boot_id").read_text("ascii").strip()
    except OSError:
        import psutil

        return f"{psutil.boot_time():.0f}"


def start_ticks(pid: int) -> int | None:
    """When `pid` started, in clock ticks after the boot; None when there is no such process."""
    stat = _stat(pid)
    return None if stat is None else stat.start_ticks


def identify(pid: int) -> Identity | None:
    """Who `pid` is now; None when there is no such process."""
    ticks = start_ticks(pid)
    return None if ticks is None else Identity(pid, ticks, boot_id())


def alive(identity: Identity) -> bool:
    """Whether exactly this process still runs (a zombie does not)."""
    stat = _stat(identity.pid) if identity.boot_id == boot_id() else None
    return stat is not None and stat.start_ticks == identity.start_ticks and stat.state not in "ZX"


def members(identity: Identity, mark: str = "") -> list[int]:
    """Pids of the living processes in the group or the session that this process leads or led.

    When it is gone and others may have had its pid since, name a `mark` that ours have in their environment: a
    stranger who was given the pid may have led a group and ended as well, and left members of his own.
    """
    if identity.boot_id != boot_id() or identity.pid <= 1:
        return []
    leader = _stat(identity.pid)
    if leader is not None and leader.start_ticks != identity.start_ticks:
        return []  # the kernel reuses a pid only when no group and no session bears it any more: none of ours is left
    return [
        stat.pid
        for stat in _all_stats()
        if identity.pid in (stat.group, stat.session)
        and stat.start_ticks >= identity.start_ticks
        and stat.state not in "ZX"
        and (leader is not None or not mark or _bears(stat.pid, mark))
    ]


def _bears(pid: int, mark: str) -> bool:
    """Whether a process was started with this name in its environment."""
    try:
        names = (_PROC / f"{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return False
    return any(name.startswith(mark.encode() + b"=") for name in names)


def kill_group(identity: Identity, timeout_s: float = 2.0, mark: str = "") -> int:
    """KILL what is left of the group and session that this process leads or led; the number of processes found.

    Stopped processes die too. Returns when all are gone, or after `timeout_s`: a process that hangs in the kernel
    dies when that lets go of it. `mark` is that of `members`.
    """
    seen: set[int] = set()
    deadline = time.monotonic() + timeout_s
    while left := members(identity, mark):
        seen.update(left)
        for pid in left:
            send(pid, signal.SIGKILL)
        if time.monotonic() >= deadline:
            break
        time.sleep(0.005)
    return len(seen)


def sweep(identities: Iterable[Identity]) -> list[Identity]:
    """End what is left of these groups; those of which something was left."""
    return [identity for identity in identities if kill_group(identity)]


def kin() -> Iterator[Kin]:
    """All living processes of this host that can be seen."""
    for stat in _all_stats():
        if stat.state not in "ZX":
            yield Kin(stat.pid, stat.parent, stat.session)


def send(pid: int, signum: int) -> bool:
    """Send a signal to one process; False when it is gone or not ours."""
    return _sent(os.kill, pid, signum)


def send_group(pid: int, signum: int) -> bool:
    """Send a signal to the group of `pid`; False when it is gone or not ours."""
    return _sent(os.killpg, pid, signum)


def children() -> list[int]:
    """Pids of the children of this (single-threaded) process, zombies included."""
    me = os.getpid()
    try:
        listed = (_PROC / f"self/task/{me}/children").read_bytes()
    except OSError:  # the kernel was built without this list
        return [stat.pid for stat in _all_stats() if stat.parent == me]
    return [int(word) for word in listed.split()]


def session_of(pid: int) -> int | None:
    """The session of `pid`; None when it is gone."""
    stat = _stat(pid)
    return None if stat is None else stat.session


def _sent(call: Callable[[int, int], None], pid: int, signum: int) -> bool:
    try:
        call(pid, signum)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def _all_stats() -> Iterator[_Stat]:
    for name in os.listdir(_PROC):
        if name.isdigit() and (stat := _stat(int(name))) is not None:
            yield stat


def _stat(pid: int) -> _Stat | None:
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            line = file.read()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return None
    # The name, in parentheses, may itself hold spaces and parentheses.
    words = line[line.rindex(b")") + 2 :].split()
    return _Stat(pid, words[0].decode(), int(words[1]), int(words[2]), int(words[3]), int(words[19]))
