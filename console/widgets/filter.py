"""The filter: a line of QUERY words that narrows the list while it is typed."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Input, Static


class FilterLine(Horizontal):
    """Enter keeps the words, Esc shows everything again."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "clear", show=False)]

    class Closed(Message):
        """Typing has ended with these words."""

        def __init__(self, words: str) -> None:
            super().__init__()
            self.words = words

    def compose(self) -> ComposeResult:
        """A label and the field."""
        yield Static("/", markup=False, id="filter-words")
        field = Input(placeholder="state:failed queue:downloads site:x.org age<1h -word text", id="filter-field")
        field.cursor_blink = False
        yield field

    def open(self, words: str) -> None:
        """Show the field with the present words."""
        self.add_class("-open")
        field = self.query_one(Input)
        field.value = words
        field.cursor_position = len(words)
        field.focus()

    @on(Input.Submitted)
    def _keep(self, event: Input.Submitted) -> None:
        event.stop()
        self._close(event.value.strip())

    def action_clear(self) -> None:
        """Everything again."""
        self.query_one(Input).value = ""
        self._close("")

    def _close(self, words: str) -> None:
        self.remove_class("-open")
        self.post_message(self.Closed(words))
