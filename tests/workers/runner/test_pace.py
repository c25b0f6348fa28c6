"""The pace of reports."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from workers.jobs import Progress
from workers.runner.pace import ALIVE_EVERY_S, REPORT_EVERY_S, Pace


def test_the_first_report_goes_out_at_once_and_the_next_waits() -> None:
    pace = Pace()
    assert pace.offer(Progress(0.1), 5.0)
    assert not pace.offer(Progress(0.2), 5.01)
    assert not pace.offer(Progress(0.3), 5.02)
    assert pace.take(5.05) is None
    assert pace.take(5.0 + REPORT_EVERY_S) == Progress(0.3)
    assert pace.take(9.0, early=True) is None


@given(st.lists(st.floats(0, 0.3), min_size=1, max_size=60))
def test_at_most_ten_a_second_and_the_newest_always(pauses: list[float]) -> None:
    pace, now, sent = Pace(), 0.0, []
    for number, pause in enumerate(pauses):
        wait = pace.wait_s(now)
        if wait is not None and wait <= pause and (late := pace.take(now + wait + 1e-9)) is not None:
            sent.append((now + wait, late.done))
        now += pause
        if pace.offer(Progress(done=number), now):
            sent.append((now, number))
    last = pace.take(now, early=True)
    newest = sent[-1][1] if last is None else last.done
    assert newest == len(pauses) - 1
    times = [when for when, _ in sent]
    assert all(later - earlier >= REPORT_EVERY_S - 1e-6 for earlier, later in pairwise(times))


def test_a_report_counts_as_a_sign_of_life() -> None:
    pace = Pace()
    assert pace.offer(Progress(), 1.0)
    assert not pace.offer_alive(1.5)
    assert pace.offer_alive(1.0 + ALIVE_EVERY_S)
    assert not pace.offer_alive(1.1 + ALIVE_EVERY_S)
