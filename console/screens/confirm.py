"""The question before something that cannot be taken back. No is the default."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from console.format import Spans, plural
from console.rows import role_of
from console.widgets.controls import PushWord
from console.widgets.paint import ScrollLines
from workers.jobs import Job
from workers.text import clean

TYPED_ABOVE = 10
LISTED = 200  # jobs shown in a question; more are counted


class ConfirmScreen(ModalScreen[bool]):
    """Lists the jobs with their states; above ten the number must be typed."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,n,q", "no", show=False),
        Binding("y,Y", "yes", show=False),
        Binding("left,right,tab,shift+tab", "other", show=False),
        Binding("down,j", "scroll(1)", show=False),
        Binding("up,k", "scroll(-1)", show=False),
    ]

    def __init__(self, question: str, words: str, lines: Sequence[Spans], count: int, yes: str = "Yes") -> None:
        super().__init__()
        self._question, self._words, self._lines, self._count, self._yes = question, words, lines, count, yes

    @property
    def typed(self) -> bool:
        """Whether the number must be typed."""
        return self._count > TYPED_ABOVE

    def compose(self) -> ComposeResult:
        """Question, list, buttons."""
        with Vertical(classes="dialog"):
            yield Static(self._question, markup=False, classes="dialog-title")
            yield Static(self._words, markup=False, classes="dialog-words")
            yield ScrollLines(id="what")
            if self.typed:
                yield Static(f"Type {self._count} and press enter, or Esc:", markup=False, classes="dialog-words")
                yield Input(id="count", restrict=r"\d*", max_length=7)
            else:
                with Horizontal(classes="buttons"):
                    yield PushWord("No", "no", id="no")
                    yield PushWord(self._yes, "yes", id="yes")
                    yield Static("y or n", markup=False, classes="dialog-hint")

    def on_mount(self) -> None:
        """The safe answer has the focus."""
        what = self.query_one("#what", ScrollLines)
        what.can_focus = False
        what.show(list(self._lines))
        what.styles.height = min(len(self._lines), 10)
        if self.typed:
            field = self.query_one("#count", Input)
            field.cursor_blink = False
            field.focus()
        else:
            self.query_one("#no").focus()

    def action_no(self) -> None:
        """Nothing happens."""
        self.dismiss(False)

    def action_yes(self) -> None:
        """Only where no number must be typed."""
        if not self.typed:
            self.dismiss(True)

    def action_other(self) -> None:
        """The other button."""
        if not self.typed:
            self.query_one("#yes" if self.query_one("#no").has_focus else "#no").focus()

    def action_scroll(self, by: int) -> None:
        """Scroll the list."""
        self.query_one("#what", ScrollLines).move(by)

    @on(PushWord.Pushed)
    def _pushed(self, event: PushWord.Pushed) -> None:
        self.dismiss(event.means == "yes")

    @on(Input.Submitted)
    def _typed(self, event: Input.Submitted) -> None:
        if event.value.strip() == str(self._count):
            self.dismiss(True)
        else:
            typed = event.value.strip() or "nothing"
            event.input.value = ""
            event.input.placeholder = f"{typed} is not {self._count}"


def _listed(lines: list[Spans]) -> list[Spans]:
    """The first of these; the last line says how many there are more."""
    left = len(lines) - LISTED
    return [*lines[:LISTED], [(f" and {left:,} more", "dim")]] if left > 0 else lines


def job_line(job: Job) -> Spans:
    """A job in a list of those that something would be done to."""
    return [
        (f" {job.id:>7} ", "strong"),
        (f"{job.state.value:<10}", role_of(job.state)),
        (clean(job.title), "plain"),
    ]


def confirm_jobs(verb: str, words: str, jobs: Sequence[Job], staying: Sequence[tuple[Job, str]] = ()) -> ConfirmScreen:
    """A question about jobs; those that would be left as they are stand below, each with the reason."""
    lines = _listed([job_line(job) for job in jobs])
    if staying:
        lines += [[], [(f" Stays as it is: {plural(len(staying), 'job')}", "title")]]
        lines += _listed([[*job_line(job)[:2], (why, "warn")] for job, why in staying])
    count = len(jobs)
    return ConfirmScreen(f"{verb} {plural(count, 'job')}?", words, lines, count, yes=f"Yes, {verb.lower()}")
