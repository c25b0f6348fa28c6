"""Figures and texts: widths in cells, no jiggle, no surprises."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from console import format
from tests.support.fake_client import NOW_MS


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0"),
        (999, "999"),
        (1000, "1.0k"),
        (1234, "1.2k"),
        (73_900_000, "73.9M"),
        (999_960, "1.0M"),
        (123_456, "123k"),
        (4.2e18, "4.2E"),
    ],
)
def test_amount(number: float, text: str) -> None:
    assert format.amount(number) == text


@given(st.floats(0, 1e18))
def test_amount_is_at_most_five_characters(number: float) -> None:
    assert len(format.amount(number)) <= 5


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, ""), (0, "0s"), (59.9, "59s"), (250, "4m10s"), (3900, "1h05m"), (90_000, "1d01h"), (1e9, "11574d")],
)
def test_span_of(seconds: float | None, text: str) -> None:
    assert format.span_of(seconds) == text


@pytest.mark.parametrize(
    ("back_s", "text"),
    [
        (0, "0s"),
        (59, "59s"),
        (61, "1m"),
        (7200, "2h"),
        (86_400 * 3, "3d"),
        (86_400 * 30, "4w"),
        (86_400 * 800, "2y"),
        (-5, "0s"),
    ],
)
def test_age(back_s: int, text: str) -> None:
    assert format.age(NOW_MS - back_s * 1000, NOW_MS) == text


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (73.9e6, "bytes", "73.9M/s"),
        (2400.0, "ms", "2.4x"),
        (52.0, "items", "52/s"),
        (0.25, "", "0.2/s"),
        (None, "bytes", ""),
        (-1.0, "ms", ""),
    ],
)
def test_rate(value: float | None, unit: str, text: str) -> None:
    assert format.rate(value, unit) == text


@pytest.mark.parametrize(
    ("fraction", "text"), [(None, ""), (0.0, "0"), (0.999, "99"), (1.0, "100"), (7.0, "100"), (-1.0, "0")]
)
def test_percent_is_never_rounded_up_to_done(fraction: float | None, text: str) -> None:
    assert format.percent(fraction) == text
    assert format.percent(0.9999, decimals=1) == "99.9"


@given(st.one_of(st.none(), st.floats(allow_nan=False)), st.integers(1, 40), st.booleans())
def test_bar_is_always_as_wide(fraction: float | None, width: int, ascii_only: bool) -> None:
    full, rest = format.bar(fraction, width, ascii_only=ascii_only)
    assert len(full + rest) == width
    assert (full + rest).isascii() is ascii_only


@given(st.text(), st.integers(0, 40), st.booleans(), st.booleans())
def test_fit_is_exactly_as_wide(text: str, width: int, right: bool, middle: bool) -> None:
    assert cell_len(format.fit(text, width, right=right, middle=middle)) == width


@given(st.lists(st.tuples(st.text(max_size=12), st.sampled_from(["plain", "dim"])), max_size=6), st.integers(0, 50))
def test_fit_spans_is_exactly_as_wide(spans: list[tuple[str, str]], width: int) -> None:
    assert format.width_of(format.fit_spans(spans, width)) == width


@given(st.text(alphabet=st.sampled_from("abc 映画\n"), max_size=80), st.integers(4, 30))
def test_wrap_keeps_every_letter_and_the_width(text: str, width: int) -> None:
    lines = format.wrap(text, width)
    assert all(cell_len(line) <= width for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace("\n", "").replace(" ", "")


def test_cut_in_the_middle_keeps_the_extension() -> None:
    assert format.cut("a-very-long-name-of-a-film.mov", 20, middle=True) == "a-very-long-n…lm.mov"
    assert format.cut("a-very-long-name", 6, ascii_only=True) == "a-ver~"
    assert cell_len(format.cut("映画音楽の作り方", 7)) <= 7


def test_times_inside_a_sentence_are_told_by_the_same_clock() -> None:
    said = "paused until 2026-09-21T14:13:20.000Z, and 2026-09-20T14:13:20Z; not 2026-99-99T99:99:99Z"
    told = "paused until 14:13:20, and 2026-09-20 14:13; not 2026-99-99T99:99:99Z"
    assert format.in_clock(said, NOW_MS) == told


def test_clock_shows_the_date_of_another_day() -> None:
    assert format.clock(NOW_MS, NOW_MS) == "14:13:20"
    assert format.clock(NOW_MS - 86_400_000, NOW_MS) == "2026-09-20 14:13"
    assert format.clock(None) == ""


def test_plural_and_size() -> None:
    assert [format.plural(n, "job") for n in (0, 1, 1400)] == ["0 jobs", "1 job", "1,400 jobs"]
    assert [format.size(n) for n in (12, 73_900_000)] == ["12 B", "73.9 MB"]


def test_spark_scales_to_its_top() -> None:
    assert format.spark([0.0, 5.0, 10.0], 3) == "▁▅█"
    assert format.spark([1.0], 4).endswith("█") and len(format.spark([1.0], 4)) == 4
    assert format.spark([0.0, 9.0], 2, ascii_only=True).isascii()


def test_plain_text_keeps_what_signs_mean() -> None:
    assert format.plain("a.mov → web … “é”") == 'a.mov -> web ... "?"'
    assert format.drawn_plain("\x1b[1ma → b… é 日 │\x1b[0m") == "\x1b[1ma > b~ ? ?? |\x1b[0m"


@given(st.text(max_size=40))
def test_what_is_drawn_plain_is_as_wide(text: str) -> None:
    shown = "".join(c for c in text if c.isprintable())
    drawn = format.drawn_plain(shown)
    assert drawn.isascii() and len(drawn) == sum(format.cells(c) for c in shown)
