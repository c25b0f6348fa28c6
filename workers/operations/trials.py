"""Searching for the quality of one film: trials on samples, encoded and measured by ffmpeg."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from workers.errors import ErrorClass, JobFailed
from workers.media import encode, hardware, score, target
from workers.media.av import StreamFacts
from workers.media.hardware import Encoder
from workers.operations.inputs import need_room

if TYPE_CHECKING:
    from workers.operations.encoding import Making

_BYTES_A_PIXEL = 1.2  # of a lossless sample; only for looking at the free space


def searched(making: Making, wishes: encode.Wishes) -> int:
    """The coarsest quality whose samples reach the wanted score. JobFailed when none does."""
    metric: score.Metric = "vmaf" if making.params.vmaf else "xpsnr"
    wanted = making.params.vmaf or making.params.xpsnr
    tool, video, film = making.tool(), making.preset.video, making.found.video
    assert video is not None and film is not None
    score.need(metric, tool.filters, tool.path, input=making.key)
    low, high = _range(making, wishes)
    trials = _Trials(making, wishes, metric, film)
    trials.cut()
    found = target.search(trials.attempt, wanted, start=video.quality, low=low, high=high)
    making.told["search"] = {
        "metric": metric,
        "wanted": wanted,
        "sampled_s": round(trials.where.total_s, 3),
        "crf": found.best.crf if found.best else None,
        "trials": [trial.as_json() for trial in found.trials],
    }
    trials.clear()
    if found.best is None:
        best = max(trial.score for trial in found.trials)
        message = f"no quality from {low} to {high} reaches {metric.upper()} {wanted:g}: the best trial had {best:.2f}"
        raise JobFailed(ErrorClass.UNSUPPORTED, message, input=making.key)
    making.ctx.log(f"CRF {found.best.crf} reaches {metric.upper()} {found.best.score:.2f} on samples")
    return found.best.crf


def _range(making: Making, wishes: encode.Wishes) -> tuple[int, int]:
    name = making.encoder(wishes).name
    if name not in target.RANGES and not any(name.endswith(f"_{kind}") for kind in hardware.KINDS):
        message = f"{name} knows no constant quality, so none can be searched for"
        raise JobFailed(ErrorClass.UNSUPPORTED, message, input=making.key)
    return target.RANGES.get(name, (10, 45))


class _Trials:
    """Encodes of the samples of one film, measured against themselves."""

    def __init__(self, making: Making, wishes: encode.Wishes, metric: score.Metric, film: StreamFacts) -> None:
        self._making, self._wishes, self._metric, self._film = making, wishes, metric, film
        if not making.found.duration_s:  # without it, what is sampled and the room for that would be all of the film
            message = "its duration is unknown, so no samples can be taken: take a quality"
            raise JobFailed(ErrorClass.UNSUPPORTED, message, input=making.key)
        self.where = target.samples(making.found.duration_s, making.params.samples)
        self._reference = making.staged.with_name("samples.mkv")
        self._trial = making.staged.with_name("trial.mkv")

    def _looks(self, crf: int) -> tuple[Encoder, tuple[str, ...], str]:
        """The encoder at that quality, the filters before it, and the pixels that it gets."""
        making = self._making
        wishes = replace(self._wishes, quality=crf, burn=-1)
        encoder = making.encoder(wishes)
        film = encode.plan(making.found, making.preset, wishes, replace(encoder, filters=())).film
        assert film is not None
        pix_fmt = str(film.options.get("pix_fmt") or self._film.pix_fmt).replace("yuvj", "yuv")
        return encoder, film.filters, pix_fmt

    def cut(self) -> None:
        """Cut the samples, once. JobFailed."""
        from workers.media import ffmpeg

        making, film = self._making, self._film
        frames = self.where.total_s * (film.fps or 25)
        need_room(making.ctx, self._reference.parent, round(film.width * film.height * frames * _BYTES_A_PIXEL))
        _, filters, pix_fmt = self._looks(30)
        words = target.cut_command(
            making.found,
            film,
            self.where,
            self._reference,
            ffmpeg=making.tool().path,
            filters=filters,
            pix_fmt=pix_fmt,
        )
        ffmpeg.run(words, phase="cutting samples", source=making.key, on_progress=making.unmeasured)

    def attempt(self, crf: int) -> target.Trial:
        """Encode the samples with that CRF and measure them. JobFailed."""
        from workers.media import ffmpeg

        making = self._making
        encoder, _, pix_fmt = self._looks(crf)
        tool, phase = making.tool().path, f"trying CRF {crf}"
        upload = "" if encoder.filters else pix_fmt
        words = target.trial_command(
            self._reference, self._trial, encoder, ffmpeg=tool, threads=making.threads, pix_fmt=upload
        )
        ffmpeg.run(words, phase=phase, source=making.key, on_progress=making.unmeasured)
        measured = score.measure(
            self._metric,
            score.Side(self._trial, "matroska"),
            score.Side(self._reference, "matroska"),
            self._trial.with_name("score.log"),
            ffmpeg=tool,
            threads=making.threads,
            pix_fmt="yuv420p10le" if "10" in pix_fmt else "yuv420p",
            source=making.key,
            on_progress=making.unmeasured,
        )
        return target.Trial(crf, measured.mean, self._trial.stat().st_size)

    def clear(self) -> None:
        """Remove what the trials left: the result needs the room."""
        for path in (self._reference, self._trial):
            path.unlink(missing_ok=True)
