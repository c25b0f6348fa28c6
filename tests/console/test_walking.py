from __future__ import annotations

import pytest

from console.screens.walking import Walking


class Tape(Walking):
    """Notes how far it is walked."""

    def __init__(self, lines_seen: int) -> None:
        self.seen = lines_seen
        self.steps: list[int] = []

    @property
    def lines_seen(self) -> int:
        return self.seen

    def walk(self, by: int) -> None:
        self.steps.append(by)


def test_a_line_down_and_up() -> None:
    tape = Tape(10)
    tape.action_next()
    tape.action_previous()
    assert tape.steps == [1, -1]


@pytest.mark.parametrize(("seen", "page"), [(10, 9), (2, 1), (1, 1), (0, 1)])
def test_a_page_shares_a_line_with_the_next_and_always_moves(seen: int, page: int) -> None:
    tape = Tape(seen)
    tape.action_page(1)
    tape.action_page(-1)
    assert tape.steps == [page, -page]
