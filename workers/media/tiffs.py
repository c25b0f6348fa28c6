"""What Pillow's writer of TIFF cannot do: 16 bits in several channels, and Exif beside compression."""

from __future__ import annotations

import contextlib
import struct
import zlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from workers.media.blocks import DAMAGE, TELLING, Blocks
from workers.media.deep import Deep

if TYPE_CHECKING:
    from PIL.Image import Image

_INNER = (0x8769, 0x8825)  # directories that a tag of the first one leads to: Exif, GPS
_STRIP_BYTES = 1 << 20


def told_tags(block: bytes) -> dict[int, str]:
    """The texts of the first directory of an Exif block that a TIFF may take over as its own."""
    found = _exif(block)
    return {tag: found[tag] for tag in TELLING if isinstance(found.get(tag), str)}


def _exif(block: bytes) -> Any:
    from PIL import Image as Pillow

    exif = Pillow.Exif()
    if block:
        with contextlib.suppress(*DAMAGE):
            exif.load(b"Exif\0\0" + block)
    return exif


def with_directories(data: bytes, block: bytes) -> bytes:
    """The TIFF `data` (little-endian) with the directories of Exif and GPS of `block` at its end.

    The first directory moves there too, as it grows; all values that it points to stay where they are.
    """
    exif = _exif(block)
    made = bytearray(data)
    places: dict[int, int] = {}
    for tag in _INNER:
        with contextlib.suppress(*DAMAGE):
            if inner := exif.get_ifd(tag):
                start = len(made) + len(made) % 2
                table = _directory(inner).tobytes(start)
                made += bytes(start - len(made)) + table
                places[tag] = start
    if not places:
        return data
    if data[:4] != b"II*\0":
        raise ValueError("the TIFF is not little-endian")
    (first,) = struct.unpack_from("<I", data, 4)
    (number,) = struct.unpack_from("<H", data, first)
    entries = [data[at : at + 12] for at in range(first + 2, first + 2 + 12 * number, 12)]
    entries += [struct.pack("<HHII", tag, 4, 1, place) for tag, place in places.items()]
    entries.sort(key=lambda entry: int.from_bytes(entry[:2], "little"))
    made += bytes(len(made) % 2)
    struct.pack_into("<I", made, 4, len(made))
    return bytes(made + struct.pack("<H", len(entries)) + b"".join(entries) + bytes(4))


def _directory(values: Mapping[int, Any]) -> Any:
    from PIL.TiffImagePlugin import ImageFileDirectory_v2

    directory = ImageFileDirectory_v2(prefix=b"II")
    for key, value in values.items():
        if not isinstance(value, dict):
            directory[key] = value
    return directory


def encoded_deep(picture: Deep, blocks: Blocks) -> bytes:
    """`picture` as TIFF of 16 bits a channel, deflated with differences from pixel to pixel."""
    import numpy as np

    if len(picture.planes) == 2:  # grey with alpha, which few readers know
        grey, alpha = picture.planes
        picture = Deep((grey, grey, grey, alpha))
    pixels = picture.array()
    height, width, channels = pixels.shape
    steps = pixels.copy()
    steps[:, 1:] = pixels[:, 1:] - pixels[:, :-1]  # around the corner where it is below zero, as the format wants
    rows = max(1, _STRIP_BYTES // (width * channels * 2))
    little = np.ascontiguousarray(steps.astype("<u2"))
    strips = [zlib.compress(little[at : at + rows].tobytes(), 6) for at in range(0, height, rows)]
    values: dict[int, Any] = {**told_tags(blocks.exif)}
    values |= {256: width, 257: height, 258: (16,) * channels, 259: 8, 262: 2 if channels > 2 else 1}
    values |= {277: channels, 278: rows, 279: tuple(map(len, strips)), 284: 1, 317: 2, 339: (1,) * channels}
    if picture.has_alpha:
        values[338] = (2,)
    if blocks.dpi:
        values |= {282: blocks.dpi[0], 283: blocks.dpi[1], 296: 2}
    if blocks.icc:
        values[34675] = blocks.icc
    if blocks.xmp:
        values[700] = blocks.xmp
    directory = _directory(values)
    directory[273] = (0,) * len(strips)  # of the right length; the places follow
    start = 8 + len(directory.tobytes(8))
    places = [start + sum(map(len, strips[:number])) for number in range(len(strips))]
    head = b"II*\0" + struct.pack("<I", 8) + _placed(directory.tobytes(8), places)
    return with_directories(head + b"".join(strips), blocks.exif)


def _placed(table: bytes, places: list[int]) -> bytes:
    """The directory that begins at byte 8 of the file, with the places of the strips written into it."""
    made = bytearray(table)
    (number,) = struct.unpack_from("<H", table, 0)
    for at in range(2, 2 + 12 * number, 12):
        tag, _, count, pointer = struct.unpack_from("<HHII", table, at)
        if tag == 273:
            struct.pack_into("<HHI", made, at, tag, 4, count)
            struct.pack_into(f"<{count}I", made, at + 8 if count == 1 else pointer - 8, *places)
    return bytes(made)


def save(image: Image, path: Any, blocks: Blocks, *, compression: str) -> None:
    """Write `image` as TIFF to a file object, without the inner directories of Exif."""

    tags = _directory(told_tags(blocks.exif))
    if blocks.xmp:
        tags[700] = blocks.xmp
    words: dict[str, Any] = {"icc_profile": blocks.icc} if blocks.icc else {}
    if blocks.dpi:
        words["dpi"] = blocks.dpi
    image.save(path, "TIFF", compression=compression, tiffinfo=tags, **words)
