"""When a pause ends, in few cells."""

from __future__ import annotations

import pytest

from console.countdown import left_words, moment_words, until_words
from tests.support.fake_client import NOW_MS  # 14:13:20 on a Monday, in UTC as conftest sets it

HOUR = 3_600_000


@pytest.mark.parametrize(
    ("ahead", "words"),
    [
        (HOUR, "15:13"),
        (23 * HOUR, "13:13"),
        (25 * HOUR, "Tue 15:13"),
        (7 * 24 * HOUR, "2026-09-28 14:13"),  # the same day of the week would read as today
    ],
)
def test_moments_are_told_apart(ahead: int, words: str) -> None:
    assert moment_words(NOW_MS + ahead, NOW_MS) == words


def test_the_countdown_ends_with_now() -> None:
    assert left_words(NOW_MS + 65_000, NOW_MS) == "1m05s"
    assert left_words(NOW_MS, NOW_MS) == left_words(NOW_MS - HOUR, NOW_MS) == "now"
    assert until_words(NOW_MS + HOUR, NOW_MS) == "until 15:13 (1h00m)"
    assert until_words(None, NOW_MS) == ""
