"""The keys that go through a list line by line and page by page. Mix-ins: what is gone through, the screen says."""

from __future__ import annotations


class Stepping:
    """Down and up."""

    def walk(self, by: int) -> None:
        """Go so many lines down the list; a negative number goes up."""
        raise NotImplementedError

    def action_next(self) -> None:
        """One line down."""
        self.walk(1)

    def action_previous(self) -> None:
        """One line up."""
        self.walk(-1)


class Walking(Stepping):
    """Down and up, also by pages, which share one line with the page before."""

    @property
    def lines_seen(self) -> int:
        """How many lines of the list are on the screen."""
        raise NotImplementedError

    def action_page(self, by: int) -> None:
        """One page."""
        self.walk(by * max(1, self.lines_seen - 1))
