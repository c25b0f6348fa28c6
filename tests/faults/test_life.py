"""The compressed life tells growth from what comes and goes; `make life` runs it whole."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest

from tests.faults.life import Sample, growth
from tests.support.shifted import ShiftedClock

_MIB = 1 << 20
_SIZES = ("worker", "everybody", "database", "wal", "logs", "backups", "rings", "cache", "trash")
_STEADY = [
    Sample(hour, rows=40_000, **{name: (60 - 5 * place) * _MIB for place, name in enumerate(_SIZES)})
    for hour in range(1, 73)
]


def test_what_comes_and_goes_is_no_growth() -> None:
    chance = random.Random(3)
    daily = [replace(one, rows=20_000 + one.hour % 24 * 1000, database=(10 + one.hour % 24) * _MIB) for one in _STEADY]
    noisy = [replace(one, worker=one.worker + chance.randrange(12 * _MIB)) for one in _STEADY]
    peaked = [*_STEADY[:-5], replace(_STEADY[-5], worker=200 * _MIB), *_STEADY[-4:]]
    assert growth(_STEADY) == growth(daily) == growth(noisy) == growth(peaked) == []


@pytest.mark.parametrize("name", [*(name for name in _SIZES if name != "backups"), "rows"])
def test_growth_is_named(name: str) -> None:
    growing = [replace(one, **{name: int(getattr(one, name) * (1 + one.hour / 72))}) for one in _STEADY]
    (told,) = growth(growing)
    assert told.startswith(f"{name} grew ")


def test_backups_beyond_those_that_are_kept_are_growth() -> None:
    many = [replace(one, backups=one.hour // 6 * one.database) for one in _STEADY]
    (told,) = growth(many)
    assert told.startswith("backups grew to ")


@pytest.mark.parametrize("lost", [150, 15])
def test_a_leak_of_two_days_is_seen_beside_noise(lost: int) -> None:
    chance = random.Random(5)
    leaking = [
        replace(one, worker=one.worker + one.hour * lost * _MIB // 48 + chance.randrange(4 * _MIB)) for one in _STEADY
    ]
    (told,) = growth(leaking)
    assert told.startswith("worker grew by ")


def test_those_who_share_a_clock_sleep_together(tmp_path: Path) -> None:
    one, other = ShiftedClock(tmp_path / "clock"), ShiftedClock(tmp_path / "clock")
    one.sleep(90_000)
    other.sleep(-30_000)
    assert one.later_ms == other.later_ms == 60_000
