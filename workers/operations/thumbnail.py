"""Small pictures of pictures and films."""

from __future__ import annotations

import functools
import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from pydantic import Field

from workers.errors import ErrorClass, JobFailed
from workers.jobs import Outcome
from workers.media.names import key_to_path, safe_name
from workers.media.sniff import is_media_name, sniff
from workers.operations.contract import Context, Operation, Params, Result
from workers.operations.inputs import first_line, made_by_us, need_room, publish, stage, tree_folder, walk, was_named

_EXTENSIONS = {"jpeg": "jpg", "webp": "webp", "avif": "avif"}
_OWN = made_by_us(("thumb",), ("jpg", "jpeg", "webp", "avif"))


class ThumbnailParams(Params):
    """What to make small pictures of, and how large."""

    inputs: tuple[str, ...] = Field(min_length=1, json_schema_extra={"path": True})
    """Pictures, films, sound files with a cover, or folders of them (walked in full)."""

    size: int = Field(default=320, ge=16, le=4096, json_schema_extra={"short": "s"})
    """Longer side in pixels. Smaller pictures are not enlarged."""

    format: Literal["jpeg", "webp", "avif"] = Field(default="jpeg", json_schema_extra={"short": "f"})
    """Format of the result. WebP and AVIF are smaller and keep transparency; JPEG opens everywhere."""

    output: str = Field(default="", json_schema_extra={"short": "o", "path": True})
    """Folder for the results; the tree of an input folder is kept in it. Empty: beside each input."""

    position: float = Field(default=10.0, ge=0, le=100, json_schema_extra={"advanced": True})
    """Where in a film to take the picture, in percent of its duration. Black and blank moments are passed over."""

    quality: int = Field(default=80, ge=1, le=100, json_schema_extra={"short": "q", "advanced": True})
    """Quality of the result: 1 (small) to 100 (large)."""

    skip_existing: bool = Field(default=True)
    """Leave out inputs whose thumbnail is there and newer than they are. Off: each gets another one beside it."""


def _items(params: ThumbnailParams) -> Iterable[str]:
    return walk(
        params.inputs, lambda name: is_media_name(name) is not None and not _OWN.fullmatch(name), apart=params.output
    )


def _process(params: ThumbnailParams, key: str, ctx: Context) -> Result:
    if done := ctx.published():
        return Result(done, {"published_before": True})
    source = key_to_path(key)
    if _OWN.fullmatch(source.name):
        raise JobFailed(ErrorClass.UNSUPPORTED, "this is a thumbnail already", input=key)
    found = sniff(source)
    target = target_of(params, source)
    if params.skip_existing and _up_to_date(source, target):
        return Result((target,), {"why": "the thumbnail is newer than its input"}, Outcome.SKIPPED)
    from workers.media import frames, pictures

    need_room(ctx, target.parent)
    if found.kind == "image":
        image = pictures.thumbnail(source, size=params.size)
    elif not was_named(params.inputs, source) and not frames.has_picture(source):
        return Result((), {"why": "sound without a cover"}, Outcome.SKIPPED)
    else:
        image = frames.grab(source, size=params.size, position=params.position / 100)
    staged = stage(ctx, target.parent) / f"thumb.{_EXTENSIONS[params.format]}"
    pictures.save(image, staged, format=params.format, quality=params.quality)
    width, height = pictures.check(staged)
    path = publish(ctx, staged, target)
    return Result((path,), {"width": width, "height": height, "size": path.stat().st_size, "from": found.format})


def target_of(params: ThumbnailParams, source: Path) -> Path:
    """Where the thumbnail of `source` goes: NAME.thumb.EXT, with the whole name where two inputs share a stem."""
    folder = tree_folder(params.inputs, source, params.output)
    stem = source.name if source.stem in _shared_stems(str(source.parent)) else source.stem
    return folder / safe_name(f"{stem}.thumb", extension=_EXTENSIONS[params.format])


@functools.lru_cache(maxsize=4)
def _shared_stems(folder: str) -> frozenset[str]:
    """Stems that more than one medium in `folder` has: IMG_1.jpg beside IMG_1.mov. Listed once per folder."""
    try:
        with os.scandir(folder) as entries:
            names = [e.name for e in entries if is_media_name(e.name) and not _OWN.fullmatch(e.name)]
    except OSError:
        return frozenset()
    return frozenset(
        stem for stem, number in Counter(os.path.splitext(name)[0] for name in names).items() if number > 1
    )


def _up_to_date(source: Path, target: Path) -> bool:
    try:
        made = target.stat()
        return made.st_size > 0 and made.st_mtime_ns >= source.stat().st_mtime_ns
    except OSError:
        return False


def _label(params: ThumbnailParams) -> str:
    return f"{first_line(params.inputs)} → {params.size} px {params.format}"


OPERATION = Operation(
    name="thumbnail",
    title="Thumbnails",
    summary="Make small pictures of pictures, films and covers.",
    queue="images",
    params=ThumbnailParams,
    label=_label,
    items=_items,
    process=_process,
    primary=("inputs", "size", "format", "output"),
    examples=(
        "spool thumbnail photo.jpg film.mp4",
        "spool thumbnail ~/Pictures --output ~/thumbs --size 512 --format webp",
    ),
)
