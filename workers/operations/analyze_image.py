"""How good pictures are: measures, and what is remarkable about them, each with its limit."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field

from workers.errors import ErrorClass, JobFailed
from workers.media.judgement import Limits, judge
from workers.media.names import key_to_path
from workers.media.sniff import is_media_name, sniff
from workers.operations.contract import BulkParams, Context, Operation, Result
from workers.operations.inputs import first_line, made_by_us, need_room, publish, stage, walk
from workers.operations.same import same_there
from workers.operations.targets import targets

if TYPE_CHECKING:
    from PIL.Image import Image

_LIMITS = Limits()


class AnalyzeImageParams(BulkParams):
    """Which pictures to measure, and beyond which values they are remarkable."""

    inputs: tuple[str, ...] = Field(min_length=1, json_schema_extra={"path": True})
    """Pictures, or folders of them (walked in full)."""

    dark: float = Field(default=_LIMITS.dark, ge=0, le=255)
    """A picture is dark when its mean level (0 to 255) is below this."""

    bright: float = Field(default=_LIMITS.bright, ge=0, le=255)
    """A picture is bright when its mean level is above this."""

    clipped: float = Field(default=_LIMITS.shadows * 100, ge=0, le=100, json_schema_extra={"advanced": True})
    """Shadows are clipped when more than this percentage of the picture is black; highlights at half of it."""

    span: float = Field(default=_LIMITS.span, ge=0, le=255, json_schema_extra={"advanced": True})
    """Contrast is low when the levels, but for half a percent at each end, span less than this."""

    cast: float = Field(default=_LIMITS.cast, ge=0, le=128, json_schema_extra={"advanced": True})
    """There is a colour cast when the mean colour is farther from grey than this, and the colours spread less."""

    blur: float = Field(default=_LIMITS.detail, ge=0)
    """A picture is blurred when even its sharpest part has a variance of the Laplacian below this, noise taken off."""

    noise: float = Field(default=_LIMITS.noise, ge=0, le=255)
    """A picture is noisy when even its calmest part deviates by more than this many levels."""

    thumbnail: int = Field(default=0, ge=0, le=512, json_schema_extra={"short": "t"})
    """Also make a JPEG with this longer side in pixels, NAME.thumb.jpg, of the same decode. 0 makes none."""

    output: str = Field(default="", json_schema_extra={"short": "o", "path": True})
    """Folder for the thumbnails; the tree of an input folder is kept in it. Empty: beside each input."""


_OWN = made_by_us(("thumb",), ("jpg", "jpeg", "webp", "avif"))


def _wanted(name: str) -> bool:
    return is_media_name(name) == "image" and not _OWN.fullmatch(name)


def _items(params: AnalyzeImageParams) -> Iterable[str]:
    return walk(params, _wanted, apart=params.output)


def _process(params: AnalyzeImageParams, key: str, ctx: Context) -> Result:
    source = key_to_path(key)
    found = sniff(source)
    if found.kind != "image":
        raise JobFailed(ErrorClass.UNSUPPORTED, "films and sounds are no pictures", input=key)
    from workers.media import analysis

    measured = analysis.analyse(source, format=found.format, thumbnail=params.thumbnail)
    issues = judge(measured.measures, _limits(params))
    detail = {"issues": [issue.facts() for issue in issues], **measured.facts(), "format": found.format}
    if measured.thumbnail is None:
        return Result(detail=detail)
    return Result(ctx.published() or (_published(params, source, measured.thumbnail, ctx),), detail)


def _published(params: AnalyzeImageParams, source: Path, image: Image, ctx: Context) -> Path:
    from workers.media import pictures

    target = targets(params.inputs, params.output, _wanted).of(source, ".thumb", "jpg")
    need_room(ctx, target.parent)
    staged = stage(ctx, target.parent) / "thumb.jpg"
    pictures.save(image, staged, format="jpeg", quality=80)
    pictures.check(staged)
    return same_there(staged, target) or publish(ctx, staged, target)


def _limits(params: AnalyzeImageParams) -> Limits:
    share = params.clipped / 100
    return Limits(
        dark=params.dark,
        bright=params.bright,
        shadows=share,
        highlights=share / 2,
        span=params.span,
        cast=params.cast,
        detail=params.blur,
        noise=params.noise,
    )


def _label(params: AnalyzeImageParams) -> str:
    return first_line(params.inputs)


OPERATION = Operation(
    name="analyze-image",
    title="Analyse pictures",
    summary="Measure sharpness, exposure, contrast, noise, colours and perceptual hashes of pictures.",
    queue="images",
    params=AnalyzeImageParams,
    label=_label,
    items=_items,
    process=_process,
    cache_category="image_analysis",
    memory_mib=2048,
    version=2,
    primary=("inputs", "blur", "noise", "dark", "bright", "thumbnail", "output"),
    examples=("spool analyze-image photo.jpg", "spool analyze-image ~/Pictures --blur 100 --thumbnail 320"),
)
