"""A damaged film or sound file copied, packet by packet, into a new file of its format: what can be read, in order.

That gives it a new index, a true duration and times that rise. What is torn or cannot be read is left out and counted;
nothing is encoded, so damage inside pictures stays.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workers.errors import ErrorClass, JobFailed
from workers.media.av import codec_name, is_cover, open_input, translated
from workers.media.containers import NAMES, container_like, muxer_options
from workers.media.fates import is_chapter_track
from workers.media.names import path_to_key
from workers.text import clean

_PULSE_PACKETS = 500
_MOST_ERRORS = 1000  # in a row; then nothing more comes


@dataclass(slots=True)
class Copied:
    """What a copy took over: packets of all streams, and what it had to leave or mend."""

    read: int = 0
    written: int = 0
    torn: int = 0
    refused: int = 0
    moved: int = 0  # packets whose times were missing or did not rise
    left_out: list[str] = field(default_factory=list)  # streams that the container cannot hold
    empty: list[str] = field(default_factory=list)  # streams of picture or sound without a packet

    def told(self) -> dict[str, Any]:
        """The counts as JSON."""
        return {
            "packets_read": self.read,
            "packets_written": self.written,
            "packets_torn": self.torn,
            "packets_refused": self.refused,
            "times_mended": self.moved,
            "streams_left_out": list(self.left_out),
        }


def extension_for(path: Path, format: str) -> str | None:
    """The extension of a repaired `path`, whose demuxer is `format`; None for formats that are not repaired."""
    home = container_like(path, format, whole=True)
    return home[1] if home is not None else None


def copy_readable(
    source: Path, format: str, target: Path, *, pulse: Callable[[float], None] = lambda share: None
) -> Copied:
    """Copy what can be read of `source` into `target`, whose name ends as `extension_for` says.

    JobFailed: bad_input (nothing can be read), unsupported (no stream can be held), disk.
    """
    import av

    copied = Copied()
    extension = target.suffix.lstrip(".")
    muxer = NAMES[format][extension]
    options = {"protocol_whitelist": "file", **muxer_options(muxer, extension)}
    with open_input(source, format=format) as opened, translated(source):
        container: Any = opened
        container.flags |= av.container.Flags.gen_pts.value
        with av.open(f"file:{os.path.abspath(target)}", "w", format=muxer, container_options=options) as output:
            output.metadata.update(container.metadata)
            chapters = container.chapters()
            output.set_chapters(chapters)
            streams = _streams(container, output, copied, source)
            size = max(container.size, 1)
            for number, packet in enumerate(_readable(container, list(streams))):
                if number % _PULSE_PACKETS == 0:
                    pulse(min((packet.pos or 0) / size, 1.0))
                _write(output, streams[packet.stream_index], packet, copied)
            copied.empty += [
                f"stream {index}"
                for index, copy in streams.items()
                if not copy.written and copy.stream.type in ("video", "audio") and not copy.cover
            ]
    copied.left_out += _lost_chapters(target, len(chapters)) if copied.written else []
    if format == "flac":
        _tell_samples(target, max(copy.lasted for copy in streams.values()))
    if not copied.written:
        message = f"nothing of {clean(source.name)} can be read"
        raise JobFailed(ErrorClass.BAD_INPUT, message, input=path_to_key(source))
    return copied


def _lost_chapters(target: Path, had: int) -> list[str]:
    """In words, the chapters that the new file cannot tell."""
    if not had:
        return []
    with open_input(target) as made, translated(target):
        lost = had - len(made.chapters())
    return [f"{lost} chapters"] if lost > 0 else []


@dataclass(slots=True)
class _Copy:
    """A stream of the new file, and the decoding time of its last packet."""

    stream: Any
    cover: bool
    last: int | None = None
    written: int = 0
    lasted: int = 0  # ticks


def _streams(container: Any, output: Any, copied: Copied, source: Path) -> dict[int, _Copy]:
    copies: dict[int, _Copy] = {}
    chapters = len(container.chapters())
    for stream in container.streams:
        if is_chapter_track(stream.type, container.format.name, stream.frames, chapters):
            continue  # made anew from the chapters
        try:
            if stream.type not in ("video", "audio", "subtitle", "attachment"):
                raise ValueError(stream.type)
            copy = output.add_stream_from_template(stream, opaque=True)
        except ValueError:
            copied.left_out.append(f"stream {stream.index} ({codec_name(stream) or stream.type})")
            continue
        copy.metadata.update(stream.metadata)
        copy.disposition = stream.disposition
        copies[stream.index] = _Copy(copy, is_cover(stream))
    if not copies:
        held = ErrorClass.UNSUPPORTED if len(container.streams) else ErrorClass.BAD_INPUT
        raise JobFailed(held, f"no stream of {clean(source.name)} can be copied", input=path_to_key(source))
    return copies


def _readable(container: Any, wanted: list[int]) -> Iterator[Any]:
    """The packets of the streams `wanted`, passing over those that cannot be read."""
    import av

    errors = 0
    while errors < _MOST_ERRORS:
        try:
            for packet in container.demux([container.streams[index] for index in wanted]):
                errors = 0
                if packet.size:
                    yield packet
            return
        except av.error.EOFError:
            return
        except (av.error.InvalidDataError, UnicodeDecodeError):
            errors += 1


def _write(output: Any, copy: _Copy, packet: Any, copied: Copied) -> None:
    import av

    copied.read += 1
    if packet.is_corrupt:
        copied.torn += 1
        return
    if not copy.cover:
        copied.moved += _mend_times(copy, packet)
    packet.stream = copy.stream
    lasts = packet.duration or 0
    try:
        output.mux(packet)
    except (av.error.InvalidDataError, av.error.ArgumentError):
        copied.refused += 1
        return
    copied.written += 1
    copy.written += 1
    copy.lasted += lasts


def _tell_samples(path: Path, samples: int) -> None:
    """Write the true number of samples into the header of a FLAC file; the checksum of the whole is unknown then."""
    with open(path, "r+b") as file:
        head = bytearray(file.read(42))
        if head[:4] == b"fLaC" and head[4] & 0x7F == 0:
            head[21] = head[21] & 0xF0 | samples >> 32 & 0x0F
            head[22:26] = (samples & 0xFFFFFFFF).to_bytes(4, "big")
            head[26:42] = bytes(16)
            file.seek(0)
            file.write(head)


def _mend_times(copy: _Copy, packet: Any) -> bool:
    """Let decoding times rise, and no picture be shown before it is decoded; whether times were wrong or missing."""
    dts, pts = packet.dts, packet.pts
    at = dts if dts is not None else pts
    floor = None if copy.last is None else copy.last + 1
    if at is None:
        at = 0 if copy.last is None else copy.last + max(packet.duration or 1, 1)
    elif floor is not None and at < floor:
        at = floor
    shown = at if pts is None or pts < at else pts
    copy.last = at
    packet.dts, packet.pts = at, shown
    return at != dts or pts not in (None, shown)
