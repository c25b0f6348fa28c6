"""Even and odd times of frames, and spans that overlap."""

from __future__ import annotations

import pytest

from workers.media.quality_timing import Spans, timing


def test_even_times_out_of_order() -> None:
    told = timing([3600 * n for n in (0, 2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 11)], 1 / 90_000)
    assert told is not None
    assert (told.frames, told.irregular, told.gaps) == (12, 0.0, 0)
    assert told.mean_fps == pytest.approx(25)


def test_rounding_to_milliseconds_is_even() -> None:
    told = timing([round(n * 1000 / 29.97) for n in range(300)], 0.001)
    assert told is not None
    assert told.irregular == 0
    assert told.mean_fps == pytest.approx(29.97, rel=1e-3)


def test_gaps_are_counted() -> None:
    told = timing([n * 40 for n in range(100) if n not in (10, 20, 30)], 0.001)
    assert told is not None
    assert told.gaps == 3
    assert told.irregular == pytest.approx(3 / 96)
    assert told.longest_s == pytest.approx(0.08)


@pytest.mark.parametrize("times", [[], [1], list(range(10)), [5] * 100])
def test_too_few_to_tell(times: list[int]) -> None:
    assert timing(times, 0.04) is None


def test_spans() -> None:
    spans = Spans([])
    spans.end(1.0)
    spans.begin(2.0)
    spans.end(5.0)
    spans.begin(7.0)
    spans.end(6.0)
    assert spans.done == [(2.0, 5.0), (7.0, 7.0)]
    assert spans.total_s == 3.0
    assert spans.outside_s([(0.0, 2.5), (4.0, 9.0)]) == 1.5
