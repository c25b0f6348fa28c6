"""Everything that a picture tells of itself, as plain JSON data, by Pillow: Exif, place, IPTC, XMP, colour profile."""

from __future__ import annotations

import contextlib
import io
import math
import os
import re
import struct
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from workers.media import exif
from workers.media.bits import stored_bits
from workers.media.bounded import Bounded
from workers.media.names import path_to_key
from workers.media.pictures import guarded
from workers.media.sniff import picture_format
from workers.text import clean

if TYPE_CHECKING:
    from PIL.Image import Image

Data: TypeAlias = dict[str, Any]

_ORIENTATION = 0x0112
_MAX_XMP = 1 << 20
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # markers of frames; the others are tables
_XMP_TURN = re.compile(rb'tiff:Orientation(="|>)([0-9])')
_IPTC = {5: "title", 25: "keywords", 80: "creator", 90: "city", 95: "region", 101: "country", 105: "headline",
         116: "copyright", 120: "caption"}  # fmt: skip
_XMP_SPACES = {
    "http://purl.org/dc/elements/1.1/": ("title", "description", "creator", "subject", "rights"),
    "http://ns.adobe.com/xap/1.0/": ("Rating", "Label", "CreatorTool", "CreateDate", "ModifyDate"),
    "http://ns.adobe.com/photoshop/1.0/": ("City", "State", "Country", "Headline", "DateCreated"),
}
_DAMAGE = (
    ValueError,
    TypeError,
    SyntaxError,
    KeyError,
    IndexError,
    OSError,
    RuntimeError,
    struct.error,
    ArithmeticError,
)


def probe(path: str | os.PathLike[str], *, depth: Literal["headers", "decoded"] = "headers", format: str = "") -> Data:
    """What the picture at `path` tells; with depth "decoded" its first picture was decoded as well, and all counted.

    `width` and `height` in pixels as stored, before `orientation` (1 to 8) is applied; `gps` in decimal degrees,
    south and west negative, and metres. Parts that are damaged are left out and named in `damaged`. `format` is that
    of `sniff`, when it is known already. JobFailed bad_input, or unsupported when it is no picture.
    """
    from PIL import Image as Pillow

    name, key = clean(os.path.basename(os.fspath(path))), path_to_key(path)
    format = format or picture_format(path)
    text = Bounded()
    with guarded(name, key), Pillow.open(os.path.abspath(path), formats=(format,)) as image:
        facts: Data = {
            "kind": "image",
            "format": format,
            "size": os.path.getsize(path),
            "width": image.width,
            "height": image.height,
            "mode": image.mode,
            "bit_depth": stored_bits(image),
            "frames": _frames(image, depth),
            "dpi": text.value(image.info.get("dpi")),
            "progressive": bool(image.info.get("progressive") or image.info.get("interlace")) or None,
            "alpha": image.has_transparency_data or None,
        }
        facts |= _attached(image, text)
        if depth == "decoded":
            image.load()
            facts |= {"mode": image.mode, "decoded": True}
    known = {name: value for name, value in facts.items() if value not in (None, "", {}, [])}
    return known | {"depth": depth, "cut": text.cut}


def size_of_bytes(data: bytes, format: str) -> tuple[int, int]:
    """Width and height that the header of a picture in memory tells. JobFailed when it cannot be read."""
    if told := _told_size(data, format):
        return told
    from PIL import Image as Pillow

    with guarded("the cover", ""), Pillow.open(io.BytesIO(data), formats=(format,)) as image:
        return image.size


def _told_size(data: bytes, format: str) -> tuple[int, int] | None:
    """Width and height where a few bytes of the header have them; covers are JPEG or PNG, as good as always."""
    if format == "PNG" and data[12:16] == b"IHDR" and len(data) >= 24:
        width, height = struct.unpack_from(">II", data, 16)
        return (width, height) if width and height else None
    at = 2
    while format == "JPEG" and at + 9 <= len(data) and data[at] == 0xFF:
        if data[at + 1] in _JPEG_FRAMES:
            height, width = struct.unpack_from(">HH", data, at + 5)
            return (width, height) if width and height else None
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return None


def _frames(image: Image, depth: str) -> int | None:
    """How many pictures; counting those of a GIF or TIFF walks through the file, which is for the decoded depth."""
    if image.format in ("WEBP", "PNG", "AVIF", "MPO") or (depth == "decoded" and image.format in ("TIFF", "GIF")):
        return int(getattr(image, "n_frames", 1))
    return None


def _attached(image: Image, text: Bounded) -> Data:
    made: Data = {}
    damaged: list[str] = []

    @contextlib.contextmanager
    def part(name: str) -> Iterator[None]:
        try:
            yield
        except _DAMAGE:
            damaged.append(name)

    with part("exif"):
        found = _directories(image)
        made |= _exif(found, text)
        with part("gps"):
            made["gps"] = _place(found.place)
    with part("iptc"):
        made["iptc"] = _iptc(image, text)
    with part("xmp"):
        made["xmp"] = _xmp(image, text)
    with part("icc"):
        made["icc"] = _icc(image.info.get("icc_profile"), text)
    return made | {"damaged": damaged}


# --- Exif -------------------------------------------------------------------------------------------------------


def _directories(image: Image) -> exif.Exif:
    block = image.info.get("exif")
    if isinstance(block, bytes):
        found = exif.read(block)
    else:  # a TIFF is its own Exif block; old PNGs have one in hexadecimal
        kept = image.getexif()
        found = exif.Exif(dict(kept), kept.get_ifd(exif.EXIF_IFD), kept.get_ifd(exif.GPS_IFD))
    if _ORIENTATION not in found.main and (match := _XMP_TURN.search(_xmp_packet(image))):
        found.main[_ORIENTATION] = int(match[2])
    return found


def _exif(found: exif.Exif, text: Bounded) -> Data:
    from PIL.ExifTags import TAGS

    entries = {**found.main, **found.photo}
    turn = entries.get(_ORIENTATION)
    named = ((TAGS[tag], value) for tag, value in entries.items() if tag in TAGS and tag not in exif.BINARY)
    return {
        "exif": text.tags(named),
        "orientation": turn if isinstance(turn, int) and 1 <= turn <= 8 else None,
    }


def _place(gps: Mapping[int, Any]) -> Data:
    made: Data = {}
    latitude = _degrees(gps.get(2), gps.get(1), "S", 90)
    longitude = _degrees(gps.get(4), gps.get(3), "W", 180)
    if latitude is not None and longitude is not None:
        made |= {"latitude": latitude, "longitude": longitude}
    height = _number(gps.get(6))
    if height is not None:
        made["altitude_m"] = round(-height if gps.get(5) in (1, b"\x01") else height, 3)
    direction = _number(gps.get(17))
    if direction is not None:
        made["direction"] = round(direction, 2)
    return made


def _degrees(parts: Any, side: Any, negative: str, most: int) -> float | None:
    if not isinstance(parts, tuple | list) or not 1 <= len(parts) <= 3:
        return None
    numbers = [_number(part) for part in parts]
    if any(number is None for number in numbers):
        return None
    value: float = sum((number or 0.0) / 60**power for power, number in enumerate(numbers))
    if not 0 <= value <= most:
        return None
    word = side.decode("ascii", "replace") if isinstance(side, bytes) else str(side or "")
    return round(-value if word[:1].upper() == negative else value, 7)


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError, ArithmeticError):
        return None
    return number if math.isfinite(number) else None


# --- IPTC, XMP, ICC ---------------------------------------------------------------------------------------------


def _iptc(image: Image, text: Bounded) -> Data:
    blocks = image.info.get("photoshop")
    data = blocks.get(0x0404) if isinstance(blocks, dict) else None
    found: dict[str, list[str]] = {}
    at = 0
    while data and at + 5 <= len(data) and data[at] == 0x1C:
        length = int.from_bytes(data[at + 3 : at + 5], "big")
        if length >= 0x8000:
            break  # an extended length: nothing that people write is so long
        if data[at + 1] == 2 and data[at + 2] in _IPTC:
            value = data[at + 5 : at + 5 + length]
            found.setdefault(_IPTC[data[at + 2]], []).append(_decoded(value))
        at += 5 + length
    return text.tags((name, values if name == "keywords" else values[0]) for name, values in found.items())


def _decoded(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _xmp(image: Image, text: Bounded) -> Data:
    data = _xmp_packet(image)
    if not data:
        return {}
    data = data.strip(b"\0 \r\n\t")
    # No document type, hence no entities: they can grow without end and reach other files.
    if len(data) > _MAX_XMP or re.search(rb"<!(?!--)", data):
        raise ValueError("no plain XMP")
    from xml.etree import ElementTree

    found: list[tuple[str, Any]] = []
    for element in ElementTree.fromstring(data).iter():
        found += [(name, value) for name, value in map(_xmp_pair, element.attrib.items()) if name]
        name, _ = _xmp_pair((element.tag, ""))
        if name:
            words = [part.strip() for part in element.itertext() if part.strip()]
            found.append((name, words if name == "subject" else " ".join(words)))
    return text.tags(found)


def _xmp_packet(image: Image) -> bytes:
    packet = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp") or b""
    return packet.encode() if isinstance(packet, str) else bytes(packet)


def _xmp_pair(pair: tuple[str, str]) -> tuple[str, str]:
    space, _, name = pair[0].removeprefix("{").partition("}")
    return (name if name in _XMP_SPACES.get(space, ()) else "", pair[1])


def _icc(profile: Any, text: Bounded) -> Data:
    """Name and colour space of a profile, from its own table of tags."""
    if not isinstance(profile, bytes) or len(profile) < 132:
        return {}
    made: Data = {"space": text.text(profile[16:20].decode("ascii", "replace"), 8)}
    for number in range(min(int.from_bytes(profile[128:132], "big"), 100)):
        signature, offset, size = struct.unpack_from(">4sII", profile, 132 + 12 * number)
        if signature == b"desc":
            made["name"] = text.text(_icc_text(profile[offset : offset + min(size, 4096)]), 200)
            break
    return made


def _icc_text(data: bytes) -> str:
    if data[:4] == b"desc":
        return data[12 : 12 + int.from_bytes(data[8:12], "big")].decode("latin-1")
    if data[:4] == b"mluc" and len(data) >= 28:
        length, offset = struct.unpack_from(">II", data, 20)
        return data[offset : offset + length].decode("utf-16-be", "replace")
    return ""
