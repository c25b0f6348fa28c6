"""Converting films and sound to another format by presets. What fits the preset already is copied, not encoded."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from workers.errors import ErrorClass, JobFailed
from workers.jobs import Outcome, Progress
from workers.media import encode, hardware
from workers.media.av import Facts, facts
from workers.media.ffmpeg import Ffmpeg
from workers.media.hardware import Encoder
from workers.media.names import key_to_path
from workers.media.presets import PRESETS, Preset
from workers.media.sniff import is_media_name
from workers.operations.contract import BulkParams, Context, Operation, Result
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


_OWN = made_by_us(PRESETS, {preset.container.extension for preset in PRESETS.values()})


def _wanted(name: str) -> bool:
    return is_media_name(name) == "av" and not _OWN.fullmatch(name)


def _items(params: TranscodeParams) -> Iterable[str]:
    return walk(params, _wanted, apart=params.output)


def _process(params: TranscodeParams, key: str, ctx: Context) -> Result:
    if done := ctx.published():
        return Result(done, {"published_before": True})
    started = time.monotonic()
    source, preset = key_to_path(key), PRESETS[params.preset]
    ctx.report(Progress(phase="looking", unit="ms"))
    found = facts(source)
    misfit = _misfit(found, preset)
    if misfit and was_named(params.inputs, source):
        raise JobFailed(ErrorClass.UNSUPPORTED, misfit, input=key)
    if misfit:
        return Result((), {"why": misfit}, Outcome.SKIPPED)
    word = "" if params.output else f".{preset.name}"
    target = targets(params.inputs, params.output, _wanted).of(source, word, preset.container.extension)
    need_room(ctx, target.parent)
    attempt = _Attempt(
        params, preset, found, stage(ctx, target.parent) / f"result.{preset.container.extension}", ctx, key
    )
    plan, result = attempt.make()
    path = publish(ctx, attempt.staged, target)
    seconds = time.monotonic() - started
    detail: dict[str, Any] = {
        "preset": preset.name,
        "copied": plan.remux,
        "encoder": next((t.encoder for t in plan.tracks if t.kind == "video" and t.action == "encode"), ""),
        "duration_s": result.duration_s,
        "size": path.stat().st_size,
        "source_size": found.size,
        "left_out": list(plan.left_out),
        "took_s": round(seconds, 3),
    }
    return Result((path,), detail | ({"damaged": attempt.damage} if attempt.damage else {}))


def _misfit(found: Facts, preset: Preset) -> str:
    """Why the preset can make nothing of the file, or an empty text."""
    name = clean(found.path.name)
    if preset.video is not None and found.video is None:
        return f"{name} has no film in it; preset audio takes its sound"
    return f"{name} has no sound" if preset.video is None and not found.of_kind("audio") else ""


class _Attempt:
    """Making one output in `staged`, with the ways that are left when one fails."""

    def __init__(
        self, params: TranscodeParams, preset: Preset, found: Facts, staged: Path, ctx: Context, key: str
    ) -> None:
        self.params, self.preset, self.found, self.staged, self.ctx, self.key = params, preset, found, staged, ctx, key
        self.threads = int(ctx.settings.get("threads") or 0)
        self.damage = ""  # of the input, in words
        self.wishes = encode.Wishes(params.height, params.quality, params.reencode)

    def make(self) -> tuple[encode.Plan, Facts]:
        """Copy or encode, and verify: the plan that was carried out and the facts of the result. JobFailed."""
        plan = self._plan(self.wishes)
        for line in plan.left_out:
            self.ctx.log(f"left out: {line}")
        try:
            return plan, self._carry_out(plan)
        except JobFailed as error:
            if not plan.remux or error.failure.error_class not in (ErrorClass.BAD_INPUT, ErrorClass.UNSUPPORTED):
                raise
            # Some streams cannot be copied as they are (missing times, say), yet decode well.
            self.ctx.log(f"copying failed ({error}); encoding instead")
        plan = self._plan(replace(self.wishes, reencode=True))
        return plan, self._carry_out(plan)

    def _plan(self, wishes: encode.Wishes) -> encode.Plan:
        video = self.preset.video
        if video is None or encode.fits(self.found, self.preset, wishes):
            return encode.plan(self.found, self.preset, wishes, None)
        from workers.media import ffmpeg

        tool = ffmpeg.find(str(self.ctx.settings.get("ffmpeg") or ""))
        encoder = self._hardware(tool) or encode.software_encoder(video, tool.encoders, wishes.quality, self.threads)
        if encoder is None:
            names = ", ".join(name for name, _ in video.encoders)
            raise JobFailed(ErrorClass.TOOL, f"{clean(tool.path)} has no encoder for {video.codec} ({names})")
        return encode.plan(self.found, self.preset, wishes, encoder, tonemap="zscale" in tool.filters)

    def _hardware(self, tool: Ffmpeg) -> Encoder | None:
        wish, video = self.params.hardware.strip().lower() or "off", self.preset.video
        if wish == "off" or video is None:
            return None
        works = hardware.working(tool, video.codec)
        quality = self.wishes.quality or video.quality
        if wish == "auto":
            return hardware.encoder(works[0], video.codec, quality) if works else None
        if wish not in works:
            can = f"what does is {', '.join(works)}" if works else "no hardware does; use auto or off"
            message = f"{clean(wish)} cannot encode {video.codec} here: {can}"
            raise JobFailed(ErrorClass.UNSUPPORTED, message, input=self.key)
        return hardware.encoder(wish, video.codec, quality)

    def _carry_out(self, plan: encode.Plan) -> Facts:
        from workers.media.verify import verify

        if plan.remux and all(track.kind in ("video", "audio", "subtitle") for track in plan.tracks):
            self._copy(plan)
        else:
            self._encode(plan)
        self.ctx.report(Progress(1.0, "verifying", unit="ms"))
        return verify(self.staged, plan.expected, source=self.key)

    def _copy(self, plan: encode.Plan) -> None:
        from workers.media.remux import remux

        need_room(self.ctx, self.staged.parent, self.found.size)
        total = self.found.duration_s or 0.0

        def on_progress(seconds: float) -> None:
            fraction = min(seconds / total, 1.0) if total else None
            total_ms = round(total * 1000) or None
            self.ctx.report(Progress(fraction, "copying", round(seconds * 1000), total_ms, unit="ms"))

        keep = [track.index for track in plan.tracks]
        remux(self.found.path, self.staged, muxer=plan.preset.container.muxer, keep=keep, on_progress=on_progress)

    def _encode(self, plan: encode.Plan) -> None:
        from workers.media import ffmpeg

        tool = ffmpeg.find(str(self.ctx.settings.get("ffmpeg") or ""))
        command = encode.command(plan, self.found, self.staged, ffmpeg=tool.path, threads=self.threads)

        def on_progress(progress: Progress) -> None:
            need_room(self.ctx, self.staged.parent)
            self.ctx.report(progress)

        told = ffmpeg.run(command, duration_s=plan.expected.duration_s, source=self.key, on_progress=on_progress)
        for line in told.lines:
            self.ctx.log(line)
        self.damage = told.damage
        if self.damage:
            self.ctx.log(f"damaged: {self.damage}")


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
    primary=("inputs", "preset", "output", "height"),
    examples=(
        "spool transcode holiday.mov",
        "spool transcode ~/Films --preset archive --output /srv/archive",
        "spool transcode talk.mkv --preset audio",
    ),
)
