"""Searching for a quality: few trials, the coarsest that is good, and no trust in scores that contradict themselves."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.media.target import MOST_TRIALS, Trial, samples, search


def falling(start: float, slope: float) -> Callable[[int], Trial]:
    return lambda crf: Trial(crf, min(start - slope * crf, 100.0), 1000 - crf)


def exact(start: float, slope: float, wanted: float, low: int, high: int) -> int | None:
    good = [crf for crf in range(low, high + 1) if falling(start, slope)(crf).score >= wanted]
    return max(good, default=None)


@given(start=st.floats(95, 130), slope=st.floats(0.2, 3.0), wanted=st.floats(50, 99), first=st.integers(8, 45))
def test_it_comes_near_the_coarsest_that_is_good(start: float, slope: float, wanted: float, first: int) -> None:
    found = search(falling(start, slope), wanted, start=first, low=8, high=45, close=0.0)
    assert len(found.trials) <= MOST_TRIALS
    assert len({trial.crf for trial in found.trials}) == len(found.trials)
    best = exact(start, slope, wanted, 8, 45)
    if best is None:
        assert found.best is None
    else:
        assert found.best is not None and best - 3 <= found.best.crf <= best


@given(st.dictionaries(st.integers(8, 45), st.floats(0, 100), min_size=38, max_size=38), st.floats(1, 99))
def test_whatever_the_scores_the_answer_is_good(scores: dict[int, float], wanted: float) -> None:
    found = search(lambda crf: Trial(crf, scores[crf], 1), wanted, start=23, low=8, high=45)
    assert len(found.trials) <= MOST_TRIALS
    if found.best is not None:
        assert found.best.score >= wanted
        assert all(trial.score >= wanted for trial in found.trials if trial.crf <= found.best.crf)


def test_near_enough_ends_it() -> None:
    found = search(falling(100, 0.5), 88.4, start=23, low=8, high=45)
    assert [trial.crf for trial in found.trials] == [23]


def test_a_line_is_found_in_few_trials() -> None:
    found = search(falling(112, 0.9), 93, start=38, low=10, high=60)
    assert found.best is not None and found.best.crf == 21
    assert len(found.trials) <= 4


@pytest.mark.parametrize(
    ("duration", "count", "starts", "length"),
    [
        (4.0, 0, (0.0,), 4.0),
        (60.0, 3, (9.0, 29.0, 49.0), 2.0),
        (7200.0, 0, (449.0, 1349.0, 2249.0, 3149.0, 4049.0, 4949.0, 5849.0, 6749.0), 2.0),
    ],
)
def test_where_samples_are_taken(duration: float, count: int, starts: tuple[float, ...], length: float) -> None:
    found = samples(duration, count)
    assert (found.starts, found.length_s) == (starts, length)
    assert found.total_s == length * len(starts)
