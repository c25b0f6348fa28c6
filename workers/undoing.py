"""Orders about files rather than jobs: undoing what a job replaced, and the trash. A part of the front door."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from workers.errors import ReadOnlyError, UsageError
from workers.jobs import JobEvent
from workers.settings import Settings
from workers.store import audit
from workers.store.database import spoken
from workers.text import clean
from workers.trash import Entry
from workers.trashbin import Done, TrashBin, done_of
from workers.undo import UndoStep, undo_plan, undo_step
from workers.users import user_of


class Undoing:
    """What `workers.client.Client` can do with replaced files, and the question who ordered what."""

    settings: Settings
    _db: Any

    @property
    def trash(self) -> TrashBin:
        """The originals that jobs of this home replaced."""
        return TrashBin(self.settings.paths.state, self.settings.trash.keep_days, read_only=self.settings.read_only)

    @spoken
    def trash_restore(self, chosen: Sequence[Entry], *, by: str | None = None) -> list[Done]:
        """Put files of the trash back where they were, and note who ordered it."""
        return self._noted("trash restored", self.trash.restore(chosen), by)

    @spoken
    def trash_remove(self, chosen: Sequence[Entry], *, by: str | None = None) -> list[Done]:
        """Remove files of the trash for good, and note who ordered it."""
        return self._noted("trash emptied", self.trash.remove(chosen), by)

    def undo_plan(self, job_id: int) -> list[UndoStep]:
        """What undoing a job would do; nothing is touched. UsageError when nothing of it lies in the trash."""
        steps = undo_plan(list(reversed(self.trash.entries())), job_id)
        if not steps:
            raise UsageError(f"job {job_id} has nothing in the trash: it replaced no file, or their time was over")
        return steps

    @spoken
    def undo(self, job_id: int, steps: Sequence[UndoStep], *, by: str | None = None) -> list[Done]:
        """Carry out the steps of a plan that are possible; what became of each, in order. Noted in the history."""
        if self.settings.read_only:
            raise ReadOnlyError("undoing a job")

        def back(step: UndoStep) -> Done:
            work = lambda entry: undo_step(step, self.settings.paths.state, self.settings.trash.keep_days)  # noqa: E731
            return done_of(step.entry, work)

        return self._noted("undone", [back(step) for step in steps], by, job_id)

    def _note_removal(self, ids: Sequence[int], by: str | None) -> None:
        """That jobs were removed, and by whom, is of no job."""
        audit.note_all(self._db, "removed", user_of(by), "jobs", [str(job_id) for job_id in ids])

    def _noted(self, order: str, done: list[Done], by: str | None, job_id: int = 0) -> list[Done]:
        files = [f"{clean(each.path)} ({each.id})" for each in done if each.ok]
        audit.note_all(self._db, order, user_of(by), "files", files, job_id=job_id)
        return done

    @spoken
    def ordered(
        self, since_ms: int = 0, *, by: str | None = None, after_id: int = 0, limit: int = 500
    ) -> list[JobEvent]:
        """What people ordered from a time on, oldest first, a page after the event `after_id`."""
        return audit.ordered(self._db, since_ms, by=by, after_id=after_id, limit=limit)
