"""Times as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.media.moments import Moment, parse_moment, words_of


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("90", Moment(90)),
        (" 12.5 ", Moment(12.5)),
        ("1:30", Moment(90)),
        ("90:00", Moment(5400)),
        ("1:02:03.5", Moment(3723.5)),
        ("-10", Moment(10, from_end=True)),
        ("-1:30", Moment(90, from_end=True)),
        ("-0", Moment(0, from_end=True)),
    ],
)
def test_what_people_write(text: str, moment: Moment) -> None:
    assert parse_moment(text) == moment


@pytest.mark.parametrize(
    "text",
    ["", "-", "soon", "1:75", "1:60:00", "1:2:3:4", "+5", "5s", "1e3", ".5", "5.", "--5", "1::2", "٣", "5\n6", "nan"],
)
def test_what_means_no_time(text: str) -> None:
    with pytest.raises(ValueError, match=r"time|fewer"):
        parse_moment(text)


@given(st.integers(0, 999 * 3_600_000), st.booleans())
def test_words_mean_what_they_were_made_of(millis: int, from_end: bool) -> None:
    text = ("-" if from_end else "") + words_of(millis / 1000)
    moment = parse_moment(text)
    assert moment.from_end == from_end
    assert round(moment.seconds * 1000) == millis


@given(st.text(max_size=12))
def test_any_text_is_a_time_or_an_error_in_words(text: str) -> None:
    try:
        moment = parse_moment(text)
    except ValueError:
        return
    assert moment.seconds >= 0


@given(st.floats(0, 1e5), st.floats(0, 1e5))
def test_from_the_end(back: float, duration: float) -> None:
    assert Moment(back, from_end=True).at(duration) == duration - back
    assert Moment(back).at(duration) == back
