"""Duplicates among files: equal ones by content, and pictures and films that look alike. Nothing is deleted."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, field_validator

from workers.errors import ErrorClass, JobFailed
from workers.jobs import Progress
from workers.media.names import key_to_path, path_to_key
from workers.media.sniff import is_seen_name, no_file
from workers.media.twinreport import Group, Kind, Member, Rule, ordered, summary, write
from workers.operations.contract import BulkParams, Context, Operation, Result
from workers.operations.inputs import disk_failure, first_line, need_room, publish, stage, walk
from workers.text import clean

if TYPE_CHECKING:
    from workers.media.twins import Catalogue

_SIGN_EVERY = 500  # files listed between two signs of life
Found = tuple[list[Group], list[tuple[str, str]], dict[str, Any]]  # groups, problems, further facts


class DuplicatesParams(BulkParams):
    """Where to look for duplicates, and what counts as one."""

    inputs: tuple[str, ...] = Field(min_length=1, json_schema_extra={"path": True})
    """Files, or folders of them (walked in full, hidden ones left out). All are compared with all."""

    match: Literal["exact", "perceptual"] = Field(default="exact", json_schema_extra={"short": "m"})
    """exact finds files of equal content; perceptual finds pictures and films that look alike, in whatever format,
    size or quality."""

    distance: int = Field(default=3, ge=0, le=16, json_schema_extra={"short": "d"})
    """Of perceptual: how many of 64 bits may differ. Up to 3 finds copies; 8 also edited ones, and some false ones."""

    report: str = Field(default="", json_schema_extra={"short": "r", "path": True})
    """File to write the full report to, ending in .json or .csv; a file that is there stays. Empty: no file."""

    keep: Literal["auto", "oldest", "newest", "largest", "shortest_path"] = "auto"
    """Which file of a group to suggest for keeping; auto is the oldest of equal ones, the largest of alike ones."""

    check: Literal["blake3", "xxh3"] = Field(default="blake3", json_schema_extra={"advanced": True})
    """Checksum of all bytes that decides of exact: blake3, or the faster xxh3, which nobody may have tampered with."""

    min_bytes: int = Field(default=1, ge=1, json_schema_extra={"advanced": True})
    """Leave out files with fewer bytes than this."""

    @field_validator("report")
    @classmethod
    def _known_ending(cls, value: str) -> str:
        if value and key_to_path(value).suffix.lower() not in (".json", ".csv"):
            raise ValueError("the report must end in .json or .csv")
        return value


def _run(params: DuplicatesParams, ctx: Context) -> Result:
    if done := ctx.published():
        return Result(done, {"published_before": True})
    catalogue, unreadable, empty = _listed(params, ctx)
    if not len(catalogue) and not empty:
        why = unreadable[0][1] if unreadable else f"no file to compare in {first_line(params.inputs)}"
        raise JobFailed(ErrorClass.BAD_INPUT, why, input=unreadable[0][0] if unreadable else "")
    search = _alike if params.match == "perceptual" else _equal
    groups, problems, further = search(params, ctx, catalogue)
    groups.sort(key=lambda group: (-group.reclaimable, group.members[0].key))
    problems = unreadable + problems
    facts = {"match": params.match, "files": len(catalogue), "bytes": catalogue.total_bytes, "too_small": empty}
    detail = {**facts, **further, **summary(groups, problems)}
    outputs = (_reported(params, ctx, {**facts, **further}, groups, problems),) if params.report else ()
    ctx.report(Progress(1.0, "done", len(catalogue), len(catalogue), unit="items"))
    return Result(outputs, detail)


def _listed(params: DuplicatesParams, ctx: Context) -> tuple[Catalogue, list[tuple[str, str]], int]:
    """All files to compare, those that cannot be looked at, and how many are too small."""
    from workers.media.twins import Catalogue

    catalogue, problems, small = Catalogue(), list[tuple[str, str]](), 0
    for number, key in enumerate(walk(params, is_seen_name if params.match == "perceptual" else _any)):
        if number % _SIGN_EVERY == 0:
            ctx.report(Progress(None, "listing", number, unit="items"))
            ctx.alive()
        try:
            facts = os.stat(key if key[:1] == "/" else key_to_path(key))
            if stat.S_ISDIR(facts.st_mode):
                problems.append((key, no_file(key_to_path(key))))
                continue
        except OSError as error:
            problems.append((key, f"cannot read {clean(key)}: {error.strerror or error}"))
            continue
        size = facts.st_size
        if size < params.min_bytes:
            small += 1
        else:
            catalogue.add(key, size)
    return catalogue, problems, small


def _any(name: str) -> bool:
    return True


def _equal(params: DuplicatesParams, ctx: Context, catalogue: Catalogue) -> Found:
    from workers.media import twins

    found = twins.find(catalogue, check=params.check, threads=_threads(params), tick=_ticks(ctx, "bytes"))
    rule: Rule = "oldest" if params.keep == "auto" else params.keep
    groups = []
    for digest, numbers in found.groups:
        members = _members(catalogue, numbers, found.names, found.problems)
        if len(members) > 1:
            groups.append(Group("equal", ordered(members, rule), digest))
    further = {
        "check": params.check,
        "other_names": sum(len(names) for names in found.names.values()),
        "read_bytes": found.read_bytes,
    }
    return groups, found.problems, further


def _alike(params: DuplicatesParams, ctx: Context, catalogue: Catalogue) -> Found:
    from workers.media import filmhash, likeness, phash

    def film(path: Path, format: str, pulse: Callable[[], None]) -> filmhash.FilmFingerprint:
        """Kept between jobs, as decoding is dear; a picture is looked at nearly as soon as it would be found."""

        def look() -> Mapping[str, Any]:
            made = filmhash.fingerprint(path, format=format, pulse=pulse)
            return {**made.facts(), "width": made.width, "height": made.height}

        facts, _ = ctx.kept_facts("video_analysis", path, {"route": filmhash.ROUTE}, look)
        assert facts is not None
        return filmhash.FilmFingerprint.of(facts)

    found = likeness.find(
        catalogue, distance=params.distance, threads=_threads(params), tick=_ticks(ctx, "items"), film=film
    )
    rule: Rule = "largest" if params.keep == "auto" else params.keep
    groups = []
    kinds: tuple[tuple[Kind, list[list[int]]], ...] = (("pictures", found.pictures), ("films", found.films))
    for kind, parts in kinds:
        for numbers in parts:
            looks = {catalogue.key(number): found.looks[number] for number in numbers}
            there = _members(catalogue, numbers, found.names, found.problems)
            sized = [replace(one, width=looks[one.key].width, height=looks[one.key].height) for one in there]
            if len(sized) < 2:
                continue
            first, *others = ordered(sized, rule)
            far = [replace(one, distance=likeness.distance_of(looks[one.key], looks[first.key])) for one in others]
            groups.append(Group(kind, (first, *far)))
    further = {
        "distance": params.distance,
        "flat": found.flat,
        "other_names": sum(len(names) for names in found.names.values()),
        "routes": [phash.ROUTE, filmhash.ROUTE],
    }
    return groups, found.problems, further


def _members(
    catalogue: Catalogue, numbers: list[int], names: Mapping[int, list[int]], problems: list[tuple[str, str]]
) -> list[Member]:
    """The files of a group that are still there."""
    members = []
    for number in numbers:
        key = catalogue.key(number)
        try:
            changed = os.stat(key_to_path(key)).st_mtime_ns
        except OSError as error:
            problems.append((key, f"{clean(key)} is gone since: {error.strerror or error}"))
            continue
        other = tuple(map(catalogue.key, names.get(number, ())))
        members.append(Member(key, catalogue.size(number), changed, other))
    return members


def _threads(params: DuplicatesParams) -> int:
    return params.processes or min(os.cpu_count() or 1, 8)


def _ticks(ctx: Context, unit: str) -> Callable[[str, int, int], None]:
    def tick(phase: str, done: int, total: int) -> None:
        counted = unit if phase == "reading in full" else "items"
        ctx.report(Progress(min(done / total, 1.0) if total else None, phase, done, total, unit=counted))
        ctx.alive()

    return tick


def _reported(
    params: DuplicatesParams,
    ctx: Context,
    facts: Mapping[str, Any],
    groups: list[Group],
    problems: list[tuple[str, str]],
) -> Path:
    target = Path(os.path.abspath(key_to_path(params.report)))
    need_room(ctx, target.parent)
    staged = stage(ctx, target.parent) / f"report{target.suffix.lower()}"
    try:
        write(staged, "csv" if target.suffix.lower() == ".csv" else "json", facts, groups, problems)
    except OSError as error:
        raise disk_failure(error, f"cannot write {clean(path_to_key(target))}") from error
    return publish(ctx, staged, target)


def _label(params: DuplicatesParams) -> str:
    return f"{first_line(params.inputs)}, {params.match}"


OPERATION = Operation(
    name="duplicates",
    title="Duplicates",
    summary="Report files of equal content, or pictures and films that look alike; nothing is deleted.",
    queue="metadata",
    params=DuplicatesParams,
    label=_label,
    run=_run,
    primary=("inputs", "match", "distance", "report", "keep"),
    examples=(
        "spool duplicates ~/Pictures --report duplicates.json",
        "spool duplicates ~/Pictures ~/Phone --match perceptual --distance 6",
    ),
)
