"""The place of a process behind all others, for people who work on the same machine. Inherited by all it starts.

Taken once, at birth: without special rights nobody can raise a process again that has been lowered, so lowering what
runs only while somebody is busy could not be taken back.
"""

from __future__ import annotations

import contextlib
import os
import time

LAST = 19
_AUTOGROUP = "/proc/self/autogroup"
_TRIES = 3
_WAIT_S = 0.1  # the kernel lets all users together set ten groups a second


def go_last() -> None:
    """Let every other program have processor and disk first; the kernel takes the disk's order from the processor's.

    A desktop's kernel groups processes by session and weighs the groups; a session of its own must be lowered as such.
    """
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, LAST)
    for _ in range(_TRIES):
        try:
            with open(_AUTOGROUP, "wb", buffering=0) as group:
                group.write(b"%d" % LAST)
            return
        except BlockingIOError:
            time.sleep(_WAIT_S)
        except OSError:
            return  # this kernel has no such groups
