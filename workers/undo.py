"""Undoing what a job replaced: every original of it that lies in the trash goes back, by a plan.

What has its place goes to the trash in its turn, also under another name (film.mkv for film.avi), so that an undo can
be undone. What changed since is refused, when the plan is made and again when it is carried out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workers import trash
from workers.text import clean
from workers.trash import Entry


@dataclass(frozen=True, slots=True)
class UndoStep:
    """One file of the plan: back from the trash to `original`, whose successor goes there. Paths are absolute."""

    entry: Entry
    problem: str = ""  # why it cannot be done, in words
    successor_goes: bool = True  # False: there is none any more

    @property
    def possible(self) -> bool:
        """Whether it can be done as things stand."""
        return not self.problem


def undo_plan(entries: Sequence[Entry], job_id: int) -> list[UndoStep]:
    """What undoing a job would do, in the order of the trash; nothing is touched."""
    return [look_at(entry) for entry in entries if entry.job_id == job_id]


def look_at(entry: Entry) -> UndoStep:
    """How things stand for one file."""
    original, successor = Path(entry.original), Path(entry.replacement)
    if not entry.done:
        return UndoStep(entry, "the replacement did not end; `spool trash restore` settles it")
    if trash.identity(entry.kept) != entry.identity:
        return UndoStep(entry, "the original in the trash is gone, or changed since")
    if trash.identity(successor) is None:
        return UndoStep(entry, successor_goes=False)
    if not trash.untouched(entry):
        return UndoStep(entry, "what took its place changed since")
    if original != successor and trash.identity(original) is not None:
        return UndoStep(entry, "another file has its name now")
    return UndoStep(entry)


def undo_step(step: UndoStep, state: Path, keep_days: int) -> str:
    """Carry out one step; what was done. NotPutBack when it cannot be done, or not as planned any more. OSError."""
    now = look_at(step.entry)
    if now.problem:
        raise trash.NotPutBack(now.problem)
    if now != step:
        raise trash.NotPutBack("what took its place was removed since it was looked at")
    path = trash.restore(step.entry, state, keep_days=keep_days, successor=True)
    return f"back at {clean(str(path))}"


def step_as_json(step: UndoStep) -> dict[str, Any]:
    """A step as data."""
    from workers.trashbin import entry_as_json

    shown = entry_as_json(step.entry)
    names = ("id", "path", "replacement", "kept", "size", "at")
    return {**{name: shown[name] for name in names}, "possible": step.possible, "problem": step.problem or None}
