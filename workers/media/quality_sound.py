"""Loudness after EBU R128 and silence of a whole sound stream, measured by libavfilter as it is decoded."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from workers.media.quality_graph import Chain
from workers.media.quality_timing import Spans

SILENCE_DB = -60
SILENCE_S = 1.0
_LOUDNESS = ("ebur128", "metadata=1:framelog=quiet:peak=true")
_SILENCE = ("silencedetect", f"noise={SILENCE_DB}dB:duration={SILENCE_S}")
_GATE = -70.0  # what R128 says of sound that is never loud enough to count


@dataclass(frozen=True, slots=True)
class Heard:
    """What a sound stream is like. Loudness in LUFS and range in LU are None where nothing is loud enough."""

    seconds: float
    starts_s: float  # when the first sample is heard
    loudness: float | None
    range_lu: float | None
    true_peak_db: float | None  # dBTP
    silent_s: float
    silences: tuple[tuple[float, float], ...]
    left_out: int = 0  # frames of another kind than the first, which were not measured


class Ears:
    """Takes the frames of one sound stream in order."""

    def __init__(self) -> None:
        self._chain: Chain | None = None
        self._told: Mapping[str, str] = {}
        self._silence = Spans([])
        self._samples = 0
        self._rate = 0
        self._starts_s = 0.0
        self._end_s = 0.0
        self._left_out = 0

    def take(self, frame: Any) -> None:
        """Listen to a decoded frame. What PyAV raises for a layout that cannot be measured comes through."""
        if self._chain is None:
            self._chain = Chain(frame, [_LOUDNESS, _SILENCE])
            self._rate = frame.sample_rate
            self._starts_s = frame.time or 0.0
        if not self._chain.fits(frame):
            self._left_out += 1
            return
        self._samples += frame.samples
        self._end_s = (frame.time or self._end_s) + frame.samples / self._rate
        for measured in self._chain.push(frame):
            self._read(measured.metadata)

    def _read(self, told: Mapping[str, str]) -> None:
        if not told:
            return
        self._told = told if "lavfi.r128.I" in told else self._told
        if (begin := told.get("lavfi.silence_start")) is not None:
            self._silence.begin(max(float(begin), self._starts_s))
        if (end := told.get("lavfi.silence_end")) is not None:
            self._silence.end(float(end))

    def heard(self) -> Heard | None:
        """What was heard in all; None without a single frame."""
        if self._chain is None:
            return None
        for measured in self._chain.push(None):
            self._read(measured.metadata)
        self._silence.end(self._end_s)
        loudness, peak = self._figure("I"), self._figure("true_peak")
        audible = loudness is not None and loudness > _GATE
        return Heard(
            seconds=self._samples / self._rate,
            starts_s=self._starts_s,
            loudness=loudness if audible else None,
            range_lu=self._figure("LRA") if audible else None,
            true_peak_db=20 * math.log10(peak) if peak else None,
            silent_s=self._silence.total_s,
            silences=tuple(self._silence.done),
            left_out=self._left_out,
        )

    def _figure(self, name: str) -> float | None:
        value = float(self._told.get(f"lavfi.r128.{name}", "nan"))
        return value if math.isfinite(value) else None
