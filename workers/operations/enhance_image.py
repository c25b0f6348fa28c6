"""Pictures made better where their measures ask for it, as new files beside the originals."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from workers.errors import ErrorClass, JobFailed
from workers.jobs import Outcome
from workers.media.names import key_to_path
from workers.media.sniff import is_media_name, sniff
from workers.operations.contract import BulkParams, Context, Operation, Result
from workers.operations.inputs import first_line, made_by_us, need_room, publish, stage, walk
from workers.operations.same import same_there
from workers.operations.targets import targets
from workers.text import clean

if TYPE_CHECKING:
    from workers.media.enhance import Step

_ENDINGS = ("jpg", "png", "webp")
_OWN = made_by_us(("enh", "compare"), _ENDINGS)
_COMPARISON = made_by_us(("compare",), _ENDINGS)
Strength = Literal["auto", "off", "low", "medium", "high"]


class EnhanceImageParams(BulkParams):
    """Which pictures to make better, and in what."""

    inputs: tuple[str, ...] = Field(min_length=1, json_schema_extra={"path": True})
    """Pictures (JPEG, PNG, WebP of 8 bits), or folders of them (walked in full). They stay as they are."""

    white_balance: Strength = "auto"
    """Take a colour cast away. auto does it where analyze-image names colour_cast."""

    levels: Strength = "auto"
    """Bring the darkest to black and the lightest to white. auto does it where the levels span less than 150."""

    denoise: Strength = "auto"
    """Calm noise and keep edges. auto does it where even the calmest part has noise of more than 5 levels."""

    sharpen: Strength = "auto"
    """Sharpen edges of the brightness. auto does it where even the sharpest part has detail of less than 60, and
    never on noisy pictures."""

    compare: bool = Field(default=False, json_schema_extra={"short": "c"})
    """Also make a picture of before and after side by side, NAME.compare.jpg."""

    output: str = Field(default="", json_schema_extra={"short": "o", "path": True})
    """Folder for the results; the tree of an input folder is kept in it. Empty: beside each input, as NAME.enh.EXT."""


def _wanted(name: str) -> bool:
    return is_media_name(name) == "image" and not _OWN.fullmatch(name)


def _items(params: EnhanceImageParams) -> Iterable[str]:
    return walk(params, _wanted, apart=params.output)


def _process(params: EnhanceImageParams, key: str, ctx: Context) -> Result:
    done = ctx.published()
    # The comparison is published first, so that the picture itself means that all is there.
    if any(not _COMPARISON.fullmatch(path.name) for path in done):
        return Result(done, {"published_before": True})
    source = key_to_path(key)
    if _OWN.fullmatch(source.name):
        raise JobFailed(ErrorClass.UNSUPPORTED, f"{clean(source.name)} was enhanced already", input=key)
    found = sniff(source)
    if found.kind != "image":
        raise JobFailed(ErrorClass.UNSUPPORTED, f"{clean(source.name)} is no picture", input=key)
    from workers.media import enhance

    before = enhance.look(source, found.format)
    steps = enhance.plan(before.measures, _wishes(params))
    measured = {"before": before.measures.facts(), "steps": [step.facts() for step in steps]}
    if not steps:
        return Result((), {"why": "no measure asks for anything", **measured}, Outcome.SKIPPED)
    return _made(params, source, found.format, ctx, steps, before.measures.noise_floor, measured, done)


def _made(
    params: EnhanceImageParams, source: Path, format: str, ctx: Context, steps: tuple[Step, ...], noise: float,
    measured: Mapping[str, Any], done: tuple[Path, ...],
) -> Result:  # fmt: skip
    from workers.media import enhance

    place = targets(params.inputs, params.output, _wanted)
    target = place.of(source, ".enh", enhance.FORMATS[format])
    need_room(ctx, target.parent, source.stat().st_size)
    folder = stage(ctx, target.parent)
    staged = folder / f"picture.{enhance.FORMATS[format]}"
    after, cached = ctx.kept_file(
        source, staged, _wishes(params), lambda path: enhance.enhance(source, path, format, steps, noise)
    )
    detail = {**measured, "after": after["measures"], "left": after["issues"], "size": staged.stat().st_size}
    if there := same_there(staged, target):
        return Result((there,), {**detail, "why": "the same file is there already"}, Outcome.SKIPPED)
    if params.compare and not done:
        enhance.compare(source, staged, folder / "compare.jpg", format)
        done = (publish(ctx, folder / "compare.jpg", place.of(source, ".compare", "jpg")),)
    path = publish(ctx, staged, target)
    return Result((path, *done), detail, Outcome.CACHED if cached else Outcome.DONE)


def _wishes(params: EnhanceImageParams) -> Mapping[str, Strength]:
    return {
        "white_balance": params.white_balance,
        "levels": params.levels,
        "denoise": params.denoise,
        "sharpen": params.sharpen,
    }


def _label(params: EnhanceImageParams) -> str:
    return first_line(params.inputs)


OPERATION = Operation(
    name="enhance-image",
    title="Enhance pictures",
    summary="Make new, better pictures where measures ask for it: white balance, levels, noise, sharpness.",
    queue="images",
    params=EnhanceImageParams,
    label=_label,
    items=_items,
    process=_process,
    cache_category="conversion",
    memory_mib=2048,
    cache_files=True,
    version=2,
    primary=("inputs", "white_balance", "levels", "denoise", "sharpen", "compare", "output"),
    examples=(
        "spool enhance-image photo.jpg --compare",
        "spool enhance-image ~/Pictures -o ~/better --sharpen off --levels medium",
    ),
)
