"""What people are told of queues and of the worker. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from workers.health.figures import HostFigures
from workers.jobs import Pause

STALE = "config.toml was changed since the worker started, which still has the old one"
ANEW = "`spool stop`, then `spool worker --detach`, makes the change hold; what runs goes on afterwards"

SILENT_S = 10.0
"""Seconds after which a worker without a sign of life is called silent; it gives one every two seconds."""


@dataclass(frozen=True, slots=True)
class QueueStatus:
    """One queue as a person sees it."""

    name: str
    slots: int
    running: int
    paused_jobs: int
    waiting: int
    failed: int
    pause: Pause | None
    auto: str = ""  # the range in which the worker chooses by the load, as "1-4"; empty where the number is fixed
    by_hand: bool = False  # whether a person set the number, over what the configuration says
    slots_reason: str = ""  # why a number that follows the load is as it is

    @property
    def slots_words(self) -> str:
        """What there is to say of the number: who chose it, and why."""
        if self.by_hand:
            return f"set by hand, not auto {self.auto}" if self.auto else ""
        return f"auto {self.auto}" + (f": {self.slots_reason}" if self.slots_reason else "") if self.auto else ""

    @property
    def paused(self) -> bool:
        """Whether somebody paused it."""
        return self.pause is not None

    @property
    def paused_until(self) -> int | None:
        """When its pause ends by itself, in milliseconds."""
        return None if self.pause is None else self.pause.until

    @property
    def paused_by(self) -> str:
        """Who paused it."""
        return "" if self.pause is None else self.pause.by


@dataclass(frozen=True, slots=True)
class WorkerStatus:
    """The worker of this home, or the last one when none runs. Times are milliseconds."""

    running: bool
    pid: int | None = None
    host: str = ""
    version: str = ""
    started_at: int | None = None
    heartbeat: int | None = None
    age_s: float | None = None  # since the last sign of life
    report: tuple[str, ...] = ()  # what it rescued and removed at its start
    figures: HostFigures | None = None
    stale_config: bool = False  # whether config.toml was changed since the worker read it

    @property
    def silent(self) -> bool:
        """Whether it runs and has given no sign of life for so long that something is wrong."""
        return self.running and self.age_s is not None and self.age_s > SILENT_S

    @property
    def stale_words(self) -> str:
        """That it has an older configuration, and what helps; empty when it does not."""
        return f"{STALE}: {ANEW}" if self.stale_config else ""
