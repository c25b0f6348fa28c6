"""A plain Context for tests of operations: it really stages, publishes and remembers, without a runner."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from workers.errors import ErrorClass, JobFailed, LeaseLost
from workers.jobs import Progress
from workers.runner.publishing import flush_file, put_in_place


class PlainContext:
    """What a runner gives to one attempt at a job; `again()` is the context of the next attempt."""

    def __init__(self, folder: Path, settings: Mapping[str, Any] | None = None, *, job_id: int = 1) -> None:
        self.folder = folder
        self.job_id = job_id
        self.work_dir = folder / "work"
        self.work_dir.mkdir(parents=True, exist_ok=True)
        self.settings: Mapping[str, Any] = {
            "output_dir": str(folder / "output"),
            "ffmpeg": "",
            "threads": 1,
            "min_free_bytes": 0,
            "state_dir": str(folder / "state"),
            "trash_days": 30,
            "download": {"template": "{title} [{id}]", "rate_limit_bytes": 0, "cookies": "", "proxy": "", "retries": 0},
            **(settings or {}),
        }
        self.reports: list[Progress] = []
        self.lines: list[str] = []
        self.called = ""
        self.staged: list[Path] = []
        self.done: list[Path] = []
        self.facts: dict[tuple[str, str, str], Mapping[str, Any]] = {}
        self.lease_lost = False
        self.on_report: Callable[[Progress], None] = lambda progress: None

    def report(self, progress: Progress) -> None:
        """Keep the figures, and tell `on_report`, which may raise as a runner that must stop would."""
        self.reports.append(progress)
        self.on_report(progress)

    def alive(self) -> None:
        """A sign of life: nothing to do."""

    def log(self, line: str) -> None:
        """Keep the line."""
        self.lines.append(line)

    def title(self, text: str) -> None:
        """Keep the newest title."""
        self.called = text

    def staging(self, folder: Path) -> Path:
        """A fresh hidden folder inside `folder`."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f".spool-{self.job_id}-{len(self.staged)}"
        path.mkdir()
        self.staged.append(path)
        return path

    def publish(self, staged: Path, target: Path, *, unique: bool = True) -> Path:
        """Link `staged` to `target` or the next free name, never over a file that is there."""
        if self.lease_lost:
            raise LeaseLost("this attempt no longer counts")
        target.parent.mkdir(parents=True, exist_ok=True)
        for number in range(1, 100):
            name = target if number == 1 else target.with_name(f"{target.stem} ({number}){target.suffix}")
            try:
                os.link(staged, name)
            except FileExistsError:
                if unique:
                    continue
                raise JobFailed(ErrorClass.BAD_INPUT, f"{name} exists") from None
            staged.unlink()
            self.done.append(name)
            return name
        raise AssertionError("a hundred files of one name")

    def replace(
        self, staged: Path, target: Path, *, original: Path, aside: Path, was: tuple[int, int, int], mode: int
    ) -> None:
        """As the runner does it, without asking anybody."""
        if self.lease_lost:
            raise LeaseLost("this attempt no longer counts")
        facts = flush_file(staged, mode)
        put_in_place(staged, (facts.st_ino, facts.st_size), target, original, aside, was)
        self.done.append(target)

    def kept_file(
        self, source: Path, staged: Path, options: Mapping[str, Any], make: Callable[[Path], Mapping[str, Any]]
    ) -> tuple[Mapping[str, Any], bool]:
        """Nothing is kept here."""
        return make(staged), False

    def kept_facts(
        self,
        category: str,
        about: str | Path,
        options: Mapping[str, Any],
        make: Callable[[], Mapping[str, Any] | None],
    ) -> tuple[Mapping[str, Any] | None, bool]:
        """As the runner does it, for this context and those of the attempts that follow."""
        stamp = "" if isinstance(about, str) else str(about.stat().st_mtime_ns)
        name = (category, f"{about} {stamp}", json.dumps(options, sort_keys=True))
        if name in self.facts:
            return self.facts[name], True
        made = make()
        if made is not None:
            self.facts[name] = json.loads(json.dumps(made))
        return made, False

    def published(self) -> tuple[Path, ...]:
        """What was published and is in place."""
        return tuple(path for path in self.done if path.exists())

    def end(self) -> None:
        """What the engine does after an attempt: staging folders go."""
        for path in self.staged:
            shutil.rmtree(path, ignore_errors=True)

    def again(self, *, forget: bool = True) -> PlainContext:
        """The context of the next attempt (or item): same work folder; with `forget`, nothing published before."""
        self.end()
        following = PlainContext(self.folder, self.settings, job_id=self.job_id + 1)
        following.facts = self.facts
        if not forget:
            following.done = list(self.done)
        return following


def files_under(folder: Path) -> list[str]:
    """All files below `folder`, relative, sorted: hidden ones too."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
