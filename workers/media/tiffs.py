"""What Pillow's writer of TIFF cannot do: 16 bits in several channels, and Exif beside compression."""

from __future__ import annotations

import contextlib
import struct
import zlib
from typing import TYPE_CHECKING, Any

from workers.media.blocks import DAMAGE, Blocks
from workers.media.deep import Deep

if TYPE_CHECKING:
    from PIL.Image import Image

_INNER = (0x8769, 0x8825)  # directories that a tag of the first one leads to: Exif, GPS
_OWN = frozenset({0x0112, 0x011A, 0x011B, 0x0128, 0x0201, 0x0202, 0x02BC, 0x8773, *range(0x0100, 0x010D)})
_STRIP_BYTES = 1 << 20


def told_tags(block: bytes) -> dict[int, Any]:
    """The texts and numbers of the first directory of an Exif block that a TIFF may take over as its own."""
    return {tag: value for tag, value in _exif(block).items() if tag not in _OWN and tag not in _INNER}


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
    from PIL.TiffImagePlugin import ImageFileDirectory_v2

    exif = _exif(block)
    made = bytearray(data)
    places: dict[int, int] = {}
    for tag in _INNER:
        if inner := exif.get_ifd(tag):
            made += bytes(len(made) % 2)
            directory = ImageFileDirectory_v2(prefix=b"II")
            for key, value in inner.items():
                if not isinstance(value, dict):
                    directory[key] = value
            places[tag] = len(made)
            made += directory.tobytes(len(made))
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


def encoded_deep(picture: Deep, blocks: Blocks) -> bytes:
    """`picture` as TIFF of 16 bits a channel, deflated with differences from pixel to pixel."""
    import numpy as np
    from PIL.TiffImagePlugin import ImageFileDirectory_v2

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
    directory = ImageFileDirectory_v2(prefix=b"II")
    values: dict[int, Any] = told_tags(blocks.exif)
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
    for tag, value in values.items():
        directory[tag] = value
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
    from PIL.TiffImagePlugin import ImageFileDirectory_v2

    tags = ImageFileDirectory_v2(prefix=b"II")
    for tag, value in told_tags(blocks.exif).items():
        tags[tag] = value
    if blocks.xmp:
        tags[700] = blocks.xmp
    words: dict[str, Any] = {"icc_profile": blocks.icc} if blocks.icc else {}
    if blocks.dpi:
        words["dpi"] = blocks.dpi
    image.save(path, "TIFF", compression=compression, tiffinfo=tags, **words)
