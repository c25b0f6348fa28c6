"""Names by a pattern."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.media.rename import check_pattern, fill_pattern


def test_all_fields() -> None:
    values = {"stem": "IMG_1", "number": "007", "width": 40, "height": 30, "date": "2024-05-06", "format": "webp"}
    made = fill_pattern("{date} {number} {stem} {width}x{height} {format}", values)
    assert made == "2024-05-06 007 IMG_1 40x30 webp"


@pytest.mark.parametrize(
    "pattern",
    [
        "",
        "holiday",
        "{date}",
        "{stem",
        "{stem!r}",
        "{stem:>9}",
        "{stem.x}",
        "{0}",
        "{}",
        "{name}",
        "a/{stem}",
        "\\{stem}",
    ],
)
def test_patterns_that_are_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match=r"pattern|field"):
        check_pattern(pattern)


@given(st.text(max_size=300))
def test_what_is_filled_in_never_leads_out_of_the_folder(stem: str) -> None:
    made = fill_pattern("{stem} {number}", {"stem": stem, "number": "12"})
    assert "/" not in made
    assert "\0" not in made
    assert made.endswith("12")
    assert not made.startswith(".")
    assert len(made.encode()) <= 200
