"""Slots that follow the load: a keeper for each queue with a range, its steps in the history, what clients are told.

A person's own number (`spool queue slots 3 video`) comes before all this until it is given back.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from workers.health.figures import AutoSlots
from workers.health.load import HostLoad
from workers.health.slots import Load, SlotKeeper, Step, Work
from workers.settings import Settings, slots_of
from workers.slots import Slots
from workers.store.database import transaction
from workers.store.hosts import QueueSetting
from workers.store.moves import bump, record_event

log = logging.getLogger(__name__)

FOLLOW_S = 2.0  # between two looks at the load
_MOST_UNTOLD = 1000  # steps kept for a database that refuses


class LoadSource(Protocol):
    """Whoever can say how the host fares."""

    def look(self) -> Load:
        """How it fares now."""


class SlotDesk:
    """Decides how many slots each queue has, and tells of every step by itself. For one thread."""

    def __init__(self, settings: Settings, db: Any, load: LoadSource | None = None) -> None:
        """`load` None: the host as it is."""
        self._db = db
        self._fixed = slots_of(settings)
        ranges = {queue: settings.slots.range_of(queue) for queue in self._fixed}
        self._keepers = {queue: SlotKeeper(queue, span) for queue, span in ranges.items() if span is not None}
        self._by_hand: dict[str, int] = {}
        self._load = load or HostLoad(settings.slots.polite) if self._keepers else None
        self._untold: list[tuple[str, Step]] = []

    @property
    def follows(self) -> bool:
        """Whether any queue has a range."""
        return bool(self._keepers)

    def numbers(self, settings: Mapping[str, QueueSetting]) -> dict[str, int]:
        """How many slots each queue has now, by what people set last."""
        return {queue: self._number(queue, settings[queue].slots) for queue in self._fixed}

    def _number(self, queue: str, by_hand: int | None) -> int:
        keeper = self._keepers.get(queue)
        if by_hand is not None:
            self._by_hand[queue] = by_hand
            return by_hand
        before = self._by_hand.pop(queue, None)
        if keeper is None:
            return self._fixed[queue]
        if before is not None:
            after = keeper.take(before, time.monotonic())
            keeper.reason = f"it follows the load again, {keeper.span}"
            if after != before:
                self._untold.append((queue, Step(before, after, keeper.reason)))
        return keeper.number

    def follow(
        self, slots: Mapping[str, Slots], apply: Callable[[str, int], None], waits: Callable[[str], bool]
    ) -> bool:
        """Look at the load once, and change each queue by at most one slot; whether any changed.

        `waits` tells whether a job of a queue could start now; it is asked only where all its slots are taken.
        `apply` gives a queue its new number.
        """
        free = {queue: keeper for queue, keeper in self._keepers.items() if queue not in self._by_hand}
        if not free or self._load is None:
            return False
        now, load = time.monotonic(), self._load.look()
        for queue, keeper in free.items():
            room = slots[queue]
            step = keeper.look(now, load, Work(not room.free and waits(queue), room.limit - room.free))
            if step is not None:
                self._untold.append((queue, step))
            if keeper.number != room.limit:
                apply(queue, keeper.number)
        return self._tell()

    def _tell(self) -> bool:
        """Write the steps into the history; what a database refuses is told with the next look."""
        del self._untold[:-_MOST_UNTOLD]
        told = list(self._untold)
        if not told:
            return False
        with transaction(self._db):
            for queue, step in told:
                states = str(step.before), str(step.after)
                record_event(self._db, bump(self._db), 0, "slots changed", states, "worker", f"{queue}: {step.reason}")
        del self._untold[: len(told)]
        for queue, step in told:
            log.info("slots of %s: %d now, %d before: %s", queue, step.after, step.before, step.reason)
        return True

    def told(self) -> dict[str, AutoSlots]:
        """The present number and its reason of each queue that follows the load, for the worker's figures."""
        return {
            queue: AutoSlots(keeper.number, keeper.reason)
            for queue, keeper in self._keepers.items()
            if queue not in self._by_hand
        }
