"""What all full screens share: the status line, the tabs, the footer, and the way `Changed` reaches them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, ClassVar

from textual.binding import BindingType
from textual.screen import Screen

from console.format import Spans
from console.widgets.bars import FooterLine
from console.widgets.status import StatusLine

if TYPE_CHECKING:
    from console.app import SpoolApp


class SpoolScreen(Screen[None]):
    """A full screen. Subclasses say what to show in `refresh_now`, called after changes and once a second."""

    ALLOW_SELECT: ClassVar[bool] = False
    BINDINGS: ClassVar[list[BindingType]] = []
    PLACES: ClassVar[tuple[str, ...]] = ()
    """The places of `console.keys` whose keys work here."""

    def __init__(self) -> None:
        super().__init__()
        # Kept, not queried: a late timer may come when the screen is being taken down.
        self.status = StatusLine()
        self.footer = FooterLine(*self.places)

    @property
    def spool(self) -> SpoolApp:
        """The application, by its own type."""
        from console.app import SpoolApp

        assert isinstance(self.app, SpoolApp)
        return self.app

    @property
    def places(self) -> tuple[str, ...]:
        """All places whose keys work here, the nearest first."""
        return (*self.PLACES, "everywhere")

    def on_mount(self) -> None:
        """Beat once a second: ages and countdowns go on without changes in the store."""
        if self.spool.BEAT_S:
            self.set_interval(self.spool.BEAT_S, self.beat)

    def on_screen_resume(self) -> None:
        """Back on top: show what has changed meanwhile."""
        self.call_after_refresh(self.refresh_now)

    def on_resize(self) -> None:
        """Another size."""
        self.call_after_refresh(self.refresh_now)

    def step_back(self) -> bool:
        """Undo one thing that narrows what is shown; False when there is none and the key may leave the screen."""
        return False

    def beat(self) -> None:
        """Once a second."""
        if self.is_current and not self.spool.feed.pace.frozen:
            self.refresh_now()

    def refresh_now(self) -> None:
        """Show the present state. Widgets paint only what differs."""
        self.tell_status()

    def tell_status(self) -> None:
        """Renew the status line."""
        self.status.tell(self.spool.feed.figures, self.spool.now())

    def say(self, spans: Spans) -> None:
        """Show what an action did in place of the keys, for some seconds."""
        self.footer.say(spans)
        self._said_at = time.monotonic()
        self.set_timer(6.0, self._say_no_more)

    _said_at = 0.0

    def _say_no_more(self) -> None:
        if time.monotonic() - self._said_at >= 5.5:
            self.footer.tell()
