"""A forkserver for all tests of runners, and a way to hold a conversation with one runner."""

from __future__ import annotations

import os
import select
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pytest

from workers.jobs import ItemRecord
from workers.runner import processes
from workers.runner.limits import Limits
from workers.runner.process import Forkserver, Runner
from workers.runner.wire import (
    Down,
    Granted,
    ItemsEnded,
    JobMessage,
    Known,
    Offered,
    Progressed,
    Published,
    Publishing,
    Staging,
    Up,
)

REGISTRY = "tests.support.operations"
DEADLINE_S = 30.0
NO_LIMITS = Limits()
M = TypeVar("M")


def until(condition: Callable[[], bool], what: str, deadline_s: float = DEADLINE_S) -> None:
    """Wait until `condition` holds; fails the test when it does not in time."""
    ends = time.monotonic() + deadline_s
    while not condition():
        if time.monotonic() > ends:
            pytest.fail(f"waited {deadline_s:.0f} s in vain for: {what}")
        time.sleep(0.01)


def until_gone(*pids: int) -> None:
    """Wait until none of these processes runs (zombies do not)."""
    identities = [identity for pid in pids if (identity := processes.identify(pid)) is not None]
    until(lambda: not any(processes.alive(identity) for identity in identities), f"the end of {pids}")


def grant(message: Up) -> Down | None:
    """Say yes to whatever is asked, and that no item is known."""
    if isinstance(message, Offered):
        return Known(message.number)
    return Granted(message.path) if isinstance(message, Staging | Publishing) else None


def knowing(keys: Iterable[str]) -> Callable[[Up], Down | None]:
    """As `grant`, but these items are finished."""
    finished = frozenset(keys)

    def answer(message: Up) -> Down | None:
        if not isinstance(message, Offered):
            return grant(message)
        return Known(message.number, tuple(place for place, key in enumerate(message.keys) if key in finished))

    return answer


@dataclass
class Talk:
    """A runner, what it has said, and how its questions are answered."""

    runner: Runner
    answer: Callable[[Up], Down | None] = grant
    said: list[Up] = field(default_factory=list)

    def hear(self, timeout_s: float = 0.1) -> None:
        """Take what comes within `timeout_s`, and answer it."""
        poll = select.poll()
        poll.register(self.runner.fileno(), select.POLLIN)
        if poll.poll(timeout_s * 1000):
            for message in self.runner.messages():
                self.said.append(message)
                if (reply := self.answer(message)) is not None:
                    self.runner.send(reply)

    def until(self, kind: type[M], deadline_s: float = DEADLINE_S) -> M:
        """The first message of this kind; fails when it does not come."""
        ends = time.monotonic() + deadline_s
        while not (found := self.all(kind)):
            if self.runner.ended or time.monotonic() > ends:
                pytest.fail(f"no {kind.__name__}: {self.said}")
            self.hear()
        return found[0]

    def until_true(self, condition: Callable[[], bool], what: str, deadline_s: float = DEADLINE_S) -> None:
        """Hear and answer until `condition` holds; fails when it does not in time."""
        ends = time.monotonic() + deadline_s
        while not condition():
            if time.monotonic() > ends:
                pytest.fail(f"waited {deadline_s:.0f} s in vain for {what}: {self.said}")
            self.hear(0.01)

    def finish(self, deadline_s: float = DEADLINE_S) -> Up:
        """Hear it to the end; the last message."""
        ends = time.monotonic() + deadline_s
        while not self.runner.ended:
            if time.monotonic() > ends:
                pytest.fail(f"it does not end: {self.said[-5:]}")
            self.hear()
        assert self.runner.wait(deadline_s)
        return self.said[-1]

    def all(self, kind: type[M]) -> list[M]:
        """All messages of this kind so far."""
        return [message for message in self.said if isinstance(message, kind)]

    def records(self) -> list[ItemRecord]:
        """The items that have ended so far, in the order told."""
        return [record for message in self.all(ItemsEnded) for record in message.items]

    def phase(self) -> str:
        """The phase of the first progress; how test operations tell a pid."""
        return self.until(Progressed).progress.phase

    def published(self) -> tuple[Published, ...]:
        """What the worker would have recorded of its publishing."""
        return tuple(Published(m.item, m.path, m.inode, m.device, m.size) for m in self.all(Publishing))


Begin = Callable[..., Talk]


@pytest.fixture(scope="session")
def forkserver() -> Iterator[Forkserver]:
    """A warm forkserver with the test operations."""
    server = Forkserver()
    server.start(REGISTRY)
    yield server
    server.close()


@pytest.fixture
def log_path(tmp_path: Path) -> Path:
    """Where the output of the runners of this test goes."""
    return tmp_path / "job.log"


@pytest.fixture
def begin(forkserver: Forkserver, tmp_path: Path, log_path: Path) -> Iterator[Begin]:
    """Starts a runner with a job: `begin("sleep", {"seconds": 1}, limits=…, answer=…, finished=…)`."""
    runners: list[Runner] = []
    log_fd = os.open(log_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)

    def start(
        operation: str,
        params: dict[str, Any] | None = None,
        *,
        server: Forkserver = forkserver,
        limits: Limits = NO_LIMITS,
        answer: Callable[[Up], Down | None] = grant,
        finished: Iterable[str] = (),
        **job: Any,
    ) -> Talk:
        if finished:
            job["resumed"], answer = True, knowing(finished)
        runner = server.spawn(log_fd, limits)
        runners.append(runner)
        defaults: dict[str, Any] = {"job_id": 12, "lease": 3, "attempt": 1, "work_dir": str(tmp_path / "work")}
        assert runner.send(JobMessage(operation=operation, params=params or {}, **(defaults | job)))
        return Talk(runner, answer)

    yield start
    os.close(log_fd)
    for runner in runners:
        runner.close()
        processes.kill_group(runner.identity)
