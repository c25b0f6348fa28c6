"""What a runner gives to an operation that publishes, without a worker: all is granted, and written down."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from workers.operations.contract import Context
from workers.runner.cancel import Shield
from workers.runner.channel import Channel
from workers.runner.context import RunnerContext, StagingFolders
from workers.runner.wire import JobMessage, Published, Publishing, Staging


class Granting(Channel):
    """Grants everything, and records it in a file as the worker would in its database."""

    def __init__(self, records: Path) -> None:
        self._records = records
        self.folders: list[str] = []

    def ask(self, question: Staging | Publishing, meanwhile: Callable[[], None] | None = None) -> None:
        """Record, then grant."""
        if isinstance(question, Staging):
            self.folders = [folder for folder in self.folders if folder not in question.gone] + [question.path]
        if isinstance(question, Publishing):
            entry = [question.item, question.path, question.inode, question.device, question.size]
            with open(self._records, "a") as file:
                file.write(json.dumps(entry) + "\n")
        if meanwhile is not None:
            meanwhile()


def recorded(records: Path) -> tuple[Published, ...]:
    lines = records.read_text().splitlines() if records.exists() else []
    return tuple(Published(*json.loads(line)) for line in lines)


def context(tmp_path: Path, *, item: str = "") -> tuple[RunnerContext, StagingFolders]:
    """A context that talks to nobody."""
    records = tmp_path / "records"
    job = JobMessage(1, 1, 1, "publish", {}, str(tmp_path / "work"), published=recorded(records))
    channel = Granting(records)
    folders = StagingFolders(job, channel)
    return RunnerContext(job, channel, Shield(), folders, item=item), folders


def staged(ctx: Context, folder: Path, text: str) -> Path:
    path = ctx.staging(folder) / "staged"
    path.write_text(text)
    return path
