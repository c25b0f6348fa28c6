"""How far a file should reach by its own structure, against how far it does. A few reads, nothing is decoded.

Containers tell the length of their parts, so one that was cut short is known for certain, even where every player
copes with it. Lengths that mean "unknown" (a live recording) tell nothing.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

from workers.media import pictureends
from workers.media.findings import Finding
from workers.media.pictureends import Read, cut_short, no_end

_BOXES = frozenset({b"moov", b"mdat", b"moof", b"mfra", b"sidx", b"free", b"skip", b"udta", b"meta", b"uuid", b"wide"})
_OGG_PAGE = 65_307  # the largest there can be
_TAIL = 64
_EBML, _SEGMENT, _VOID = b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67", b"\xec"
_JPEG_END = b"\xff\xd9"
_STANDALONE = frozenset({0x01, *range(0xD0, 0xD9)})  # JPEG markers without a length


def check_envelope(path: Path, format: str) -> list[Finding]:
    """What the structure of a file of a known format says is missing or broken. Formats without one: nothing."""
    check = _CHECKS.get(format)
    if check is None:
        return []
    with open(path, "rb", buffering=0) as file:
        descriptor = file.fileno()
        # Not mapped: files may shrink.
        return list(check(lambda at, count: os.pread(descriptor, count, at), os.fstat(descriptor).st_size))


def _boxes(read: Read, size: int) -> Iterator[Finding]:
    """The outer boxes of MP4: each within the file, an index among them."""
    at = 0
    seen: set[bytes] = set()
    while at + 8 <= size:
        head = read(at, 16)
        length, kind = int.from_bytes(head[:4], "big"), head[4:8]
        seen.add(kind)
        if length == 1:
            length = int.from_bytes(head[8:], "big")
        if length == 0:  # to the end of the file
            break
        if length < 8 or (at + length > size and kind not in _BOXES):
            break  # something was appended that is no box; players pass over it
        if at + length > size:
            yield cut_short(size, at + length, f"part {kind.decode('ascii')}")
        at += length
    if b"moov" not in seen:
        yield Finding("no_index", "the index (moov) is missing", {"size": size})
    elif not seen & {b"mdat", b"moof"}:
        yield Finding("no_media", "there is an index but no media", {"size": size})


def _segment(read: Read, size: int) -> Iterator[Finding]:
    """The outer elements of Matroska: a header, perhaps filling, then the segment, which lies within the file."""
    at = 0
    while at < size:
        head = read(at, 16)
        skip = 1 if head[:1] == _VOID else 4
        if len(head) < 16 or not head[skip] or (skip == 4 and head[:4] not in (_EBML, _SEGMENT)):
            break
        width = 9 - head[skip].bit_length()
        unknown = (1 << 7 * width) - 1
        length = int.from_bytes(head[skip : skip + width], "big") & unknown
        if length == unknown:  # a live recording
            return
        at += skip + width + length
        if head[:4] == _SEGMENT:
            if at > size:
                yield cut_short(size, at, "segment")
            return
    yield Finding("no_media", "the segment that holds the media is missing", {"size": size})


def _riff(read: Read, size: int) -> Iterator[Finding]:
    length = int.from_bytes(read(4, 4), "little")
    # Recorders that were stopped leave 0 or the largest number; an odd last part may lack its filling byte.
    if length not in (0, 0xFFFFFFFF) and 8 + length > size + 1:
        yield cut_short(size, 8 + length, "content that the header tells")


def _last_page(read: Read, size: int) -> Iterator[Finding]:
    """The last page of Ogg, which tells its own length."""
    tail = read(max(0, size - _OGG_PAGE), _OGG_PAGE)
    at = tail.rfind(b"OggS")
    table = tail[at + 27 : at + 27 + tail[at + 26]] if 0 <= at < len(tail) - 26 else b""
    if not table or len(table) < tail[at + 26] or at + 27 + len(table) + sum(table) > len(tail):
        yield Finding("cut_short", "the last page is torn", {"size": size})


def _chunks(read: Read, size: int) -> Iterator[Finding]:
    """PNG: every chunk within the file and true to its checksum, the last one IEND."""
    at, bad, kind = 8, 0, b""
    while at + 12 <= size and kind != b"IEND":
        head = read(at, 8)
        length, kind = int.from_bytes(head[:4], "big"), head[4:]
        if at + 12 + length > size:
            break
        body = read(at + 8, length + 4)
        bad += zlib.crc32(body[:length], zlib.crc32(kind)) != int.from_bytes(body[length:], "big")
        at += 12 + length
    if bad:
        yield Finding("checksum", "checksums do not match", {"chunks": bad})
    if kind != b"IEND":
        yield no_end(size)


def _markers(read: Read, size: int) -> Iterator[Finding]:
    """JPEG: segments up to the picture, and an end marker behind it; cameras append films and further pictures."""
    at = 2
    while at + 4 <= size:
        head = read(at, 4)
        if head[0] != 0xFF:
            yield Finding("broken_header", "the header is torn between its segments", {"at": at})
            return
        if head[1] == 0xDA:
            break
        if head[1] == 0xFF:  # filling
            at += 1
        else:
            at += 2 if head[1] in _STANDALONE else 2 + int.from_bytes(head[2:], "big")
    near = max(at, size - _TAIL)
    if _JPEG_END not in read(near, _TAIL) and _JPEG_END not in read(at, max(0, size - at)):
        yield no_end(size)


def _transport(read: Read, size: int) -> Iterator[Finding]:
    """MPEG transport streams are made of packets of 188 bytes, or of 192 on discs and from cameras."""
    head = read(0, 4 + 2 * 192 + 1)
    packet = 188 if head[:377:188] == b"\x47" * 3 else 192
    if rest := size % packet:
        yield Finding("cut_short", "the last packet is torn", {"size": size, "wanted": size - rest + packet})


_CHECKS: dict[str, Callable[[Read, int], Iterator[Finding]]] = {
    "mp4": _boxes,
    "matroska": _segment,
    "wav": _riff,
    "avi": _riff,
    "WEBP": _riff,
    "ogg": _last_page,
    "PNG": _chunks,
    "JPEG": _markers,
    "GIF": pictureends.gif,
    "BMP": pictureends.bmp,
    "TIFF": pictureends.tiff,
    "JPEG2000": pictureends.jpeg_2000,
    "mpegts": _transport,
}
