"""Replacing originals: the new file takes the place, and the original goes to the trash beside it."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workers import trash
from workers.errors import ErrorClass, JobFailed
from workers.folders import Identity
from workers.media.names import path_to_key
from workers.operations.contract import Context
from workers.operations.inputs import disk_failure
from workers.text import clean

_KEEP_DAYS = 30


@dataclass(frozen=True, slots=True)
class Original:
    """A file that may be replaced, as it was when the work on it began."""

    path: Path
    identity: Identity
    mode: int


def look(source: Path) -> Original:
    """The file as it is now; call before it is read. JobFailed: only a plain file of one name is replaced."""
    path, key = Path(os.path.abspath(source)), path_to_key(source)
    try:
        facts = os.lstat(path)
    except OSError as error:
        raise JobFailed(ErrorClass.BAD_INPUT, f"{clean(path.name)}: {error.strerror}", input=key) from error
    if not stat.S_ISREG(facts.st_mode):
        message = f"{clean(path.name)} is a link or no plain file, and is not replaced: name the file itself"
        raise JobFailed(ErrorClass.UNSUPPORTED, message, input=key)
    if why := tied(path):
        raise JobFailed(ErrorClass.UNSUPPORTED, f"{clean(path.name)} is not replaced: {why}", input=key)
    return Original(path, (facts.st_ino, facts.st_size, facts.st_mtime_ns), stat.S_IMODE(facts.st_mode))


def tied(path: Path) -> str:
    """Why a new file at `path` would part it from its other names; empty when it has none."""
    if path.is_symlink():
        return "it is a link: name the file itself"
    with contextlib.suppress(OSError):
        if os.lstat(path).st_nlink > 1:
            return "it has hard links, and a new file in its place would part it from them"
    return ""


def place(original: Original, extension: str) -> Path:
    """The name for what replaces the original: its stem with `extension`. JobFailed: another file has it."""
    target = original.path.with_suffix(f".{extension}")
    if target != original.path and os.path.lexists(target):
        message = f"{clean(target.name)} exists already and is not {clean(original.path.name)}: move one of them away"
        raise JobFailed(ErrorClass.BAD_INPUT, message, input=path_to_key(original.path))
    return target


def replace(
    ctx: Context, staged: Path, original: Original, target: Path, *, keep_time: bool = False
) -> Mapping[str, Any]:
    """Let `staged`, which was verified, take the place of `original` as `target`; what to tell of the trash.

    It gets owner, mode and further attributes of the original, and its time where that is to be kept.
    The record is written first, and the original never is without a name. JobFailed: bad_input when the original
    changed or another file has the name, disk. LeaseLost. In all these cases everything is as before.
    """
    keep_days = int(ctx.settings.get("trash_days") or _KEEP_DAYS)
    try:
        _dress(original.path, staged, keep_time=keep_time)
        entry = trash.new_entry(original.path, target, staged, job_id=ctx.job_id, keep_days=keep_days)
        trash.write(entry, _state(ctx))
        try:
            ctx.replace(
                staged,
                target,
                original=original.path,
                aside=entry.kept,
                was=original.identity,
                mode=original.mode & 0o777,
            )
        finally:
            trash.settle(entry)
    except OSError as error:
        raise disk_failure(error, f"cannot replace {clean(path_to_key(original.path))}") from error
    return {"trash": path_to_key(entry.kept), "trash_id": entry.id, "until_ms": entry.until_ms}


def _dress(source: Path, staged: Path, *, keep_time: bool) -> None:
    """Give the new file the owner, mode and further attributes of the original, as far as the system lets us."""
    facts = os.stat(source)
    with contextlib.suppress(OSError):
        if (facts.st_uid, facts.st_gid) != (os.geteuid(), os.getegid()):
            os.chown(staged, facts.st_uid, facts.st_gid)
    with contextlib.suppress(OSError):
        shutil.copystat(source, staged)
    # A new time tells backups and caches that the file is another now.
    if keep_time:
        os.utime(staged, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    else:
        os.utime(staged)


def settle(ctx: Context, source: Path) -> Path | None:
    """Finish or undo what an earlier attempt at this job left half done; the file that replaced `source`, if one did.

    Call it before `ctx.published()` is believed and before `source` is read.
    """
    path = Path(os.path.abspath(source))
    try:
        for entry in reversed(trash.entries_of(path)):
            if entry.job_id == ctx.job_id:
                settled = trash.settle(entry)
                if settled is not None and trash.in_place(settled):
                    return Path(settled.replacement)
    except OSError as error:
        raise disk_failure(error, f"cannot look after the trash beside {clean(path_to_key(source))}") from error
    return None


def replaced_before(source: Path) -> bool:
    """Whether the file at `source` is itself what replaced another, which still lies in the trash."""
    return trash.taken_the_place(Path(os.path.abspath(source))) is not None


def _state(ctx: Context) -> Path | None:
    folder = ctx.settings.get("state_dir")
    return Path(folder) if isinstance(folder, str) and folder else None
