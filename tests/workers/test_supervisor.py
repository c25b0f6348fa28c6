"""What the supervisor passes on; that it ends jobs rightly is proved with real processes in flows and faults."""

from __future__ import annotations

import math

from workers.jobs import Progress
from workers.supervisor import _cleaned


def test_phases_are_clean_and_short() -> None:
    progress = _cleaned(Progress(0.5, "\x1b[31m" + "x" * 500, 1, 2, math.inf, None, "bytes"))
    assert len(progress.phase) <= 200 and "\x1b" not in progress.phase
    assert (progress.fraction, progress.done, progress.total, progress.unit) == (0.5, 1, 2, "bytes")
