"""Lists to choose from: the keys that work here, the orders of the list."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from console.format import fit
from console.keys import actions_for, shown_key


class PickScreen(ModalScreen[str]):
    """A list; Enter gives the id of the chosen line, Esc nothing."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "dismiss", show=False),
        Binding("j", "down", show=False),
        Binding("k", "up", show=False),
    ]
    DEFAULT_CSS = """
    PickScreen OptionList { height: auto; max-height: 100%; border: none; background: $surface; padding: 0; }
    PickScreen OptionList:focus { border: none; background: $surface; }
    PickScreen Vertical { max-height: 94%; }
    """

    def __init__(self, heading: str, lines: Sequence[tuple[str, str]], chosen: str = "") -> None:
        super().__init__()
        self._heading, self._lines, self._chosen = heading, lines, chosen

    def compose(self) -> ComposeResult:
        """The heading and the list."""
        with Vertical(classes="dialog"):
            yield Static(self._heading, markup=False, classes="dialog-title")
            yield OptionList(*(Option(Content(text), id=name) for name, text in self._lines), markup=False)

    def on_mount(self) -> None:
        """Start at what holds now."""
        names = [name for name, _text in self._lines]
        self.query_one(OptionList).highlighted = names.index(self._chosen) if self._chosen in names else 0

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Chosen."""
        self.dismiss(event.option_id)

    def action_down(self) -> None:
        """One line down."""
        self.query_one(OptionList).action_cursor_down()

    def action_up(self) -> None:
        """One line up."""
        self.query_one(OptionList).action_cursor_up()


class KeysScreen(PickScreen):
    """All keys of this place; Enter does what the line says."""

    def __init__(self, places: Sequence[str]) -> None:
        super().__init__("Keys: enter does one, Esc closes", [])
        self._places = places

    def compose(self) -> ComposeResult:
        """The lines, made when the key map is known."""
        from console.app import SpoolApp

        assert isinstance(self.app, SpoolApp)
        keymap = self.app.keymap
        seen: dict[str, str] = {}
        for place in self._places:
            for action in actions_for(place, watching=self.app.read_only):
                shown = shown_key(action, keymap, all_of_them=True)
                seen.setdefault(action.name, f"{fit(shown, 11)} {fit(action.id, 12)} {action.does}")
        self._lines = [(str(number), text) for number, (_name, text) in enumerate(seen.items())]
        self._names = list(seen)
        yield from super().compose()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Do it."""
        event.stop()
        event.prevent_default()
        self.dismiss(self._names[int(event.option_id or 0)])


SORTS = (
    ("", "As it runs: running, then waiting in order, then newest ended"),
    ("-id", "Newest submitted first"),
    ("id", "Oldest submitted first"),
    ("name", "By name"),
    ("queue", "By queue"),
    ("state", "By state"),
    ("-priority", "Most urgent first"),
    ("age", "By age"),
)


class SortScreen(PickScreen):
    """The orders of the list."""

    def __init__(self, present: str) -> None:
        super().__init__(
            "Order of the list", [(name or "standard", text) for name, text in SORTS], present or "standard"
        )
