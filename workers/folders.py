"""Folders held open, so that what is done in one stays in it whatever takes its name, and no link leads elsewhere."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

Identity = tuple[int, int, int]  # inode, size in bytes, time of change in ns

_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_ON_THE_WAY = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_CLOEXEC | os.O_NOFOLLOW
_LINKED = (errno.ELOOP, errno.ENOTDIR)  # what a link on the way is answered with


@dataclass(frozen=True, slots=True)
class Spot:
    """A name in a folder that is held open."""

    fd: int
    name: str

    @property
    def identity(self) -> Identity | None:
        """What tells the file there from others; None where there is none. Links are not followed."""
        try:
            return identity_of(self.facts())
        except OSError:
            return None

    def facts(self) -> os.stat_result:
        """What the system knows of the file there. OSError."""
        return os.stat(self.name, dir_fd=self.fd, follow_symlinks=False)


def identity_of(facts: os.stat_result) -> Identity:
    """What tells a file from others."""
    return facts.st_ino, facts.st_size, facts.st_mtime_ns


@contextmanager
def opened(folder: Path) -> Iterator[int]:
    """The folder as a descriptor. OSError.

    Links that a person has put into the path count as they are now; one that comes while it is opened is refused.
    """
    path = os.path.abspath(folder)
    try:
        fd = _without_links(path)
    except OSError as error:
        if error.errno not in _LINKED:
            raise
        fd = _without_links(os.path.realpath(path, strict=True))
    try:
        yield fd
    finally:
        os.close(fd)


@contextmanager
def opened_in(above: int, name: str) -> Iterator[int]:
    """The folder of that name in one that is held open, as a descriptor. OSError when it is none, or a link."""
    fd = os.open(name, _FLAGS | os.O_NOFOLLOW, dir_fd=above)
    try:
        yield fd
    finally:
        os.close(fd)


def _without_links(path: str) -> int:
    """Open an absolute path on which there is no link; OSError when there is one."""
    from workers import linux  # what only names folders need not load it

    fd = linux.open_without_links(path, _FLAGS)
    return _step_by_step(path) if fd is None else fd


def _step_by_step(path: str) -> int:
    """The same where the kernel cannot do it in one step."""
    names = [name for name in path.split(os.sep) if name]
    fd = os.open(os.sep, _FLAGS)
    for number, name in enumerate(names, start=1):
        flags = _FLAGS | os.O_NOFOLLOW if number == len(names) else _ON_THE_WAY
        try:
            following = os.open(name, flags, dir_fd=fd)
        finally:
            os.close(fd)
        fd = following
    return fd
