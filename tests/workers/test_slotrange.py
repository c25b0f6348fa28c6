from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.jobs import MOST_AT_ONCE
from workers.slotrange import AUTO, SlotRange, checked_slots, range_of


@pytest.mark.parametrize(
    ("value", "checked", "meant"),
    [
        (3, 3, None),
        (0, 0, None),
        ("7", 7, None),
        ("1-4", "1-4", SlotRange(1, 4)),
        (" 2 - 32 ", "2-32", SlotRange(2, 32)),
        ("5-5", "5-5", SlotRange(5, 5)),
        ("AUTO", AUTO, SlotRange(1, 6)),
    ],
)
def test_a_number_a_range_or_auto(value: object, checked: int | str, meant: SlotRange | None) -> None:
    assert checked_slots(value) == checked
    assert range_of(checked_slots(value), top=6) == meant


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (33, "a number from 0 to 32"),
        (-1, "a number from 0 to 32"),
        (True, "a number from 0 to 32"),
        (2.0, "a number from 0 to 32"),
        ("many", '"auto", or a range'),
        ("1-4-5", '"auto", or a range'),
        ("", '"auto", or a range'),
        ("0-4", "begins with 1 or more"),
        ("4-1", 'the lower end comes first: "1-4"'),
        ("1-33", "at most 32 slots"),
        ("٣-٤", '"auto", or a range'),
        (None, "a number from 0 to 32"),
    ],
)
def test_what_makes_no_sense_is_told(value: object, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        checked_slots(value)


@given(st.integers(1, MOST_AT_ONCE), st.integers(1, MOST_AT_ONCE), st.integers(-5, 90))
def test_a_range_as_text_means_itself_and_holds_its_nearest(one: int, other: int, slots: int) -> None:
    found = SlotRange(min(one, other), max(one, other))
    assert range_of(checked_slots(str(found)), top=1) == found
    assert found.low <= found.nearest(slots) <= found.high
    assert found.nearest(slots) == slots or not found.low <= slots <= found.high


def test_auto_is_never_more_than_a_queue_may_have() -> None:
    assert range_of(AUTO, 512) == SlotRange(1, MOST_AT_ONCE)
    assert range_of(AUTO, 0) == SlotRange(1, 1)
