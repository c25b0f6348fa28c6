"""Whether films, sound files and pictures are whole, and new files of what can be read of those that are not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, model_validator

from workers.errors import ErrorClass, JobFailed
from workers.jobs import Outcome, Progress
from workers.media.findings import Examined
from workers.media.names import key_to_path
from workers.media.sniff import AV_EXTENSIONS, is_media_name
from workers.operations.contract import BulkParams, Context, Operation, Result
from workers.operations.inputs import first_line, made_by_us, need_room, publish, stage, walk
from workers.operations.targets import targets
from workers.text import clean

if TYPE_CHECKING:
    from workers.media.repair import Copied

_OWN = made_by_us(("repaired",), AV_EXTENSIONS)
_KEPT_SHARE = 0.98  # of the packets that can be read; a copy that loses more is no repair


class ValidateParams(BulkParams):
    """What to look at, and how closely."""

    inputs: tuple[str, ...] = Field(min_length=1, json_schema_extra={"path": True})
    """Films, sound files, pictures, or folders of them (walked in full)."""

    level: Literal["quick", "full"] = Field(default="quick", json_schema_extra={"short": "l"})
    """quick reads headers, index and every packet, and finds what was cut short; full decodes everything, and finds
    damage inside as well. full reads every file anew, as cache off does: disks lose bits without changing a file's
    time."""

    repair: bool = Field(default=False, json_schema_extra={"short": "r"})
    """Copy what can be read of damaged films and sound files into new files, FILE.repaired.EXT, and keep those that
    have less wrong with them. The damaged files stay as they are."""

    output: str = Field(default="", json_schema_extra={"short": "o", "path": True})
    """Folder for repaired files; the tree of an input folder is kept in it. Empty: beside each input."""

    @model_validator(mode="before")
    @classmethod
    def _read_anew(cls, values: Any) -> Any:
        """What is kept for a path, size and time says nothing of bits that were lost since; checksums of it do."""
        if isinstance(values, Mapping) and values.get("level") == "full" and values.get("cache", "on") == "on":
            return {**values, "cache": "off"}
        return values


def _is_media(name: str) -> bool:
    return is_media_name(name) is not None


def _may_be_repaired(name: str) -> bool:
    return _is_media(name) and not _OWN.fullmatch(name)


def _items(params: ValidateParams) -> Iterable[str]:
    if params.repair:
        return walk(params, _may_be_repaired, apart=params.output)
    return walk(params, _is_media)


def _process(params: ValidateParams, key: str, ctx: Context) -> Result:
    if done := ctx.published():
        return Result(done, {"published_before": True})
    path = key_to_path(key)
    examined = _examined(params, path, ctx, "decoding" if params.level == "full" else "reading")
    if not examined.findings:
        return Result(detail={"level": params.level, **examined.checked})
    if params.repair:
        return _repair(params, key, path, examined, ctx)
    raise _broken(examined, clean(path.name), key)


def _examined(params: ValidateParams, path: Path, ctx: Context, phase: str) -> Examined:
    from workers.media.damage import examine

    return examine(path, params.level, pulse=lambda share: ctx.report(Progress(share, phase)))


def _repair(params: ValidateParams, key: str, path: Path, before: Examined, ctx: Context) -> Result:
    """Publish a copy with less wrong than `path` has; JobFailed(bad_input) with the reason where there is none."""
    from workers.media.repair import copy_readable, extension_for

    name = clean(path.name)
    extension = extension_for(path, before.format)
    if extension is None or _OWN.fullmatch(path.name):
        raise _broken(before, name, key, "files of this kind cannot be repaired by copying")
    target = targets(params.inputs, params.output, _may_be_repaired).of(path, ".repaired", extension)
    if made := _made_before(params, path, target, before, ctx):
        return made
    need_room(ctx, target.parent, path.stat().st_size)
    staged = stage(ctx, target.parent) / f"copy.{extension}"
    try:
        copied = copy_readable(
            path, before.format, staged, pulse=lambda share: ctx.report(Progress(share, "repairing"))
        )
        after = _examined(params, staged, ctx, "checking")
    except JobFailed as error:
        if error.failure.error_class not in (ErrorClass.BAD_INPUT, ErrorClass.UNSUPPORTED):
            raise
        raise _broken(before, name, key, error.failure.message) from error
    if why := _no_help(before, after, copied):
        raise _broken(before, name, key, why)
    detail = {
        "level": params.level,
        "repaired": True,
        "findings_before": _lines(before),
        "findings_after": _lines(after),
        "lost": {**copied.told(), **_lost(before, after)},
        "checked": dict(after.checked),
    }
    return Result((publish(ctx, staged, target),), detail)


def _made_before(params: ValidateParams, path: Path, target: Path, before: Examined, ctx: Context) -> Result | None:
    """What to say when there is a repaired file that is newer than `path` and has less wrong with it."""
    try:
        newer = target.stat().st_mtime_ns >= path.stat().st_mtime_ns
    except OSError:
        return None
    if not newer:
        return None
    after = _examined(params, target, ctx, "checking")
    if not after.findings:
        return Result((target,), {"why": "a repaired file is there, sound and newer than its input"}, Outcome.SKIPPED)
    if not _is_better(before, after):
        return None
    why = "a repaired file is there, newer than its input and with less wrong with it"
    return Result((target,), {"why": why, "findings_after": _lines(after)}, Outcome.SKIPPED)


def _is_better(before: Examined, after: Examined) -> bool:
    """Whether a copy has less wrong with it, and nothing new."""
    old, new = ({finding.name for finding in examined.findings} for examined in (before, after))
    return len(after.findings) < len(before.findings) and not new - old


def _no_help(before: Examined, after: Examined, copied: Copied) -> str:
    """Why a copy is no repair, or an empty text."""
    whole = copied.read - copied.torn
    if copied.empty:
        return f"a copy would hold nothing of {copied.empty[0]}"
    if copied.written < _KEPT_SHARE * whole:
        return f"a copy would keep only {copied.written} of {whole} packets"
    if not _is_better(before, after):
        return f"a copy has as much wrong with it: {_lines(after)[0]}"
    return ""


def _lost(before: Examined, after: Examined) -> dict[str, Any]:
    """Seconds of media that the header of the damaged file told and that were not there to be copied."""
    for finding in before.findings:
        wanted = finding.measure.get("wanted_s")
        have = after.checked.get("duration_s")
        if finding.name == "ends_early" and isinstance(wanted, int | float) and isinstance(have, int | float):
            return {"seconds": round(max(wanted - have, 0.0), 2), "seconds_told": wanted}
    return {}


def _lines(examined: Examined) -> list[str]:
    return [finding.line() for finding in examined.findings]


def _broken(examined: Examined, name: str, key: str, no_repair: str = "") -> JobFailed:
    first, *others = _lines(examined)
    more = f" and {len(others)} more" if others else ""
    message = f"{name} is damaged: {first}{more}"
    if no_repair:
        message, others = f"{message}; not repaired", [*others, f"not repaired: {no_repair}"]
    return JobFailed(ErrorClass.BAD_INPUT, message, input=key, detail="\n".join([first, *others]))


def _label(params: ValidateParams) -> str:
    return f"{first_line(params.inputs)}, {params.level}"


OPERATION = Operation(
    name="validate",
    title="Validate",
    summary="Find films, sound files and pictures that are damaged or cut short, and repair what a copy can.",
    queue="metadata",
    params=ValidateParams,
    label=_label,
    items=_items,
    process=_process,
    cache_category="metadata",
    memory_mib=2048,
    version=4,
    primary=("inputs", "level", "repair", "output"),
    examples=(
        "spool validate ~/Films",
        "spool validate film.mkv --level full",
        "spool validate ~/Films --repair --output ~/Repaired",
    ),
)
