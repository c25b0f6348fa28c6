"""JPEG packed tighter by mozjpeg without touching a pixel: the coefficients stay, how they are written changes."""

from __future__ import annotations

from collections.abc import Iterator

import mozjpeg_lossless_optimization as mozjpeg  # type: ignore[import-untyped]

from workers.media.apart import apart

_STANDALONE = frozenset({0x01, *range(0xD0, 0xD9)})
_SCAN, _END, _COMMENT = 0xDA, 0xD9, 0xFE
_APPS = range(0xE0, 0xF0)
_OWN = (b"JFIF\0", b"JFXX\0", b"Adobe")  # what coders write of themselves


def packed(data: bytes) -> bytes:
    """The JPEG `data` with the scans and tables that take the fewest bytes. ValueError when it cannot be read."""
    return apart(_pack, data)  # it calls exit() on coefficients out of range


def _pack(data: bytes) -> bytes:
    return bytes(mozjpeg.optimize(data, copy=mozjpeg.COPY_MARKERS.ALL))


def attached(data: bytes) -> list[bytes]:
    """The segments that people and cameras put in: Exif, XMP, profiles, IPTC, comments; whole, in order."""
    return [
        data[start:end]
        for marker, start, end in _segments(data)
        if (marker in _APPS or marker == _COMMENT) and not data[start + 4 : end].startswith(_OWN)
    ]


def with_attached(data: bytes, segments: list[bytes]) -> bytes:
    """The JPEG `data`, which has nothing attached yet, with the `segments` that `attached` gave of another."""
    at = 2
    for marker, start, end in _segments(data):
        if marker not in _APPS or not data[start + 4 : end].startswith(_OWN):
            break
        at = end
    return data[:at] + b"".join(segments) + data[at:]


def has_more(data: bytes) -> bool:
    """Whether there is more behind the picture: further pictures, a gain map, a film. Packing would lose that."""
    if any(is_index(segment) for segment in attached(data)):
        return True
    end = _end(data)
    return bool(data[end:].strip(b"\0\xff\r\n"))


def is_index(segment: bytes) -> bool:
    """Whether a segment tells where further pictures lie in the file."""
    return segment[4:8] == b"MPF\0"


def _segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Marker, start and end of each segment before the first scan; the scan's own header is the last."""
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:  # filling
            at += 1
            continue
        size = 2 if marker in _STANDALONE else 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        yield marker, at, at + size
        if marker == _SCAN:
            return
        at += size


def _end(data: bytes) -> int:
    """Where the picture ends, behind its end marker; the length of `data` when it has none."""
    at = max((end for _, _, end in _segments(data)), default=2)
    while (at := data.find(b"\xff", at)) >= 0 and at + 1 < len(data):
        marker = data[at + 1]
        if marker == _END:
            return at + 2
        if marker in (0x00, 0xFF) or marker in _STANDALONE:  # a byte of the picture, filling, a restart
            at += 1 if marker == 0xFF else 2
        else:
            at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return len(data)
