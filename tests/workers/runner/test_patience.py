"""Waiting that ends when it is over, when the time is out, or when nobody wants it any more."""

from __future__ import annotations

import pytest

from workers.runner.patience import ASK_S, NotWanted, Patience


def test_it_is_asked_again_until_it_is_over() -> None:
    steps: list[float] = []

    def over(step_s: float) -> bool:
        steps.append(step_s)
        return len(steps) == 3

    assert Patience(60).wait(over)
    assert steps == [ASK_S] * 3


def test_the_time_is_for_all_waits_together() -> None:
    patience = Patience(0.0)
    assert not patience.wait(lambda step_s: False)
    assert patience.wait(lambda step_s: step_s == 0.0), "what is over is over, however late"


def test_nobody_wants_it_any_more() -> None:
    answers = [True, False]
    patience = Patience(60, lambda: answers.pop(0))
    with pytest.raises(NotWanted):
        patience.wait(lambda step_s: False)
    assert answers == []
