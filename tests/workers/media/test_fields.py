"""Values in one shape, and one record of many."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workers.media.bounded import Bounded
from workers.media.fields import FIELDS, Choice, fit, merge, shown, text_of


@pytest.mark.parametrize(
    ("name", "given_value", "kept"),
    [
        ("title", "  a\x1b[31m\u202e b\x00 ", "a[31m b"),
        ("title", "cafe\u0301", "caf\u00e9"),
        ("title", "\U0001f468\u200d\U0001f469", "\U0001f468\u200d\U0001f469"),
        ("title", "\udcff", None),
        ("track", "3/12", 3),
        ("track", "0", None),
        ("track", 4.0, 4),
        ("season", 0, 0),
        ("season", -1, None),
        ("episode", "12345678", None),
        ("date", "20240506", "2024-05-06"),
        ("date", "2024-05-06T10:00:00Z", "2024-05-06"),
        ("date", "2024", "2024"),
        ("date", "2024-05", "2024-05"),
        ("date", "2024-00-00", "2024"),
        ("date", "2024-02-31", None),
        ("year", "1999-12-31", 1999),
        ("genre", "Pop; Soul;Pop", ("Pop", "Soul")),
        ("url", "https://example.org/a", "https://example.org/a"),
        ("url", "file:///etc/passwd", None),
        ("duration_s", float("inf"), None),
        ("duration_s", "12.5", 12.5),
        ("imdb_id", "tt0017136", "tt0017136"),
        ("imdb_id", "https://x", None),
        ("musicbrainz_recording_id", "B1A9C0E9-D987-4042-AE91-78D6A3267D69", "b1a9c0e9-d987-4042-ae91-78d6a3267d69"),
        ("title", True, None),
    ],
)
def test_shapes(name: str, given_value: Any, kept: Any) -> None:
    assert fit({name: given_value}).get(name) == kept


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40) | st.binary(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=6,
)


@settings(max_examples=200, deadline=None)
@given(pairs=st.dictionaries(st.sampled_from(sorted(FIELDS)), VALUES, max_size=8))
def test_nothing_raises_and_fitting_twice_changes_nothing(pairs: dict[str, Any]) -> None:
    once = fit(pairs)
    assert fit(once) == once


def test_the_first_source_is_believed_and_the_others_are_told() -> None:
    tags = fit({"title": "Song", "year": 1999, "genre": "Pop"})
    name = fit({"title": "song!", "artist": "Band", "year": 2001, "genre": ["pop"]})
    record = merge({"name": name, "tags": tags})
    assert record["title"] == Choice("Song", "tags")  # the same words
    assert record["artist"] == Choice("Band", "name")
    assert record["year"] == Choice(1999, "tags", (("name", 2001),))
    assert record["genre"] == Choice(("Pop",), "tags")
    turned = merge({"name": name, "tags": tags}, ("name", "tags"))
    assert turned["year"] == Choice(2001, "name", (("tags", 1999),))
    assert turned["title"].value == "song!"


def test_dates_and_durations_that_agree() -> None:
    one, two = fit({"date": "2024-05-06", "duration_s": 212.4}), fit({"date": "2024", "duration_s": 212})
    record = merge({"tags": one, "info_json": two})
    assert record["date"] == Choice("2024-05-06", "tags")
    assert record["duration_s"] == Choice(212.4, "tags")
    assert merge({"tags": one, "info_json": fit({"date": "2023"})})["date"].others == (("info_json", "2023"),)


def test_what_is_shown_is_json_and_safe() -> None:
    record = merge({"tags": fit({"title": "a\u200db", "genre": ["x", "y"]}), "name": fit({"title": "c"})})
    assert shown(record, Bounded()) == {
        "title": {"value": "a?b", "source": "tags", "others": [{"value": "c", "source": "name"}]},
        "genre": {"value": ["x", "y"], "source": "tags"},
    }


def test_long_text_is_cut() -> None:
    assert len(text_of("x" * 10_000)) == 500
