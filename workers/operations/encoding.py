"""Making one output of `transcode`: what has to be found out before, copying or encoding, and what is verified."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workers.errors import ErrorClass, JobFailed
from workers.jobs import Progress
from workers.media import encode, hardware, loudness, score, tonemap
from workers.media.av import Facts
from workers.media.ffmpeg import Ffmpeg
from workers.media.hardware import Encoder
from workers.media.presets import Preset
from workers.operations import tooling
from workers.operations.contract import Context
from workers.operations.inputs import need_room
from workers.text import clean

if TYPE_CHECKING:
    from workers.operations.transcode import TranscodeParams


@dataclass
class Making:
    """Making one output in `staged`, with the ways that are left when one fails. `told` gathers facts for people."""

    params: TranscodeParams
    preset: Preset
    found: Facts
    staged: Path
    ctx: Context
    key: str
    damage: str = ""  # of the input, in words
    told: dict[str, Any] = field(default_factory=dict)
    span: tuple[float, float] = (0.0, 1.0)  # of the whole, that what is encoded now makes out

    @property
    def threads(self) -> int:
        """Threads of one encode; 0 leaves it to the encoder."""
        return tooling.threads(self.ctx)

    def tool(self) -> Ffmpeg:
        """The ffmpeg to use; asked for only where something has to be encoded. JobFailed(tool)."""
        return tooling.tool(self.ctx)

    def make(self) -> tuple[encode.Plan, Facts]:
        """Copy or encode, and verify: the plan that was carried out and the facts of the result. JobFailed."""
        wishes = self._wishes()
        plan = self._plan(wishes)
        if plan.refused:
            raise JobFailed(ErrorClass.UNSUPPORTED, plan.refused, input=self.key)
        for line in plan.left_out:
            self.ctx.log(f"left out: {line}")
        if self.params.loudness:
            wishes = replace(wishes, loud=self._loud())
        if self.params.size_mib:
            from workers.operations.fitting import fitted

            return fitted(self, wishes)
        if self.params.vmaf or self.params.xpsnr:
            from workers.operations.trials import searched

            wishes = replace(wishes, quality=searched(self, wishes))
        plan = self._plan(wishes)
        try:
            return plan, self._carry_out(plan)
        except JobFailed as error:
            if not plan.remux or error.failure.error_class not in (ErrorClass.BAD_INPUT, ErrorClass.UNSUPPORTED):
                raise
            # Some streams cannot be copied as they are (missing times, say), yet decode well.
            self.ctx.log(f"copying failed ({error}); encoding instead")
        plan = self._plan(replace(wishes, reencode=True))
        if plan.refused:  # a copy would have kept it
            raise JobFailed(ErrorClass.UNSUPPORTED, plan.refused, input=self.key)
        return plan, self._carry_out(plan)

    def nothing_to_do(self) -> bool:
        """Whether the file is as the preset wants it already: all of it would be copied into the same container."""
        if self.params.loudness:
            return False
        plan = self._plan(self._wishes())
        same = self.found.path.suffix.lower() == f".{plan.preset.container.extension}" and not plan.left_out
        return plan.remux and same and self.found.format in (plan.preset.container.muxer, "mp4", "matroska")

    def prove(self, plan: encode.Plan, made: Facts) -> None:
        """What must hold before the result counts: see proof for what replaces, and the least VMAF where asked for."""
        from workers.media import proof

        params, tool = self.params, self.tool().path if self.params.replace else ""
        if params.replace and self.damage:
            message = f"parts of the original could not be decoded ({self.damage}): nothing was replaced"
            raise JobFailed(ErrorClass.BAD_INPUT, message, input=self.key)
        if params.replace:
            self.told["verified"] = proof.prove(
                made,
                plan,
                self.found,
                ffmpeg=tool,
                threads=self.threads,
                larger=params.larger,
                pulse=self.ctx.alive,
                on_progress=self.unmeasured,
                source=self.key,
            )
        if params.min_vmaf or params.worst_vmaf:
            self._compared(plan, made)

    def _compared(self, plan: encode.Plan, made: Facts) -> None:
        tool, film, result = self.tool(), self.found.video, made.video
        assert film is not None and result is not None
        score.need("vmaf", tool.filters, tool.path, input=self.key)
        filters = plan.film.filters if plan.film else ()
        measured = score.measure(
            "vmaf",
            score.Side(self.staged, made.format, result.index),
            score.Side(
                self.found.path, self.found.format, film.index, tuple(f for f in filters if "hwupload" not in f)
            ),
            self.staged.with_name("score.log"),
            ffmpeg=tool.path,
            threads=self.threads,
            duration_s=made.duration_s,
            source=self.key,
            on_progress=self.unmeasured,
        )
        self.told["score"] = measured.as_json()
        for what, found, least in (
            ("mean VMAF", measured.mean, self.params.min_vmaf),
            ("worst frame's VMAF", measured.worst, self.params.worst_vmaf),
        ):
            if found < least:
                message = f"the {what} is {found:.2f} and not {least:g}: nothing was kept of it"
                raise JobFailed(ErrorClass.UNSUPPORTED, message, input=self.key)

    # ---------------------------------------------------------------- what is wanted

    def _wishes(self) -> encode.Wishes:
        params, burn = self.params, -1
        if params.subtitles == "burn" and self.preset.video is not None:
            from workers.media.asides import to_burn

            burn = to_burn(self.found, params.burn).index
        return encode.Wishes(
            params.height,
            params.quality,
            params.reencode,
            film=bool(params.size_mib or params.vmaf or params.xpsnr),
            sdr=params.hdr == "sdr",
            subtitles=params.subtitles,
            burn=burn,
            drop=frozenset(params.drop),
        )

    def _plan(self, wishes: encode.Wishes) -> encode.Plan:
        if self.preset.video is None or encode.fits(self.found, self.preset, wishes):
            return encode.plan(self.found, self.preset, wishes, None)
        return encode.plan(self.found, self.preset, wishes, self.encoder(wishes))

    def encoder(self, wishes: encode.Wishes) -> Encoder:
        """The encoder for the film, software or hardware, at the wanted quality. JobFailed."""
        tool, video, film = self.tool(), self.preset.video, self.found.video
        assert video is not None and film is not None
        if encode.tones(film, self.preset, wishes):
            tonemap.need(tool.filters, tool.path, input=self.key)
        encoder = self._hardware(tool, wishes.quality, encode.keeps_depth(film, self.preset, wishes))
        encoder = encoder or encode.software_encoder(video, tool.encoders, wishes.quality, self.threads)
        if encoder is None:
            names = ", ".join(name for name, _ in video.encoders)
            raise JobFailed(ErrorClass.TOOL, f"{clean(tool.path)} has no encoder for {video.codec} ({names})")
        return encoder

    def _hardware(self, tool: Ffmpeg, wanted: int, deep: bool) -> Encoder | None:
        wish, video = self.params.hardware.strip().lower() or "off", self.preset.video
        if wish == "off" or video is None:
            return None
        works = hardware.working(tool, video.codec, deep=deep)
        quality = wanted or video.quality
        if wish == "auto":
            return hardware.encoder(works[0], video.codec, quality, deep=deep) if works else None
        if wish not in works:
            can = f"what does is {', '.join(works)}" if works else "no hardware does; use auto or off"
            message = f"{clean(wish)} cannot encode {video.codec}{' in 10 bits' if deep else ''} here: {can}"
            raise JobFailed(ErrorClass.UNSUPPORTED, message, input=self.key)
        return hardware.encoder(wish, video.codec, quality, deep=deep)

    # ---------------------------------------------------------------- what has to be found out

    def _loud(self) -> Mapping[int, tuple[str, ...]]:
        """The filters that bring each sound to the wanted loudness; those that are good or silent stay as they are."""
        params = self.params
        wanted = loudness.Target(params.loudness, params.true_peak, params.loudness_range)
        chosen: dict[int, tuple[str, ...]] = {}
        told: list[dict[str, Any]] = []
        for stream in self.found.of_kind("audio"):
            measured = loudness.measure(
                self.found, stream, wanted, ffmpeg=self.tool().path, source=self.key, on_progress=self.unmeasured
            )
            good = measured.silent or loudness.close(measured, wanted)
            if not good:
                chosen[stream.index] = loudness.filters(measured, wanted, stream.sample_rate)
            silent = {"silent": True} if measured.silent else {"lufs": measured.integrated, "peak": measured.peak}
            told.append({"stream": stream.index, **silent, "changed": not good})
        self.told["loudness"] = {"wanted": params.loudness, "sounds": told}
        return chosen

    # ---------------------------------------------------------------- making

    def _carry_out(self, plan: encode.Plan) -> Facts:
        attached = any(track.kind not in ("video", "audio", "subtitle") for track in plan.tracks)
        if plan.remux and not attached:
            self._copy(plan)
        else:
            self.encoded(plan)
        return self.verified(plan)

    def verified(self, plan: encode.Plan) -> Facts:
        """The facts of what was made, once it holds what the plan promised. JobFailed."""
        from workers.media import lasting
        from workers.media.verify import verify

        self.ctx.report(Progress(1.0, "verifying", unit="ms"))
        kept = [track.index for track in plan.tracks]
        return verify(
            self.staged,
            plan.expected,
            source=self.key,
            really_s=lambda: lasting.unless_told(self.found.path, self.found.format, kept, self.ctx.alive),
        )

    def _copy(self, plan: encode.Plan) -> None:
        from workers.media.remux import remux

        need_room(self.ctx, self.staged.parent, self.found.size)
        total = self.found.duration_s or 0.0

        def on_progress(seconds: float) -> None:
            fraction = min(seconds / total, 1.0) if total else None
            total_ms = round(total * 1000) or None
            self.ctx.report(Progress(fraction, "copying", round(seconds * 1000), total_ms, unit="ms"))

        keep = [track.index for track in plan.tracks]
        home = plan.preset.container
        remux(
            *(self.found.path, self.staged),
            muxer=home.muxer,
            keep=keep,
            on_progress=on_progress,
            options=home.options,
        )

    def encoded(self, plan: encode.Plan, phase: str = "encoding") -> None:
        """Carry out a plan by ffmpeg, into `staged`. JobFailed."""
        from workers.media import ffmpeg

        aside = self._aside_files(plan)
        words = encode.command(
            plan, self.found, self.staged, ffmpeg=self.tool().path, threads=self.threads, aside=aside
        )

        def on_progress(progress: Progress) -> None:
            need_room(self.ctx, self.staged.parent)
            self._still_worth_it()
            self.report(progress)

        told = ffmpeg.run(
            words, duration_s=plan.expected.duration_s, phase=phase, source=self.key, on_progress=on_progress
        )
        tooling.log_words(self.ctx, told)
        self.damage = told.damage
        if self.damage:
            self.ctx.log(f"damaged: {self.damage}")

    def _still_worth_it(self) -> None:
        """End an encode that has grown larger than what it should replace: hours may be left of it."""
        params = self.params
        if params.replace and not params.larger and not params.size_mib and self.staged.exists():
            from workers.media.proof import not_larger

            not_larger(self.staged.stat().st_size, self.found.size, self.key)

    def _aside_files(self, plan: encode.Plan) -> encode.Aside:
        from workers.media import asides, ffmpeg

        folder = self.staged.with_name("aside")
        covers = asides.covers(self.found, [t.index for t in plan.tracks if t.cover and t.kind == "attachment"], folder)
        index = next((fate.index for fate in plan.fates if fate.what == "burnt in"), -1)
        burnt = next((s for s in self.found.streams if s.index == index), None)
        if burnt is None or burnt.codec in asides.BITMAPS:
            return encode.Aside(covers=covers)
        fonts, text = asides.fonts(self.found, folder / "fonts"), folder / "burn.ass"
        if "subtitles" not in self.tool().filters:
            message = f"{clean(self.tool().path)} was built without libass, which draws subtitles: use a full build"
            raise JobFailed(ErrorClass.UNSUPPORTED, message, input=self.key)
        ffmpeg.run(asides.text_command(self.found, index, text, ffmpeg=self.tool().path), source=self.key)
        return encode.Aside(text, fonts, covers)

    def report(self, progress: Progress) -> None:
        """Pass progress of one step on as its share of the whole."""
        low, high = self.span
        fraction = None if progress.fraction is None else low + (high - low) * progress.fraction
        self.ctx.report(replace(progress, fraction=fraction))

    def unmeasured(self, progress: Progress) -> None:
        """Pass progress of a step on whose share of the whole nobody can tell."""
        self.ctx.report(replace(progress, fraction=None, eta_s=None))
