"""What decoded pictures of a film are like: black, frozen, interlaced, blurred, blocky, with bars around.

Every frame of a stretch goes through one chain of filters at a small width but full height, for lines of fields are
what tells interlace. A few frames of each stretch are looked at in full size for edges, blocks and bars.
"""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from workers.media.quality_graph import Chain
from workers.media.quality_timing import Spans

if TYPE_CHECKING:
    from numpy import ndarray

BLACK_S = 0.1
FREEZE_S = 0.5
_WIDTH = 320
_BAR_LEVEL = 24  # of 255: a line that is never lighter on average is a bar
_STILLS_EACH_S = 1.0
_MOST_STILLS = 40
_EDGES = (("format", "pix_fmts=gray"), ("blurdetect", ""), ("blockdetect", "period_min=8:period_max=8"))
_ONE_PARITY = 4  # real fields come in one order; patterns that look like fields come in both


@dataclass(frozen=True, slots=True)
class Bars:
    """Rows and columns of pixels around the picture that stay black."""

    top: int
    bottom: int
    left: int
    right: int
    width: int
    height: int

    @property
    def shown(self) -> float:
        """The share of the picture that is not bars."""
        across, down = self.width - self.left - self.right, self.height - self.top - self.bottom
        return max(across, 0) * max(down, 0) / (self.width * self.height)


@dataclass(slots=True)
class Eyes:
    """Takes the frames of a film, stretch by stretch, and keeps the figures."""

    seconds: float = 0.0  # that were looked at
    frames: int = 0
    damaged: int = 0
    black: Spans = field(default_factory=lambda: Spans([]))
    frozen: Spans = field(default_factory=lambda: Spans([]))
    fields: dict[str, float] = field(default_factory=dict)
    blur: list[float] = field(default_factory=list)
    blocks: list[float] = field(default_factory=list)
    _rows: ndarray[Any, Any] | None = None
    _columns: ndarray[Any, Any] | None = None
    _chain: Chain | None = None
    _last: dict[str, float] = field(default_factory=dict)
    _at: float = 0.0
    _lasts: float = 0.04
    _still_at: float = -math.inf

    def take(self, frame: Any) -> None:
        """Look at the next frame of a stretch."""
        at = frame.time
        if at is None:
            return
        if self._chain is None or not self._chain.fits(frame):
            self.rest()
            self._chain = Chain(frame, _filters(frame))
        elif at > self._at:
            self._lasts = at - self._at
        self.frames += 1
        self.damaged += frame.is_corrupt
        self._at = at
        self.seconds += self._lasts
        for measured in self._chain.push(frame):
            self._read(measured.metadata)
        if at >= self._still_at + _STILLS_EACH_S and len(self.blur) + len(self.blocks) < 2 * _MOST_STILLS:
            self._still_at = at
            self._look_closely(frame)

    def rest(self) -> None:
        """The stretch is over; the next frame is from elsewhere."""
        if self._chain is None:
            return
        for measured in self._chain.push(None):
            self._read(measured.metadata)
        self.black.end(self._at + self._lasts)
        self.frozen.end(self._at + self._lasts)
        for name, count in self._last.items():
            self.fields[name] = self.fields.get(name, 0.0) + count
        self._chain, self._last, self._still_at = None, {}, -math.inf

    def _read(self, told: Any) -> None:
        for name in ("tff", "bff", "progressive"):
            if (count := told.get(f"lavfi.idet.multiple.{name}")) is not None:
                self._last[name] = float(count)
        for spans, start, end in (
            (self.black, "lavfi.black_start", "lavfi.black_end"),
            (self.frozen, "lavfi.freezedetect.freeze_start", "lavfi.freezedetect.freeze_end"),
        ):
            if (begin := told.get(start)) is not None:
                spans.begin(float(begin))
            if (over := told.get(end)) is not None:
                spans.end(float(over))

    def _look_closely(self, frame: Any) -> None:
        gray = frame.reformat(format="gray")
        pixels = gray.to_ndarray()
        if pixels.mean() >= _BAR_LEVEL:  # black moments tell nothing of edges and bars
            self._measure_edges(gray)
            self._measure_bars(pixels)

    def _measure_edges(self, gray: Any) -> None:
        for measured in Chain(gray, _EDGES).push(gray):
            for name, kept in (("lavfi.blur", self.blur), ("lavfi.block", self.blocks)):
                value = float(measured.metadata.get(name, "nan"))
                if math.isfinite(value):
                    kept.append(value)

    def _measure_bars(self, pixels: ndarray[Any, Any]) -> None:
        import numpy

        rows, columns = pixels.mean(axis=1), pixels.mean(axis=0)
        if self._rows is None or self._columns is None:
            self._rows, self._columns = rows, columns
        elif rows.shape == self._rows.shape and columns.shape == self._columns.shape:
            self._rows, self._columns = numpy.maximum(rows, self._rows), numpy.maximum(columns, self._columns)

    @property
    def bars(self) -> Bars | None:
        """The bars around the picture; None when no picture was light enough to tell."""
        if self._rows is None or self._columns is None:
            return None
        (top, bottom), (left, right) = _dark_ends(self._rows), _dark_ends(self._columns)
        return Bars(top, bottom, left, right, len(self._columns), len(self._rows))

    @property
    def interlaced(self) -> float | None:
        """The share of frames that are two fields of different moments; None when too few frames tell."""
        counts = [self.fields.get(name, 0.0) for name in ("tff", "bff", "progressive")]
        first, second = max(counts[:2]), min(counts[:2])
        if sum(counts) < 10:
            return None
        return first / sum(counts) if first >= _ONE_PARITY * second else 0.0

    def typical(self, values: list[float]) -> float | None:
        """The median; None without values."""
        return statistics.median(values) if values else None


def _filters(frame: Any) -> list[tuple[str, str]]:
    width = min(_WIDTH, frame.width)
    height = max(round(frame.height * width / frame.width / 2) * 2, 2)
    return [
        ("scale", f"w={width}:h={frame.height}:flags=area"),
        ("format", "pix_fmts=yuv420p"),
        ("idet", ""),
        ("scale", f"w={width}:h={height}:flags=area"),
        ("blackdetect", f"d={BLACK_S}"),
        ("freezedetect", f"n=0.001:d={FREEZE_S}"),
    ]


def _dark_ends(levels: ndarray[Any, Any]) -> tuple[int, int]:
    light = (levels >= _BAR_LEVEL).nonzero()[0]
    return (int(light[0]), len(levels) - 1 - int(light[-1])) if len(light) else (0, 0)
