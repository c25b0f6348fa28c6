"""Sizes and crops, reckoned."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.media.shapes import PRESETS, Shape, two_numbers

SIDES = st.integers(1, 30_000)


@pytest.mark.parametrize(
    ("shape", "picture", "scaled"),
    [
        (Shape.within(320), (1920, 1080), (320, 180)),
        (Shape.within(320), (100, 50), (100, 50)),
        (Shape(1200, 800), (4000, 4000), (800, 800)),
        (Shape(400, 400, fill=True), (1920, 1080), (711, 400)),
        (Shape(400, 400, fill=True), (100, 50), (800, 400)),
        (Shape.within(320), (30_000, 1), (320, 1)),
    ],
)
def test_what_a_picture_is_scaled_to(shape: Shape, picture: tuple[int, int], scaled: tuple[int, int]) -> None:
    assert shape.scaled(*picture) == scaled


@given(SIDES, SIDES, st.sampled_from([*PRESETS.values(), Shape(33, 777, fill=True)]))
def test_a_box_is_kept_to(width: int, height: int, shape: Shape) -> None:
    wide, high = shape.scaled(width, height)
    if shape.fill:
        assert wide >= shape.width
        assert high >= shape.height
        left, top, right, bottom = shape.window(wide, high, lambda box: 0.0)
        assert (right - left, bottom - top) == (shape.width, shape.height)
        assert 0 <= left <= right <= wide
        assert 0 <= top <= bottom <= high
    else:
        assert 1 <= wide <= min(shape.width, width)
        assert 1 <= high <= min(shape.height, height)


def test_the_window_goes_where_most_is_to_see() -> None:
    shape = Shape(100, 100, fill=True, focus="entropy")
    assert shape.window(500, 100, lambda box: box[0]) == (400, 0, 500, 100)
    assert shape.window(500, 100, lambda box: 1.0) == (200, 0, 300, 100)  # of equals the middle
    assert Shape(100, 100, fill=True).window(500, 100, lambda box: box[0]) == (200, 0, 300, 100)


@given(SIDES, SIDES, st.sampled_from([*PRESETS.values(), Shape(33, 777, fill=True)]))
def test_the_part_has_the_form_of_the_box(width: int, height: int, shape: Shape) -> None:
    left, top, right, bottom = shape.part(width, height, lambda box: 0.0)
    assert 0 <= left < right <= width and 0 <= top < bottom <= height
    if shape.fill:
        assert right - left == width or bottom - top == height
        assert abs((right - left) * shape.height - (bottom - top) * shape.width) <= max(shape.width, shape.height)


def test_two_numbers() -> None:
    assert two_numbers(" 400X300 ", 16, 4096) == (400, 300)
    for wrong in ("", "4", "4x", "x4", "4x5x6", "-4x5", "04x5", "4 x 5", "99999999999999999999x1"):
        with pytest.raises(ValueError, match="two numbers"):
            two_numbers(wrong, 1, 20)
    with pytest.raises(ValueError, match="from 1 to 20"):
        two_numbers("4x21", 1, 20)
