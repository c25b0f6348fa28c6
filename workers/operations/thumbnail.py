"""Small pictures of pictures and films."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable, Iterator
from hashlib import blake2s
from pathlib import Path
from typing import Literal

from pydantic import Field

from workers.errors import ErrorClass, JobFailed
from workers.jobs import Outcome
from workers.media.names import key_to_path
from workers.media.sniff import is_media_name, sniff
from workers.operations.contract import BulkParams, Context, Operation, Result
from workers.operations.inputs import first_line, made_by_us, need_room, publish, stage, walk, was_named
from workers.operations.targets import targets

_EXTENSIONS = {"jpeg": "jpg", "webp": "webp", "avif": "avif"}
_OWN = made_by_us(("thumb",), ("jpg", "jpeg", "webp", "avif"))


class ThumbnailParams(BulkParams):
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
    """Leave out inputs whose own thumbnail is there and newer than they are. Off: each gets another one beside it."""


def _wanted(name: str) -> bool:
    return is_media_name(name) is not None and not _OWN.fullmatch(name)


def _items(params: ThumbnailParams) -> Iterable[str]:
    return walk(params, _wanted, apart=params.output)


def _process(params: ThumbnailParams, key: str, ctx: Context) -> Result:
    if done := ctx.published():
        return Result(done, {"published_before": True})
    source = key_to_path(key)
    if _OWN.fullmatch(source.name):
        raise JobFailed(ErrorClass.UNSUPPORTED, "this is a thumbnail already", input=key)
    found = sniff(source)
    target = targets(params.inputs, params.output, _wanted).of(source, ".thumb", _EXTENSIONS[params.format])
    if params.skip_existing and (made := _made_before(source, target)):
        return Result((made,), {"why": "the thumbnail is newer than its input"}, Outcome.SKIPPED)
    from workers.media import frames, pictures

    need_room(ctx, target.parent)
    if found.kind == "image":
        image = pictures.thumbnail(source, size=params.size)
    elif not was_named(params.inputs, source) and not frames.has_picture(source):
        return Result((), {"why": "sound without a cover"}, Outcome.SKIPPED)
    else:
        image = frames.grab(source, size=params.size, position=params.position / 100)
    staged = stage(ctx, target.parent) / f"thumb.{_EXTENSIONS[params.format]}"
    pictures.save(image, staged, format=params.format, quality=params.quality, mark=_mark(source, target))
    width, height = pictures.check(staged)
    path = publish(ctx, staged, target)
    return Result((path,), {"width": width, "height": height, "size": path.stat().st_size, "from": found.format})


def _made_before(source: Path, target: Path) -> Path | None:
    """The thumbnail of this very `source` that is newer than it: `target`, or a numbered one beside it."""
    from workers.media import pictures

    try:
        changed, mark = source.stat().st_mtime_ns, _mark(source, target)
        for path in _numbered(target):
            made = path.stat()
            if made.st_size and made.st_mtime_ns >= changed and pictures.mark_of(path) == mark:
                return path
    except OSError:
        pass  # one of them is not there, or gone since
    return None


def _numbered(target: Path) -> Iterator[Path]:
    """The names that publishing would choose from, until one is free."""
    yield target
    for number in itertools.count(2):
        yield target.with_name(f"{target.stem} ({number}){target.suffix}")


def _mark(source: Path, target: Path) -> str:
    """What a thumbnail says of its input: a digest of the way there, so that both may be moved together."""
    way = os.path.relpath(os.path.abspath(source), os.path.abspath(target.parent))
    return f"Spool thumbnail {blake2s(os.fsencode(way), digest_size=16).hexdigest()}"


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
