"""Loudness by EBU R 128: sound is measured first, and then brought to its target by one constant gain where it can."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from workers.errors import ErrorClass, JobFailed
from workers.jobs import Progress
from workers.media.av import Facts, StreamFacts

_CLOSE_LU = 0.5
_FIGURES = ("input_i", "input_tp", "input_lra", "input_thresh", "target_offset")


@dataclass(frozen=True, slots=True)
class Target:
    """What is wanted: integrated loudness in LUFS, true peak in dBTP, range in LU."""

    integrated: float
    peak: float = -1.5
    range: float = 11.0


@dataclass(frozen=True, slots=True)
class Measured:
    """What was found: loudness in LUFS, peak in dBTP, range in LU, threshold in LUFS, offset in LU."""

    integrated: float
    peak: float
    range: float
    threshold: float
    offset: float

    @property
    def silent(self) -> bool:
        """Whether there is nothing to bring to any loudness."""
        return self.integrated < -70


def measure_command(facts: Facts, stream: StreamFacts, target: Target, *, ffmpeg: str) -> list[str]:
    """The command that measures one sound stream and writes its figures to stderr. Pure."""
    import os

    wish = f"loudnorm={_aims(target)}:print_format=json"
    return [
        *(ffmpeg, "-loglevel", "repeat+level+info", "-f", facts.format, "-protocol_whitelist", "file,pipe"),
        *("-i", f"file:{os.path.abspath(facts.path)}", "-map", f"0:{stream.index}", "-af", wish, "-f", "null", "-"),
    ]


def _aims(target: Target) -> str:
    return f"I={target.integrated:g}:TP={target.peak:g}:LRA={target.range:g}"


def parse(lines: Sequence[str]) -> Measured | None:
    """The figures that loudnorm wrote, or None when they are not there. Pure."""
    text = "\n".join(lines)
    found = {name: re.search(rf'"{name}"\s*:\s*"(-?(?:inf|[0-9.]+))"', text) for name in _FIGURES}
    values = [float(match[1]) for match in found.values() if match]
    return Measured(*values) if len(values) == len(_FIGURES) else None


def measure(
    facts: Facts,
    stream: StreamFacts,
    target: Target,
    *,
    ffmpeg: str,
    source: str = "",
    on_progress: Callable[[Progress], None] = lambda progress: None,
) -> Measured:
    """Decode one sound stream and measure it. JobFailed."""
    from workers.media.ffmpeg import run

    told = run(
        measure_command(facts, stream, target, ffmpeg=ffmpeg),
        duration_s=stream.duration_s or facts.duration_s,
        phase="measuring loudness",
        source=source,
        on_progress=on_progress,
    )
    found = parse(told.lines)
    if found is None:
        raise JobFailed(
            ErrorClass.UNSUPPORTED,
            f"this ffmpeg told no loudness of stream {stream.index}",
            input=source,
            detail="\n".join(told.lines),
        )
    return found


def close(found: Measured, target: Target) -> bool:
    """Whether the sound is good as it is: half a unit from the target at most, and no peak above it."""
    return abs(found.integrated - target.integrated) <= _CLOSE_LU and found.peak <= target.peak


def filters(found: Measured, target: Target, sample_rate: int) -> tuple[str, ...]:
    """The filters that bring it to the target; `sample_rate` (Hz) is the input's, as loudnorm changes it. Pure."""
    measured = (
        f"measured_I={found.integrated:g}:measured_TP={found.peak:g}:measured_LRA={found.range:g}"
        f":measured_thresh={found.threshold:g}:offset={found.offset:g}"
    )
    rate = min(sample_rate or 48000, 48000)
    return f"loudnorm={_aims(target)}:{measured}:linear=true", f"aresample={rate}"
