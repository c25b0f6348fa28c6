"""The small controls of dialogs and forms: a word to push, a choice among a few values. One line each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.strip import Strip

from console.format import Spans, width_of
from console.widgets.paint import Painted


class PushWord(Painted, can_focus=True):
    """A button of one line: `[ Yes ]`, reversed when it has the focus."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter,space", "push", show=False)]

    class Pushed(Message):
        """It was pushed."""

        def __init__(self, name: str) -> None:
            super().__init__()
            self.means = name

    def __init__(self, words: str, name: str, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._words, self._means = words, name

    def get_content_width(self, container: object, viewport: object) -> int:
        """As wide as its words."""
        return len(self._words) + 4

    def render_line(self, y: int) -> Strip:
        """The word."""
        text = f"[ {self._words} ]" if self.has_focus else f"  {self._words}  "
        return self.strip_of([(text, "tab-on" if self.has_focus else "tab")], self.size.width)

    def on_focus(self) -> None:
        """Show the focus."""
        self.refresh()

    def on_blur(self) -> None:
        """Show that it is gone."""
        self.refresh()

    def action_push(self) -> None:
        """Tell the screen."""
        self.post_message(self.Pushed(self._means))

    def on_click(self) -> None:
        """The mouse pushes too."""
        self.action_push()


class Choice(Painted, can_focus=True):
    """One of a few values: left and right, space, or the first letter."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right,space,l", "step(1)", show=False),
        Binding("left,h", "step(-1)", show=False),
    ]

    class Changed(Message):
        """Another value."""

        def __init__(self, choice: Choice) -> None:
            super().__init__()
            self.choice = choice

    def __init__(self, values: Sequence[str], chosen: str, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.values = list(values)
        self.value = chosen if chosen in self.values else self.values[0]
        self._clicks: list[tuple[int, int, str]] = []

    def choose(self, value: str) -> None:
        """Take a value."""
        if value in self.values and value != self.value:
            self.value = value
            self.refresh()
            self.post_message(self.Changed(self))

    def action_step(self, by: int) -> None:
        """The next or last value, round and round."""
        self.choose(self.values[(self.values.index(self.value) + by) % len(self.values)])

    def on_key(self, event: events.Key) -> None:
        """A first letter or digit jumps to the next value that begins with it."""
        if event.is_printable and event.character and event.character.isalnum() and event.key not in "hl":
            start = self.values.index(self.value) + 1
            for value in self.values[start:] + self.values[:start]:
                if value.lower().startswith(event.character.lower()):
                    self.choose(value)
                    event.stop()
                    return

    def render_line(self, y: int) -> Strip:
        """All values in a line when they fit, else the chosen one between arrows."""
        width = self.size.width
        spans: Spans = []
        self._clicks, at = [], 0
        for value in self.values:
            chosen = value == self.value
            text = f"[{value}]" if chosen and self.has_focus else f" {value} "
            spans.append((text, "tab-on" if chosen else "tab"))
            self._clicks.append((at, at + len(text), value))
            at += len(text)
        if width_of(spans) > width:
            self._clicks = []
            number = f"{self.values.index(self.value) + 1}/{len(self.values)}"
            spans = [
                ("< ", "key"),
                (self.value, "tab-on" if self.has_focus else "plain"),
                (" >", "key"),
                (f"  {number}", "dim"),
            ]
        return self.strip_of(spans, width)

    def on_focus(self) -> None:
        """Show the focus."""
        self.refresh()

    def on_blur(self) -> None:
        """Show that it is gone."""
        self.refresh()

    def on_click(self, event: events.Click) -> None:
        """A click on a value takes it."""
        for first, end, value in self._clicks:
            if first <= event.x < end:
                self.choose(value)
