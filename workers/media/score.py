"""How near an encode comes to its original, by ffmpeg's own filters: VMAF (0 to 100) or XPSNR (dB)."""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from workers.errors import ErrorClass, JobFailed
from workers.jobs import Progress
from workers.media.escape import path_value
from workers.text import clean

Metric = Literal["vmaf", "xpsnr"]
_FILTERS: dict[Metric, str] = {"vmaf": "libvmaf", "xpsnr": "xpsnr"}
_MOST_DB = 100.0  # what frames that are alike count for


@dataclass(frozen=True, slots=True)
class Score:
    """A metric over all compared frames: its mean and the worst frame's."""

    metric: Metric
    mean: float
    worst: float
    frames: int

    def as_json(self) -> dict[str, Any]:
        """The score as facts for people."""
        return {
            "metric": self.metric,
            "mean": round(self.mean, 3),
            "worst": round(self.worst, 3),
            "frames": self.frames,
        }


def need(metric: Metric, filters: Collection[str], tool: str, *, input: str = "") -> None:
    """JobFailed(unsupported) when the ffmpeg at `tool` cannot measure that."""
    if _FILTERS[metric] not in filters:
        raise JobFailed(
            ErrorClass.UNSUPPORTED,
            f"{clean(tool)} was built without {_FILTERS[metric]}, which measures {metric.upper()}: use a full build, "
            "or the one that comes with Spool (leave `ffmpeg` in the configuration empty and none on the PATH)",
            input=input,
        )


@dataclass(frozen=True, slots=True)
class Side:
    """One of two films to compare: its file, its demuxer, its film's stream, and filters before comparing."""

    path: Path
    format: str
    index: int = 0
    filters: tuple[str, ...] = ()


def command(
    metric: Metric, made: Side, reference: Side, log: Path, *, ffmpeg: str, threads: int, pix_fmt: str
) -> list[str]:
    """The command that compares two films frame by frame and writes the figures to `log`. Pure."""
    chains = [",".join((*side.filters, f"format={pix_fmt}", "setpts=PTS-STARTPTS")) for side in (made, reference)]
    where = path_value(log)
    how = f"libvmaf=log_fmt=json:log_path={where}:n_threads={max(threads, 1)}"
    last = how if metric == "vmaf" else f"xpsnr=stats_file={where}"
    graph = f"[0:{made.index}]{chains[0]}[made];[1:{reference.index}]{chains[1]}[original];[made][original]{last}"
    inputs = [
        word
        for side in (made, reference)
        for word in (
            *("-f", side.format, "-protocol_whitelist", "file,pipe"),
            *("-i", f"file:{os.path.abspath(side.path)}"),
        )
    ]
    return [ffmpeg, *inputs, "-filter_complex", graph, "-f", "null", "-"]


def measure(
    metric: Metric,
    made: Side,
    reference: Side,
    log: Path,
    *,
    ffmpeg: str,
    threads: int = 1,
    pix_fmt: str = "yuv420p",
    duration_s: float | None = None,
    source: str = "",
    on_progress: Callable[[Progress], None] = lambda progress: None,
) -> Score:
    """Compare two films of the same frames; `log` is written. JobFailed, also where no frame could be compared."""
    from workers.media.ffmpeg import run

    words = command(metric, made, reference, log, ffmpeg=ffmpeg, threads=threads, pix_fmt=pix_fmt)
    run(
        words,
        duration_s=duration_s,
        phase="measuring quality",
        source=source,
        folders=(log.parent,),
        on_progress=on_progress,
    )
    text = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
    values = _vmaf(text) if metric == "vmaf" else _xpsnr(text)
    if not values:
        raise JobFailed(ErrorClass.TOOL, f"ffmpeg measured no {metric.upper()}", input=source)
    return Score(metric, sum(values) / len(values), min(values), len(values))


def _vmaf(text: str) -> Sequence[float]:
    try:
        return [float(frame["metrics"]["vmaf"]) for frame in json.loads(text)["frames"]]
    except (ValueError, KeyError, TypeError):
        return []


def _xpsnr(text: str) -> Sequence[float]:
    """Of each frame the mean of its planes, brightness four times as heavy as a colour; grey films have but one."""
    found: list[float] = []
    for line in text.splitlines():
        planes = {name: float(value) for name, value in re.findall(r"XPSNR (\w): *(inf|[0-9.]+)", line)}
        weights = {"y": 4, "u": 1, "v": 1}
        known = {name: value for name, value in planes.items() if name in weights}
        if line.startswith("n:") and known:
            capped = {name: _MOST_DB if math.isinf(value) else value for name, value in known.items()}
            found.append(sum(weights[n] * v for n, v in capped.items()) / sum(weights[n] for n in capped))
    return found
