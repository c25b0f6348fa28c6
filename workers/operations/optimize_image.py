"""Pictures in fewer bytes: every pixel and everything attached as before, or with a loss that was asked for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from workers.errors import ErrorClass, JobFailed
from workers.jobs import Outcome
from workers.media.names import key_to_path
from workers.media.sniff import is_media_name, sniff
from workers.operations import trash
from workers.operations.contract import BulkParams, Context, Operation, Result
from workers.operations.inputs import disk_failure, first_line, made_by_us, need_room, publish, stage, walk
from workers.operations.same import same_there
from workers.operations.targets import targets
from workers.text import clean

_EXTENSIONS = {"JPEG": ("jpg", "jpeg", "jpe", "jfif"), "PNG": ("png",), "WEBP": ("webp",), "AVIF": ("avif",)}
_OWN = made_by_us(("opt",), ("jpg", "jpeg", "jpe", "jfif", "png", "webp", "avif"))
_LOSSLESS = ("JPEG", "PNG")
_LEAST_SAVING = 0.01  # of the bytes: for less, no pixel is changed


class OptimizeImageParams(BulkParams):
    """What to make smaller, and how much trouble to take."""

    inputs: tuple[str, ...] = Field(min_length=1, json_schema_extra={"path": True})
    """Pictures, or folders of them (walked in full)."""

    level: Literal["quick", "normal", "best"] = Field(default="normal", json_schema_extra={"short": "l"})
    """Of PNG: quick, normal and best are levels 0, 1 and 4 of oxipng; best takes eight times as long as normal for half
    a percent. Of JPEG there is one way, mozjpeg's search for the best progressive scans, at every level."""

    lossy: int = Field(default=0, ge=0, le=100, json_schema_extra={"short": "q"})
    """0 keeps every pixel. 1 to 100 encodes anew with this quality: JPEG, WebP and AVIF by their own scale, PNG with
    so many percent of 256 colours. What that would make less than 1 % smaller stays as it is."""

    output: str = Field(default="", json_schema_extra={"short": "o", "path": True})
    """Folder for the results; the tree of an input folder is kept in it. Empty: beside each input, as NAME.opt.EXT."""

    replace: bool = Field(default=False)
    """Put the result in the place of its input; the input goes to the trash, from which it can be put back. With
    lossy, what took the place of an input itself is left alone while that lies in the trash: loss adds up."""

    @model_validator(mode="after")
    def _together(self) -> Self:
        if self.replace and self.output:
            raise ValueError("replace and output exclude each other")
        return self


def _wanted(name: str) -> bool:
    return is_media_name(name) == "image" and not _OWN.fullmatch(name)


def _items(params: OptimizeImageParams) -> Iterable[str]:
    return walk(params, _wanted, apart=params.output)


def _process(params: OptimizeImageParams, key: str, ctx: Context) -> Result:
    source = key_to_path(key)
    if params.replace and (placed := trash.settle(ctx, source)):
        return Result((placed,), {"published_before": True})
    if done := ctx.published():
        return Result(done, {"published_before": True})
    if params.replace and params.lossy and trash.replaced_before(source):
        why = f"{clean(source.name)} took the place of an original itself, which is still in the trash"
        return Result((), {"why": why}, Outcome.SKIPPED)
    original = trash.look(source) if params.replace else None
    found = sniff(source)
    if found.kind != "image":
        raise JobFailed(ErrorClass.UNSUPPORTED, f"{clean(source.name)} is no picture", input=key)
    if why := _passed_over(params, found.format):
        return Result((), {"why": why}, Outcome.SKIPPED)
    folder = source.parent if params.replace else targets(params.inputs, params.output, _wanted).folder(source)
    before = source.stat().st_size
    need_room(ctx, folder, before)
    staged = stage(ctx, folder) / f"picture.{_extension(source, found.format)}"
    options = {"level": params.level, "lossy": params.lossy}
    facts, cached = ctx.kept_file(source, staged, options, lambda path: _make(params, source, path, found.format))
    after = staged.stat().st_size
    detail: dict[str, Any] = {"from": found.format, "size_before": before, "size": after, "way": facts["way"]}
    if facts["why"]:
        return Result((), {"why": facts["why"], "size_before": before}, Outcome.SKIPPED)
    if why := _too_little(before, after, lossy=bool(params.lossy)):
        return Result((), {**detail, "why": why}, Outcome.SKIPPED)
    detail["saved_percent"] = round(100 * (before - after) / before, 2)
    if original:
        detail |= trash.replace(ctx, staged, original, original.path)
        return Result((original.path,), detail, Outcome.CACHED if cached else Outcome.DONE)
    place = targets(params.inputs, params.output, _wanted)
    target = place.of(source, "" if params.output else ".opt", _extension(source, found.format))
    if there := same_there(staged, target):
        return Result((there,), {**detail, "why": "the same file is there already"}, Outcome.SKIPPED)
    return Result((publish(ctx, staged, target),), detail, Outcome.CACHED if cached else Outcome.DONE)


def _too_little(before: int, after: int, *, lossy: bool) -> str:
    """Why a result of `after` bytes is not worth having, or an empty text."""
    if after >= before:
        return f"the result would have {after:,} bytes, the file has {before:,}"
    if lossy and before - after < before * _LEAST_SAVING:
        return f"the result would save {before - after:,} of {before:,} bytes, too little for a loss"
    return ""


def _passed_over(params: OptimizeImageParams, format: str) -> str:
    """Why nothing is done for a picture of this format, or an empty text."""
    if format in _LOSSLESS or (params.lossy and format in _EXTENSIONS):
        return ""
    if format in _EXTENSIONS:
        return f"{format} cannot be packed tighter without loss; lossy encodes it anew"
    return f"{format} is not optimised; convert-image makes another format of it"


def _extension(source: Path, format: str) -> str:
    """The extension of the input when it is one of its format, else the usual one."""
    own = source.suffix.lower().lstrip(".")
    return own if own in _EXTENSIONS[format] else _EXTENSIONS[format][0]


def _make(params: OptimizeImageParams, source: Path, staged: Path, format: str) -> Mapping[str, Any]:
    from workers.media import optimise

    made = optimise.optimise(source, format=format, level=params.level, quality=params.lossy)
    try:
        staged.write_bytes(made.data)
    except OSError as error:
        raise disk_failure(error, f"cannot write beside {clean(source.name)}") from error
    return {"way": made.way, "why": made.why}


def _label(params: OptimizeImageParams) -> str:
    return f"{first_line(params.inputs)}, {f'quality {params.lossy}' if params.lossy else params.level}"


OPERATION = Operation(
    name="optimize-image",
    title="Optimise pictures",
    summary="Make pictures smaller: without any loss by mozjpeg and oxipng, or with one on request.",
    queue="images",
    params=OptimizeImageParams,
    label=_label,
    items=_items,
    process=_process,
    cache_category="conversion",
    memory_mib=2048,
    cache_files=True,
    version=3,
    primary=("inputs", "level", "lossy", "output", "replace"),
    examples=(
        "spool optimize-image photo.jpg screenshot.png",
        "spool optimize-image ~/Pictures --replace --level best",
        "spool optimize-image ~/Web --output ~/small --lossy 82",
    ),
)
