"""How many jobs of a queue may run at once, as a person writes it: a number, a range such as 1-4, or auto. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from workers.jobs import MOST_AT_ONCE

AUTO = "auto"
_SAID = f'write a number from 0 to {MOST_AT_ONCE}, "{AUTO}", or a range from 1 on such as "1-4"'
_RANGE = re.compile(r"([0-9]{1,4})\s*-\s*([0-9]{1,4})")


@dataclass(frozen=True, slots=True)
class SlotRange:
    """Between how few and how many slots the worker may choose by the load; both included, and at least 1."""

    low: int
    high: int

    def __str__(self) -> str:
        return f"{self.low}-{self.high}"

    def nearest(self, slots: int) -> int:
        """The number in the range that is nearest to `slots`."""
        return max(self.low, min(self.high, slots))


def checked_slots(value: object) -> int | str:
    """What may stand in the configuration, spaces removed; ValueError that says what may be written."""
    if isinstance(value, bool):
        raise ValueError(_SAID)
    if isinstance(value, str):
        text = value.strip().lower()
        if text == AUTO:
            return AUTO
        if text.isascii() and text.isdecimal():
            value = int(text)
        else:
            return str(_range(text))
    if not isinstance(value, int) or not 0 <= value <= MOST_AT_ONCE:
        raise ValueError(_SAID)
    return value


def _range(text: str) -> SlotRange:
    found = _RANGE.fullmatch(text)
    if found is None:
        raise ValueError(_SAID)
    low, high = int(found[1]), int(found[2])
    if low < 1:
        raise ValueError("a range begins with 1 or more: only a number can be 0, for no slots at all")
    if high > MOST_AT_ONCE:
        raise ValueError(f"a queue has at most {MOST_AT_ONCE} slots")
    if low > high:
        raise ValueError(f'the lower end comes first: "{high}-{low}"')
    return SlotRange(low, high)


def range_of(value: int | str, top: int) -> SlotRange | None:
    """The range that a checked value means, `auto` as 1 to `top`; None for a number, which is fixed."""
    if isinstance(value, int):
        return None
    return SlotRange(1, max(1, min(MOST_AT_ONCE, top))) if value == AUTO else _range(value)
