"""The limit of a batch, as people write it."""

from __future__ import annotations

import pytest

from console.limits import limit_of, limit_word
from workers.errors import UsageError


@pytest.mark.parametrize(
    ("word", "limit"), [("1", 1), (" 32 ", 32), ("auto", 0), ("AUTO", 0), ("any", None), ("007", 7)]
)
def test_a_limit_is_read_and_written(word: str, limit: int | None) -> None:
    assert limit_of(word) == limit
    assert limit_of(limit_word(limit)) == limit


@pytest.mark.parametrize("word", ["", "0", "33", "3200000", "-1", "1.5", "²", "٣", "none", "\x1b[2J"])
def test_anything_else_is_refused(word: str) -> None:
    with pytest.raises(UsageError, match="from 1 to 32, auto or any"):
        limit_of(word)
