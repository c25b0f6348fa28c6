"""What a runner may use, as limits of the kernel that its children inherit."""

from __future__ import annotations

import resource
import sys
from dataclasses import dataclass

from workers.runner.priority import go_last

_OPEN_FILES = 4096  # of one process: enough to join hundreds of films
_TASKS_A_PROCESS = 8  # see `_bound_processes`


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of one runner and, each for itself, of the tools that it starts. 0 means none."""

    memory_bytes: int = 0  # private memory beyond what the warm process had at the fork
    file_bytes: int = 0  # size of one file
    cpu_s: int = 0  # processor time of one process
    processes: int = 0  # that the job may have at once; the worker counts them, the kernel only stops an avalanche
    last: bool = False  # whether every other program on the machine goes first


def _data_bytes() -> int:
    """What RLIMIT_DATA counts of this process, in bytes; 0 where the system does not tell."""
    try:
        with open("/proc/self/statm", "rb", buffering=0) as stat:
            return int(stat.read(256).split()[5]) * resource.getpagesize()
    except (OSError, ValueError, IndexError):
        return 0


def tasks_of_machine() -> int:
    """How many processes and threads there are now, of everybody; 0 where the system does not tell. Some 20 us."""
    try:
        with open("/proc/loadavg", "rb", buffering=0) as load:
            return int(load.read(128).split()[3].partition(b"/")[2])
    except (OSError, ValueError, IndexError):
        return 0


def apply(limits: Limits) -> None:
    """Bind this process to `limits`.

    Memory is bounded by RLIMIT_DATA: what is private and may be written, from Linux 4.7 on. RLIMIT_AS counts files
    that are only mapped and the 64 MiB that the allocator sets aside for each new thread, so that the same job may fail
    or not, and drivers of graphics cards set aside more addresses than any bound would leave them.

    Memory that processes could share is not counted here. The pool of a job of many items looks at all that its
    processes hold, such memory too, and ends the largest (`workers.runner.pool`). For other jobs nothing of ours counts
    it: only a machine that runs out ends runners before other programs.

    A core file would hold cookies and fill the disk. One byte is too little for a file of it, and to the kernel the
    sign that a program which collects cores is not to be called either; at 0 it would be. (PR_SET_DUMPABLE would end
    with the next exec, and take /proc/self from the runner itself.)
    """
    _lower(resource.RLIMIT_CORE, 1)
    _lower(resource.RLIMIT_NOFILE, _OPEN_FILES)
    if sys.platform == "linux":
        _lower(resource.RLIMIT_RTPRIO, 0)  # machines for sound give it to everybody: see `linux.stay_ordinary`
    if limits.memory_bytes:
        _lower(resource.RLIMIT_DATA, _data_bytes() + limits.memory_bytes)
    if limits.file_bytes:
        _lower(resource.RLIMIT_FSIZE, limits.file_bytes)
    if limits.cpu_s:
        _lower(resource.RLIMIT_CPU, limits.cpu_s)
    if limits.processes:
        _bound_processes(limits.processes)
    if limits.last:
        go_last()


def _bound_processes(processes: int) -> None:
    """Let forks fail before the machine is full.

    The kernel counts what the whole user runs, threads too, not what this job does; so the bound lies far above what
    is there now, and is no measure of a job. It holds back what could be born between two looks of the worker, which
    counts the processes of a job and ends it (`workers.runner.census`). Root is not bound by it at all.
    """
    tasks = tasks_of_machine()
    if tasks:
        _lower(resource.RLIMIT_NPROC, tasks + processes * _TASKS_A_PROCESS)


def _lower(which: int, value: int) -> None:
    hard = resource.getrlimit(which)[1]
    bound = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(which, (bound, bound))
