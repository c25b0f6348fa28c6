"""One item of a job in full: what came out of it and its facts, or the whole reason of its failure."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static

from console.about import failure_lines
from console.format import Spans, wrap
from console.told import lines
from console.widgets.paint import ScrollLines
from workers.jobs import ItemOutcome
from workers.text import clean

_AROUND = 8  # lines and columns of border, title and hint
_WIDEST = 100
_NAME = 16  # columns for the name of a fact


class ItemScreen(ModalScreen[None]):
    """Told whole: nothing is cut, what is long scrolls."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,enter", "dismiss", show=False),
        Binding("j,down", "scroll(1)", show=False),
        Binding("k,up", "scroll(-1)", show=False),
        Binding("pagedown,space,ctrl+f", "scroll(10)", show=False),
        Binding("pageup,ctrl+b", "scroll(-10)", show=False),
    ]
    DEFAULT_CSS = "ItemScreen .dialog { width: 104; }"

    def __init__(self, operation: str, item: ItemOutcome) -> None:
        super().__init__()
        self._operation, self._item = operation, item
        self.body = ScrollLines(id="item")

    def compose(self) -> ComposeResult:
        """Outcome, everything that is known, keys."""
        with Vertical(classes="dialog"):
            yield Static(f"Item {self._item.outcome.value}", markup=False, classes="dialog-title")
            yield self.body
            yield Static("↑ ↓ scroll  Esc back", markup=False, classes="dialog-hint")

    def on_mount(self) -> None:
        """Show it."""
        self._tell()

    def on_resize(self) -> None:
        """Another size."""
        self._tell()

    def _tell(self) -> None:
        size = self.app.size
        told = item_lines(self._operation, self._item, min(_WIDEST, size.width - _AROUND))
        self.body.styles.max_height = max(3, size.height - _AROUND)
        self.body.styles.height = len(told)
        self.body.show(told)

    def action_scroll(self, by: int) -> None:
        """Some lines up or down."""
        self.body.move(by)


def item_lines(operation: str, item: ItemOutcome, width: int) -> list[Spans]:
    """All that is known of an item, in lines of at most `width` cells."""
    told = _named("input", item.key, width)
    for path in item.outputs:
        told += _named("output", path, width)
    told.append([])
    if item.failure is not None:
        told += failure_lines(item.failure, width)
    for name, value in lines(operation, item.detail):
        told += _named(name, value, width)
    return told


def _named(name: str, value: str, width: int) -> list[Spans]:
    first, *rest = wrap(clean(value), max(20, width - _NAME - 2))
    return [
        [(f"  {name:<{_NAME - 1}} ", "dim"), (first, "plain")],
        *([(" " * (_NAME + 2) + line, "plain")] for line in rest),
    ]
