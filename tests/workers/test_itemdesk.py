"""What is asked of items; that each outcome is written once is proved with real runners in flows and faults."""

from __future__ import annotations

from dataclasses import replace

import pytest

from workers.itemdesk import begun
from workers.jobs import ItemCounts


@pytest.mark.parametrize("name", ["done", "failed", "skipped", "cached"])
def test_one_outcome_is_enough_to_ask_of_each_item(name: str) -> None:
    assert begun(replace(ItemCounts(), **{name: 1}))
    assert not begun(ItemCounts(total=5))
