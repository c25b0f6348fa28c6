"""Finding the coarsest quality (CRF) that still reaches a wanted score, by few trials on samples of the film."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workers.media.av import Facts, StreamFacts
from workers.media.hardware import Encoder

MOST_TRIALS = 8
_WIDE = 3  # trials after which the two nearest tell more than the two that enclose the answer
_LINES = 5  # trials that lines are drawn through
_SLOPE = 0.6  # points of VMAF that one step of CRF costs about
RANGES = {"libx264": (8, 45), "libx265": (8, 45), "libsvtav1": (10, 60), "libaom-av1": (10, 60), "libvpx-vp9": (8, 60)}
"""By encoder, the finest and the coarsest quality that is tried. Encoders that are not here know no CRF."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One encode of the samples: its quality, the mean score, and its size in bytes."""

    crf: int
    score: float
    size: int

    def as_json(self) -> dict[str, Any]:
        """The trial as facts for people."""
        return {"crf": self.crf, "score": round(self.score, 3), "size": self.size}


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found, and all that was tried, in order. None: not even the finest quality reaches the score."""

    best: Trial | None
    trials: tuple[Trial, ...]


def search(
    attempt: Callable[[int], Trial], wanted: float, *, start: int, low: int, high: int, close: float = 0.25
) -> Found:
    """The coarsest CRF from `low` to `high` whose score is at least `wanted`; stops early within `close` above it.

    Scores are taken to fall as the CRF rises. Where trials contradict that, a CRF counts as good only below every one
    that failed. Pure but for `attempt`, which is called at most MOST_TRIALS times, and once for each CRF.
    """
    tried: dict[int, Trial] = {}
    crf = min(max(start, low), high)
    while crf not in tried and len(tried) < MOST_TRIALS:
        tried[crf] = attempt(crf)
        good, failed = _ends(tried, wanted)
        if good is not None and good.score - wanted <= close:
            break
        floor, ceiling = (good.crf if good else low - 1), (failed.crf if failed else high + 1)
        if floor + 1 >= ceiling:
            break
        crf = min(max(_guess(good, failed, wanted, list(tried.values())), floor + 1), ceiling - 1)
    return Found(_ends(tried, wanted)[0], tuple(tried.values()))


def _ends(tried: Mapping[int, Trial], wanted: float) -> tuple[Trial | None, Trial | None]:
    """The coarsest good trial, and the finest that failed; the first is finer than the second."""
    failed = min((t for t in tried.values() if t.score < wanted), key=_crf, default=None)
    limit = failed.crf if failed else None
    good = [t for t in tried.values() if t.score >= wanted and (limit is None or t.crf < limit)]
    return max(good, key=_crf, default=None), failed


def _crf(trial: Trial) -> int:
    return trial.crf


def _guess(good: Trial | None, failed: Trial | None, wanted: float, tried: Sequence[Trial]) -> int:
    """The CRF to try next. Rounded down: one a little too good can be the answer, one a little too bad never is."""
    trials = len(tried)
    if good is not None and failed is not None:
        if trials > _LINES:
            return (good.crf + failed.crf) // 2  # scores are no line: they end at 100
        one, other = (good, failed) if trials <= _WIDE else sorted(tried, key=lambda t: abs(t.score - wanted))[:2]
        slope = (other.score - one.score) / (other.crf - one.crf)
        return math.floor(one.crf + (wanted - one.score) / slope) if slope < 0 else (good.crf + failed.crf) // 2
    stride = 2 << trials  # grows: far from the answer, scores may hardly change
    if good is not None:
        return good.crf + max(int((good.score - wanted) / _SLOPE), stride)
    assert failed is not None
    return failed.crf - max(math.ceil((wanted - failed.score) / _SLOPE), stride)


@dataclass(frozen=True, slots=True)
class Samples:
    """Where samples are taken: their starts and their length, in seconds."""

    starts: tuple[float, ...]
    length_s: float

    @property
    def total_s(self) -> float:
        """The seconds of all samples."""
        return self.length_s * len(self.starts)


def samples(duration_s: float, count: int = 0, length_s: float = 2.0) -> Samples:
    """Samples spread evenly over a film, without its ends; the whole of a short one. `count` 0 chooses. Pure."""
    count = count or min(max(round(duration_s / 600) + 2, 3), 8)
    if duration_s <= count * length_s * 1.5:
        return Samples((0.0,), duration_s)
    step = duration_s / count
    return Samples(tuple(round(step * (n + 0.5) - length_s / 2, 3) for n in range(count)), length_s)


def cut_command(
    facts: Facts,
    film: StreamFacts,
    where: Samples,
    target: Path,
    *,
    ffmpeg: str,
    filters: Sequence[str] = (),
    pix_fmt: str = "",
) -> list[str]:
    """The command that cuts the samples of the film into one lossless file, filtered as the result will be. Pure."""
    source = f"file:{os.path.abspath(facts.path)}"
    guarded = ("-f", facts.format, "-protocol_whitelist", "file,pipe")
    inputs = [
        word
        for start in where.starts
        for word in (*guarded, "-ss", f"{start:.3f}", "-t", f"{where.length_s:.3f}", "-i", source)
    ]
    count = len(where.starts)
    cut = ";".join(f"[{n}:{film.index}]setpts=PTS-STARTPTS[s{n}]" for n in range(count))
    joined = "".join(f"[s{n}]" for n in range(count)) + f"concat=n={count}:v=1:a=0"
    graph = f"{cut};{','.join((joined, *filters))}[out]"
    lossless = ("-c:v", "ffv1", *(("-pix_fmt", pix_fmt) if pix_fmt else ()))
    end = ("-f", "matroska", f"file:{os.path.abspath(target)}")
    return [ffmpeg, *inputs, "-filter_complex", graph, "-map", "[out]", *lossless, *end]


def trial_command(
    reference: Path, target: Path, encoder: Encoder, *, ffmpeg: str, threads: int, pix_fmt: str = ""
) -> list[str]:
    """The command that encodes the samples once. Pure."""
    source = ("-f", "matroska", "-protocol_whitelist", "file,pipe", "-i", f"file:{os.path.abspath(reference)}")
    options = {**encoder.options, **({"pix_fmt": pix_fmt} if pix_fmt else {})}
    words = [word for name, value in options.items() for word in (f"-{name.partition(':')[0]}:v", str(value))]
    filters = ("-filter:v", ",".join(encoder.filters)) if encoder.filters else ()
    few = ("-threads", str(threads)) if threads else ()
    return [
        *(ffmpeg, *encoder.before, *source, "-map", "0:0", *filters, "-c:v", encoder.name, *words, *few),
        *("-f", "matroska", f"file:{os.path.abspath(target)}"),
    ]
