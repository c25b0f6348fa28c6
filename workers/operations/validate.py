"""Whether films, sound files and pictures are whole."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from pydantic import Field

from workers.errors import ErrorClass, JobFailed
from workers.jobs import Progress
from workers.media.findings import Examined
from workers.media.names import key_to_path
from workers.media.sniff import is_media_name
from workers.operations.contract import BulkParams, Context, Operation, Result
from workers.operations.inputs import first_line, walk
from workers.text import clean


class ValidateParams(BulkParams):
    """What to look at, and how closely."""

    inputs: tuple[str, ...] = Field(min_length=1, json_schema_extra={"path": True})
    """Films, sound files, pictures, or folders of them (walked in full)."""

    level: Literal["quick", "full"] = Field(default="quick", json_schema_extra={"short": "l"})
    """quick reads headers, index and every packet, and finds what was cut short; full decodes everything, and finds
    damage inside as well."""


def _items(params: ValidateParams) -> Iterable[str]:
    return walk(params, lambda name: is_media_name(name) is not None)


def _process(params: ValidateParams, key: str, ctx: Context) -> Result:
    from workers.media.damage import examine

    path = key_to_path(key)

    def pulse(share: float) -> None:
        ctx.report(Progress(share, "decoding" if params.level == "full" else "reading"))

    examined = examine(path, params.level, pulse=pulse)
    if examined.findings:
        raise _broken(examined, clean(path.name), key)
    return Result(detail={"level": params.level, **examined.checked})


def _broken(examined: Examined, name: str, key: str) -> JobFailed:
    first, *others = (finding.line() for finding in examined.findings)
    more = f" and {len(others)} more" if others else ""
    message = f"{name} is damaged: {first}{more}"
    return JobFailed(ErrorClass.BAD_INPUT, message, input=key, detail="\n".join([first, *others]))


def _label(params: ValidateParams) -> str:
    return f"{first_line(params.inputs)}, {params.level}"


OPERATION = Operation(
    name="validate",
    title="Validate",
    summary="Find films, sound files and pictures that are damaged or cut short.",
    queue="metadata",
    params=ValidateParams,
    label=_label,
    items=_items,
    process=_process,
    primary=("inputs", "level"),
    examples=(
        "spool validate ~/Films",
        "spool validate film.mkv --level full",
    ),
)
