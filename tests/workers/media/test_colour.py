"""Colours as screens show them."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageCms

from workers.media.colour import plain, smooth
from workers.media.pictures import save, thumbnail
from workers.media.shapes import Shape


def wide_profile() -> bytes:
    """A profile with primaries that are sRGB's in another order: red is shown as green. Nobody could miss it."""
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    table = range(132, 132 + 12 * int.from_bytes(data[128:132], "big"), 12)
    tags = {bytes(data[at : at + 4]): at for at in table}
    red, green = tags[b"rXYZ"], tags[b"gXYZ"]
    data[red : red + 4], data[green : green + 4] = b"gXYZ", b"rXYZ"
    return bytes(data)


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_a_profile_is_heeded_in_every_format(tmp_path: Path, format: str) -> None:
    path = tmp_path / "profiled"
    Image.new("RGB", (64, 64), (250, 10, 10)).save(path, format, icc_profile=wide_profile(), quality=95)
    red, green, _ = thumbnail(path, Shape.within(32)).getpixel((9, 9))  # type: ignore[misc]
    assert green > 200 > 60 > red


@pytest.mark.parametrize(("mode", "key", "colour"), [("RGB", (9, 8, 7), (250, 10, 10)), ("L", 9, 200), ("1", 0, 1)])
@pytest.mark.parametrize("size", [40, 400])
def test_a_colour_that_stands_for_transparency_stays_clear(
    tmp_path: Path, mode: str, key: Any, colour: Any, size: int
) -> None:
    picture = Image.new(mode, (100, 80), key)
    picture.paste(colour, (0, 0, 50, 80))
    picture.save(tmp_path / "a.png", transparency=key)
    made = thumbnail(tmp_path / "a.png", Shape.within(size))
    assert made.mode == "RGBA"
    assert made.getpixel((made.width // 4, 9))[3] == 255  # type: ignore[index]
    assert made.getpixel((made.width * 3 // 4, 9))[3] == 0  # type: ignore[index]
    save(made, tmp_path / "a.webp", format="webp", quality=80)
    with Image.open(tmp_path / "a.webp") as kept:
        assert kept.convert("RGBA").getpixel((made.width * 3 // 4, 9))[3] == 0  # type: ignore[index]


def test_a_profile_leaves_transparency_alone() -> None:
    image = Image.new("RGBA", (8, 8), (250, 10, 10, 77))
    image.info["icc_profile"] = wide_profile()
    made = plain(image)
    assert made.mode == "RGBA"
    assert made.getpixel((1, 1))[3] == 77  # type: ignore[index]
    assert not made.info


_PROFILES = {"none": b"", "a letter": b"x", "zeros": b"\0" * 200, "cut": wide_profile()[:150]}


@pytest.mark.parametrize("profile", _PROFILES.values(), ids=_PROFILES)
def test_a_damaged_profile_is_as_good_as_none(profile: bytes) -> None:
    image = Image.new("RGB", (8, 8), (250, 10, 10))
    image.info["icc_profile"] = profile
    assert plain(image).getpixel((1, 1)) == (250, 10, 10)


def test_dark_16_bit_grey_stays_dark(tmp_path: Path) -> None:
    Image.new("I;16", (40, 40), 200).save(tmp_path / "dark.png")
    assert thumbnail(tmp_path / "dark.png", Shape.within(20)).getpixel((5, 5)) == (0, 0, 0)


@pytest.mark.parametrize("mode", ["P", "1"])
def test_palettes_and_bitmaps_are_reduced_smoothly(tmp_path: Path, mode: str) -> None:
    image = Image.new("L", (200, 200))
    for at in range(0, 200, 2):
        image.paste(255, (at, 0, at + 1, 200))
    image.convert(mode).save(tmp_path / "lines.png")
    made = thumbnail(tmp_path / "lines.png", Shape.within(50)).convert("L")
    assert 100 < made.getpixel((25, 25)) < 155  # type: ignore[operator]


def test_palettes_keep_their_transparency() -> None:
    image = Image.new("RGBA", (64, 64), (255, 0, 0, 255))
    image.paste((0, 0, 0, 0), (0, 0, 32, 64))
    data = io.BytesIO()
    image.convert("P").save(data, "PNG", transparency=image.convert("P").getpixel((0, 0)))
    with Image.open(data) as opened:
        assert smooth(opened).getpixel((0, 0))[3] == 0  # type: ignore[index]
