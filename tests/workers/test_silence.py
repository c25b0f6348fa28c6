from __future__ import annotations

from types import SimpleNamespace

import pytest

from workers import silence as silence_module
from workers.silence import Silence


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    clock = SimpleNamespace(now=100.0)
    monkeypatch.setattr(silence_module, "time", SimpleNamespace(monotonic=lambda: clock.now))
    return clock


def listen(clock: SimpleNamespace, silence: Silence, seconds: int) -> None:
    for _ in range(seconds):
        clock.now += 1
        silence.look()


def test_it_lasts_from_the_last_word_to_the_last_look(clock: SimpleNamespace) -> None:
    silence = Silence()
    listen(clock, silence, 90)
    assert silence.seconds == 90
    clock.now += 0.5
    silence.broken()
    assert silence.seconds < 0
    listen(clock, silence, 10)
    assert silence.seconds == 10


def test_time_in_which_nobody_listened_is_none_of_it(clock: SimpleNamespace) -> None:
    silence = Silence()
    listen(clock, silence, 30)
    clock.now += 3600
    silence.look()
    assert silence.seconds == 30
    listen(clock, silence, 5)
    assert silence.seconds == 35
