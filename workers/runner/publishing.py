"""Giving a finished file its final name: whole, flushed, and never over another file."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from workers.errors import ErrorClass, JobFailed
from workers.runner import linux

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
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
    try:
        fd = os.open(folder, flags)
    except FileNotFoundError:
        make_folder(folder, mode)
        fd = os.open(folder, flags)
    try:
        yield fd
    finally:
        os.close(fd)


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


def rename_whole(staged: Path, folder_fd: int, name: str) -> bool:
    """Rename `staged` to `name` in the folder and flush that; False, and nothing done, when the name is taken."""
    try:
        if not linux.rename_no_replace(os.fspath(staged), folder_fd, name):
            _link_or_reserve(staged, folder_fd, name)
    except FileExistsError:
        return False
    os.fsync(folder_fd)
    return True


def put_in_place(staged: Path, target: Path, original: Path, aside: Path, was: tuple[int, int, int]) -> None:
    """Give `staged` the name `target` and move `original` to `aside`.

    `target` may be `original` itself: then both change places in one step, or, where the filesystem knows no such
    step, the original is at `aside` a moment before the new file has its name. `was` is inode, size and time of
    change of the original as it was read. All lie on one filesystem. JobFailed when another file has the name
    `target`, or the original changed: what was moved until then, `workers.trash.settle` moves back.
    """
    with open_folder(target.parent, 0o777) as folder_fd, open_folder(aside.parent, 0o700) as aside_fd:
        if target == original:
            _exchange(staged, original, aside, folder_fd, aside_fd, was)
            return
        _same(original, was)
        if not rename_whole(staged, folder_fd, target.name):
            raise JobFailed(ErrorClass.BAD_INPUT, f"{target.name} exists already", input=str(target))
        _take(original, aside, aside_fd)
        os.fsync(folder_fd)


def _exchange(
    staged: Path, original: Path, aside: Path, folder_fd: int, aside_fd: int, was: tuple[int, int, int]
) -> None:
    _same(original, was)
    _take(staged, aside, aside_fd)
    if linux.exchange(os.fspath(aside), os.fspath(original)):
        try:
            _same(aside, was)  # it may have been written anew since it was looked at
        except JobFailed:
            linux.exchange(os.fspath(aside), os.fspath(original))
            raise
        os.fsync(folder_fd)
        os.fsync(aside_fd)
        return
    os.rename(aside, staged)  # by another way: the original gives up its name first
    _take(original, aside, aside_fd)
    if not rename_whole(staged, folder_fd, original.name):
        raise JobFailed(ErrorClass.BAD_INPUT, f"{original.name} was made anew meanwhile", input=str(original))


def _same(path: Path, was: tuple[int, int, int]) -> None:
    facts = os.lstat(path)
    if (facts.st_ino, facts.st_size, facts.st_mtime_ns) != was:
        raise JobFailed(ErrorClass.BAD_INPUT, f"{path.name} changed while it was worked on", input=str(path))


def _take(source: Path, target: Path, folder_fd: int) -> None:
    if not rename_whole(source, folder_fd, target.name):
        raise JobFailed(ErrorClass.BAD_INPUT, f"{target.name} exists already", input=str(target))


def _link_or_reserve(staged: Path, folder_fd: int, name: str) -> None:
    """Where renaming without clobbering is not to be had: a second link, else an empty file that holds the name."""
    try:
        os.link(staged, name, dst_dir_fd=folder_fd)
    except FileExistsError:
        raise
    except OSError:  # no links here (FAT, some network filesystems)
        os.close(os.open(name, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600, dir_fd=folder_fd))
        os.rename(staged, name, dst_dir_fd=folder_fd)
    else:
        os.unlink(staged)
