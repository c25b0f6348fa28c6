"""MP4 by its index: what a walk through all packets would tell, without making a packet of each sample.

The index tells place, size and time of every sample, so that only the bytes themselves are left to look at: those of
H.264 and HEVC are chains of units that tell their lengths, which a hole or a shift breaks.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workers.errors import ErrorClass, JobFailed
from workers.media.av import is_cover
from workers.media.names import path_to_key
from workers.text import clean

if TYPE_CHECKING:
    from av.container import InputContainer

_BLOCK = 1 << 17  # small enough to stay in the cache of the processor
_H264, _HEVC = (
    bytes(0 < head & 31 < 6 for head in range(128)),
    bytes(head >> 1 < 32 for head in range(128)),
)  # by the first byte of a unit: whether it is a part of the picture
# Where the decoder's configuration tells how many bytes a length takes. Encrypted samples have other tags.
_LENGTH_AT = {"avc1": 4, "avc3": 4, "hvc1": 21, "hev1": 21, "dvh1": 21, "dvhe": 21}


@dataclass(slots=True)
class Samples:
    """What the index tells of one stream; times in ticks of the stream."""

    inside: int = 0  # samples that lie within the file
    torn: int = 0  # of those, how many are no chain of units
    first: int = 0
    end: int = 0
    last_byte: int = 0
    configured: bool = True  # whether what the decoder is told before the first sample is whole


def tells_all(container: InputContainer) -> bool:
    """Whether the index names every sample: not where the film comes in fragments that tell their own."""
    told = 0
    for stream in container.streams:
        if is_cover(stream):
            continue
        if not stream.frames or len(stream.index_entries) != stream.frames:
            return False
        told += 1
    return bool(told)


def walk_samples(path: Path, container: InputContainer, pulse: Callable[[float], None]) -> dict[int, Samples]:
    """What the index tells of each stream of an open MP4 whose index `tells_all`, by the stream's number.

    The file is read through once; `pulse` is told the share. JobFailed(bad_input) where the system cannot read it.
    """
    with open(path, "rb", buffering=0) as file:
        window = _Window(path, file.fileno(), pulse)
        found = {stream.index: _walk(stream, window) for stream in container.streams if not is_cover(stream)}
        if not window.used:
            window.read_through()
    return found


class _Window:
    """The bytes of a file around the place that was last asked for."""

    def __init__(self, path: Path, descriptor: int, pulse: Callable[[float], None]) -> None:
        self.size = os.fstat(descriptor).st_size
        self.used = False
        self._path = path
        self._descriptor = descriptor
        self._pulse = pulse
        self._start = 0
        self._length = 0
        self._bytes = bytearray(_BLOCK)

    def number(self, at: int, width: int) -> int:
        """The unsigned number of `width` bytes at `at`."""
        here = at - self._start
        if here < 0 or here + width > self._length:
            self._fill(at)
            here = 0
        return int.from_bytes(self._bytes[here : here + width], "big")

    def read_through(self) -> None:
        """Read everything, to see that it can be read."""
        for at in range(0, self.size, _BLOCK):
            self._fill(at)

    def _fill(self, at: int) -> None:
        self.used = True
        self._pulse(min(at / self.size, 1.0))
        try:
            self._start, self._length = at, os.preadv(self._descriptor, [self._bytes], at)
        except OSError as error:
            name = clean(os.path.basename(os.fspath(self._path)))
            message = f"{name} cannot be read at byte {at}: {error.strerror}"
            raise JobFailed(ErrorClass.BAD_INPUT, message, input=path_to_key(self._path)) from error


def _walk(stream: Any, window: _Window) -> Samples:
    found, size, width = Samples(), window.size, _length_bytes(stream)
    pictures = _H264 if stream.codec_context and stream.codec_context.codec_tag.startswith("avc") else _HEVC
    if width and pictures is _H264:
        found.configured = _sets_fit(stream.codec_context.extradata)
    at = lasts = 0
    for entry in stream.index_entries:
        start, length = entry.pos, entry.size
        end = start + length
        if end > found.last_byte:
            found.last_byte = end
        if end > size:
            continue
        before, at = at, entry.timestamp
        if not found.inside:
            found.first = at
        else:
            lasts = at - before
        found.inside += 1
        if at > found.end:
            found.end = at
        if width and not _is_chain(window, start, end, width, pictures):
            found.torn += 1
    if found.inside == stream.frames:  # the last sample may last longer than the one before, and only the header tells
        found.end = max(found.first + (stream.duration or 0), found.end)
    elif found.inside:
        found.end += max(lasts, 0)
    return found


def _length_bytes(stream: Any) -> int:
    """How many bytes the length of a unit takes; 0 for streams that are not made of units."""
    context = stream.codec_context
    at = _LENGTH_AT.get(context.codec_tag, 0) if context is not None and stream.type == "video" else 0
    extradata = context.extradata if at else None
    return (extradata[at] & 3) + 1 if extradata and len(extradata) > at else 0


def _sets_fit(configuration: bytes) -> bool:
    """Whether the parameter sets of an AVC configuration lie within it."""
    at = 5
    for mask in (0x1F, 0xFF):  # sets of the sequence, then of the pictures
        count = configuration[at] & mask if at < len(configuration) else 1
        at += 1
        for _ in range(count):
            at += 2 + int.from_bytes(configuration[at : at + 2], "big")
    return at <= len(configuration)


def _is_chain(window: _Window, at: int, end: int, width: int, pictures: bytes) -> bool:
    """Whether a sample is units one after another, one of them a part of the picture. Zeros behind are filling."""
    both = width + 1
    picture = 0
    while at + both <= end:
        number = window.number(at, both)
        if number < 256:
            return bool(picture)
        if number & 0x80:  # the first bit of a unit is always 0
            return False
        picture |= pictures[number & 0x7F]
        at += width + (number >> 8)
    return at <= end and bool(picture)
