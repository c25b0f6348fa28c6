"""Checksums of files."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from pydantic import Field

from workers.jobs import Progress
from workers.media.digest import digest
from workers.media.names import key_to_path
from workers.operations.contract import BulkParams, Context, Operation, Result
from workers.operations.inputs import first_line, walk


class HashParams(BulkParams):
    """What to take checksums of, and which."""

    inputs: tuple[str, ...] = Field(min_length=1, json_schema_extra={"path": True})
    """Files of any kind, or folders of them (walked in full, hidden ones left out)."""

    algorithm: Literal["sha256", "blake2b", "sha1", "md5"] = Field(default="sha256", json_schema_extra={"short": "a"})
    """sha256 is quick and what most lists hold; sha1 and md5 are for comparing with old lists, and no proof against
    forgery."""


def _items(params: HashParams) -> Iterable[str]:
    return walk(params, lambda name: True)


def _process(params: HashParams, key: str, ctx: Context) -> Result:
    def pulse(done: int, total: int) -> None:
        ctx.report(Progress(min(done / total, 1.0) if total else None, "reading"))

    checksum, size = digest(key_to_path(key), params.algorithm, pulse=pulse)
    return Result(detail={"algorithm": params.algorithm, "digest": checksum, "size": size})


def _label(params: HashParams) -> str:
    return f"{first_line(params.inputs)}, {params.algorithm}"


OPERATION = Operation(
    name="hash",
    title="Checksums",
    summary="Take checksums of files.",
    queue="metadata",
    params=HashParams,
    label=_label,
    items=_items,
    process=_process,
    primary=("inputs", "algorithm"),
    examples=(
        "spool hash ~/Films",
        "spool hash film.mkv --algorithm blake2b",
    ),
)
