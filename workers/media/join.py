"""Joining files that are alike by copying their packets, one after the other, without gaps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

from workers.media.alike import Part
from workers.media.av import open_input, translated
from workers.media.cut import add_extras
from workers.media.ffmetadata import Chapter
from workers.media.layout import Layout
from workers.media.muxing import Lane, in_millis, pictures, writing


def join(
    parts: Sequence[Part],
    target: Path,
    *,
    muxer: str,
    chapters: Sequence[Chapter] = (),
    on_progress: Callable[[float], None] = lambda seconds: None,
) -> list[float]:
    """Copy all `parts` into `target`; where each begins, and the end of the last, in seconds.

    Streams follow each other by their places; tags, languages, covers and attached files are those of the first.
    `on_progress` gets seconds written. JobFailed: bad_input, unsupported (the container cannot hold it), disk.
    """
    first = parts[0]
    covers = pictures(first.found.path) if first.found.covers else {}
    with open_input(first.found.path) as opened, writing(target, muxer, source=first.found.path) as output:
        output.metadata.update(opened.metadata)
        output.set_chapters(in_millis(chapters))
        lanes = [Lane(output, opened.streams[shape.index], first.found.path) for shape in first.shapes]
        add_extras(opened, output, first.found, covers)
        begins = [Fraction(0)]
        for number, part in enumerate(parts):
            begins.append(_append(part, lanes, begins[-1], number == 0, on_progress))
        for lane in lanes:
            lane.finish()
    return [float(time) for time in begins]


def _append(
    part: Part, lanes: Sequence[Lane], begin: Fraction, first: bool, on_progress: Callable[[float], None]
) -> Fraction:
    """Write the packets of `part` so that its beginning comes at `begin`; its end, in seconds."""
    told = 0
    with open_input(part.found.path) as container, translated(part.found.path):
        streams = [container.streams[shape.index] for shape in part.shapes]
        moves = {
            stream.index: _Move(stream, lane, begin, part.found) for stream, lane in zip(streams, lanes, strict=True)
        }
        packets: Any = container.demux(streams)
        for packet in packets:
            if not packet.size:
                continue
            move = moves[packet.stream_index]
            # Encoders put some silence before the beginning: only the first file keeps it.
            if not move.move(packet) or (not first and move.kind == "audio" and move.until <= move.begin):
                continue
            move.lane.put(packet)
            told += packet.size
            if told > 500_000:
                told = 0
                on_progress(float(move.until * move.lane.base))
    return max((move.end * move.lane.base for move in moves.values() if move.kind in ("video", "audio")), default=begin)


class _Move:
    """The way of one stream's packets into its lane. All figures are in ticks of the lane."""

    def __init__(self, stream: Any, lane: Lane, begin: Fraction, found: Layout) -> None:
        self.lane, self.kind = lane, stream.type
        self.begin = round(begin / lane.base)
        self.end = self.begin  # of the latest packet
        self.until = self.begin  # of the last one that was moved
        self._scale = Fraction(stream.time_base) / lane.base
        self._same = self._scale == 1
        self._shift = round((begin - found.start) / lane.base)
        frame_s = Fraction(found.frame_s).limit_denominator(100_000) if stream.type == "video" else 0
        self._usual = round(frame_s / lane.base)  # how long packets last that do not tell

    def move(self, packet: Any) -> bool:
        """Give `packet` its times in the joined file; false when it has none."""
        pts, dts, lasts = packet.pts, packet.dts, packet.duration or 0
        at = pts if pts is not None else dts
        if at is None:
            return False
        if not self._same:
            at, lasts = round(at * self._scale), round(lasts * self._scale)
            dts = None if dts is None else round(dts * self._scale)
        lasts = lasts or self._usual
        packet.pts = at + self._shift
        packet.dts = None if dts is None else dts + self._shift
        packet.duration = lasts
        self.until = at + self._shift + lasts
        self.end = max(self.end, self.until)
        return True
