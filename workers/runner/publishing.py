"""Giving a finished file its final name: whole, flushed, and never over another file."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from workers import linux, placeholders
from workers.errors import ErrorClass, JobFailed
from workers.folders import Identity, Spot, opened

Hold = Callable[[int], None]  # told 0 before an empty file is made that holds a name, and its inode after

_MAX_NAME = 255  # bytes; what common filesystems allow
_MAX_NAMES_TRIED = 10_000


def flush_file(path: Path, mode: int) -> os.stat_result:
    """Give `path` its mode and force its bytes to the disk; what it is. JobFailed when it is no regular file."""
    with finished_file(path, mode) as (fd, facts):
        os.fsync(fd)
        return facts


@contextmanager
def finished_file(path: Path, mode: int) -> Iterator[tuple[int, os.stat_result]]:
    """A descriptor of `path`, to flush it by, and what it is; it is given its mode. JobFailed when it is no file."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise JobFailed(ErrorClass.TOOL, f"cannot publish {path.name}: {error.strerror}", detail=str(path)) from error
    try:
        facts = os.fstat(fd)
        if not stat.S_ISREG(facts.st_mode):
            raise JobFailed(ErrorClass.TOOL, f"cannot publish {path.name}: it is no regular file", detail=str(path))
        os.fchmod(fd, mode)
        yield fd, facts
    finally:
        os.close(fd)


def make_folder(folder: Path, mode: int) -> None:
    """Make `folder` and what is missing above it, each with `mode`: the runner's own umask is for private files."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    for path in reversed(missing):
        try:
            path.mkdir()
        except FileExistsError:
            continue  # somebody else was quicker, and its mode is theirs to choose
        path.chmod(mode)
    folder.mkdir(exist_ok=True)


@contextmanager
def open_folder(folder: Path, mode: int) -> Iterator[int]:
    """The folder as a file descriptor, so that name and flush go to one and the same; made if missing."""
    if not folder.exists():
        make_folder(folder, mode)
    with opened(folder) as fd:
        yield fd


def names(name: str, *, unique: bool) -> Iterator[str]:
    """`name`, and with `unique` then "name (2).ext", "name (3).ext" … cut so that each fits a filesystem."""
    yield name
    stem, dot, extension = name.rpartition(".")
    if not stem:
        stem, dot, extension = name, "", ""
    for number in range(2, _MAX_NAMES_TRIED if unique else 2):
        tail = f" ({number}){dot}{extension}"
        room = _MAX_NAME - len(os.fsencode(tail))
        yield os.fsencode(stem)[:room].decode(errors="ignore") + tail if room > 0 else f"{number}"


def rename_whole(source: Spot, target: Spot, hold: Hold | None = None) -> bool:
    """Give the file at `source` the name `target` and flush its folder; False, nothing done, when the name is taken."""
    try:
        if not linux.rename_no_replace(source.fd, source.name, target.fd, target.name):
            _link_or_reserve(source, target, hold)
    except FileExistsError:
        return False
    os.fsync(target.fd)
    return True


def put_in_place(staged: Path, made: tuple[int, int], target: Path, original: Path, aside: Path, was: Identity) -> None:
    """Give `staged` the name `target` and move `original` to `aside`.

    `target` lies in the folder of `original` and may be `original` itself: then both change places in one step, or,
    where the filesystem knows no such step, the original is at `aside` a moment before the new file has its name.
    `made` is inode and size of the new file as it was verified, `was` the original as it was read. All lie on one
    filesystem, and all is done in folders that are opened once. JobFailed when another file has the name `target`, or
    the original changed: then all is as before, or `workers.trash.settle` sees to it.
    """
    with (
        opened(original.parent) as folder_fd,
        opened(aside.parent) as aside_fd,
        opened(staged.parent) as staged_fd,
    ):
        old, trash = Spot(folder_fd, original.name), Spot(aside_fd, aside.name)
        swap = _Replacement(Spot(staged_fd, staged.name), made, old, was, trash, original)
        swap.check()
        if target == original:
            if not swap.exchange():
                swap.by_turns()
        else:
            swap.beside(Spot(folder_fd, target.name))
        os.fsync(folder_fd)


class _Replacement:
    """One file that takes the place of another, which goes to the trash; each way of doing it."""

    def __init__(self, new: Spot, made: tuple[int, int], old: Spot, was: Identity, trash: Spot, original: Path) -> None:
        self._new = new
        self._made = made
        self._old = old
        self._was = was
        self._trash = trash
        self._original = original
        self._hold = partial(placeholders.note, trash.fd, Path(trash.name).stem)

    def check(self) -> None:
        """JobFailed when one of both files is another by now."""
        self._same(self._old, self._was)
        self._same(self._new, self._made)

    def exchange(self) -> bool:
        """Let both change places by way of the trash; False, and nothing done, where there is no such step."""
        old, trash = self._old, self._trash
        self._bring(trash)
        if not linux.exchange(trash.fd, trash.name, old.fd, old.name):
            os.rename(trash.name, self._new.name, src_dir_fd=trash.fd, dst_dir_fd=self._new.fd)
            return False
        try:
            self._same(trash, self._was)  # it may have been written anew since it was looked at
        except JobFailed:
            linux.exchange(trash.fd, trash.name, old.fd, old.name)
            raise
        os.fsync(trash.fd)
        return True

    def by_turns(self) -> None:
        """The original gives up its name first."""
        self._take_aside()
        self._bring(self._old)

    def beside(self, target: Spot) -> None:
        """The new file gets a name of its own first."""
        self._bring(target)
        try:
            self._take_aside()
        except JobFailed:
            if (target.identity or ())[:2] == self._made:
                rename_whole(target, self._new, self._hold)
            raise

    def _bring(self, target: Spot) -> None:
        """Give the new file that name, and back when it turns out to be another file by now."""
        self._move(self._new, target)
        try:
            self._same(target, self._made)
        except JobFailed:
            rename_whole(target, self._new, self._hold)
            raise

    def _take_aside(self) -> None:
        """Move the original to the trash, and back when it turns out to be another file by now."""
        self._move(self._old, self._trash)
        try:
            self._same(self._trash, self._was)
        except JobFailed:
            rename_whole(self._trash, self._old, self._hold)
            raise

    def _move(self, source: Spot, target: Spot) -> None:
        if not rename_whole(source, target, self._hold):
            path = self._original.with_name(target.name)
            raise JobFailed(ErrorClass.BAD_INPUT, f"{target.name} exists already", input=str(path))

    def _same(self, spot: Spot, was: tuple[int, ...]) -> None:
        found = spot.identity
        if found is None or found[: len(was)] != was:
            message = f"{self._original.name} changed while it was worked on"
            raise JobFailed(ErrorClass.BAD_INPUT, message, input=str(self._original))


def _link_or_reserve(source: Spot, target: Spot, hold: Hold | None) -> None:
    """Where renaming without clobbering is not to be had: a second link, else an empty file that holds the name."""
    try:
        os.link(source.name, target.name, src_dir_fd=source.fd, dst_dir_fd=target.fd, follow_symlinks=False)
    except FileExistsError:
        raise
    except OSError:  # no links here (FAT, some network filesystems)
        _reserve(target, hold)
        os.rename(source.name, target.name, src_dir_fd=source.fd, dst_dir_fd=target.fd)
    else:
        os.unlink(source.name, dir_fd=source.fd)


def _reserve(target: Spot, hold: Hold | None) -> None:
    if hold is not None:
        hold(0)
    fd = os.open(target.name, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600, dir_fd=target.fd)
    try:
        if hold is not None:
            hold(os.fstat(fd).st_ino)
    finally:
        os.close(fd)
