"""What file operations share: walking inputs, naming outputs, staging them, and looking at the free space."""

from __future__ import annotations

import errno
import fnmatch
import os
import re
import shutil
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from workers.errors import ErrorClass, JobFailed, disk_refusal
from workers.files import leads_nowhere
from workers.media.names import key_to_path, path_to_key
from workers.operations.contract import BulkParams, Context
from workers.text import clean


def walk(params: BulkParams, wanted: Callable[[str], bool], *, apart: str = "") -> Iterator[str]:
    """The keys of all files that the inputs of `params` name, in order and each once.

    A file is taken as it is; a folder is walked, and of its files those whose name is `wanted` and that the patterns
    of `params` let through. Hidden entries, links to folders and the folder `apart` (where outputs go) are left out.
    A folder that cannot be read is given itself: as an item it fails by name, and nobody takes the rest for all. A link
    that leads nowhere is given too, and its runner counts it as skipped.
    What is remembered grows with the inputs, not with the files found. JobFailed, before anything is done, when
    `apart` can be no folder for outputs: that would befall every input.
    """
    if apart:
        _check_output(key_to_path(apart))
    chosen = frozenset(params.items)
    keys = _walk(params, wanted, apart)
    return (key for key in keys if key in chosen) if chosen else keys


def _walk(params: BulkParams, wanted: Callable[[str], bool], apart: str) -> Iterator[str]:
    sieve = _Sieve(params, wanted, os.path.abspath(key_to_path(apart)) if apart else "")
    files: set[str] = set()
    walked: list[str] = []
    for given in params.inputs:
        root = os.path.abspath(key_to_path(given))
        if root in files or root in walked:
            continue
        if not os.path.isdir(root):
            # A missing file is an item too: it fails by name, and the others are done.
            if not (
                (os.path.isfile(root) or leads_nowhere(root)) and any(sieve.reaches(folder, root) for folder in walked)
            ):
                files.add(root)
                yield path_to_key(root)
            continue
        around = [folder for folder in walked if _inside(folder, root) or _inside(root, folder)]
        for path in sieve.files(root):
            if path in sieve.unread or (
                path not in files and not any(sieve.reaches(folder, path) for folder in around)
            ):
                yield path_to_key(path)
        walked.append(root)


def _check_output(folder: Path) -> None:
    try:
        _writable(folder)
    except OSError as error:
        what = f"cannot write in {clean(path_to_key(folder))}"
        if error.errno in (errno.ENOTDIR, errno.ENAMETOOLONG, errno.ELOOP):
            why = "it is a file, or below one" if error.errno == errno.ENOTDIR else error.strerror
            raise JobFailed(ErrorClass.BAD_INPUT, f"{what}: {why}; name a folder for the outputs") from error
        raise disk_failure(error, what) from error


def _inside(path: str, folder: str) -> bool:
    return path.startswith(folder.rstrip("/") + "/")


class _Sieve:
    """Which files of a folder a job takes."""

    def __init__(self, params: BulkParams, wanted: Callable[[str], bool], apart: str) -> None:
        self._wanted = wanted
        self._apart = apart
        self._recursive = params.recursive
        self._only = _pattern(params.only)
        self._skip = _pattern(params.skip)
        self.unread: set[str] = set()  # folders that cannot be read

    def files(self, root: str) -> Iterator[str]:
        """The files that are taken of the folder `root`, in order, and folders that cannot be read, once."""
        folders = [root]
        while folders:
            folder = folders.pop()
            try:
                with os.scandir(folder) as entries:
                    listed = sorted(entries, key=lambda entry: entry.name)
            except OSError as error:
                gone = error.errno in (errno.ENOENT, errno.ENOTDIR) and folder != root
                if not gone and folder not in self.unread:
                    self.unread.add(folder)
                    yield folder
                continue
            inner: list[str] = []
            for entry in listed:
                if entry.is_dir(follow_symlinks=False):
                    if self._recursive and self._walks_into(entry.name, entry.path, root):
                        inner.append(entry.path)
                elif self._takes(entry.name, entry.path, root) and _may_be_file(entry):
                    yield entry.path
            folders.extend(reversed(inner))

    def reaches(self, root: str, path: str) -> bool:
        """Whether `files(root)` gives `path` if that is a file."""
        if not _inside(path, root):
            return False
        *folders, name = path[len(root.rstrip("/")) + 1 :].split("/")
        if not self._takes(name, path, root) or (folders and not self._recursive):
            return False
        here = root
        for folder in folders:
            here = os.path.join(here, folder)
            if not self._walks_into(folder, here, root) or os.path.islink(here):
                return False
        return True

    def _walks_into(self, name: str, path: str, root: str) -> bool:
        return not name.startswith(".") and path != self._apart and not self._left_out(name, path, root)

    def _takes(self, name: str, path: str, root: str) -> bool:
        if name.startswith(".") or not self._wanted(name):
            return False
        return (self._only is None or _fits(self._only, name, path, root)) and not self._left_out(name, path, root)

    def _left_out(self, name: str, path: str, root: str) -> bool:
        return self._skip is not None and _fits(self._skip, name, path, root)


def _pattern(globs: Sequence[str]) -> re.Pattern[str] | None:
    """One pattern for all of `globs`; those with a slash are held against paths, the others against names."""
    if not globs:
        return None
    return re.compile("|".join(fnmatch.translate(glob if "/" in glob else f"/{glob}") for glob in globs), re.IGNORECASE)


def _fits(pattern: re.Pattern[str], name: str, path: str, root: str) -> bool:
    below = path[len(root.rstrip("/")) + 1 :]
    return pattern.match(f"/{name}") is not None or pattern.match(below) is not None


def _may_be_file(entry: os.DirEntry[str]) -> bool:
    """Whether it is a file, as far as one can see: what cannot be looked at fails by name, as an item.

    A link that leads nowhere once led to a file, on a disk that is absent perhaps.
    """
    try:
        return entry.is_file() or (entry.is_symlink() and leads_nowhere(entry.path))
    except OSError:
        return True


def was_named(inputs: Sequence[str], source: Path) -> bool:
    """Whether a person named this very file, and did not only name a folder around it."""
    return os.path.abspath(source) in {os.path.abspath(key_to_path(given)) for given in inputs}


def stage(ctx: Context, folder: Path) -> Path:
    """`ctx.staging(folder)`; JobFailed(disk) where the folder cannot be made or written."""
    try:
        return ctx.staging(folder)
    except OSError as error:
        raise disk_failure(error, f"cannot write in {clean(path_to_key(folder))}") from error


def publish(ctx: Context, staged: Path, target: Path) -> Path:
    """`ctx.publish(staged, target)`; JobFailed(disk) where the disk refuses."""
    try:
        return ctx.publish(staged, target)
    except OSError as error:
        raise disk_failure(error, f"cannot write {clean(path_to_key(target))}") from error


def disk_failure(error: OSError, what: str) -> JobFailed:
    """The failure for an error of the system: of class disk only where waiting may help."""
    not_ours = error.errno in (errno.EACCES, errno.EPERM)
    other = ErrorClass.AUTH if not_ours else ErrorClass.DISK, error.strerror or str(error)
    error_class, words = disk_refusal(error) or other
    return JobFailed(error_class, f"{what}: {words}")


def need_room(ctx: Context, folder: Path, size: int = 0) -> None:
    """JobFailed(disk) when `size` more bytes in `folder` would leave less free than the configuration demands."""
    keep = int(ctx.settings.get("min_free_bytes") or 0)
    try:
        here = _writable(folder)
        free = shutil.disk_usage(here).free
    except OSError as error:
        raise disk_failure(error, f"cannot write in {clean(path_to_key(folder))}") from error
    need = size + keep
    if free < need:
        parts = (
            f" ({_mib(size)} for the file, {_mib(keep)} to be kept free by jobs.min_free_mib)" if size and keep else ""
        )
        why = parts or (" to be kept free by jobs.min_free_mib" if keep else "")
        raise JobFailed(
            ErrorClass.DISK,
            f"not enough room in {clean(path_to_key(folder))}: need {_mib(need)}{why}, have {_mib(free)}",
            short_of_room=True,
        )


def _writable(folder: Path) -> Path:
    """The folder, or the nearest above it that is there; OSError when nothing can be made in it."""
    for here in (folder, *folder.parents):
        try:
            facts = os.stat(here)
        except FileNotFoundError:
            continue
        if not stat.S_ISDIR(facts.st_mode):
            raise OSError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
        if os.statvfs(here).f_flag & os.ST_RDONLY:
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))
        if not os.access(here, os.W_OK | os.X_OK):
            raise OSError(errno.EACCES, os.strerror(errno.EACCES))
        return here
    return Path("/")


def _mib(size: int) -> str:
    return f"{size / (1 << 20):,.1f} MiB"


def first_line(names: Iterable[str]) -> str:
    """What a person calls a job with these inputs: the first one's name and how many more."""
    listed = list(names)
    name = clean(os.path.basename(key_to_path(listed[0]).as_posix().rstrip("/")) or listed[0]) if listed else ""
    return name if len(listed) < 2 else f"{name} and {len(listed) - 1} more"


def made_by_us(words: Iterable[str], extensions: Iterable[str]) -> re.Pattern[str]:
    """A pattern that matches the names of our own outputs: NAME.WORD.EXT, numbered or not."""
    return re.compile(rf".*\.(?:{'|'.join(words)})(?: \(\d+\))?\.(?:{'|'.join(extensions)})", re.DOTALL | re.IGNORECASE)
