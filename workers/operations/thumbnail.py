"""Small pictures of pictures and films."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from workers.errors import ErrorClass, JobFailed
from workers.jobs import Outcome
from workers.media.names import key_to_path
from workers.media.shapes import PRESETS, Shape, two_numbers
from workers.media.sniff import is_film_name, is_media_name, sniff
from workers.operations.contract import BulkParams, Context, Operation, Result
from workers.operations.inputs import first_line, made_by_us, need_room, publish, stage, walk, was_named
from workers.operations.marks import made_before, mark
from workers.operations.shots import Shots
from workers.operations.targets import targets

_EXTENSIONS = {"jpeg": "jpg", "webp": "webp", "avif": "avif"}
_OWN = made_by_us((r"thumb(?:-\d+)?", "contact-sheet", "sprite"), ("jpg", "jpeg", "webp", "avif", "vtt"))
_MAX_SIDE = 4096


class ThumbnailParams(BulkParams):
    """What to make small pictures of, and how large."""

    inputs: tuple[str, ...] = Field(min_length=1, json_schema_extra={"path": True})
    """Pictures, films, sound files with a cover, or folders of them (walked in full)."""

    preset: Literal["none", "small", "medium", "large", "preview", "square", "banner"] = Field(
        default="none", json_schema_extra={"short": "p"}
    )
    """A usual size, in place of size and crop: small 150, medium 300 and large 600 pixels on the longer side, preview
    within 1200x800; square 400x400 and banner 1200x300 are cut to that."""

    size: int = Field(default=320, ge=16, le=_MAX_SIDE, json_schema_extra={"short": "s"})
    """Longer side in pixels. Smaller pictures are not enlarged."""

    crop: str = Field(default="", json_schema_extra={"short": "c"})
    """WIDTHxHEIGHT in pixels, in place of size: the picture fills that and is cut; smaller ones are enlarged."""

    focus: Literal["centre", "entropy"] = Field(default="centre", json_schema_extra={"advanced": True})
    """What is kept in cutting: the centre, or the part with most to see in it."""

    format: Literal["jpeg", "webp", "avif"] = Field(default="jpeg", json_schema_extra={"short": "f"})
    """Format of the result. WebP and AVIF are smaller and keep transparency; JPEG opens everywhere."""

    output: str = Field(default="", json_schema_extra={"short": "o", "path": True})
    """Folder for the results; the tree of an input folder is kept in it. Empty: beside each input."""

    position: float = Field(default=10.0, ge=0, le=100, json_schema_extra={"advanced": True})
    """Where in a film to take the picture, in percent of its duration; black, blank and blurred ones are left out."""

    count: int = Field(default=1, ge=0, le=100, json_schema_extra={"short": "n"})
    """Pictures of each film, evenly over it, as NAME.thumb-1 and so on; 1 is one at the position. Of covers and
    pictures there is one. 0 makes none, for a sheet or sprite alone."""

    sheet: str = Field(default="")
    """COLUMNSxROWS, as in 4x5: also a contact sheet of each film. Empty: none."""

    sheet_times: bool = Field(default=True, json_schema_extra={"advanced": True})
    """Write into each picture of a contact sheet when it is shown."""

    sprite: float = Field(default=0, ge=0, le=3600)
    """Seconds between the pictures of a sprite (a JPEG and WebVTT, which players show above their timeline), of
    each film; 0 makes none. Of long films the step grows, so that there are at most 400 pictures."""

    sprite_count: int = Field(default=0, ge=0, le=400, json_schema_extra={"advanced": True})
    """Pictures of a sprite, whatever the length of the film; goes before the seconds between them."""

    tile: int = Field(default=160, ge=32, le=640, json_schema_extra={"advanced": True})
    """Longer side in pixels of each picture in contact sheets and sprites."""

    draft: bool = Field(default=False, json_schema_extra={"advanced": True})
    """Decode JPEG pictures no larger than needed: a fifth faster, and a little rougher."""

    quality: int = Field(default=80, ge=1, le=100, json_schema_extra={"short": "q", "advanced": True})
    """Quality of the result: 1 (small) to 100 (large)."""

    skip_existing: bool = Field(default=True)
    """Leave out what is there of an input, was made with the same options and is newer. Off: each gets another one
    beside it."""

    @field_validator("crop")
    @classmethod
    def _is_box(cls, value: str) -> str:
        if value.strip():
            two_numbers(value, 16, _MAX_SIDE)
        return value.strip()

    @field_validator("sheet")
    @classmethod
    def _is_grid(cls, value: str) -> str:
        if value.strip():
            two_numbers(value, 1, 20)
        return value.strip()

    @model_validator(mode="after")
    def _makes_something(self) -> ThumbnailParams:
        if not self.count and not self.sheet and not self.sprite and not self.sprite_count:
            raise ValueError("with count 0, ask for a sheet or a sprite")
        return self

    @property
    def shape(self) -> Shape:
        """What thumbnails are brought into."""
        if self.preset != "none":
            return dataclasses.replace(PRESETS[self.preset], focus=self.focus)
        if self.crop:
            return Shape(*two_numbers(self.crop, 16, _MAX_SIDE), fill=True, focus=self.focus)
        return Shape.within(self.size)

    def asked(self, part: str, *, film: bool = True) -> dict[str, Any]:
        """What an output depends on besides its input: `part` is the word in its name."""
        if part in ("sprite", "words"):
            every_s = 0 if self.sprite_count else self.sprite
            return {"every_s": every_s, "count": self.sprite_count, "tile": self.tile, "quality": self.quality}
        if part == "contact-sheet":
            grid = two_numbers(self.sheet, 1, 20)
            return {"grid": grid, "times": self.sheet_times, "tile": self.tile, "quality": self.quality}
        own: dict[str, Any] = {"shape": dataclasses.astuple(self.shape), "quality": self.quality}
        if not film:
            return own | {"draft": self.draft}
        return own | ({"count": self.count} if self.count > 1 else {"position": self.position})

    @property
    def several(self) -> bool:
        """Whether films give more than one thumbnail."""
        return self.count != 1 or bool(self.sheet or self.sprite or self.sprite_count)


def _wanted(name: str) -> bool:
    return is_media_name(name) is not None and not _OWN.fullmatch(name)


def _items(params: ThumbnailParams) -> Iterable[str]:
    return walk(params, _wanted, apart=params.output)


def _process(params: ThumbnailParams, key: str, ctx: Context) -> Result:
    source = key_to_path(key)
    if _OWN.fullmatch(source.name):
        raise JobFailed(ErrorClass.UNSUPPORTED, "this is a thumbnail already", input=key)
    if not params.several and (done := ctx.published()):
        return Result(done, {"published_before": True})
    found = sniff(source)
    place = targets(params.inputs, params.output, _wanted)
    if params.several and found.kind == "av":
        shots = Shots(params, source, key, found.format, place, _EXTENSIONS[params.format], ctx)
        if result := shots.made():
            return result
    if not params.count:
        return Result((), {"why": "no film, of which there could be a sheet or sprite"}, Outcome.SKIPPED)
    if done := ctx.published():
        return Result(done, {"published_before": True})
    target = place.of(source, ".thumb", _EXTENSIONS[params.format])
    asked = params.asked("thumb", film=found.kind == "av")
    if params.skip_existing and (made := _made_before(source, target, asked)):
        return Result((made,), {"why": "the thumbnail is newer than its input"}, Outcome.SKIPPED)
    if found.kind == "av" and not _has_picture(params, source):
        return Result((), {"why": "sound without a cover"}, Outcome.SKIPPED)
    return _one(params, source, target, found.kind == "image", found.format, ctx)


def _made_before(source: Path, target: Path, asked: Mapping[str, Any]) -> Path | None:
    from workers.media.pictures import mark_of

    return made_before(source, target, asked, mark_of)


def _has_picture(params: ThumbnailParams, source: Path) -> bool:
    """Whether it is worth trying: sounds that were only met on the way are looked at first."""
    if was_named(params.inputs, source) or is_film_name(source):
        return True
    from workers.media.film import open_film

    with open_film(source) as film:
        return film.stream is not None or film.cover() is not None


def _one(params: ThumbnailParams, source: Path, target: Path, still: bool, format: str, ctx: Context) -> Result:
    """One thumbnail, made or taken from the cache, verified and published."""
    from workers.media.frames import NoPictureError
    from workers.media.pictures import check

    need_room(ctx, target.parent)
    staged = stage(ctx, target.parent) / f"thumb.{_EXTENSIONS[params.format]}"
    options: dict[str, Any] = {
        "shape": dataclasses.astuple(params.shape),
        "format": params.format,
        "quality": params.quality,
        "position": params.position,
        "draft": params.draft,
        "mark": mark(source, target, params.asked("thumb", film=not still)),
    }
    try:
        told, kept = ctx.kept_file(
            source, staged, options, lambda path: _made(params, source, still, format, path, options)
        )
    except NoPictureError:
        if was_named(params.inputs, source):
            raise
        return Result((), {"why": "sound without a cover"}, Outcome.SKIPPED)
    width, height = check(staged)
    size = os.path.getsize(staged)
    path = publish(ctx, staged, target)
    facts = {"width": width, "height": height, "size": size, "from": format, **told}
    return Result((path,), facts, Outcome.CACHED if kept else Outcome.DONE)


def _made(
    params: ThumbnailParams, source: Path, still: bool, format: str, path: Path, options: Mapping[str, Any]
) -> Mapping[str, Any]:
    """Make the thumbnail at `path`; what there is to say about it."""
    from workers.media import frames, pictures

    facts: dict[str, Any] = {}
    if still:
        gap = pictures.DRAFT if params.draft else pictures.FINE
        image = pictures.thumbnail(source, params.shape, gap=gap, format=format)
    else:
        shot = frames.grab(source, params.shape, position=params.position / 100, format=format)
        image, facts = shot.image, frames.facts_of(shot)
    pictures.save(image, path, format=params.format, quality=params.quality, mark=options["mark"])
    return facts


def _label(params: ThumbnailParams) -> str:
    size = params.preset if params.preset != "none" else params.crop or f"{params.size} px"
    more = [
        word for word, asked in (("sheet", params.sheet), ("sprite", params.sprite or params.sprite_count)) if asked
    ]
    thumbs = [f"{params.count} x {size}" if params.count > 1 else size] if params.count else []
    return f"{first_line(params.inputs)} → {', '.join(thumbs + more)} {params.format}"


OPERATION = Operation(
    name="thumbnail",
    title="Thumbnails",
    summary="Make small pictures of pictures, films and covers.",
    queue="images",
    params=ThumbnailParams,
    label=_label,
    items=_items,
    process=_process,
    cache_category="thumbnail",
    memory_mib=2048,
    cache_files=True,
    version=5,
    primary=("inputs", "preset", "size", "format", "output", "count", "sheet", "sprite"),
    examples=(
        "spool thumbnail photo.jpg film.mp4",
        "spool thumbnail ~/Pictures --output ~/thumbs --size 512 --format webp",
        "spool thumbnail ~/Pictures --preset square --focus entropy",
        "spool thumbnail film.mkv --count 6 --sheet 4x5 --sprite 10",
    ),
)
