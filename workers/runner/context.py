"""What an operation may ask of its runner: the `Context` of the contract, over the channel to the worker."""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from workers.errors import ErrorClass, JobFailed
from workers.folders import Spot, opened
from workers.jobs import Progress
from workers.operations.contract import Context
from workers.runner.cancel import Shield
from workers.runner.keeping import FileKeeper
from workers.runner.messages import JobMessage, Published, Publishing, Staging, Titled, file_of
from workers.runner.publishing import (
    finished_file,
    flush_file,
    make_folder,
    names,
    open_folder,
    put_in_place,
    rename_whole,
)
from workers.runner.speaker import Speaker
from workers.text import clean, redacted, shorten

_MAX_TITLE = 300
_KEPT_TOPS = 8  # hidden folders that stay while others may be wanted


class StagingFolders:
    """The hidden folders of a job: one for each output folder, with a fresh folder inside for each use.

    Those of the output folders that were used last stay, and are asked for once; the others go as the job moves on.
    """

    def __init__(self, job: JobMessage, channel: Speaker) -> None:
        self._channel = channel
        self._prefix = f".spool-{job.job_id}-{job.lease}-"
        self._folder_mode = _mode(job, 0o777)
        self._tops: dict[Path, Path] = {}
        self._uses = 0

    def fresh(self, folder: Path) -> Path:
        """A new empty folder on the filesystem of `folder`, which is made if missing."""
        folder = Path(os.path.abspath(folder))
        top = self._tops.pop(folder, None) or self._new(folder)
        self._tops[folder] = top  # the last one now
        self._uses += 1
        fresh = top / str(self._uses)
        fresh.mkdir(mode=0o700)
        return fresh

    def _new(self, folder: Path) -> Path:
        top = folder / f"{self._prefix}{os.urandom(4).hex()}"
        self._channel.ask(Staging(str(top), tuple(self._let_go())))
        make_folder(folder, self._folder_mode)
        self._tops[folder] = top  # before it is made, so that it is removed whatever happens
        top.mkdir(mode=0o700)
        return top

    def _let_go(self) -> list[str]:
        """Remove folders that were not used lately, as far as they are empty: what is in use stays."""
        gone: list[str] = []
        for folder, top in list(self._tops.items())[: 1 - _KEPT_TOPS]:
            with contextlib.suppress(OSError):
                os.rmdir(top)
                del self._tops[folder]
                gone.append(str(top))
        return gone

    def remove(self) -> None:
        """Remove all of them with what is left inside."""
        for top in self._tops.values():
            shutil.rmtree(top, ignore_errors=True)
        self._tops.clear()


class RunnerContext(Context):
    """The context of a job, or of one item of it; `share` makes progress of the item into progress of the job.

    `published` is what attempts at the item published before, if not only what the job tells; what this one publishes
    is added to it.
    """

    def __init__(
        self,
        job: JobMessage,
        channel: Speaker,
        shield: Shield,
        folders: StagingFolders,
        *,
        keeper: FileKeeper | None = None,
        item: str = "",
        share: Callable[[Progress], Progress] | None = None,
        published: list[Published] | None = None,
    ) -> None:
        self._job = job
        self._channel = channel
        self._shield = shield
        self._folders = folders
        self._keeper = keeper
        self._item = item
        self._share = share
        files = [file for file in job.published if file.item == item] if published is None else published
        self._earlier = tuple(files)
        self._published = files
        self._staged: list[Path] = []

    @property
    def job_id(self) -> int:
        """The id of the job."""
        return self._job.job_id

    @property
    def work_dir(self) -> Path:
        """A private folder for partial work, kept between attempts."""
        return Path(self._job.work_dir)

    @property
    def settings(self) -> Mapping[str, Any]:
        """The configuration that media functions need."""
        return self._job.settings

    def report(self, progress: Progress) -> None:
        """Tell how far the work is; at most ten a second go out, the newest always."""
        self._channel.report(progress if self._share is None else self._share(progress))

    def alive(self) -> None:
        """A sign of life without figures; at most one a second goes out."""
        self._channel.alive()

    def log(self, line: str) -> None:
        """Write one line, cleaned and with its time in UTC, into the job's log."""
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        os.write(2, f"{stamp} {clean(redacted(line))}\n".encode())

    def title(self, text: str) -> None:
        """Tell what a person calls the job. An item has no say in that."""
        if not self._item:
            self._channel.send(Titled(shorten(clean(text), _MAX_TITLE)))

    def staging(self, folder: Path) -> Path:
        """A fresh hidden folder inside `folder`, recorded by the worker before it is made."""
        fresh = self._folders.fresh(folder)
        self._staged.append(fresh)
        return fresh

    def publish(self, staged: Path, target: Path, *, unique: bool = True) -> Path:
        """Flush `staged`, ask the worker, and give it the name `target` or the next free one."""
        target = Path(os.path.abspath(target))
        with (
            finished_file(staged, _mode(self._job, 0o666)) as (fd, facts),
            opened(staged.parent) as staged_fd,
            open_folder(target.parent, _mode(self._job, 0o777)) as folder_fd,
        ):
            source = Spot(staged_fd, staged.name)
            for name in names(target.name, unique=unique):
                if _exists(name, folder_fd):
                    continue
                path = target.with_name(name)
                # The record of one item of many may be lost with the power: that costs a second file, and not to wait
                # for the disk is a tenth of the time of small pictures.
                question = self._question(path, facts, durable=not self._item)
                self._channel.ask(question, lambda: os.fsync(fd))
                with self._shield:
                    if (source.identity or ())[:2] != (facts.st_ino, facts.st_size):
                        raise JobFailed(ErrorClass.TOOL, f"cannot publish {staged.name}: it is another file by now")
                    if rename_whole(source, Spot(folder_fd, name)):
                        self._published.append(file_of(question))
                        return path
        raise JobFailed(ErrorClass.BAD_INPUT, f"{target.name} exists already", input=str(target))

    def replace(
        self, staged: Path, target: Path, *, original: Path, aside: Path, was: tuple[int, int, int], mode: int
    ) -> None:
        """Flush `staged`, ask the worker, and let it take the name `target` while `original` goes to `aside`."""
        facts = flush_file(staged, mode)
        question = self._question(target, facts, durable=True)
        self._channel.ask(question)
        with self._shield:
            put_in_place(staged, (facts.st_ino, facts.st_size), target, original, aside, was)
            self._published.append(file_of(question))

    def _question(self, path: Path, facts: os.stat_result, *, durable: bool) -> Publishing:
        return Publishing(self._item, str(path), facts.st_ino, facts.st_dev, facts.st_size, durable)

    def kept_file(
        self, source: Path, staged: Path, options: Mapping[str, Any], make: Callable[[Path], Mapping[str, Any]]
    ) -> tuple[Mapping[str, Any], bool]:
        """Fill `staged` from the cache, or by `make` and keep that."""
        if self._keeper is None:
            return make(staged), False
        return self._keeper.fill(source, staged, options, make)

    def kept_facts(
        self,
        category: str,
        about: str | Path,
        options: Mapping[str, Any],
        make: Callable[[], Mapping[str, Any] | None],
    ) -> tuple[Mapping[str, Any] | None, bool]:
        """Facts about an address or a file from the cache, or by `make` and keep those."""
        if self._keeper is None:
            return make(), False
        return self._keeper.recall(category, about, options, make)

    def published(self) -> tuple[Path, ...]:
        """What earlier attempts at this job (or item) published and is still in place, the same file."""
        files = self._earlier
        paths = [Path(file.path) for file in files if _is(file.path, file.inode, file.device, file.size)]
        return tuple(dict.fromkeys(paths))

    def remove_staging(self) -> None:
        """Remove the staging folders that this context handed out."""
        for folder in self._staged:
            shutil.rmtree(folder, ignore_errors=True)
        self._staged.clear()


def _mode(job: JobMessage, full: int) -> int:
    """The mode of what is published: `full` without what the umask of whoever started the worker takes away."""
    umask = job.settings.get("umask")
    return full & ~(umask if isinstance(umask, int) else 0o077)


def _exists(name: str, folder_fd: int) -> bool:
    try:
        os.stat(name, dir_fd=folder_fd, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def _is(path: str, inode: int, device: int, size: int) -> bool:
    try:
        facts = os.lstat(path)
    except OSError:
        return False
    return (facts.st_ino, facts.st_dev, facts.st_size) == (inode, device, size)
