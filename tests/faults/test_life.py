"""The compressed life tells growth from what comes and goes; `make life` runs it whole."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.faults.life import Sample, growth
from tests.support.shifted import ShiftedClock

_MIB = 1 << 20
_STEADY = [Sample(hour, 60 * _MIB, 80 * _MIB, 20 * _MIB, 4 * _MIB, _MIB, 60 * _MIB, 40_000) for hour in range(1, 73)]


def test_what_comes_and_goes_by_the_day_is_no_growth() -> None:
    daily = [replace(one, rows=20_000 + one.hour % 24 * 1000, database=(10 + one.hour % 24) * _MIB) for one in _STEADY]
    assert growth(_STEADY) == growth(daily) == []


@pytest.mark.parametrize("name", ["worker", "everybody", "database", "wal", "logs", "backups", "rows"])
def test_growth_is_named(name: str) -> None:
    growing = [replace(one, **{name: int(getattr(one, name) * 3 * one.hour)}) for one in _STEADY]
    (told,) = growth(growing)
    assert told.startswith(f"{name} grew from")


def test_those_who_share_a_clock_sleep_together(tmp_path: Path) -> None:
    one, other = ShiftedClock(tmp_path / "clock"), ShiftedClock(tmp_path / "clock")
    one.sleep(90_000)
    other.sleep(-30_000)
    assert one.later_ms == other.later_ms == 60_000
