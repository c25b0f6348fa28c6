"""How good films are, by measured facts with a score whose parts are shown."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from pydantic import Field

from workers.errors import ErrorClass, JobFailed
from workers.jobs import Progress
from workers.media.names import key_to_path
from workers.media.sniff import is_film_name, sniff
from workers.operations.contract import BulkParams, Context, Operation, Result
from workers.operations.inputs import first_line, walk
from workers.text import clean


class QualityParams(BulkParams):
    """What to judge, and how much of it to look at."""

    inputs: tuple[str, ...] = Field(min_length=1, json_schema_extra={"path": True})
    """Films, or folders of them (walked in full)."""

    depth: Literal["sample", "whole"] = Field(default="sample", json_schema_extra={"short": "d"})
    """sample looks at ten stretches of three seconds; whole looks at every picture, and finds every black or frozen
    moment. Sound, bit rate and times of frames are measured in whole either way."""


def _items(params: QualityParams) -> Iterable[str]:
    return walk(params, is_film_name)


def _process(params: QualityParams, key: str, ctx: Context) -> Result:
    path = key_to_path(key)
    found = sniff(path)
    if found.kind != "av":
        message = f"{clean(path.name)} is a picture, not a film"
        raise JobFailed(ErrorClass.UNSUPPORTED, message, input=key)
    from workers.media.quality import measure

    def pulse(share: float, phase: str) -> None:
        ctx.report(Progress(share, phase))

    try:
        detail = measure(path, found.format, depth=params.depth, pulse=pulse)
    except JobFailed as error:
        failure = error.failure
        if failure.error_class is not ErrorClass.DISK:
            raise
        # Nothing is written here: what a reader calls a fault of the disk is a fault of this one file.
        raise JobFailed(ErrorClass.BAD_INPUT, failure.message, input=key, detail=failure.detail) from error
    return Result(detail=detail)


def _label(params: QualityParams) -> str:
    return f"{first_line(params.inputs)}, {params.depth}"


OPERATION = Operation(
    name="quality",
    title="Quality",
    summary="Score films by measured facts: bit rate, blur, blocks, black, freezes, loudness, timing and more.",
    queue="video",
    params=QualityParams,
    label=_label,
    items=_items,
    process=_process,
    cache_category="quality",
    version=1,
    primary=("inputs", "depth"),
    examples=("spool quality film.mkv", "spool quality ~/Films --depth whole"),
)
