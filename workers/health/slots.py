"""How many jobs of one queue should run at once, followed step by step. Pure: what is measured comes in, words go out.

One more while work waits, all slots are taken and the host has room; one less while processor, disk or memory are
short, or while other programs are busy. Between the limits of "room" and "short" nothing changes, and after each step
the host gets time to answer. A step up that had to be taken back makes the next try wait longer.
"""

from __future__ import annotations

from dataclasses import dataclass

from workers.slotrange import SlotRange

HOLD_S = 6.0  # after each step: pressure is an average of 10 s
_MOST_PATIENCE = 32.0
_OTHERS_BUSY = 0.25  # of the processor
_OTHERS_QUIET = 0.12
_MEMORY_SHORT = 5.0  # percent that can be had
_MEMORY_ROOM = 12.0
_WORDS = {"cpu": "cpu pressure", "io": "disk pressure", "memory": "memory pressure"}
_LEVELS = {"cpu": (45.0, 70.0), "io": (30.0, 60.0), "memory": (3.0, 10.0)}  # percent: room below, short from
_NOT_BY_CPU = ("downloads",)  # they wait for the network: fewer of them leave the processor no freer


@dataclass(frozen=True, slots=True)
class Load:
    """One look at the host. Pressures are percent of the last 10 s in which something waited for it, 0 to 100."""

    cores: int
    cpu: float
    io: float
    memory: float
    memory_free: float  # percent of all memory that can be had without swapping
    others: float | None = None  # cores that other programs keep busy; None when nobody asked, or nobody knows


@dataclass(frozen=True, slots=True)
class Work:
    """What one queue has to do."""

    waits: bool  # whether a job could start now if there were a slot
    busy: int  # slots that are taken


@dataclass(frozen=True, slots=True)
class Step:
    """A change by one."""

    before: int
    after: int
    reason: str


class SlotKeeper:
    """The number of slots of one queue. `number` is always in the range, `reason` says why it is as it is."""

    def __init__(self, queue: str, span: SlotRange, hold_s: float = HOLD_S) -> None:
        self.span = span
        self.number = span.low
        self.reason = "it begins with few"
        self._heeds = [name for name in _LEVELS if name != "cpu" or queue not in _NOT_BY_CPU]
        self._hold_s = hold_s
        self._changed = float("-inf")
        self._went_up = False  # by the last step
        self._patience = 1.0  # how many times as long as `hold_s` the next step up must wait
        self._yielding = False

    def take(self, slots: int, now: float) -> int:
        """Go on from a number that a person had set; the number in the range that is nearest to it."""
        self.number = self.span.nearest(slots)
        self._changed, self._went_up, self._patience = now, False, 1.0
        return self.number

    def look(self, now: float, load: Load, work: Work) -> Step | None:
        """Follow the load by at most one slot; None when nothing changes. `now` is a monotonic clock in seconds."""
        short = self._others(load) or self._short(load)
        if short:
            self.reason = short
            down = self.number > self.span.low and now - self._changed >= self._hold_s
            return self._step(-1, now) if down else None
        tight = self._tight(load)
        if not work.waits or work.busy < self.number:
            self.reason = "nothing more waits"
        elif tight:
            self.reason = tight
        elif self.number >= self.span.high:
            self.reason = "the most that is allowed"
        else:
            self.reason = "work waits and the host has room"
            if now - self._changed >= self._hold_s * self._patience:
                return self._step(1, now)
        return None

    def _step(self, by: int, now: float) -> Step:
        if by < 0 and self._went_up:
            self._patience = min(_MOST_PATIENCE, self._patience * 2)
        elif by > 0 and self._went_up:
            self._patience = max(1.0, self._patience / 2)
        self._changed, self._went_up = now, by > 0
        before, self.number = self.number, self.number + by
        return Step(before, self.number, self.reason)

    def _others(self, load: Load) -> str:
        """Whether other programs are busy, in words; once they are, it takes more quiet until they are not."""
        share = 0.0 if load.others is None else load.others / max(1, load.cores)
        self._yielding = share >= (_OTHERS_QUIET if self._yielding else _OTHERS_BUSY)
        return f"other programs use {load.others:.1f} of {load.cores} cores" if self._yielding else ""

    def _short(self, load: Load) -> str:
        if load.memory_free < _MEMORY_SHORT:
            return f"only {load.memory_free:.0f} % of the memory is free"
        return self._worst(load, 1)

    def _tight(self, load: Load) -> str:
        if load.memory_free < _MEMORY_ROOM:
            return f"{load.memory_free:.0f} % of the memory is free"
        return self._worst(load, 0)

    def _worst(self, load: Load, level: int) -> str:
        """The pressure that goes farthest beyond its limit, in words; empty when none does."""
        beyond = {name: getattr(load, name) / _LEVELS[name][level] for name in self._heeds}
        worst = max(beyond, key=lambda name: beyond[name])
        return f"{_WORDS[worst]} {getattr(load, worst):.0f} %" if beyond[worst] >= 1 else ""
