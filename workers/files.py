"""Folders and small files of a home, private to the user: 0700 and 0600 whatever the umask."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from workers.errors import ConfigError


def leads_nowhere(path: str | Path) -> bool:
    """Whether `path` is a link to something that is not there."""
    return os.path.islink(path) and not os.path.exists(path)


def private_folder(path: Path) -> Path:
    """Make `path` (and its parents) as a folder that only the user can enter. ConfigError when it cannot be used."""
    try:
        for folder in (*reversed(path.parents), path):
            if not folder.exists():
                folder.mkdir(mode=0o700, exist_ok=True)
        info = path.stat()
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: cannot be made or entered: {getattr(error, 'strerror', None) or error}") from None
    if not stat.S_ISDIR(info.st_mode):
        raise ConfigError(f"{path}: is not a folder")
    if info.st_uid == os.getuid() and info.st_mode & 0o077:
        path.chmod(0o700)
    if not os.access(path, os.R_OK | os.W_OK | os.X_OK):
        raise ConfigError(f"{path}: cannot be written; check its owner and mode")
    return path


def own_folder(path: Path) -> Path:
    """As `private_folder` where strangers may write beside it, as in /tmp: what lies there must be ours."""
    with contextlib.suppress(FileNotFoundError):
        info = path.lstat()
        if not stat.S_ISDIR(info.st_mode) or info.st_uid != os.getuid():
            raise ConfigError(f"{path}: is not a folder of yours; remove it, or choose a shorter SPOOL_HOME")
    return private_folder(path)


def open_private(path: Path, flags: int) -> int:
    """A descriptor of `path`, made 0600 when new, never following a link at its end."""
    return os.open(path, flags | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)


@contextlib.contextmanager
def made_beside(path: Path) -> Iterator[Path]:
    """An empty private file, which bears the name `path` once the block has filled it: nobody sees half of one.

    Another process may be quicker: then `path` is its file.
    """
    made = path.with_name(f".{path.name}-{os.urandom(6).hex()}")
    os.close(os.open(made, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600))
    try:
        yield made
        try:
            os.link(made, path)
        except FileExistsError:
            pass
        except OSError:  # no links on this file system
            os.rename(made, path)
    finally:
        made.unlink(missing_ok=True)


def free_bytes(path: Path) -> int | None:
    """Room on the disk where `path` is, or where it would be made; None when it does not say: pulled out, or stale."""
    try:
        while not path.exists() and path != path.parent:
            path = path.parent
        return shutil.disk_usage(path).free
    except OSError:
        return None


def remove_tree(folder: Path) -> bool:
    """Remove a folder with all that is in it; whether there was one. What cannot be removed stays.

    Neither a link of that name is followed nor one inside, also when it takes a name while we work: everything is
    removed by descriptors of the folders that it is in.
    """
    try:
        above = os.open(folder.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        if not stat.S_ISDIR(os.stat(folder.name, dir_fd=above, follow_symlinks=False).st_mode):
            return False
        shutil.rmtree(folder.name, ignore_errors=True, dir_fd=above)
        return True
    except OSError:
        return False
    finally:
        os.close(above)


def remove_staging(folder: Path) -> bool:
    """Remove a staging folder that a runner left; whether there was one. Only folders of ours are touched."""
    return folder.name.startswith(".spool-") and remove_tree(folder)
