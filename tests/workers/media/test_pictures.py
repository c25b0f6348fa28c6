"""Pillow with limits."""

from __future__ import annotations

import io
import resource
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageCms

from tests.support import disguised
from tests.support.media import Media
from workers.errors import ErrorClass, JobFailed
from workers.media.damage import examine
from workers.media.pictures import check, save, thumbnail
from workers.media.shapes import Shape


def test_the_bombs_of_these_tests_are_real(tmp_path: Path) -> None:
    (tmp_path / "bomb.png").write_bytes(disguised.bomb(9_001, 3_003))
    with Image.open(tmp_path / "bomb.png") as image:
        assert image.size == (9_001, 3_003) and image.getextrema() == (0, 0)


@pytest.mark.parametrize("side", [12_000, 50_000])
def test_image_bombs_are_refused_before_they_unfold(tmp_path: Path, side: int) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    words = f"bomb.png has {side * side // 1_000_000:,} million pixels, the limit is 128 million"
    (tmp_path / "bomb.png").write_bytes(disguised.bomb(side, side))
    with pytest.raises(JobFailed, match=words) as caught:
        thumbnail(tmp_path / "bomb.png", Shape.within(100))
    assert caught.value.failure.error_class is ErrorClass.UNSUPPORTED, "it may be sound"
    with pytest.raises(JobFailed, match=words):
        examine(tmp_path / "bomb.png", "full")  # and is not called damaged
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 120_000  # KiB


def test_orientation_is_applied(media: Media) -> None:
    image = thumbnail(media.turned_picture, Shape.within(100))
    assert image.size == (50, 100)
    red, _, blue = image.getpixel((25, 10))  # type: ignore[misc]
    assert red > 200 > 60 > blue  # what was left is on top


@pytest.mark.parametrize("focus", ["centre", "entropy"])
@pytest.mark.parametrize(
    ("size", "shape"), [((1, 2000), (1200, 300)), ((30_000, 3), (400, 400)), ((2000, 1), (99, 999))]
)
def test_a_strip_fills_a_box_in_little_memory(
    tmp_path: Path, size: tuple[int, int], shape: tuple[int, int], focus: Any
) -> None:
    strip = Image.new("RGB", size, "red")
    strip.paste("blue", (size[0] // 2 - size[0] // 4, 0, size[0] // 2 + size[0] // 4 + 1, size[1]))
    if size[0] < size[1]:
        strip.paste("blue", (0, size[1] // 2 - 9, 1, size[1] // 2 + 9))
    strip.save(tmp_path / "strip.png")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    made = thumbnail(tmp_path / "strip.png", Shape(*shape, fill=True, focus=focus))
    assert made.size == shape
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 120_000  # KiB
    if focus == "centre":
        assert made.getpixel((shape[0] // 2, shape[1] // 2)) == (0, 0, 255)


def test_the_part_of_a_strip_is_where_most_is_to_see(tmp_path: Path) -> None:
    strip = Image.new("L", (20_000, 4), 30)
    strip.paste(Image.effect_noise((1000, 4), 90), (19_000, 0))
    strip.save(tmp_path / "strip.png")
    found: dict[str, Any] = {
        focus: thumbnail(tmp_path / "strip.png", Shape(400, 400, fill=True, focus=focus)).convert("L").getextrema()
        for focus in ("centre", "entropy")
    }
    assert found["centre"] == (30, 30)
    assert found["entropy"][1] > 100


def test_small_pictures_are_not_enlarged(tmp_path: Path) -> None:
    Image.new("RGB", (20, 10)).save(tmp_path / "small.png")
    assert thumbnail(tmp_path / "small.png", Shape.within(100)).size == (20, 10)


@pytest.mark.parametrize(
    ("mode", "colour", "format", "expected"),
    [
        ("CMYK", (0, 255, 255, 0), "JPEG", (255, 0, 0)),
        ("L", 100, "PNG", (100, 100, 100)),
        ("I;16", 32768, "PNG", (127, 127, 127)),
        ("1", 1, "PNG", (255, 255, 255)),
        ("P", 0, "GIF", (0, 0, 0)),
    ],
)
def test_modes_become_rgb(tmp_path: Path, mode: str, colour: object, format: str, expected: tuple[int, ...]) -> None:
    path = tmp_path / "picture"
    Image.new(mode, (64, 64), colour).save(path, format)  # type: ignore[arg-type]
    image = thumbnail(path, Shape.within(32)).convert("RGB")
    assert all(abs(a - b) < 4 for a, b in zip(image.getpixel((9, 9)), expected, strict=True))  # type: ignore[arg-type]


def test_profiles_are_brought_to_srgb_and_dropped(tmp_path: Path) -> None:
    path = tmp_path / "lab.tif"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
    lab = ImageCms.profileToProfile(
        Image.new("RGB", (32, 32), (200, 40, 40)), ImageCms.createProfile("sRGB"), profile, outputMode="LAB"
    )
    assert lab is not None
    lab.save(path, icc_profile=profile.tobytes())
    image = thumbnail(path, Shape.within(16))
    red, green, _ = image.getpixel((8, 8))  # type: ignore[misc]
    assert abs(red - 200) < 12
    assert abs(green - 40) < 12
    assert not image.info


@pytest.mark.parametrize("format", ["jpeg", "webp", "avif"])
def test_saved_pictures_hold_no_metadata(media: Media, tmp_path: Path, format: str) -> None:
    path = tmp_path / "out"
    save(thumbnail(media.turned_picture, Shape.within(100)), path, format=format, quality=80)  # type: ignore[arg-type]
    assert check(path) == (50, 100)
    with Image.open(path) as image:
        assert image.format == format.upper()
        assert not image.getexif()
        assert "icc_profile" not in image.info or not image.info["icc_profile"]


def test_transparent_parts_are_white_in_jpeg(tmp_path: Path) -> None:
    Image.new("RGBA", (16, 16), (255, 0, 0, 0)).save(tmp_path / "clear.png")
    save(thumbnail(tmp_path / "clear.png", Shape.within(16)), tmp_path / "out.jpg", format="jpeg", quality=90)
    with Image.open(tmp_path / "out.jpg") as image:
        assert min(image.getpixel((8, 8))) > 250  # type: ignore[arg-type]


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "GIF", "TIFF"])
def test_cut_pictures_are_bad_input(tmp_path: Path, format: str) -> None:
    data = io.BytesIO()
    Image.effect_noise((200, 200), 60).convert("RGB").save(data, format)
    path = tmp_path / "cut"
    path.write_bytes(data.getvalue()[: len(data.getvalue()) // 3])
    with pytest.raises(JobFailed) as caught:
        thumbnail(path, Shape.within(64))
    assert caught.value.failure.error_class is ErrorClass.BAD_INPUT


def test_formats_that_run_programs_are_not_read(tmp_path: Path) -> None:
    path = tmp_path / "script.jpg"
    path.write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\nshowpage\n")
    with pytest.raises(JobFailed) as caught:
        thumbnail(path, Shape.within(64))
    assert caught.value.failure.error_class is ErrorClass.UNSUPPORTED
