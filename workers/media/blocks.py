"""What hangs on a picture beside its pixels: Exif, colour profile, XMP, a comment, the resolution.

Exif blocks are edited in place, byte for byte: writing them anew would tear the offsets inside of makers' notes.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PIL.Image import Image

# What Pillow raises about blocks that are torn.
DAMAGE = (ValueError, TypeError, KeyError, IndexError, SyntaxError, OSError, struct.error, ArithmeticError)
_PREFIX = b"Exif\0\0"
_ORIENTATION = 0x0112
_EXIF_IFD, _GPS_IFD = 0x8769, 0x8825
_TAKEN, _CHANGED = 0x9003, 0x0132
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8}
_MAX_ENTRIES = 1000
_XMP_TURN = re.compile(rb'(tiff:Orientation(?:="|>))[2-8]')
# What a TIFF says of the picture and not of its own strips, and so may go into other formats.
TELLING = (0x010D, 0x010E, 0x010F, 0x0110, 0x0131, 0x0132, 0x013B, 0x013C, 0x8298)


@dataclass(frozen=True, slots=True)
class Blocks:
    """The blocks of one picture; empty where it has none. `exif` is a small TIFF, without the word Exif in front."""

    exif: bytes = b""
    icc: bytes = b""
    xmp: bytes = b""
    comment: bytes = b""
    dpi: tuple[float, float] | None = None

    def upright(self) -> Blocks:
        """The same for pixels that have been turned: nothing says any more that they are to be."""
        exif, xmp = _turned_exif(self.exif), _XMP_TURN.sub(rb"\g<1>1", self.xmp)
        return replace(self, exif=exif, xmp=xmp)

    def without_turn(self) -> Blocks:
        """The same without an entry for the orientation in Exif, as AVIF has it: there the container tells."""
        return replace(self, exif=_without_entry(self.exif, _ORIENTATION))

    def without_place(self) -> Blocks:
        """The same without where the picture was taken, and without XMP.

        XMP names places in many ways (coordinates, a city, a location shown): a list of them would miss some.
        """
        return replace(self, exif=_without_gps(self.exif), xmp=b"")

    def stripped(self) -> Blocks:
        """The colour profile and the resolution alone: what the picture looks like depends on them."""
        return Blocks(icc=self.icc, dpi=self.dpi)

    @property
    def taken(self) -> str:
        """When the picture was taken, as YYYY-MM-DD; empty when Exif does not tell."""
        texts = {tag: _text(self.exif, at, size) for tag, at, size in _dates(self.exif)}
        for tag in (_TAKEN, _CHANGED):
            match = re.match(r"(\d{4})[:-](\d\d)[:-](\d\d)", texts.get(tag, ""))
            if match and match[1] != "0000":
                return "-".join(match.groups())
        return ""


def turn_of(image: Image) -> int:
    """How the open picture is to be turned, as Exif or XMP say: 1 to 8, 1 for not at all."""
    try:
        turn = int(image.getexif().get(_ORIENTATION, 1))
    except DAMAGE:
        return 1
    return turn if 1 <= turn <= 8 else 1


def take(image: Image) -> Blocks:
    """The blocks of an open picture. What is damaged counts as missing."""
    info = image.info
    return Blocks(
        exif=_exif_of(image),
        icc=_bytes(info.get("icc_profile")),
        xmp=_bytes(info.get("xmp") or info.get("XML:com.adobe.xmp")),
        comment=_bytes(info.get("comment") or info.get("Comment")),
        dpi=_resolution(info.get("dpi")),
    )


def _bytes(value: Any) -> bytes:
    if isinstance(value, tuple) and value:
        value = value[0]
    return value.encode("utf-8", "replace") if isinstance(value, str) else bytes(value or b"")


def _resolution(value: Any) -> tuple[float, float] | None:
    try:
        across, down = float(value[0]), float(value[1])
    except (TypeError, ValueError, IndexError, ArithmeticError):
        return None
    return (across, down) if 1 <= across <= 65_535 and 1 <= down <= 65_535 else None


def _exif_of(image: Image) -> bytes:
    block = image.info.get("exif")
    if isinstance(block, bytes):
        return block.removeprefix(_PREFIX)
    if image.format != "TIFF":
        return b""
    from PIL import Image as Pillow

    try:
        kept, made = image.getexif(), Pillow.Exif()
        made.update({tag: kept[tag] for tag in TELLING if tag in kept})
        for number in (_EXIF_IFD, _GPS_IFD):
            if inner := kept.get_ifd(number):
                made.get_ifd(number).update(inner)
        return made.tobytes().removeprefix(_PREFIX) if made or made._ifds else b""
    except DAMAGE:
        return b""


# --- Exif, in place ---------------------------------------------------------------------------------------------


def _order(block: bytes) -> str:
    return {b"II*\0": "<", b"MM\0*": ">"}.get(block[:4], "")


def _entries(block: bytes, start: int) -> Iterator[tuple[int, int, int]]:
    """The entries of the directory at `start`: tag, where the entry lies, and how many bytes its value takes."""
    order = _order(block)
    if not order or not 8 <= start <= len(block) - 2:
        return
    (number,) = struct.unpack_from(order + "H", block, start)
    for at in range(start + 2, start + 2 + 12 * min(number, _MAX_ENTRIES), 12):
        if at + 12 > len(block):
            return
        tag, kind, count = struct.unpack_from(order + "HHI", block, at)
        yield tag, at, _SIZES.get(kind, 1) * count


def _first(block: bytes) -> int:
    return int(struct.unpack_from(_order(block) + "I", block, 4)[0]) if _order(block) and len(block) >= 8 else 0


def _first_entries(block: bytes) -> Iterator[tuple[int, int, int]]:
    return _entries(block, _first(block))


def _pointed(block: bytes, at: int) -> int:
    return int(struct.unpack_from(_order(block) + "I", block, at + 8)[0])


def _dates(block: bytes) -> Iterator[tuple[int, int, int]]:
    for tag, at, size in _first_entries(block):
        if tag == _CHANGED:
            yield tag, at, size
        elif tag == _EXIF_IFD:
            yield from (entry for entry in _entries(block, _pointed(block, at)) if entry[0] == _TAKEN)


def _text(block: bytes, at: int, size: int) -> str:
    start = at + 8 if size <= 4 else _pointed(block, at)
    return block[start : start + min(size, 64)].decode("ascii", "replace").strip("\0 ")


def _turned_exif(block: bytes) -> bytes:
    made = bytearray(block)
    for tag, at, size in _first_entries(block):
        if tag == _ORIENTATION and size == 2:
            struct.pack_into(_order(block) + "H", made, at + 8, 1)
    return bytes(made)


def _without_gps(block: bytes) -> bytes:
    """`block` without its GPS directory: the values are overwritten, and the entry that led there is taken out."""
    made = bytearray(block)
    for tag, at, _ in list(_first_entries(block)):
        if tag != _GPS_IFD:
            continue
        place = _pointed(block, at)
        for _, inner, size in _entries(block, place):
            if size > 4:
                value = _pointed(block, inner)
                made[value : value + size] = bytes(len(made[value : value + size]))
            made[inner : inner + 12] = bytes(12)
        if 8 <= place <= len(made) - 2:
            made[place : place + 2] = bytes(2)
    return _without_entry(bytes(made), _GPS_IFD)


def _without_entry(block: bytes, wanted: int) -> bytes:
    """`block` without the entry `wanted` of its first directory: those behind it move up, their values stay."""
    made, order, first = bytearray(block), _order(block), _first(block)
    for tag, at, _ in list(_first_entries(block)):
        (number,) = struct.unpack_from(order + "H", block, first)
        end = first + 2 + 12 * number + 4  # with the offset of the next directory
        if tag == wanted and end <= len(block):
            made[at:end] = block[at + 12 : end] + bytes(12)
            struct.pack_into(order + "H", made, first, number - 1)
            break
    return bytes(made)
