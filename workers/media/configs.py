"""What a codec's own configuration record says: profile, level, chroma, bit depth and colours. Pure.

The records (avcC, hvcC, av1C, AudioSpecificConfig …) stand in the header of the container, so that reading them
decodes nothing. They come from strangers: whatever is cut or makes no sense gives fewer facts, never an error.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

Facts: TypeAlias = dict[str, Any]

_MAX_RECORD = 4096  # bytes that are looked at; parameter sets take a few dozen
_CHROMA = ("gray", "yuv420p", "yuv422p", "yuv444p")
_H264_WITH_CHROMA = frozenset({100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135})
_HEVC_PROFILES = {1: "Main", 2: "Main 10", 3: "Main Still Picture", 4: "Rext", 9: "Scc"}
_AAC_PROFILES = {
    1: "Main",
    2: "LC",
    3: "SSR",
    4: "LTP",
    5: "HE-AAC",
    23: "LD",
    29: "HE-AACv2",
    39: "ELD",
    42: "xHE-AAC",
}


def config_facts(codec: str, record: bytes | None, profile: str = "") -> Facts:
    """What the configuration `record` of a stream of `codec` tells.

    Of a picture: `pix_fmt` (named as FFmpeg does), `bit_depth`, `profile`, `level` (as FFmpeg counts it) and, as codes
    of ITU-T H.273, `full_range` `primaries` `transfer` `matrix`. Of a sound: `profile`, `bit_depth`. VP9 has no record;
    its `profile` says the same. Facts that are not told are not there.
    """
    reader = _READERS.get(codec)
    if reader is None or not (record or codec == "vp9"):
        return {}
    try:
        return reader((record or b"")[:_MAX_RECORD], profile)
    except (IndexError, ValueError):
        return {}


class _Bits:
    """Bits of a byte string from the highest on; IndexError behind the end."""

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data, "big")
        self._left = len(data) * 8

    def take(self, count: int) -> int:
        """The next `count` bits as a number."""
        self._left -= count
        if self._left < 0:
            raise IndexError("the record ends early")
        return (self._value >> self._left) & ((1 << count) - 1)

    def golomb(self) -> int:
        """A number in exponential Golomb code, unsigned."""
        zeros = 0
        while not self.take(1):
            zeros += 1
            if zeros > 32:
                raise ValueError("no Golomb code")
        return (1 << zeros) - 1 + self.take(zeros)

    def skip_golombs(self, count: int) -> None:
        """Pass over so many of them."""
        for _ in range(count):
            self.golomb()


def _unescaped(unit: bytes) -> bytes:
    """A unit without the bytes that keep start codes out of it."""
    return unit.replace(b"\0\0\x03", b"\0\0")


def _picture(chroma: int, depth: int) -> Facts:
    if chroma > 3 or not 8 <= depth <= 16:
        return {}
    name = _CHROMA[chroma]
    if depth > 8:
        name = (name if chroma else "gray") + f"{depth}le"
    return {"pix_fmt": name, "bit_depth": depth}


def _colours(bits: _Bits) -> Facts:
    """The start of the usability information (VUI), which H.264 and H.265 share."""
    if bits.take(1) and bits.take(8) == 255:  # aspect ratio, of which 255 is one in figures
        bits.take(32)
    if bits.take(1):
        bits.take(1)  # overscan
    if not bits.take(1):
        return {}
    bits.take(3)
    facts: Facts = {"full_range": bool(bits.take(1))}
    if bits.take(1):
        facts |= {"primaries": bits.take(8), "transfer": bits.take(8), "matrix": bits.take(8)}
    return facts


# --- H.264 ------------------------------------------------------------------------------------------------------


def _h264(record: bytes, _profile: str) -> Facts:
    if record[0] == 1:  # avcC; else units with start codes
        size = int.from_bytes(record[6:8], "big")
        unit = record[8 : 8 + size]
    else:
        start = record.index(b"\0\0\1")
        while record[start + 3] & 0x1F != 7:
            start = record.index(b"\0\0\1", start + 3)
        unit = record[start + 3 :]
    return _h264_parameters(_Bits(_unescaped(unit)[1:]))


def _h264_parameters(bits: _Bits) -> Facts:
    profile, _, level = bits.take(8), bits.take(8), bits.take(8)
    facts: Facts = {"level": level}
    bits.golomb()
    chroma, depth = 1, 8
    if profile in _H264_WITH_CHROMA:
        chroma = bits.golomb()
        if chroma == 3:
            bits.take(1)
        depth = bits.golomb() + 8
        bits.golomb()
        bits.take(1)
        if bits.take(1):
            return facts | _picture(chroma, depth)  # scaling lists: rare, and what follows is not worth them
    facts |= _picture(chroma, depth)
    bits.golomb()
    order = bits.golomb()
    if order == 0:
        bits.golomb()
    elif order == 1:
        bits.take(1)
        bits.skip_golombs(2)
        bits.skip_golombs(min(bits.golomb(), 255))
    return facts | _h264_tail(bits)


def _h264_tail(bits: _Bits) -> Facts:
    bits.golomb()
    bits.take(1)
    bits.skip_golombs(2)  # width and height
    if not bits.take(1):  # not frames only
        bits.take(1)
    bits.take(1)
    if bits.take(1):
        bits.skip_golombs(4)  # cropping
    return _colours(bits) if bits.take(1) else {}


# --- H.265 ------------------------------------------------------------------------------------------------------


def _hevc(record: bytes, _profile: str) -> Facts:
    if record[0] != 1 or len(record) < 23:
        return {}
    facts: Facts = {"level": record[12], **_picture(record[16] & 3, (record[17] & 7) + 8)}
    if name := _HEVC_PROFILES.get(record[1] & 31):
        facts["profile"] = name
    unit = _hevc_unit(record, 33)
    if unit:
        try:
            facts |= _hevc_colours(_Bits(_unescaped(unit)[2:]))
        except (IndexError, ValueError):
            pass  # the rest still holds
    return facts


def _hevc_unit(record: bytes, wanted: int) -> bytes:
    """The first unit of the type `wanted` in an hvcC record."""
    at = 23
    for _ in range(record[22]):
        kind, count = record[at] & 63, int.from_bytes(record[at + 1 : at + 3], "big")
        at += 3
        for _ in range(count):
            size = int.from_bytes(record[at : at + 2], "big")
            if kind == wanted:
                return record[at + 2 : at + 2 + size]
            at += 2 + size
    return b""


def _hevc_colours(bits: _Bits) -> Facts:
    bits.take(4)
    layers = bits.take(3)  # less one
    bits.take(1 + 96)
    present = [(bits.take(1), bits.take(1)) for _ in range(layers)]
    if layers:
        bits.take(2 * (8 - layers))
    for profile, level in present:
        bits.take(88 * profile + 8 * level)
    bits.golomb()
    if bits.golomb() == 3:
        bits.take(1)
    bits.skip_golombs(2)
    if bits.take(1):
        bits.skip_golombs(4)
    bits.skip_golombs(2)
    order = bits.golomb() + 4
    bits.skip_golombs(3 * (layers + 1 if bits.take(1) else 1))
    bits.skip_golombs(6)
    if bits.take(1) and bits.take(1):
        return {}  # scaling lists, as above
    bits.take(2)
    if bits.take(1):
        bits.take(8)
        bits.skip_golombs(2)
        bits.take(1)
    _skip_reference_sets(bits)
    if bits.take(1):
        for _ in range(min(bits.golomb(), 32)):
            bits.take(order + 1)
    bits.take(2)
    return _colours(bits) if bits.take(1) else {}


def _skip_reference_sets(bits: _Bits) -> None:
    """Pass over the short-term reference picture sets; each may be told by its difference from the one before."""
    entries = 0
    for number in range(min(bits.golomb(), 64)):
        if number and bits.take(1):
            bits.take(1)
            bits.golomb()
            entries = sum(1 for _ in range(entries + 1) if bits.take(1) or bits.take(1))
            continue
        entries = bits.golomb() + bits.golomb()
        if entries > 32:
            raise ValueError("too many reference pictures")
        for _ in range(entries):
            bits.golomb()
            bits.take(1)


# --- others -----------------------------------------------------------------------------------------------------


def _av1(record: bytes, _profile: str) -> Facts:
    if record[0] != 0x81:
        return {}
    flags = record[2]
    depth = (12 if flags & 0x20 else 10) if flags & 0x40 else 8
    chroma = 0 if flags & 0x10 else 3 - (flags >> 3 & 1) - (flags >> 2 & 1)
    return {"level": record[1] & 31, **_picture(chroma, depth)}


def _vp9(_record: bytes, profile: str) -> Facts:
    # Profiles 1 and 3 leave the chroma open, 2 and 3 the depth: the first frame tells.
    return _picture(1, 8) if profile == "Profile 0" else {}


def _aac(record: bytes, _profile: str) -> Facts:
    bits = _Bits(record)
    kind = bits.take(5)
    if kind == 31:
        kind = 32 + bits.take(6)
    return {"profile": _AAC_PROFILES[kind]} if kind in _AAC_PROFILES else {}


def _flac(record: bytes, _profile: str) -> Facts:
    return {"bit_depth": (int.from_bytes(record[12:14], "big") >> 4 & 31) + 1} if len(record) >= 34 else {}


def _alac(record: bytes, _profile: str) -> Facts:
    return {"bit_depth": record[17]} if record[4:8] == b"alac" and len(record) >= 36 else {}


_READERS: dict[str, Callable[[bytes, str], Facts]] = {
    "h264": _h264,
    "hevc": _hevc,
    "av1": _av1,
    "vp9": _vp9,
    "aac": _aac,
    "flac": _flac,
    "alac": _alac,
}
