"""What people are told of queues and of the worker. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from workers.health.figures import HostFigures


@dataclass(frozen=True, slots=True)
class QueueStatus:
    """One queue as a person sees it."""

    name: str
    slots: int
    running: int
    paused_jobs: int
    waiting: int
    failed: int
    paused: bool
    paused_until: int | None
    paused_by: str


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
