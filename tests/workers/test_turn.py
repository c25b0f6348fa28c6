"""When a job of many items has had its turn, and who has the next one."""

from __future__ import annotations

from workers.turn import AFTER_TURN, QUANTUM_S, Shares, Turn


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


def test_newer_jobs_go_first_and_leave_a_third_to_those_that_had_a_turn() -> None:
    shares = Shares()
    assert not shares.turned_first("default")
    had = {True: 0.0, False: 0.0}
    for _ in range(1000):
        turned = shares.turned_first("default")
        seconds = QUANTUM_S if turned else 0.1  # there is always a small one
        shares.claimed("default", AFTER_TURN + 1 if turned else 1.0)
        shares.used("default", AFTER_TURN + 1 if turned else 1.0, seconds)
        had[turned] += seconds
    assert 0.3 < had[True] / sum(had.values()) < 0.36


def test_shares_are_of_each_queue_by_itself() -> None:
    shares = Shares()
    shares.used("video", 1.0, 3600.0)
    assert shares.turned_first("video") and not shares.turned_first("default")
    shares.claimed("default", AFTER_TURN)
    assert shares.turned_first("video")
    shares.claimed("video", AFTER_TURN)
    assert not shares.turned_first("video")
