"""The filter: a line of QUERY words that narrows the list while it is typed, and what is wrong with them."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.widgets import Input, Static

from workers.text import clean


class FilterLine(Vertical):
    """Enter keeps the words, Esc leaves the filter as it was. The screen closes it: wrong words are not kept."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "drop", show=False)]

    class Kept(Message):
        """Enter: these words are wanted."""

    class Dropped(Message):
        """Esc: the words of before are wanted."""

    def compose(self) -> ComposeResult:
        """A label and the field; under them what is wrong."""
        with Horizontal(id="filter-line"):
            yield Static("/", markup=False, id="filter-words")
            field = Input(placeholder="state:failed queue:downloads site:x.org newer:1h -word text", id="filter-field")
            field.cursor_blink = False
            yield field
        yield Static("", markup=False, id="filter-problem")

    @property
    def is_open(self) -> bool:
        """Whether the field is shown."""
        return self.has_class("-open")

    @property
    def words(self) -> str:
        """What stands in the field."""
        return self.query_one(Input).value.strip()

    def open(self, words: str) -> None:
        """Show the field with the present words; one that is open keeps its own."""
        field = self.query_one(Input)
        if not self.is_open:
            self.add_class("-open")
            field.value = words
            field.cursor_position = len(words)
        field.focus()

    def close(self) -> None:
        """Hide the field, and what was wrong."""
        self.tell("")
        self.remove_class("-open")

    def tell(self, problem: str) -> None:
        """Show under the field what is wrong with its words; nothing when they are right."""
        self.query_one("#filter-problem", Static).update(clean(problem))
        self.set_class(bool(problem), "-wrong")

    @on(Input.Submitted)
    def _keep(self, event: Input.Submitted) -> None:
        event.stop()
        self.post_message(self.Kept())

    def action_drop(self) -> None:
        """As it was before."""
        self.post_message(self.Dropped())
