"""A pool on its own: what its processes die of, and what it does then."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable
from typing import NoReturn

from workers.errors import ErrorClass
from workers.jobs import ItemRecord, Progress
from workers.runner import pool, stop
from workers.runner.feeder import Task
from workers.runner.messages import ItemsEnded
from workers.runner.pool import Bounds, Pool
from workers.runner.tally import Tally
from workers.runner.wire import decode_up

_PATIENCE_S = 20.0  # with a pool that has work for a few processes


class Hearer:
    """A channel that keeps what is said."""

    def __init__(self) -> None:
        self.yielding = False
        self.on_yield: Callable[[], None] = lambda: None
        self.records: list[ItemRecord] = []

    def relay(self, line: bytes) -> None:
        said = decode_up(line.rstrip(b"\n"))
        if isinstance(said, ItemsEnded):
            self.records += said.items

    def report(self, progress: Progress) -> None:
        pass

    def alive(self) -> None:
        pass


class Listed:
    """A feeder whose tasks are all there; it loses patience with a pool that goes on for ever."""

    over = True

    def __init__(self, keys: list[str]) -> None:
        self.ready = deque(Task(key) for key in keys)
        self._ends = time.monotonic() + _PATIENCE_S

    @property
    def trouble(self) -> BaseException | None:
        return AssertionError("it goes on without end") if time.monotonic() > self._ends else None

    def start(self) -> None:
        pass

    def stop(self) -> None:
        pass

    def taken(self) -> None:
        pass


def _dies(channel: object, shield: object) -> NoReturn:
    os._exit(9)


def test_processes_that_die_before_any_item_fail_the_items_in_the_end() -> None:
    channel, tally = Hearer(), Tally()
    made = Pool(channel, tally, _dies, Bounds(2, 2, 0, 0.0))  # type: ignore[arg-type]
    assert made.run(Listed(["a", "b", "c"]))  # type: ignore[arg-type]
    assert sorted(record.key for record in channel.records) == ["a", "b", "c"]
    failures = [record.failure for record in channel.records if record.failure is not None]
    assert {failure.error_class for failure in failures} == {ErrorClass.CRASHED} and len(failures) == 3
    assert tally.failed == 3


def test_time_that_was_slept_through_counts_neither_as_cost_nor_for_the_speed() -> None:
    class Listening(Tally):
        def slept(self, seconds: float) -> None:
            heard.append(seconds)

    heard: list[float] = []
    made = Pool(Hearer(), Listening(), _dies, Bounds(1, 1, 0, 0.0))  # type: ignore[arg-type]
    made._pass_time()
    assert not heard
    made._ticked -= 3600.0  # as if the machine had slept for an hour
    made._pass_time()
    assert heard and 3599.0 < heard[0] < 3605.0
    assert made._looked_s < 2.0


def test_a_runner_can_end_its_processes_before_it_is_ended_itself_and_all_that_within_a_second() -> None:
    assert pool._END_S + 0.25 < stop.ITEMS_INT_GRACE_S < 1.0
