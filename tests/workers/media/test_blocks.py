"""Exif edited in place."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tests.support import pictures
from workers.media.blocks import Blocks, take


def reread(block: bytes) -> Image.Exif:
    found = Image.Exif()
    found.load(b"Exif\0\0" + block)
    return found


def block(**values: object) -> bytes:
    return pictures.exif(**values).tobytes().removeprefix(b"Exif\0\0")  # type: ignore[arg-type]


def test_upright_changes_one_value_and_no_other_byte() -> None:
    before = block(turn=6)
    after = Blocks(exif=before, xmp=pictures.XMP).upright()
    assert reread(after.exif)[0x0112] == 1
    assert len(after.exif) == len(before)
    assert sum(a != b for a, b in zip(before, after.exif, strict=True)) == 1
    assert b'tiff:Orientation="1"' in after.xmp


def test_without_the_place_no_byte_of_it_is_left() -> None:
    before = Blocks(exif=block(turn=6), xmp=b"<a exif:GPSLatitude='1'/>")
    after = before.without_place()
    assert 0x8825 in reread(before.exif)
    assert after.xmp == b""
    found = reread(after.exif)
    assert 0x8825 not in found
    assert (found[0x010F], found[0x0112]) == ("Maker", 6)
    assert found.get_ifd(0x8769)[0x927C] == b"notes" * 20
    seconds = b"\0\0\0\x97\0\0\0\x01"  # 151 degrees, as a fraction
    assert seconds in before.exif
    assert seconds not in after.exif


def test_without_turn_the_entry_is_gone() -> None:
    found = reread(Blocks(exif=block(turn=8)).without_turn().exif)
    assert 0x0112 not in found
    assert found.get_ifd(0x8825)[1] == "S"


def test_when_it_was_taken() -> None:
    assert Blocks(exif=block()).taken == "2024-05-06"
    assert Blocks().taken == ""


@given(st.binary(max_size=80), st.integers(0, 200))
def test_torn_blocks_break_nothing(tail: bytes, cut: int) -> None:
    for torn in (block(turn=6)[:cut] + tail, b"II*\0\x08\0\0\0" + tail, tail):
        made = Blocks(exif=torn)
        assert len(made.upright().without_place().without_turn().exif) == len(torn)
        assert isinstance(made.taken, str)


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "AVIF"])
def test_the_same_block_from_every_format(format: str) -> None:
    out = io.BytesIO()
    pictures.halves().save(out, format, exif=pictures.exif(), icc_profile=pictures.srgb())
    with Image.open(out) as image:
        hung = take(image)
    assert hung.exif == block()
    assert hung.icc == pictures.srgb()
