"""Holes in JPEGs: long runs of zeros where the coded picture lies, which decode to something but never were coded so.

A hole that is filled with zeros often decodes without a complaint. No coder writes such runs, unless the code of only
zero bits is the one for "nothing more here", as in flat pictures with tables of their own.
"""

from __future__ import annotations

from collections.abc import Iterator

_RUN = bytes(512)
_START_OF_SCAN, _TABLES = 0xDA, 0xC4
_BARE = frozenset({0x01, 0xFF, *range(0xD0, 0xD9)})  # markers without a length, and filling


def has_hole(data: bytes) -> bool:
    """Whether the coded picture of the JPEG `data` has a run of zeros that no coder wrote."""
    if _RUN not in data:
        return False
    flat: dict[int, bool] = {}  # by the kind and number of a table: whether it writes flat parts as zeros
    for marker, body, end in _segments(data):
        if marker == _TABLES:
            flat |= _zeros_of(body)
        elif marker == _START_OF_SCAN:
            stop = _end_of_scan(data, end)
            if data.find(_RUN, end, stop) >= 0 and not _may_be_zeros(body, flat):
                return True
    return False


def _end_of_scan(data: bytes, at: int) -> int:
    """Where the coded data that begin at `at` give way to a marker."""
    while True:
        at = data.find(b"\xff", at)
        if at < 0 or at + 1 >= len(data):
            return len(data)
        if data[at + 1] and not 0xD0 <= data[at + 1] <= 0xD7:
            return at
        at += 2


def _may_be_zeros(scan: bytes, flat: dict[int, bool]) -> bool:
    """Whether flat parts of the picture are zeros in all that this scan codes, by its header."""
    count = scan[0] if scan else 0
    if len(scan) < 4 + 2 * count:
        return True
    first, last, bits = scan[1 + 2 * count : 4 + 2 * count]
    if not last and bits >> 4:  # one more bit of each block, as it is
        return True
    tables: list[int] = []
    for number in scan[2 : 2 + 2 * count : 2]:
        tables += [number >> 4] if not first else []
        tables += [0x10 | number & 0x0F] if last else []
    return all(flat.get(table, True) for table in tables)


def _segments(data: bytes) -> Iterator[tuple[int, bytes, int]]:
    """Marker, content and end of each segment, also of those between the scans, up to the end of the picture."""
    at = 2
    while at + 4 <= len(data):
        if data[at] != 0xFF:
            at = _end_of_scan(data, at)
            continue
        marker = data[at + 1]
        if marker == 0xD9:
            return
        if marker in _BARE or marker == 0:
            at += 1 if marker == 0xFF else 2
            continue
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        yield marker, data[at + 4 : end], end
        at = end


def _zeros_of(tables: bytes) -> dict[int, bool]:
    """Of each table: whether its code of only zero bits says that nothing changes, or that nothing more comes."""
    found: dict[int, bool] = {}
    at = 0
    while at + 17 < len(tables):
        kind, first = tables[at], tables[at + 17]  # the symbol of the shortest code, which is all zeros
        found[kind] = not first & 0x0F
        at += 17 + sum(tables[at + 1 : at + 17])
    return found
