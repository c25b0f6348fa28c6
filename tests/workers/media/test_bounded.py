"""Strangers' values made small, safe and plain."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from workers.media.bounded import Bounded

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.tuples(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(st.lists(st.tuples(st.text(), VALUES)))
def test_anything_becomes_json(pairs: list[tuple[str, Any]]) -> None:
    made = Bounded().tags(pairs)
    assert json.loads(json.dumps(made, allow_nan=False)) == made


def test_the_room_is_kept_and_told() -> None:
    text = Bounded(100)
    assert text.tags([("a", "x" * 60), ("b", "y" * 60), ("c", "z")]) == {"a": "x" * 60}
    assert text.cut
    roomy = Bounded(1000)
    assert roomy.tags([("a", "x" * 60), ("b", "y" * 60)]) == {"a": "x" * 60, "b": "y" * 60}
    assert not roomy.cut
    short = Bounded(30)
    assert short.text("x" * 60) == "x" * 30
    assert short.cut
    assert Bounded().text("a\x1b[31mb\0") == "a\\x1b[31mb"


def test_binary_and_tables_are_dropped() -> None:
    text = Bounded()
    assert text.tags([("blob", b"\0"), ("table", list(range(100))), ("nan", float("nan")), ("ok", 1)]) == {"ok": 1}
    assert text.cut
