"""Where a film can be cut near wished times, told by the packets around them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from workers.errors import ErrorClass, JobFailed
from workers.media.av import open_input, translated
from workers.media.cutplan import Ending, Frame, beginnings, endings
from workers.media.layout import Layout

_AROUND = 64  # packets read behind a wished end: more than any codec shows out of order


@dataclass(frozen=True, slots=True)
class Places:
    """Where a film can be cut near the wished times, all in ticks of `base`."""

    base: Fraction
    before: int | None  # the key frame at or before the wished beginning
    after: int | None  # and the first one behind it
    endings: tuple[Ending, ...]
    last: int | None  # the end of the film, when the endings reach it


def places(found: Layout, start: Fraction, end: Fraction | None) -> Places:
    """Where the film can be cut near `start` and `end` (seconds of the file's own times; no end: its last frame)."""
    assert found.film is not None
    with open_input(found.path) as container, translated(found.path):
        stream: Any = container.streams[found.film]
        base = Fraction(stream.time_base)
        wish = ticks(start, base)
        first, _ = _frames_around(container, stream, wish, until_key=True)
        before, after = beginnings(first, wish + slack(found, base))
        if end is None:
            return Places(base, before, after, (), None)
        frames, last = _frames_around(container, stream, ticks(end, base), until_key=False)
        return Places(base, before, after, endings(frames, last), last)


def ticks(time: Fraction, base: Fraction) -> int:
    """Seconds as ticks of `base`."""
    return round(time / base)


def slack(found: Layout, base: Fraction) -> int:
    """Half a frame in ticks: times that are nearer than that mean the same frame."""
    return round(Fraction(found.frame_s).limit_denominator(100_000) / 2 / base)


def _frames_around(container: Any, stream: Any, wish: int, *, until_key: bool) -> tuple[list[Frame], int | None]:
    """The packets from the last key frame at or before `wish` on, and the film's end when they reach it.

    They go on to the first key frame behind (`until_key`), else some packets further.
    """
    back = round(1 / Fraction(stream.time_base))
    for reach in (0, 10, 60, None):
        seek(container, stream, None if reach is None else wish - reach * back)
        frames, last = _read_frames(container, stream, wish, until_key=until_key)
        if reach is None or any(frame.key and frame.pts <= wish for frame in frames):
            break  # some demuxers seek too far
    keys = [n for n, frame in enumerate(frames) if frame.key and frame.pts <= wish]
    return frames[keys[-1] if keys else 0 :], last


def seek(container: Any, stream: Any, at: int | None) -> None:
    """Go to the last key frame at or before `at` (ticks of `stream`), or to the beginning."""
    import av

    try:
        container.seek(stream.start_time or 0 if at is None else at, stream=stream, backward=True)
    except av.error.FFmpegError:
        container.seek(container.start_time or 0, backward=True)


def packets_from(container: Any, stream: Any, key: int) -> Iterator[Any]:
    """The packets of `stream` from its key frame shown at `key` on; none when it is not found."""
    second = round(1 / Fraction(stream.time_base))
    for reach in (0, 2, 10, None):
        seek(container, stream, None if reach is None else key - reach * second)
        packets = (packet for packet in container.demux(stream) if packet.size)
        for packet in packets:
            if packet.is_keyframe and packet.pts == key:
                yield packet
                yield from packets
                return
            if packet.pts is not None and packet.pts > key + second:
                break  # some demuxers seek too far


def _read_frames(container: Any, stream: Any, wish: int, *, until_key: bool) -> tuple[list[Frame], int | None]:
    frames: list[Frame] = []
    behind, end = 0, 0
    for packet in container.demux(stream):
        if not packet.size:
            continue
        pts = packet.pts if packet.pts is not None else packet.dts
        if pts is None:
            raise JobFailed(ErrorClass.UNSUPPORTED, "its packets have no times, so it cannot be cut by copying")
        frames.append(Frame(pts, packet.is_keyframe))
        end = max(end, pts + (packet.duration or 0))
        behind += pts > wish
        if packet.is_keyframe and pts > wish if until_key else behind > _AROUND:
            return frames, None
    return frames, end
