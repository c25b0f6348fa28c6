"""Bits a channel: how many a picture is stored with, which modes of Pillow do not tell, and planes of 16 of them."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PIL.Image import Image

_BITS, _PLANAR = 258, 284  # tags of TIFF
_HEAD = 1 << 16
_RAW = re.compile(r";(1|2|4|16)(?![0-9])")
_MODES = {"1": 1, "I": 32, "F": 32, "I;16": 16, "I;16L": 16, "I;16B": 16, "I;16N": 16}


def stored_bits(image: Image) -> int | None:
    """Bits of each channel of an open picture that is not loaded yet (the most, where they differ); None if unknown.

    Of JPEG 2000 and AVIF the head of the file is read again, where it has a name.
    """
    if image.format == "TIFF":
        tags: Any = getattr(image, "tag_v2", {})
        return max(tags.get(_BITS, (1,)), default=1)
    if image.format in ("JPEG2000", "AVIF"):
        head = _head(image)
        return (_of_jpeg_2000 if image.format == "JPEG2000" else _of_avif)(head)
    tiles: list[Any] = getattr(image, "tile", [])
    for tile in tiles[:1]:
        raw = tile[3] if isinstance(tile[3], str) else (tile[3] or ("",))[0]
        if told := _RAW.search(str(raw)):
            return int(told[1])
        if raw == "1":
            return 1
    return _MODES.get(image.mode, 8)


def _head(image: Image) -> bytes:
    name = getattr(image, "filename", "") or getattr(getattr(image, "fp", None), "name", "")
    if not isinstance(name, str | bytes | os.PathLike) or not name:
        return b""
    try:
        with open(name, "rb") as file:
            return file.read(_HEAD)
    except OSError:
        return b""


def _of_jpeg_2000(head: bytes) -> int | None:
    at = head.find(b"\xff\x4f\xff\x51")  # the start of the codestream, and its sizes
    end = at + 40 + 2 + 3 * int.from_bytes(head[at + 40 : at + 42], "big")
    depths = head[at + 42 : end : 3]
    return max((depth & 0x7F) + 1 for depth in depths) if at >= 0 and depths else None


def _of_avif(head: bytes) -> int | None:
    at = head.find(b"av1C")
    if at < 0 or at + 7 > len(head):
        return None
    high, twelve = head[at + 6] & 0x40, head[at + 6] & 0x20
    return 12 if high and twelve else 10 if high else 8


def mend_planes(image: Image) -> None:
    """Let Pillow read planes of 16 bits that lie one behind the other in an open TIFF: it takes them for 8 bits."""
    if image.format != "TIFF":
        return
    tags: Any = getattr(image, "tag_v2", {})
    if tags.get(_PLANAR, 1) != 2 or set(tags.get(_BITS, ())) != {16} or image.mode not in ("RGB", "RGBA"):
        return
    order = "L" if tags.prefix == b"II" else "B"
    tiles: list[Any] = getattr(image, "tile", [])
    image.tile = [  # type: ignore[attr-defined]
        tile._replace(args=(f"{tile.args[0]};16{order}", *tile.args[1:]))
        if tile.codec_name == "raw" and tile.args[0] in tuple("RGBA")
        else tile
        for tile in tiles
    ]
