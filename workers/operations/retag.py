"""Writing tags into a file: a copy gets them, is compared packet by packet, and takes the place of the original."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workers.errors import ErrorClass, JobFailed
from workers.media.fields import Choice
from workers.media.names import path_to_key
from workers.operations import trash
from workers.operations.contract import Context
from workers.operations.inputs import disk_failure, need_room, stage
from workers.text import clean

_PIECE = 4 << 20


@dataclass(frozen=True, slots=True)
class Retagged:
    """What writing tags came to: the fields written, or in words why none were."""

    written: tuple[str, ...] = ()
    why: str = ""
    possible: bool = True  # False: this file cannot be written at all
    trashed: Mapping[str, Any] = field(default_factory=dict)  # where the original lies now


def retag(
    ctx: Context,
    source: Path,
    facts: Mapping[str, Any],
    record: Mapping[str, Choice],
    *,
    overwrite: bool = False,
    keep_time: bool = False,
) -> Retagged:
    """Write what `record` knows and the file at `source` lacks into its tags. `facts` are those of `probe`.

    JobFailed: bad_input when the file cannot be read or changed meanwhile, tool when mutagen fails or would change
    more than tags, disk. In all these cases the file is as before.
    """
    from workers.media import tags

    if why := trash.tied(source) or tags.unwritable(source, facts):
        return Retagged(why=why, possible=False)
    original = trash.look(source)
    if not tags.lacking(source, facts, record, overwrite=overwrite):
        return Retagged(why="the file has all that is known already")
    need_room(ctx, source.parent, original.identity[1])
    staged = stage(ctx, source.parent) / source.name
    _copy(ctx, source, staged)
    written = tags.write(staged, facts, record, overwrite=overwrite)
    tags.same_packets(source, staged, str(facts["format"]), ctx.alive)
    return Retagged(written, trashed=trash.replace(ctx, staged, original, original.path, keep_time=keep_time))


def _copy(ctx: Context, source: Path, staged: Path) -> None:
    """A copy of the bytes. What goes wrong in reading is the file's fault, in writing the disk's."""
    key = path_to_key(source)
    try:
        with contextlib.closing(_pieces(ctx, source, key)) as pieces, open(staged, "wb") as target:
            target.writelines(pieces)
    except OSError as error:
        raise disk_failure(error, f"cannot copy {clean(key)}") from error


def _pieces(ctx: Context, source: Path, key: str) -> Any:
    try:
        with open(source, "rb") as file:
            while piece := file.read(_PIECE):
                ctx.alive()
                yield piece
    except OSError as error:
        raise JobFailed(ErrorClass.BAD_INPUT, f"cannot read {clean(key)}: {error.strerror}", input=key) from error
