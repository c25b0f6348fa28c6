"""The library's record of a file as a file of its own: NAME.spool.json, or NAME.nfo for Kodi and Jellyfin.

One that we wrote is renewed, by way of the trash; one of another program is never touched.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from workers.errors import ErrorClass, JobFailed
from workers.media.fields import Choice
from workers.media.names import path_to_key
from workers.operations import trash
from workers.operations.contract import Context
from workers.operations.inputs import disk_failure, need_room, stage
from workers.text import clean

Kind = Literal["json", "nfo"]
_MADE_BY = "Spool enrich"
_MAX_BYTES = 1 << 20


def content(kind: Kind, name: str, shown: Mapping[str, Any], record: Mapping[str, Choice]) -> bytes:
    """The bytes of the card of the file called `name`; `shown` is its record as JSON data."""
    from workers.media import nfo

    if kind == "nfo":
        return nfo.compose(record)
    facts = {"made_by": _MADE_BY, "version": 1, "file": clean(name), **shown}
    return (json.dumps(facts, ensure_ascii=False, indent=1) + "\n").encode("utf-8", errors="replace")


def put(ctx: Context, kind: Kind, target: Path, data: bytes) -> tuple[Path | None, str]:
    """Let `target` hold `data`; its path, and "written", "renewed" or "unchanged".

    None and the reason when another program's file has that name. JobFailed disk, or bad_input when one appears just
    then.
    """
    there = _read(target)
    if there == data:
        return target, "unchanged"
    if there is not None and not _is_ours(kind, there):
        return None, f"{clean(target.name)} exists already and is not Spool's: it was left alone"
    need_room(ctx, target.parent, len(data))
    staged = stage(ctx, target.parent) / f"card.{kind}"
    try:
        staged.write_bytes(data)
        if there is None:
            return ctx.publish(staged, target, unique=False), "written"
    except OSError as error:
        raise disk_failure(error, f"cannot write {clean(path_to_key(target))}") from error
    trash.replace(ctx, staged, trash.look(target), target)
    return target, "renewed"


def _read(target: Path) -> bytes | None:
    """The beginning of what has that name, None when nothing has; empty for what is no plain file of ours."""
    try:
        if not stat.S_ISREG(os.lstat(target).st_mode):
            return b""
        with open(target, "rb") as file:
            return file.read(_MAX_BYTES)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise JobFailed(
            ErrorClass.BAD_INPUT,
            f"cannot read {clean(path_to_key(target))}: {error.strerror}",
            input=path_to_key(target),
        ) from error


def _is_ours(kind: Kind, data: bytes) -> bool:
    from workers.media import nfo

    if kind == "nfo":
        return nfo.MARK.encode() in data[:300]
    try:
        told = json.loads(data)
    except (ValueError, RecursionError):
        return False
    return isinstance(told, dict) and told.get("made_by") == _MADE_BY
