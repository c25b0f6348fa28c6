"""H.264 by its NAL units: splitting, parameter sets and their ids, the configuration record of MP4. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

SLICE_IDR, SPS, PPS = 5, 7, 8
_START = re.compile(rb"\x00\x00\x01")


def kind(unit: bytes) -> int:
    """The type of a NAL unit."""
    return unit[0] & 0x1F if unit else 0


def split_by_start_codes(data: bytes) -> list[bytes]:
    """The units of a byte stream (Annex B)."""
    starts = [match.end() for match in _START.finditer(data)]
    ends = [*(start - 3 for start in starts[1:]), len(data)]
    return [data[start:end].rstrip(b"\0") for start, end in zip(starts, ends, strict=False) if end > start]


def split_by_lengths(data: bytes, size: int) -> list[bytes]:
    """The units of a sample of MP4 or Matroska, each behind its length of `size` bytes; what is torn is left out."""
    units, at = [], 0
    while at + size <= len(data):
        length = int.from_bytes(data[at : at + size], "big")
        unit = data[at + size : at + size + length]
        if not length or len(unit) < length:
            break
        units.append(unit)
        at += size + length
    return units


def with_lengths(units: Iterable[bytes]) -> bytes:
    """Units as a sample of MP4: each behind its length of four bytes."""
    return b"".join(len(unit).to_bytes(4, "big") + unit for unit in units)


def set_id(unit: bytes) -> int:
    """The id of a sequence or picture parameter set."""
    return _golomb(unit[4:12] if kind(unit) == SPS else unit[1:9])


def _golomb(data: bytes) -> int:
    bits = "".join(f"{byte:08b}" for byte in data)
    zeros = len(bits) - len(bits.lstrip("0"))
    return int(bits[zeros : 2 * zeros + 1] or "1", 2) - 1


@dataclass(frozen=True, slots=True)
class Config:
    """What a decoder must know beforehand. `length_size` is 0 for byte streams, which have start codes."""

    profile: int
    compatible: int
    level: int
    length_size: int
    sps: tuple[bytes, ...]
    pps: tuple[bytes, ...]
    rest: bytes = b""

    @property
    def ids(self) -> frozenset[int]:
        """All ids that its parameter sets use."""
        return frozenset(set_id(unit) for unit in (*self.sps, *self.pps))

    def and_also(self, others: Sequence[Config]) -> Config:
        """The configuration of a film that has parts of `others` in it."""
        merged = self
        for other in others:
            merged = replace(
                merged,
                level=max(merged.level, other.level),
                sps=merged.sps + tuple(unit for unit in other.sps if unit not in merged.sps),
                pps=merged.pps + tuple(unit for unit in other.pps if unit not in merged.pps),
            )
        return merged

    def packed(self) -> bytes:
        """The record of MP4 and Matroska (avcC)."""
        head = bytes([1, self.profile, self.compatible, self.level, 0xFC | (self.length_size - 1)])
        sets = [bytes([0xE0 | len(self.sps)]), *map(_sized, self.sps), bytes([len(self.pps)]), *map(_sized, self.pps)]
        return head + b"".join(sets) + self.rest


def _sized(unit: bytes) -> bytes:
    return len(unit).to_bytes(2, "big") + unit


def parse_config(data: bytes) -> Config | None:
    """The configuration in a stream's extradata, in either form; None when it is none."""
    if data[:1] == b"\x01":
        return _parse_record(data)
    units = split_by_start_codes(data)
    sps = tuple(unit for unit in units if kind(unit) == SPS and len(unit) > 4)
    pps = tuple(unit for unit in units if kind(unit) == PPS and len(unit) > 1)
    return Config(sps[0][1], sps[0][2], sps[0][3], 0, sps, pps) if sps and pps else None


def _parse_record(data: bytes) -> Config | None:
    if len(data) < 7:
        return None
    at, groups = 5, []
    for mask in (0x1F, 0xFF):
        units = []
        if at >= len(data):
            return None
        number = data[at] & mask
        at += 1
        for _ in range(number):
            length = int.from_bytes(data[at : at + 2], "big")
            units.append(data[at + 2 : at + 2 + length])
            at += 2 + length
        groups.append(tuple(units))
    if at > len(data) or not all(len(unit) > 4 for unit in groups[0]) or not groups[0] or not all(groups[1]):
        return None
    return Config(data[1], data[2], data[3], (data[4] & 3) + 1, groups[0], groups[1], data[at:])
