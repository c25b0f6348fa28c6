"""Joining files that are alike by copying their packets, one after the other, without gaps."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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
    end, told = begin, 0
    with open_input(part.found.path) as container, translated(part.found.path):
        by_index: Mapping[int, Lane] = dict(zip((shape.index for shape in part.shapes), lanes, strict=True))
        packets: Any = container.demux([container.streams[index] for index in by_index])
        for packet in packets:
            if not packet.size:
                continue
            kind, lane = packet.stream.type, by_index[packet.stream_index]
            span = _moved(packet, lane, begin, part.found)
            # Encoders put some silence before the beginning: only the first file keeps it.
            if span is None or (kind == "audio" and not first and span[1] <= begin):
                continue
            lane.put(packet)
            if kind in ("video", "audio"):
                end = max(end, span[1])
            told += packet.size
            if told > 500_000:
                told = 0
                on_progress(float(end))
    return end


def _moved(packet: Any, lane: Lane, begin: Fraction, found: Layout) -> tuple[Fraction, Fraction] | None:
    """Give `packet` its times in the joined file; when it is shown, from and to. None without any times."""
    base = Fraction(packet.time_base)
    at = packet.pts if packet.pts is not None else packet.dts
    if at is None:
        return None
    lasts = (packet.duration or 0) * base
    if not lasts and packet.stream.type == "video":
        lasts = Fraction(found.frame_s).limit_denominator(100_000)
    shift = begin - found.start
    shown = at * base + shift
    packet.pts = round(shown / lane.base)
    packet.dts = None if packet.dts is None else round((packet.dts * base + shift) / lane.base)
    packet.duration = round(lasts / lane.base)
    return shown, shown + lasts
