"""Exif blocks: the directories of a small TIFF file that cameras put into their pictures. Pure.

Read here because it is three times as quick as through Pillow's editable directories. The block comes from strangers:
offsets that lead outside are passed over, and no value is longer than what is left of the block.
"""

from __future__ import annotations

import struct
from typing import NamedTuple, TypeAlias

Value: TypeAlias = "int | float | str | bytes | tuple[int | float, ...]"
Directory: TypeAlias = dict[int, Value]

EXIF_IFD, GPS_IFD = 0x8769, 0x8825
# MakerNote, XMP, IPTC, Photoshop, ICC and the preview: bytes for programs, some of them large.
BINARY = frozenset({EXIF_IFD, GPS_IFD, 0xA005, 0x927C, 0x02BC, 0x83BB, 0x8649, 0x8773, 0x0201, 0x0202})
_MAX_VALUES = 65  # of one entry: longer lists are tables of the camera's, and cut
_BYTE, _ASCII, _RATIONAL, _UNDEFINED, _SRATIONAL = 1, 2, 5, 7, 10
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
_LETTERS = {3: "H", 4: "I", 5: "I", 6: "b", 8: "h", 9: "i", 10: "i", 11: "f", 12: "d", 13: "I"}


class Exif(NamedTuple):
    """The directories that tell about a picture, by tag. Texts, numbers, tuples of numbers, or bytes."""

    main: Directory
    photo: Directory
    place: Directory


def read(block: bytes) -> Exif:
    """The directories of an Exif `block`, with or without the word Exif in front. ValueError when it is none."""
    while block.startswith(b"Exif\0\0"):
        block = block[6:]
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(block[:4])
    if order is None or len(block) < 8:
        raise ValueError("no Exif block")
    main, links = _directory(block, order, struct.unpack_from(order + "I", block, 4)[0])
    photo, place = (_directory(block, order, links[tag])[0] if tag in links else {} for tag in (EXIF_IFD, GPS_IFD))
    return Exif(main, photo, place)


def _directory(block: bytes, order: str, start: int) -> tuple[Directory, dict[int, int]]:
    """The entries of the directory at `start`, and where the directories below it begin."""
    found: Directory = {}
    links: dict[int, int] = {}
    if start < 8 or start + 2 > len(block):
        return found, links
    count = struct.unpack_from(order + "H", block, start)[0]
    entries = block[start + 2 : start + 2 + 12 * count]
    for tag, kind, number, inline in struct.iter_unpack(order + "HHI4s", entries[: len(entries) // 12 * 12]):
        if tag in BINARY:
            if tag in (EXIF_IFD, GPS_IFD):
                links[tag] = struct.unpack(order + "I", inline)[0]
            continue
        size = _SIZES.get(kind, 0) * number
        if not size:
            continue
        if size > 4:
            offset = struct.unpack(order + "I", inline)[0]
            inline = block[offset : offset + size]
        if len(inline) >= size:
            found[tag] = _value(inline[:size], order, kind, min(number, _MAX_VALUES))
    return found, links


def _value(raw: bytes, order: str, kind: int, number: int) -> Value:
    if kind == _ASCII:
        return _text(raw)
    if kind in (_BYTE, _UNDEFINED):
        return raw
    pairs = kind in (_RATIONAL, _SRATIONAL)
    numbers = struct.unpack_from(f"{order}{number * 2 if pairs else number}{_LETTERS[kind]}", raw)
    if pairs:
        numbers = tuple(
            above / below if below else float("nan") for above, below in zip(numbers[::2], numbers[1::2], strict=True)
        )
    return numbers if number > 1 else numbers[0]


def _text(raw: bytes) -> str:
    raw = raw.rstrip(b"\0")
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")
