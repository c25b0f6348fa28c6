"""Checksums of files, and perceptual hashes of pictures and films."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator

from workers.errors import ErrorClass, JobFailed
from workers.jobs import Progress
from workers.media.checksums import Entry, read_list
from workers.media.digest import digest
from workers.media.names import key_to_path, path_to_key
from workers.media.sniff import is_media_name, is_seen_name, sniff
from workers.operations.contract import BulkParams, Context, Operation, Result
from workers.operations.inputs import first_line, walk
from workers.text import clean


class HashParams(BulkParams):
    """What to take checksums of, and which."""

    inputs: tuple[str, ...] = Field(min_length=1, json_schema_extra={"path": True})
    """Files of any kind, or folders of them (walked in full, hidden ones left out). With check: lists of checksums."""

    algorithm: Literal["sha256", "blake3", "xxh3", "blake2b", "sha512", "sha1", "md5", "perceptual"] = Field(
        default="sha256", json_schema_extra={"short": "a"}
    )
    """sha256 is what most lists hold; blake3 is three times as fast and as safe; xxh3 (128 bits) is the fastest, and
    like sha1 and md5 no proof against forgery. perceptual gives hashes of how pictures and films look."""

    check: bool = Field(default=False, json_schema_extra={"short": "c"})
    """Take the inputs as lists that sha256sum and its kin wrote, and compare the files that they name."""

    @model_validator(mode="before")
    @classmethod
    def _read_anew(cls, values: Any) -> Any:
        """A check reads the files themselves: what was kept of them proves nothing about today."""
        if not isinstance(values, Mapping) or not values.get("check"):
            return values
        if values.get("algorithm") == "perceptual":
            raise ValueError("check compares checksums; perceptual hashes are none")
        if values.get("cache", "off") != "off":
            raise ValueError("check reads every file anew: leave cache out, or off")
        return {**values, "cache": "off"}


def _items(params: HashParams) -> Iterable[str]:
    if params.check:
        return dict.fromkeys(_listed(params))  # two lists may name one file, which is still one item
    return walk(params, is_seen_name if params.algorithm == "perceptual" else lambda name: True)


def _category(params: HashParams, key: str) -> str:
    """Where a hash is kept. The name tells pictures from films: a name that lies only picks the other share."""
    if params.algorithm != "perceptual":
        return "metadata"
    return "image_analysis" if is_media_name(key) == "image" else "video_analysis"


def _process(params: HashParams, key: str, ctx: Context) -> Result:
    if params.check:
        return _compare(params, key, ctx)
    if params.algorithm == "perceptual":
        return Result(detail={"algorithm": "perceptual", **_look_of(key, ctx)})
    checksum, size = digest(key_to_path(key), params.algorithm, pulse=_pulse(ctx))
    return Result(detail={"algorithm": params.algorithm, "digest": checksum, "size": size})


def _pulse(ctx: Context) -> Callable[[int, int], None]:
    """What tells how far the reading of one file is."""

    def pulse(done: int, total: int) -> None:
        ctx.report(Progress(min(done / total, 1.0) if total else None, "reading"))

    return pulse


def _look_of(key: str, ctx: Context) -> Mapping[str, Any]:
    source = key_to_path(key)
    found = sniff(source)
    if found.kind == "image":
        from workers.media import phash

        picture = phash.fingerprint(source, format=found.format)
        return {"kind": "picture", "width": picture.width, "height": picture.height, **picture.facts()}
    from workers.media import filmhash

    film = filmhash.fingerprint(source, format=found.format, pulse=ctx.alive)
    return {"kind": "film", "width": film.width, "height": film.height, **film.facts()}


def _listed(params: HashParams) -> Iterator[str]:
    """The files that the lists name, and lists that have something wrong themselves."""
    for given in params.inputs:
        path = Path(os.path.abspath(key_to_path(given)))
        try:
            found = read_list(path, params.algorithm)
        except JobFailed:
            yield path_to_key(path)  # as an item of its own it fails by name
            continue
        if found.bad_lines:
            yield path_to_key(path)
        yield from (path_to_key(entry.path) for entry in found.entries)


@functools.lru_cache(maxsize=1)
def _expected(inputs: tuple[str, ...], algorithm: str) -> Mapping[str, list[Entry]]:
    """What all lists say of each file: a list of SHA-256 and one of MD5 may both name it."""
    expected: dict[str, list[Entry]] = {}
    for given in inputs:
        try:
            entries = read_list(key_to_path(given), algorithm).entries
        except JobFailed:
            continue  # told by its own item
        for entry in entries:
            expected.setdefault(path_to_key(entry.path), []).append(entry)
    return expected


def _compare(params: HashParams, key: str, ctx: Context) -> Result:
    expected = _expected(params.inputs, params.algorithm).get(key, [])
    is_list = key in {path_to_key(os.path.abspath(key_to_path(given))) for given in params.inputs}
    lines = read_list(key_to_path(key), params.algorithm).bad_lines if is_list else ()
    if lines or not expected:
        where = f"line {lines[0]}" if lines else "the list"
        raise JobFailed(
            ErrorClass.BAD_INPUT, f"{len(lines)} lines of {clean(key)} are no checksums, first {where}", input=key
        )
    detail: dict[str, Any] = {}
    for entry in expected:
        checksum, size = digest(entry.path, entry.algorithm, pulse=_pulse(ctx))
        if checksum != entry.digest:
            raise JobFailed(
                ErrorClass.BAD_INPUT,
                f"{clean(entry.path.name)} does not match its checksum",
                input=key,
                detail=f"{entry.algorithm} is     {checksum}\nthe list says {entry.digest}",
            )
        detail = {"algorithm": entry.algorithm, "digest": checksum, "size": size, "matches": True}
    return Result(detail=detail)


def _label(params: HashParams) -> str:
    return f"{first_line(params.inputs)}, {'check' if params.check else params.algorithm}"


OPERATION = Operation(
    name="hash",
    title="Checksums",
    summary="Take checksums of files, check them against lists, or hash how pictures and films look.",
    queue="metadata",
    params=HashParams,
    label=_label,
    items=_items,
    process=_process,
    cache_category="metadata",
    category_of=_category,
    memory_mib=2048,
    version=3,
    primary=("inputs", "algorithm", "check"),
    examples=(
        "spool hash ~/Films --algorithm blake3",
        "spool hash ~/Films/SHA256SUMS --check",
        "spool hash ~/Pictures --algorithm perceptual",
    ),
)
