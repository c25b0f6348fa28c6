"""What files tell of themselves: streams and tags of films and sounds, Exif and place of pictures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from pydantic import Field

from workers.errors import ErrorClass, JobFailed
from workers.media.names import key_to_path
from workers.media.sniff import is_media_name, sniff
from workers.operations.contract import BulkParams, Context, Operation, Result
from workers.operations.inputs import first_line, walk


class ProbeParams(BulkParams):
    """What to look into, and how deep."""

    inputs: tuple[str, ...] = Field(min_length=1, json_schema_extra={"path": True})
    """Films, sound files, pictures, or folders of them (walked in full)."""

    depth: Literal["headers", "decoded"] = Field(default="headers", json_schema_extra={"short": "d"})
    """headers reads what files say of themselves; decoded also decodes a frame of each stream, or the first picture,
    and counts the pictures of GIF and TIFF."""


def _items(params: ProbeParams) -> Iterable[str]:
    return walk(params, lambda name: is_media_name(name) is not None)


def _process(params: ProbeParams, key: str, ctx: Context) -> Result:
    try:
        return Result(detail=_facts(params, key))
    except JobFailed as error:
        failure = error.failure
        if failure.error_class is not ErrorClass.DISK:
            raise
        # Nothing is written here: what the system or a reader calls a fault of the disk is a fault of this one file.
        raise JobFailed(ErrorClass.BAD_INPUT, failure.message, input=key, detail=failure.detail) from error


def _facts(params: ProbeParams, key: str) -> Mapping[str, Any]:
    source = key_to_path(key)
    found = sniff(source)
    if found.kind == "image":
        from workers.media import photo

        return photo.probe(source, depth=params.depth, format=found.format)
    from workers.media import probe

    return probe.probe(source, depth=params.depth, format=found.format)


def _label(params: ProbeParams) -> str:
    return f"{first_line(params.inputs)}, {params.depth}"


OPERATION = Operation(
    name="probe",
    title="Probe",
    summary="Read what films, sounds and pictures tell of themselves.",
    queue="metadata",
    params=ProbeParams,
    label=_label,
    items=_items,
    process=_process,
    cache_category="metadata",
    version=3,
    memory_mib=2048,
    primary=("inputs", "depth"),
    examples=("spool probe film.mkv photo.jpg", "spool probe ~/Pictures --depth decoded"),
)
