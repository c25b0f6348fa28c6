"""When a job of many items has had its turn."""

from __future__ import annotations

from workers.turn import Turn


def test_a_turn_begins_with_the_first_outcome() -> None:
    turn = Turn(100.0)
    assert not turn.over(2.0, 1000.0)
    turn.outcome(101.0)
    turn.outcome(102.5)
    assert not turn.over(2.0, 102.9)
    assert turn.over(2.0, 103.0)


def test_a_turn_is_as_long_as_it_took_to_get_there() -> None:
    turn = Turn(100.0)
    turn.outcome(150.0)
    assert not turn.over(2.0, 199.0)
    assert turn.over(2.0, 200.0)
