"""A question that is answered by a line of text, and by choices beside it; told at once what the answer would mean."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.suggester import SuggestFromList
from textual.widgets import Input, Static

from console.widgets.controls import Choice
from workers.errors import SpoolError
from workers.text import clean


@dataclass(frozen=True, slots=True)
class Asked:
    """What was answered: the text, and the chosen value of each choice by its name."""

    text: str
    choices: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked. `meaning` says what an answer would do, or raises a SpoolError that says what is wrong with it."""

    title: str
    field: str  # what is written, in a word or two
    example: str  # shown while nothing is written
    meaning: Callable[[Asked], str]
    text: str = ""
    choices: tuple[tuple[str, tuple[str, ...], str], ...] = ()  # name, values, the one chosen first
    known: Sequence[str] = ()  # texts that are completed with the right arrow


class AskScreen(ModalScreen[Asked]):
    """Enter gives the answer when it is right, Esc nothing."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss", show=False),
        Binding("enter", "give", show=False),
        Binding("down", "app.focus_next", show=False),
        Binding("up", "app.focus_previous", show=False),
    ]

    def __init__(self, question: Question) -> None:
        super().__init__()
        self._question = question

    def compose(self) -> ComposeResult:
        """The field, the choices, what it means, keys."""
        asked = self._question
        with Vertical(classes="dialog"):
            yield Static(clean(asked.title), markup=False, classes="dialog-title")
            with Horizontal(classes="field"):
                yield Static(asked.field, markup=False, classes="field-name")
                known = [text for text in asked.known if clean(text) == text]
                suggester = SuggestFromList(known, case_sensitive=True) if known else None
                field = Input(asked.text, placeholder=clean(asked.example), suggester=suggester, classes="field-input")
                field.cursor_blink = False
                yield field
            for number, (name, values, chosen) in enumerate(asked.choices):
                with Horizontal(classes="field"):
                    yield Static(name, markup=False, classes="field-name")
                    yield Choice(values, chosen, id=f"choice-{number}")
            yield Static("", markup=False, classes="dialog-words", id="meaning")
            tab = "Tab next   " if asked.choices else ""
            yield Static(f"Enter does it   {tab}Esc leaves it", markup=False, classes="dialog-hint")

    def on_mount(self) -> None:
        """Say what the first answer would mean."""
        self.query_one(Input).focus()
        self._tell()

    @property
    def answer(self) -> Asked:
        """What stands there now."""
        named = zip(self._question.choices, self.query(Choice), strict=True)
        return Asked(self.query_one(Input).value.strip(), {asked[0]: choice.value for asked, choice in named})

    @on(Input.Changed)
    @on(Choice.Changed)
    def _tell(self) -> bool:
        line = self.query_one("#meaning", Static)
        try:
            words, good = self._question.meaning(self.answer), True
        except SpoolError as error:
            words, good = str(error), False
        line.update(clean(words))
        line.set_class(not good, "-wrong")
        return good

    @on(Input.Submitted)
    def action_give(self) -> None:
        """Take the answer, when it is right."""
        if self._tell():
            self.dismiss(self.answer)
