"""The folders of a home, and the filesystem and the disk below them."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from workers import filesystems
from workers.checks.findings import Finding, Level
from workers.settings import Settings
from workers.text import size_words


def folders(settings: Settings) -> Iterator[Finding]:
    """The folders of this home: present, ours, private, with room, and on a filesystem that can carry a database."""
    paths = settings.paths
    exists = paths.config.exists()
    yield Finding("config", Level.OK, f"{paths.config}{'' if exists else ' (not there: the defaults hold)'}")
    for name, folder in (("state", paths.state), ("cache", paths.cache), ("output", paths.output)):
        yield _folder(name, folder, private=name == "state")
    yield _filesystem(settings)
    yield _room("free space", paths.output, settings.jobs.min_free_mib << 20)


def _folder(name: str, folder: Path, *, private: bool) -> Finding:
    if not folder.exists():
        parent = _existing(folder)
        if os.access(parent, os.W_OK | os.X_OK):
            return Finding(name, Level.OK, f"{folder} (made when it is needed)")
        return Finding(
            name, Level.FAIL, f"{folder} cannot be made in {parent}", f"make it, or allow writing in {parent}"
        )
    if not folder.is_dir() or not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        return Finding(name, Level.FAIL, f"{folder} cannot be written", f"chown or chmod {folder}, or choose another")
    mode = stat.S_IMODE(folder.stat().st_mode)
    if private and mode & 0o077:
        return Finding(name, Level.WARN, f"{folder} is open to others (mode {mode:04o})", f"chmod 700 {folder}")
    return Finding(name, Level.OK, f"{folder} (mode {mode:04o})")


def _existing(path: Path) -> Path:
    return next((parent for parent in (path, *path.parents) if parent.exists()), Path("/"))


def _room(name: str, folder: Path, reserve: int) -> Finding:
    free = shutil.disk_usage(_existing(folder)).free
    text = f"{size_words(free)} for {folder}"
    if free < reserve:
        return Finding(name, Level.FAIL, text, f"make room: jobs keep {reserve >> 20} MiB free (jobs.min_free_mib)")
    if free < 4 * reserve + (1 << 30):
        return Finding(name, Level.WARN, text, "make room before large downloads")
    return Finding(name, Level.OK, text)


def _filesystem(settings: Settings) -> Finding:
    folder = settings.paths.state
    kind = filesystems.type_of(folder)
    if kind is not None and filesystems.is_network(kind):
        if not settings.state_on_network:
            return Finding("filesystem", Level.FAIL, *filesystems.refusal(folder, kind).split("; ", 1))
        todo = f"move {folder} to a local disk (SPOOL_HOME), and let no second host use this home"
        return Finding("filesystem", Level.WARN, f"the state folder lies on {kind}, as state_on_network allows", todo)
    if kind is not None and filesystems.is_doubtful(kind):
        todo = "keep the state on a local disk (SPOOL_HOME) unless you know that locks and shared memory hold there"
        return Finding("filesystem", Level.WARN, f"the state folder lies on {kind}, a filesystem in user space", todo)
    return Finding("filesystem", Level.OK, kind or "unknown")
