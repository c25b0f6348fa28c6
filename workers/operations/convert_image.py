"""Pictures into other formats: JPEG, PNG, WebP, TIFF, AVIF, GIF."""

from __future__ import annotations

import functools
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from workers.errors import ErrorClass, JobFailed
from workers.jobs import Outcome
from workers.media.names import key_to_path
from workers.media.rename import check_pattern, fill_pattern
from workers.media.sniff import is_media_name, sniff
from workers.media.wish import EXTENSIONS
from workers.operations.contract import BulkParams, Context, Operation, Result
from workers.operations.inputs import disk_failure, first_line, made_by_us, need_room, publish, stage, walk, was_named
from workers.operations.same import same_there
from workers.operations.targets import targets
from workers.text import clean

if TYPE_CHECKING:
    from workers.media.wish import Wish

_OWN = made_by_us(("conv",), EXTENSIONS.values())
_NOT_LOSSLESS = {"jpeg": "JPEG", "gif": "a GIF", "avif": "AVIF (its colours are rounded)"}
_COLOURS = ("white", "black", "grey", "gray", "red", "green", "blue", "yellow")
_PLACES = frozenset({"inputs", "output", "rename"})  # where the result goes, and not what it is


class ConvertImageParams(BulkParams):
    """What to convert, to what, and what to keep of it."""

    inputs: tuple[str, ...] = Field(min_length=1, json_schema_extra={"path": True})
    """Pictures, or folders of them (walked in full)."""

    format: Literal["jpeg", "png", "webp", "tiff", "avif", "gif"] = Field(json_schema_extra={"short": "f"})
    """Format of the results. Animations stay animated in WebP, GIF, PNG and AVIF; PNG and TIFF keep 16 bits."""

    quality: int = Field(default=0, ge=0, le=100, json_schema_extra={"short": "q"})
    """Quality of JPEG, WebP and AVIF: 1 (small) to 100 (large). 0 is the usual: 85, 80 and 60."""

    output: str = Field(default="", json_schema_extra={"short": "o", "path": True})
    """Folder for the results; the tree of an input folder is kept in it, and what is of the format already is copied
    as it is. Empty: beside each input, as NAME.conv.EXT."""

    size: int = Field(default=0, ge=0, le=65_535, json_schema_extra={"short": "s"})
    """Longest side in pixels; larger pictures are reduced, smaller ones stay as they are. 0 is no limit."""

    rename: str = Field(default="")
    """Pattern for the names of the results in the output folder, of {stem} {number} {width} {height} {date} {format}.
    Folders inside an input folder are kept, only names change. The number is the place in the list of inputs, the date
    is when the picture was taken, or its file changed."""

    metadata: Literal["keep", "no-place", "strip"] = Field(default="keep", json_schema_extra={"short": "m"})
    """keep takes over Exif, XMP, comments and the colour profile; no-place leaves out where Exif says it was taken,
    and XMP, which may say it too; strip keeps only the colour profile. IPTC blocks are never taken over. Pictures are
    turned upright in any case."""

    lossless: bool = False
    """No loss in WebP, which refuses more than 8 bits a channel then. PNG and TIFF lose nothing but what is noted, as
    of CMYK with 16 bits; JPEG, GIF and AVIF cannot do it."""

    small: bool = False
    """Take several times as long for results of some percent less: WebP method 4, AVIF speed 6, PNG by oxipng 2."""

    background: str = Field(default="white", json_schema_extra={"advanced": True})
    """Colour under transparent pixels in JPEG: a name such as black, or #RRGGBB."""

    srgb: bool = Field(default=False, json_schema_extra={"advanced": True})
    """Convert colours to sRGB through the profile, even where the format can hold the profile itself."""

    drop_profile: bool = Field(default=False, json_schema_extra={"advanced": True})
    """Leave the colour profile out. Colours other than sRGB then look wrong, unless srgb converts them."""

    first_frame: bool = Field(default=False, json_schema_extra={"advanced": True})
    """Of animations and of documents with several pages take the first picture alone, instead of refusing them."""

    @field_validator("rename")
    @classmethod
    def _pattern(cls, value: str) -> str:
        if value:
            check_pattern(value)
        return value

    @field_validator("background")
    @classmethod
    def _colour(cls, value: str) -> str:
        plain = value.strip().lower()
        digits = plain.removeprefix("#")
        if plain in _COLOURS or (plain != digits and len(digits) == 6 and not set(digits) - set("0123456789abcdef")):
            return plain
        raise ValueError(f"use #RRGGBB or one of {', '.join(_COLOURS)}")

    @model_validator(mode="after")
    def _together(self) -> Self:
        if self.lossless and self.format in _NOT_LOSSLESS:
            raise ValueError(f"{_NOT_LOSSLESS[self.format]} cannot be lossless: use png, tiff or webp")
        if self.rename and not self.output:
            raise ValueError("rename needs an output folder, or a later run would take its results for inputs")
        return self


def _wanted(name: str) -> bool:
    return is_media_name(name) == "image" and not _OWN.fullmatch(name)


def _items(params: ConvertImageParams) -> Iterable[str]:
    return walk(params, _wanted, apart=params.output)


def _process(params: ConvertImageParams, key: str, ctx: Context) -> Result:
    if done := ctx.published():
        return Result(done, {"published_before": True})
    source = key_to_path(key)
    found = sniff(source)
    if found.kind != "image":
        raise JobFailed(ErrorClass.UNSUPPORTED, f"{clean(source.name)} is no picture", input=key)
    if found.format == params.format.upper() and _is_result(params, source):
        if params.output:
            return _copied(params, key, source, found.format, ctx)
        return Result((), {"why": f"it is {found.format} already"}, Outcome.SKIPPED)
    from workers.media import convert

    wish = _wish(params)
    folder = targets(params.inputs, params.output, _wanted).folder(source)
    need_room(ctx, folder)
    staged = stage(ctx, folder) / f"picture.{EXTENSIONS[params.format]}"
    facts, cached = ctx.kept_file(
        source, staged, _options(params), lambda path: convert.convert(source, path, wish, format=found.format)
    )
    target = _target(params, key, source, facts)
    size = staged.stat().st_size
    detail = {"from": found.format, "size": size, "size_before": source.stat().st_size, **facts}
    if there := same_there(staged, target):
        return Result((there,), {**detail, "why": "the same file is there already"}, Outcome.SKIPPED)
    path = publish(ctx, staged, target)
    return Result((path,), detail, Outcome.CACHED if cached else Outcome.DONE)


def _copied(params: ConvertImageParams, key: str, source: Path, format: str, ctx: Context) -> Result:
    """The file itself in the output folder, so that all pictures are there: encoding it anew would only lose."""
    from workers.media import convert

    facts, size = convert.told(source, format), source.stat().st_size
    folder = targets(params.inputs, params.output, _wanted).folder(source)
    need_room(ctx, folder, size)
    staged = stage(ctx, folder) / f"picture.{EXTENSIONS[params.format]}"
    try:
        shutil.copyfile(source, staged)
    except OSError as error:
        raise disk_failure(error, f"cannot copy {clean(key)}") from error
    target = _target(params, key, source, facts)
    detail = {"from": format, "size": size, "size_before": size, "copied": True, **facts}
    if there := same_there(staged, target):
        return Result((there,), {**detail, "why": "the same file is there already"}, Outcome.SKIPPED)
    return Result((publish(ctx, staged, target),), detail)


def _is_result(params: ConvertImageParams, source: Path) -> bool:
    """Whether a picture of the wanted format that a walk found needs nothing: no limit, no stripping was asked for."""
    changes = params.size or params.metadata != "keep" or params.quality or params.srgb or params.drop_profile
    return not changes and not was_named(params.inputs, source)


def _wish(params: ConvertImageParams) -> Wish:
    from workers.media.wish import Wish

    return Wish(
        format=params.format,
        quality=params.quality,
        lossless=params.lossless,
        small=params.small,
        size=params.size,
        background=params.background,
        metadata=params.metadata,
        srgb=params.srgb,
        drop_profile=params.drop_profile,
        first_frame=params.first_frame,
    )


def _options(params: ConvertImageParams) -> Mapping[str, Any]:
    """All that a result depends on besides its input."""
    own = ConvertImageParams.model_fields.keys() - BulkParams.model_fields.keys() - _PLACES
    return params.model_dump(include=set(own))


def _target(params: ConvertImageParams, key: str, source: Path, facts: Mapping[str, Any]) -> Path:
    extension = EXTENSIONS[params.format]
    place = targets(params.inputs, params.output, _wanted)
    if not params.rename:
        return place.of(source, "" if params.output else ".conv", extension)
    values = {name: facts.get(name, "") for name in ("width", "height", "date")}
    values |= {"stem": place.of(source, "", extension).stem, "format": params.format}
    if "{number}" in params.rename:
        values["number"] = _number(params, key)
    room = 200 - len(extension) - 1
    return place.folder(source) / f"{fill_pattern(params.rename, values, room=room)}.{extension}"


@functools.lru_cache(maxsize=1)
def _numbers(params: ConvertImageParams) -> Mapping[str, str]:
    """The place of every input in the list of them; every process finds the same as long as the folders stay so."""
    listed = list(_items(params))
    width = len(str(len(listed)))
    return {key: f"{number:0{width}}" for number, key in enumerate(listed, 1)}


def _number(params: ConvertImageParams, key: str) -> str:
    return _numbers(params).get(key, "0")


def _label(params: ConvertImageParams) -> str:
    return f"{first_line(params.inputs)} → {params.format}"


OPERATION = Operation(
    name="convert-image",
    title="Convert pictures",
    summary="Convert pictures to JPEG, PNG, WebP, TIFF, AVIF or GIF, and reduce or rename them on the way.",
    queue="images",
    params=ConvertImageParams,
    label=_label,
    items=_items,
    process=_process,
    cache_category="conversion",
    memory_mib=2048,
    cache_files=True,
    version=2,
    primary=("inputs", "format", "quality", "output", "size", "rename", "metadata", "lossless"),
    examples=(
        "spool convert-image photo.jpg --format webp",
        "spool convert-image ~/Pictures -f avif -o ~/small --size 2048 --metadata no-place",
        "spool convert-image ~/Scans -f png -o ~/out --rename '{date} {number} {stem}'",
    ),
)
