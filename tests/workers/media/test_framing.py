"""Cutting the part out of a frame that fills a box."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from av.video.frame import VideoFrame
from PIL import Image, ImageChops, ImageStat

from tests.support.media import Media, ffmpeg
from workers.media.frames import grab, picture_of
from workers.media.framing import filling
from workers.media.pictures import cut
from workers.media.shapes import PRESETS, Shape


def frame_of(pixels: np.ndarray, format: str = "yuv420p") -> VideoFrame:
    frame = VideoFrame.from_ndarray(pixels, format="rgb24").reformat(format=format)
    frame.time_base = Fraction(1, 25)
    return frame


def noisy(width: int, height: int) -> np.ndarray:
    """Soft gradients, so that one pixel more or less makes no difference to speak of."""
    x, y = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
    return np.stack([x * 255, y * 255, (1 - x) * 200], axis=-1).astype(np.uint8)


def scaled_then_cut(frame: VideoFrame, shape: Shape) -> Image.Image:
    wide, high = shape.scaled(frame.width, frame.height)
    whole: Any = frame.reformat(width=wide, height=high, format="rgb24", interpolation="BICUBIC")
    return cut(whole.to_image(), shape)


@pytest.mark.parametrize("size", [(640, 360), (361, 641), (400, 400), (333, 222)])
@pytest.mark.parametrize("shape", [PRESETS["square"], PRESETS["banner"], Shape(90, 160, fill=True)])
@pytest.mark.parametrize("format", ["yuv420p", "yuv444p", "rgb24"])
def test_it_shows_what_scaling_before_cutting_shows(size: tuple[int, int], shape: Shape, format: str) -> None:
    frame = frame_of(noisy(*size), format)
    image, _ = picture_of(frame, shape)
    assert image.size == (shape.width, shape.height)
    assert max(ImageStat.Stat(ImageChops.difference(image, scaled_then_cut(frame, shape))).mean) < 3


def test_the_part_with_most_in_it_is_kept() -> None:
    pixels = np.full((200, 800, 3), 90, dtype=np.uint8)
    pixels[:, 600:] = np.random.default_rng(1).integers(0, 255, (200, 200, 3))
    shape = Shape(100, 100, fill=True, focus="entropy")
    middle, told = (picture_of(frame_of(pixels), one)[0] for one in (Shape(100, 100, fill=True), shape))
    assert ImageStat.Stat(middle.convert("L")).stddev[0] < 1
    assert ImageStat.Stat(told.convert("L")).stddev[0] > 15


def test_only_the_part_is_scaled() -> None:
    frame = frame_of(noisy(640, 360))
    part = filling(frame, PRESETS["square"], 640, 360)
    assert (part.width, part.height) == (360, 360)
    assert filling(frame, Shape.within(100), 640, 360) is frame
    assert filling(frame, Shape(320, 180, fill=True), 640, 360) is frame


def test_a_strip_becomes_no_huge_picture_on_the_way() -> None:
    frame = frame_of(noisy(8000, 16))
    part = filling(frame, PRESETS["banner"], 8000, 16)
    assert (part.width, part.height) == (64, 16)
    assert picture_of(frame, PRESETS["banner"])[0].size == (1200, 300)


def test_wide_pixels_are_cut_as_they_are_shown(tmp_path: Path) -> None:
    path = tmp_path / "anamorphic.mp4"
    ffmpeg(
        "-f", "lavfi", "-i", "testsrc2=size=160x180:duration=1,setsar=2", "-c:v", "libx264", "-pix_fmt", "yuv420p", path
    )
    shape = Shape(92, 90, fill=True)
    whole = grab(path, Shape.within(160)).image.crop((34, 0, 126, 90))
    assert max(ImageStat.Stat(ImageChops.difference(grab(path, shape).image, whole)).mean) < 4


def test_a_turned_film_is_cut_upright(media: Media) -> None:
    shape = Shape(90, 92, fill=True)
    middle = grab(media.rotated, Shape.within(160)).image.crop((0, 34, 90, 126))
    assert max(ImageStat.Stat(ImageChops.difference(grab(media.rotated, shape).image, middle)).mean) < 4
