"""Shown while the terminal is too small for anything else."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen
from textual.widgets import Static


class TooSmall(ModalScreen[None]):
    """Says the size and the size needed; `ctrl+q` still leaves. Goes away by itself."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("q,escape", "nothing", show=False)]

    def __init__(self, least: tuple[int, int]) -> None:
        super().__init__()
        self._least = least

    def compose(self) -> ComposeResult:
        """One text."""
        yield Static(self._words(), markup=False)

    def _words(self) -> str:
        width, height = self.app.size
        return f"{width}x{height} is too small\n{self._least[0]}x{self._least[1]} is needed\nctrl+q leaves"

    def on_resize(self) -> None:
        """Another size."""
        self.query_one(Static).update(self._words())

    def action_nothing(self) -> None:
        """Keys that go back must not uncover a screen that cannot be drawn."""
