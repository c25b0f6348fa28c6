"""Ways to break a file, each told by a seed so that it can be repeated."""

from __future__ import annotations

import random
from collections.abc import Callable

Harm = Callable[[bytes, random.Random], bytes]


def truncated(data: bytes, chance: random.Random) -> bytes:
    """The first 10 to 95 % of it."""
    return data[: max(1, int(len(data) * chance.uniform(0.1, 0.95)))]


def rotten(data: bytes, chance: random.Random) -> bytes:
    """One bit in 2,000 bytes turned over (at least 20), anywhere behind the first 4 KiB (or tenth)."""
    start = min(4096, len(data) // 10)
    return _turned(data, chance, start, len(data), max(20, len(data) // 2000))


def rotten_header(data: bytes, chance: random.Random) -> bytes:
    """Sixteen bits of the first 256 bytes turned over."""
    return _turned(data, chance, 0, min(256, len(data)), 16)


def holed(data: bytes, chance: random.Random) -> bytes:
    """A twentieth of it, at least 512 bytes, set to zero, somewhere in the middle half."""
    size = max(512, len(data) // 20)
    at = chance.randrange(len(data) // 4, len(data) * 3 // 4)
    return data[:at] + bytes(min(size, len(data) - at)) + data[at + size :]


def _turned(data: bytes, chance: random.Random, start: int, stop: int, bits: int) -> bytes:
    broken = bytearray(data)
    for _ in range(bits):
        broken[chance.randrange(start, stop)] ^= 1 << chance.randrange(8)
    return bytes(broken)


HARMS: dict[str, Harm] = {
    "truncated": truncated,
    "bit rot": rotten,
    "zeroed hole": holed,
    "header rot": rotten_header,
}
