"""The reader of Exif blocks, beside Pillow's."""

from __future__ import annotations

import random
import struct

import pytest
from PIL import Image

from workers.media.exif import read


def block(*, order: str = "<") -> bytes:
    """What a camera writes: words, numbers, fractions, bytes, and the two directories below."""
    exif = Image.Exif()
    exif.endian = order
    exif[0x010F], exif[0x0112], exif[0x011A] = "Maker", 6, 72.0
    exif.get_ifd(0x8769).update({0x9003: "2024:05:06 07:08:09", 0x829A: 0.005, 0x9204: -1.5, 0x927C: b"secret" * 9})
    exif.get_ifd(0x8825).update({1: "S", 2: (33.0, 51.0, 24.0), 5: b"\x01", 6: 12.5})
    return bytes(exif.tobytes())


@pytest.mark.parametrize("order", ["<", ">"])
def test_all_kinds_of_values(order: str) -> None:
    found = read(block(order=order))
    assert found.main == {0x010F: "Maker", 0x0112: 6, 0x011A: 72.0}
    assert found.photo == {0x9003: "2024:05:06 07:08:09", 0x829A: 0.005, 0x9204: -1.5}  # and no bytes for programs
    assert found.place == {1: "S", 2: (33.0, 51.0, 24.0), 5: b"\x01", 6: 12.5}


def test_it_reads_what_pillow_reads() -> None:
    exif = Image.Exif()
    exif.load(block())
    found = read(block())
    assert {tag: exif[tag] for tag in found.main} == found.main
    assert {tag: value for tag, value in exif.get_ifd(0x8825).items() if tag in found.place} == found.place


def test_a_fraction_of_nothing_and_words_in_utf8() -> None:
    entries = struct.pack("<HHIHHII", 0x013B, 2, 6, 0x829A, 5, 1, 50)
    words = "Zoë\0".encode().ljust(6, b"\0")
    data = b"II*\0" + struct.pack("<IH", 8, 2) + entries[:8] + struct.pack("<I", 60) + entries[8:]
    data = data.ljust(50, b"\0") + struct.pack("<II", 1, 0) + b"\0\0" + words
    found = read(data)
    assert found.main[0x013B] == "Zoë"
    assert found.main[0x829A] != found.main[0x829A]


@pytest.mark.parametrize("data", [b"", b"Exif\0\0", b"II*\0", b"JUNKJUNKJUNK"])
def test_what_is_no_block(data: bytes) -> None:
    with pytest.raises(ValueError, match="no Exif"):
        read(data)


def test_damage_gives_fewer_facts_and_never_another_error() -> None:
    whole, chance = block(), random.Random(5)
    for length in range(14, len(whole)):
        read(whole[:length])
    for _ in range(2_000):
        data = bytearray(whole)
        for _ in range(3):
            data[chance.randrange(14, len(data))] = chance.randrange(256)
        found = read(bytes(data))
        assert all(len(part) < 70 for part in found)


def test_a_list_of_a_billion_numbers_is_passed_over() -> None:
    data = b"MM\0*" + struct.pack(">IHHHII", 8, 1, 0xC000, 4, 1 << 30, 8)
    assert read(data).main == {}
