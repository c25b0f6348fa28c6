"""What the supervisor passes on; that it ends jobs rightly is proved with real processes in flows and faults."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from workers.jobs import ItemCounts, Progress
from workers.supervisor import _begun, _cleaned


@pytest.mark.parametrize("name", ["done", "failed", "skipped", "cached"])
def test_one_outcome_is_enough_to_ask_of_each_item(name: str) -> None:
    assert _begun(replace(ItemCounts(), **{name: 1}))
    assert not _begun(ItemCounts(total=5))


def test_phases_are_clean_and_short() -> None:
    progress = _cleaned(Progress(0.5, "\x1b[31m" + "x" * 500, 1, 2, math.inf, None, "bytes"))
    assert len(progress.phase) <= 200 and "\x1b" not in progress.phase
    assert (progress.fraction, progress.done, progress.total, progress.unit) == (0.5, 1, 2, "bytes")
