"""The form of one operation. Checks everything at once and shows each problem under its field."""

from __future__ import annotations

import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import Input, Static, TextArea

from console.form import FormField, absent, fields_of, problems_by_field, values_of
from console.paste import parse
from console.widgets.controls import Choice, PushWord
from workers.errors import InvalidParams
from workers.jobs import Priority
from workers.operations.contract import Operation
from workers.text import clean

if TYPE_CHECKING:
    from console.app import SpoolApp

_START = ("now", "held")
_EMPTY_IS_NONE = "Empty: none."  # as the help of a field says it
_AROUND = 10  # lines of border, title, help, problem and buttons
_PRIORITY, _BEGIN, _BATCH = "priority-of-job", "start-of-job", "batch-of-job"
_OWN_HELP = {
    _PRIORITY: "More urgent jobs of a queue are started first.",
    _BEGIN: "A held job waits until it is released (H).",
    _BATCH: "A name for jobs that belong together. Empty: none.",
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """One job to submit; its parameters have been checked."""

    operation: str
    values: Mapping[str, Any]
    label: str
    priority: Priority
    hold: bool
    batch: str | None


class FormScreen(ModalScreen[Sequence[Wanted]]):
    """Gives the wanted jobs: several when an operation for one URL got many."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "cancel", show=False),
        Binding("ctrl+g", "submit", show=False),
        Binding("ctrl+o", "more", show=False),
    ]

    def __init__(self, operation: Operation[Any], given: Mapping[str, Any]) -> None:
        super().__init__()
        self.operation = operation
        self.fields = fields_of(operation, given)
        self._more = False

    @property
    def spool(self) -> SpoolApp:
        """The application, by its own type."""
        from console.app import SpoolApp

        assert isinstance(self.app, SpoolApp)
        return self.app

    def compose(self) -> ComposeResult:
        """Title, fields, help of the field in focus, buttons."""
        with Vertical(classes="dialog form-dialog"):
            yield Static(f"{self.operation.title}: {self.operation.summary}", markup=False, classes="dialog-title")
            with VerticalScroll(classes="form", can_focus=False):
                for field in self.fields:
                    yield from self._row(field)
                yield from self._own_rows()
            yield Static("", markup=False, id="form-help")
            yield Static("", markup=False, classes="problem", id="problem-of-form")
            with Horizontal(classes="buttons"):
                yield PushWord("Add", "add", id="add")
                yield PushWord("More options", "more", id="more")
                yield PushWord("Cancel", "cancel", id="cancel")
                yield Static("^g add  ^o more  Esc leave", markup=False, classes="dialog-hint")

    def _row(self, field: FormField) -> ComposeResult:
        name = field.words + (" *" if field.required else "")
        yield from _form_row(field.name, name, _control(field), field.advanced)

    def _own_rows(self) -> ComposeResult:
        levels = [level.word for level in Priority]
        yield from _form_row(_PRIORITY, "Priority", Choice(levels, "normal", id=f"f-{_PRIORITY}"), True)
        yield from _form_row(_BEGIN, "Start", Choice(_START, "now", id=f"f-{_BEGIN}"), True)
        yield from _form_row(_BATCH, "Batch", _line_input(_BATCH, "", "", secret=False), True)

    def on_mount(self) -> None:
        """Start in the first field; show at once which pasted paths are missing."""
        self._fit()
        self._show_more(False)
        first = self.query_one(f"#f-{self.fields[0].name}")
        first.focus()
        if isinstance(first, TextArea) and first.text:
            first.move_cursor(first.document.end)
            self._show_problems(self._absent(), "")

    def on_resize(self) -> None:
        """Another size."""
        self._fit()

    def _fit(self) -> None:
        """The fields scroll; help and buttons always stay in sight."""
        self.query_one(".form").styles.max_height = max(3, self.app.size.height - _AROUND)

    # what stands in the form

    def texts(self) -> dict[str, str]:
        """The text of every field."""
        return {field.name: self._text_of(field.name) for field in self.fields}

    def _text_of(self, name: str) -> str:
        control = self.query_one(f"#f-{name}")
        if isinstance(control, TextArea):
            return control.text
        if isinstance(control, (Input, Choice)):
            return control.value
        raise TypeError(f"{name} is no field")

    def _absent(self) -> dict[str, str]:
        """Inputs that are not on the worker's host; nothing is said when that is another host than this one."""
        worker = self.spool.feed.figures.worker
        here = socket.gethostname()
        if worker is not None and worker.running and worker.host and worker.host.split(".")[0] != here.split(".")[0]:
            return {}
        gone = absent(self.fields, values_of(self.fields, self.texts()))
        return {
            name: f"not found on {here}: {', '.join(clean(path) for path in paths[:3])}{' …' if len(paths) > 3 else ''}"
            for name, paths in gone.items()
        }

    def _show_problems(self, by_field: Mapping[str, str], general: str) -> None:
        for field in self.fields:
            words = by_field.get(field.name, "")
            place = self.query_one(f"#problem-{field.name}", Static)
            place.update(clean(words))
            place.set_class(bool(words), "-on")
            if words and field.advanced:
                self._show_more(True)
        place = self.query_one("#problem-of-form", Static)
        place.update(clean(general))
        place.set_class(bool(general), "-on")
        wrong = [field.name for field in self.fields if field.name in by_field]
        if wrong and general != " ":
            # At once: what is typed next is meant for it, however long the new lines take to be laid out.
            self.set_focus(self.query_one(f"#f-{wrong[0]}"))

    # keys

    def action_cancel(self) -> None:
        """Leave; nothing is added."""
        self.dismiss(())

    def action_more(self) -> None:
        """Show or hide the further options."""
        self._show_more(not self._more)

    def _show_more(self, shown: bool) -> None:
        self._more = shown
        for row in self.query(".-advanced"):
            row.display = shown

    def action_submit(self) -> None:
        """Check everything; give the jobs when all is well."""
        values = values_of(self.fields, self.texts())
        missing = self._absent()
        try:
            wanted = self._wanted(values)
        except InvalidParams as error:
            by_field, general = problems_by_field(error, self.fields)
            self._show_problems({**missing, **by_field}, general)
            return
        if missing:
            self._show_problems(missing, "")
        else:
            self.dismiss(wanted)

    def _wanted(self, values: dict[str, Any]) -> list[Wanted]:
        """One job; for URLs one job each, unless the operation itself works on many items."""
        inputs = values.get("inputs")
        each = isinstance(inputs, list) and len(inputs) > 1 and not self.operation.takes_many
        parts = [{**values, "inputs": [one]} for one in inputs] if each and inputs else [values]
        level = Priority.parse(self._text_of(_PRIORITY))
        hold = self._text_of(_BEGIN) == "held"
        batch = self._text_of(_BATCH).strip() or None
        made = []
        for part in parts:
            params = self.operation.validate(part)
            made.append(Wanted(self.operation.name, part, self.operation.label(params), level, hold, batch))
        return made

    @on(Input.Submitted)
    def _entered(self) -> None:
        self.action_submit()

    @on(PushWord.Pushed)
    def _pushed(self, event: PushWord.Pushed) -> None:
        {"add": self.action_submit, "more": self.action_more, "cancel": self.action_cancel}[event.means]()

    @on(events.DescendantFocus)
    def _focused(self, event: events.DescendantFocus) -> None:
        name = (event.widget.id or "").removeprefix("f-")
        texts = {field.name: field.help for field in self.fields} | _OWN_HELP
        self.query_one("#form-help", Static).update(texts.get(name, ""))


class LinesInput(TextArea):
    """Several values, one a line. Dropped files and URI lists become plain paths."""

    async def _on_paste(self, event: events.Paste) -> None:
        found = parse(event.text)
        if found.paths and not found.urls:
            event = events.Paste("\n".join(found.paths))
        await super()._on_paste(event)


def _form_row(name: str, words: str, control: Widget, advanced: bool) -> ComposeResult:
    with Horizontal(classes="field -advanced" if advanced else "field"):
        yield Static(words, markup=False, classes="field-name")
        yield control
    yield Static("", markup=False, classes="problem", id=f"problem-{name}")


def _control(field: FormField) -> Widget:
    if field.values:
        return Choice(field.values, field.start, id=f"f-{field.name}")
    if field.lines:
        area = LinesInput(
            field.start, id=f"f-{field.name}", classes="field-input", soft_wrap=False, tab_behavior="focus"
        )
        area.cursor_blink = False
        area.styles.height = 3
        return area
    empty = "" if field.required else "none" if _EMPTY_IS_NONE in field.help else "default"
    return _line_input(field.name, field.start, empty, secret=field.secret)


def _line_input(name: str, start: str, placeholder: str, *, secret: bool) -> Input:
    field = Input(start, placeholder=placeholder, id=f"f-{name}", classes="field-input", password=secret)
    field.cursor_blink = False
    return field
