"""Converting films and sound to another format by presets. What fits the preset already is copied, not encoded."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from workers.errors import ErrorClass, JobFailed
from workers.jobs import Outcome, Progress
from workers.media.av import Facts, facts
from workers.media.encode import Plan
from workers.media.hardware import KINDS
from workers.media.lasting import measured
from workers.media.names import key_to_path
from workers.media.presets import PRESETS, Preset
from workers.media.sniff import is_media_name
from workers.operations import trash
from workers.operations.contract import BulkParams, Context, Operation, Result, flag_of
from workers.operations.encoding import Making
from workers.operations.inputs import first_line, made_by_us, need_room, publish, stage, walk, was_named
from workers.operations.targets import targets
from workers.text import clean


class TranscodeParams(BulkParams):
    """What to convert, and to what."""

    inputs: tuple[str, ...] = Field(min_length=1, json_schema_extra={"path": True})
    """Films, sound files, or folders of them (walked in full)."""

    preset: Literal["web", "mobile", "archive", "small", "webm", "audio"] = Field(
        default="web", json_schema_extra={"short": "p"}
    )
    """What the result is for: web (MP4, plays everywhere), mobile (MP4, 720p), archive (Matroska, H.265, high quality),
    small (Matroska, AV1), webm (WebM, VP9) or audio (M4A, the sound alone)."""

    output: str = Field(default="", json_schema_extra={"short": "o", "path": True})
    """Folder for the results; the tree of an input folder is kept in it. Empty: beside each input."""

    height: int = Field(default=0, ge=0, le=8640, json_schema_extra={"short": "H"})
    """Largest picture, as the shorter side in pixels: 1080, 720, 480. 0 leaves it to the preset. Never enlarges."""

    quality: int = Field(default=0, ge=0, le=63, json_schema_extra={"short": "q", "advanced": True})
    """Quality as CRF: lower is better and larger (H.264 18 to 28, AV1 25 to 45). 0 leaves it to the preset."""

    hardware: str = Field(default="off", max_length=40, json_schema_extra={"advanced": True})
    """Encode on graphics hardware: faster, but larger for the same look. off, auto (what works here, else software) or
    the name of one, such as nvenc; `spool doctor` lists what works here."""

    reencode: bool = Field(default=False, json_schema_extra={"advanced": True})
    """Encode even what fits the preset already and could be copied."""

    vmaf: float = Field(default=0.0, ge=0, le=100)
    """Find the quality by trials on samples, so that their mean VMAF is just this: 95 is hard to tell from the
    original, 90 is good. 0 tries nothing."""

    xpsnr: float = Field(default=0.0, ge=0, le=80, json_schema_extra={"advanced": True})
    """As vmaf, by the quicker XPSNR in dB: 40 is good, 45 hard to tell from the original. 0 tries nothing."""

    samples: int = Field(default=0, ge=0, le=30, json_schema_extra={"advanced": True})
    """Places of the film at which 2 seconds are taken for such trials; 0 takes 3 to 8 by its length."""

    size_mib: float = Field(default=0.0, ge=0, le=1_000_000)
    """Size of the result in MiB, never exceeded: the film gets what the sound leaves, in two passes where the encoder
    can. 0 leaves the size to the quality."""

    hdr: Literal["auto", "sdr"] = Field(default="auto", json_schema_extra={"advanced": True})
    """High dynamic range: auto brings it down to that of common screens where the preset has 8 bits, and archive
    keeps it; sdr brings it down always."""

    loudness: float = Field(default=0.0, ge=-70, le=0)
    """Bring every sound to this loudness by EBU R 128, in LUFS: -23 for broadcast, -16 to -14 for the web. 0 leaves
    sound as it is."""

    true_peak: float = Field(default=-1.5, ge=-9, le=0, json_schema_extra={"advanced": True})
    """With loudness: the highest true peak, in dBTP."""

    loudness_range: float = Field(default=11.0, ge=1, le=50, json_schema_extra={"advanced": True})
    """With loudness: the largest range, in LU."""

    subtitles: Literal["keep", "burn", "drop"] = "keep"
    """Subtitles: keep them as streams, burn one into the picture (the others are kept), or drop all."""

    burn: str = Field(default="", max_length=20, json_schema_extra={"advanced": True})
    """With subtitles burn: which ones, by the stream's number or the language. Empty: the first."""

    drop: tuple[Literal["subtitles", "attachments", "covers", "videos", "data", "alpha"], ...] = Field(
        default=(), json_schema_extra={"advanced": True}
    )
    """What may be left out where the result cannot hold it; else a file with such streams, or with transparency
    (alpha), fails, and nothing is lost unasked."""

    replace: bool = False
    """Put the result in the place of the original, once all of it was decoded and compared; the original goes to the
    trash beside it (`spool trash`)."""

    larger: bool = Field(default=False, json_schema_extra={"advanced": True})
    """With replace: also where the result is larger than the original."""

    min_vmaf: float = Field(default=0.0, ge=0, le=100, json_schema_extra={"advanced": True})
    """Compare the whole result with the original, and keep it only with at least this mean VMAF. 0 compares nothing."""

    worst_vmaf: float = Field(default=0.0, ge=0, le=100, json_schema_extra={"advanced": True})
    """As min_vmaf, for the worst frame."""

    @field_validator("hardware")
    @classmethod
    def _known_hardware(cls, value: str) -> str:
        known, wish = ("off", "auto", *KINDS), value.strip().lower() or "off"
        if wish not in known:
            raise ValueError(f"there is no hardware {value!r}; one of {', '.join(known)}")
        return wish

    @model_validator(mode="after")
    def _fit_together(self) -> TranscodeParams:
        ways = [name for name in ("quality", "vmaf", "xpsnr", "size_mib") if getattr(self, name)]
        if len(ways) > 1:
            raise ValueError(f"{' and '.join(map(flag_of, ways))} exclude each other: each decides the quality")
        film = [*ways, *(name for name in ("min_vmaf", "worst_vmaf") if getattr(self, name))]
        if PRESETS[self.preset].video is None and (film or self.subtitles == "burn"):
            word = flag_of(film[0]) if film else "--subtitles burn"
            raise ValueError(f"{word} is for films, and preset {self.preset} is sound")
        if self.replace and self.output:
            raise ValueError("--replace puts results in the place of the originals, so there can be no output folder")
        if self.subtitles == "burn" and (self.min_vmaf or self.worst_vmaf):
            raise ValueError("burnt in subtitles would count as damage: leave out --min-vmaf and --worst-vmaf")
        if self.burn and self.subtitles != "burn":
            raise ValueError("--burn says which subtitles, and belongs to --subtitles burn")
        return self


_OWN = made_by_us(PRESETS, {preset.container.extension for preset in PRESETS.values()})


def _wanted(name: str) -> bool:
    return is_media_name(name) == "av" and not _OWN.fullmatch(name)


def _items(params: TranscodeParams) -> Iterable[str]:
    return walk(params, _wanted, apart=params.output)


def _process(params: TranscodeParams, key: str, ctx: Context) -> Result:
    from workers.media.proof import NothingSaved

    try:
        return _encoded(params, key, ctx)
    except NothingSaved as error:
        return Result((), {"why": error.failure.message}, Outcome.SKIPPED)


def _encoded(params: TranscodeParams, key: str, ctx: Context) -> Result:
    source, preset = key_to_path(key), PRESETS[params.preset]
    done = _done_before(params, source, ctx)
    if done is not None:
        return done
    started = time.monotonic()
    ctx.report(Progress(phase="looking", unit="ms"))
    original = trash.look(source) if params.replace else None
    found = measured(facts(source), stamped=bool(params.size_mib or params.vmaf or params.xpsnr), pulse=ctx.alive)
    misfit = _misfit(found, preset, params.replace)
    if misfit and was_named(params.inputs, source):
        raise JobFailed(ErrorClass.UNSUPPORTED, misfit, input=key)
    if misfit:
        return Result((), {"why": misfit}, Outcome.SKIPPED)
    extension = preset.container.extension
    word = "" if params.output else f".{preset.name}"
    if original is not None:
        target = trash.place(original, extension)
    else:
        target = targets(params.inputs, params.output, _wanted).of(source, word, extension)
    need_room(ctx, target.parent)
    making = Making(params, preset, found, stage(ctx, target.parent) / f"result.{extension}", ctx, key)
    if original is not None and making.nothing_to_do():
        return Result((), {"why": f"{clean(source.name)} fits preset {preset.name} already"}, Outcome.SKIPPED)
    plan, result = making.make()
    making.prove(plan, result)
    if original is not None:
        making.told["replaced"] = dict(trash.replace(ctx, making.staged, original, target))
        path = target
    else:
        path = publish(ctx, making.staged, target)
    return Result((path,), _detail(making, plan, result, path, time.monotonic() - started))


def _done_before(params: TranscodeParams, source: Path, ctx: Context) -> Result | None:
    """The result of an earlier attempt at this file, or None."""
    if params.replace:
        if (path := trash.settle(ctx, source)) is not None:
            return Result((path,), {"published_before": True})
        if trash.replaced_before(source):
            why = f"{clean(source.name)} took the place of an original itself, which is still in the trash"
            return Result((), {"why": why}, Outcome.SKIPPED)
        return None
    done = ctx.published()
    return Result(done, {"published_before": True}) if done else None


def _detail(making: Making, plan: Plan, result: Facts, path: Path, seconds: float) -> dict[str, Any]:
    detail: dict[str, Any] = {
        "preset": making.preset.name,
        "copied": plan.remux,
        "encoder": plan.film.encoder if plan.film else "",
        "duration_s": result.duration_s,
        "size": path.stat().st_size,
        "source_size": making.found.size,
        "left_out": list(plan.left_out),
        "streams": [fate.as_json() for fate in plan.fates],
        "took_s": round(seconds, 3),
    }
    return detail | making.told | ({"damaged": making.damage} if making.damage else {})


def _misfit(found: Facts, preset: Preset, replaces: bool) -> str:
    """Why the preset can make nothing of the file, or an empty text."""
    name = clean(found.path.name)
    if preset.video is not None and found.video is None:
        return f"{name} has no film in it; preset audio takes its sound"
    if preset.video is None and replaces and found.video is not None:
        return f"{name} is a film, and its sound alone is no replacement for it"
    return f"{name} has no sound" if preset.video is None and not found.of_kind("audio") else ""


def _label(params: TranscodeParams) -> str:
    return f"{first_line(params.inputs)} → {params.preset}"


OPERATION = Operation(
    name="transcode",
    title="Transcode",
    summary="Convert films and sound by preset, copying what fits already.",
    queue="video",
    params=TranscodeParams,
    label=_label,
    items=_items,
    process=_process,
    processes=1,  # encoders have threads
    primary=("inputs", "preset", "output", "height", "vmaf", "size_mib", "loudness", "subtitles", "replace"),
    examples=(
        "spool transcode holiday.mov",
        "spool transcode ~/Films --preset archive --output /srv/archive",
        "spool transcode talk.mkv --preset audio --loudness -16",
        "spool transcode ~/Films --preset archive --vmaf 95 --replace",
        "spool transcode film.mkv --size-mib 700 --subtitles burn --burn eng",
    ),
)
