"""The places of one file in the trash, as names in folders that are held open: no link can lead a move elsewhere."""

from __future__ import annotations

import contextlib
import errno
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import partial

from workers import placeholders
from workers.folders import Spot, opened, opened_in
from workers.trashentry import FOLDER, Entry, made_by


@dataclass(frozen=True, slots=True)
class Scene:
    """The places of one entry, in folders that are held open for as long as something is done with them."""

    entry: Entry
    above: int  # the folder that the original was in
    trash: int

    @property
    def original(self) -> Spot:
        """Where the file was."""
        return Spot(self.above, os.path.basename(self.entry.original))

    @property
    def replacement(self) -> Spot:
        """Where what took its place is."""
        return Spot(self.above, os.path.basename(self.entry.replacement))

    @property
    def kept(self) -> Spot:
        """Where the file lies in the trash."""
        return Spot(self.trash, f"{self.entry.id}.kept")

    def is_new(self, spot: Spot) -> bool:
        """Whether what replaced the original is there."""
        return made_by(self.entry, spot.identity)

    def of(self, entry: Entry) -> Scene:
        """The same folders, for another entry of them."""
        return Scene(entry, self.above, self.trash)

    def move(self, source: Spot, target: Spot) -> None:
        """Move the file that is at `source` now. OSError, nothing done: the name is taken, or the file just changed."""
        from workers.runner.publishing import rename_whole  # what only knows the operations need not load it

        was, hold = source.identity, partial(placeholders.note, self.trash, self.entry.id)
        if not rename_whole(source, target, hold):
            raise FileExistsError(errno.EEXIST, f"{target.name} exists")
        if target.identity != was:
            rename_whole(target, source, hold)
            raise OSError(errno.EBUSY, f"{source.name} changed at this moment")
        os.fsync(source.fd)

    def unlink(self, ending: str) -> None:
        """Remove one of the files of the entry in the trash; none is fine. OSError."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(f"{self.entry.id}.{ending}", dir_fd=self.trash)

    def forget(self) -> None:
        """Remove the record, and the trash folder when nothing is left in it."""
        placeholders.forget(self.trash, self.entry.id)
        self.unlink("json")
        with contextlib.suppress(OSError):
            os.fsync(self.trash)
        with contextlib.suppress(OSError):
            os.rmdir(FOLDER, dir_fd=self.above)

    def tidy(self) -> None:
        """Take away what a move leaves that died between its own two steps: a second name, or an empty file."""
        if self.kept.identity == self.entry.identity == self.original.identity:
            self.unlink("kept")  # linked to its new name, and not yet rid of the old one
        ours = placeholders.noted(self.trash, self.entry.id)
        for spot in (self.original, self.replacement, self.kept):
            found = spot.identity
            if found is not None and ours(found) and found != self.entry.identity and not self.is_new(spot):
                os.unlink(spot.name, dir_fd=spot.fd)  # it held the name where none can be taken without clobbering


@contextlib.contextmanager
def opened_scene(entry: Entry) -> Iterator[Scene]:
    """OSError when a folder is gone, or the trash folder is not ours."""
    with opened(entry.folder.parent) as above, own_trash(above) as fd:
        yield Scene(entry, above, fd)


def record_in(fd: int, entry: Entry) -> None:
    """Write a record into a trash folder, whole and flushed. OSError."""
    fresh, name = f"{entry.id}.new", f"{entry.id}.json"
    flags = os.O_CREAT | os.O_WRONLY | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    with open(os.open(fresh, flags, 0o600, dir_fd=fd), "w", encoding="ascii") as file:
        json.dump(asdict(entry), file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(fresh, name, src_dir_fd=fd, dst_dir_fd=fd)
    os.fsync(fd)


def made_in(above: int) -> bool:
    """Make the trash folder; whether it was not there."""
    try:
        os.mkdir(FOLDER, 0o700, dir_fd=above)
    except FileExistsError:
        return False
    return True


@contextlib.contextmanager
def own_trash(above: int) -> Iterator[int]:
    """The trash folder in one that is held open. OSError when it is a link, or somebody else's."""
    with opened_in(above, FOLDER) as fd:
        if not safe(os.fstat(fd)):
            raise PermissionError(errno.EPERM, "the trash folder beside it belongs to somebody else")
        yield fd


def safe(facts: os.stat_result) -> bool:
    """Whether a folder is of this user, and nobody else may write to it."""
    return facts.st_uid == os.geteuid() and not facts.st_mode & 0o022
