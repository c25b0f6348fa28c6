"""What a runner may use, as limits of the kernel that its children inherit."""

from __future__ import annotations

import resource
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of one runner and, each for itself, of the tools that it starts. 0 means none."""

    memory_bytes: int = 0  # address space beyond what the warm process has mapped at the fork
    file_bytes: int = 0  # size of one file
    cpu_s: int = 0  # processor time of one process


def mapped_bytes() -> int:
    """Address space of this process in bytes; 0 where the system does not tell."""
    try:
        with open("/proc/self/statm", "rb") as stat:
            return int(stat.read().split()[0]) * resource.getpagesize()
    except OSError:
        return 0


def apply(limits: Limits, mapped: int) -> None:
    """Bind this process to `limits`; `mapped` is the address space in bytes that it was forked with."""
    _lower(resource.RLIMIT_CORE, 0)  # a core file would hold cookies and fill the disk
    if limits.memory_bytes:
        _lower(resource.RLIMIT_AS, mapped + limits.memory_bytes)
    if limits.file_bytes:
        _lower(resource.RLIMIT_FSIZE, limits.file_bytes)
    if limits.cpu_s:
        _lower(resource.RLIMIT_CPU, limits.cpu_s)


def _lower(which: int, value: int) -> None:
    hard = resource.getrlimit(which)[1]
    bound = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(which, (bound, bound))
