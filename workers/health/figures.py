"""How the host fares: processor, memory, disk and pressure, sampled by the worker for everybody."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class AutoSlots:
    """How many slots a queue that follows the load has now, and why."""

    slots: int
    reason: str


@dataclass(frozen=True, slots=True)
class HostFigures:
    """One sample. Percentages are 0 to 100 over all cores; sizes are bytes; pressure is the 10 s average in percent."""

    cpu_percent: float
    load1: float
    cores: int
    memory_percent: float
    disk_path: str
    disk_free: int
    disk_percent: float
    psi_cpu: float | None = None  # None where the kernel does not tell (/proc/pressure)
    psi_io: float | None = None
    psi_memory: float | None = None
    auto_slots: Mapping[str, AutoSlots] = field(default_factory=dict)  # of queues that follow the load

    def as_dict(self) -> dict[str, Any]:
        """Plain data for the store and for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any] | None) -> HostFigures | None:
        """The sample that the store holds; None when there is none, or one of another version."""
        try:
            if values is None:
                return None
            slots = {queue: AutoSlots(**told) for queue, told in values.get("auto_slots", {}).items()}
            return cls(**{**values, "auto_slots": slots})
        except (TypeError, AttributeError):
            return None


def pressure(resource: str) -> float | None:
    """The share of the last 10 s in which something waited for `cpu`, `io` or `memory`, in percent."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        line = Path(f"/proc/pressure/{resource}").read_text().splitlines()[0]
        return float(line.split("avg10=")[1].split()[0])
    return None


def _existing(path: Path) -> Path:
    while not path.exists() and path != path.parent:
        path = path.parent
    return path


class Sampler:
    """Takes samples; the processor's share is that since the sample before."""

    def __init__(self, disk: Path) -> None:
        import psutil

        self._psutil = psutil
        self._disk = disk
        psutil.cpu_percent(None)

    def sample(self) -> HostFigures:
        """How the host fares now."""
        usage = shutil.disk_usage(_existing(self._disk))
        return HostFigures(
            cpu_percent=round(self._psutil.cpu_percent(None), 1),
            load1=round(os.getloadavg()[0], 2),
            cores=os.cpu_count() or 1,
            memory_percent=round(self._psutil.virtual_memory().percent, 1),
            disk_path=str(self._disk),
            disk_free=usage.free,
            disk_percent=round(100 * usage.used / max(1, usage.total), 1),
            psi_cpu=pressure("cpu"),
            psi_io=pressure("io"),
            psi_memory=pressure("memory"),
        )
