"""Pictures out of films."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image, ImageChops, ImageStat

from tests.support.media import Media, cut, ffmpeg
from workers.errors import ErrorClass, JobFailed
from workers.media.frames import grab
from workers.media.shapes import Shape


def brightness(image: Image.Image) -> float:
    return float(ImageStat.Stat(image.convert("L")).mean[0])


@pytest.mark.parametrize("name", ["clip", "multi", "transport", "covered"])
def test_the_film_is_shown(media: Media, name: str) -> None:
    image = grab(getattr(media, name), Shape.within(160)).image
    assert image.size == (160, 90)
    assert ImageStat.Stat(image.convert("L")).stddev[0] > 20


def test_it_is_the_frame_that_ffmpeg_shows_upright(media: Media, tmp_path: Path) -> None:
    ffmpeg("-i", media.rotated, "-frames:v", "1", tmp_path / "reference.png")
    with Image.open(tmp_path / "reference.png") as reference:
        mine = grab(media.rotated, Shape.within(320), position=0).image
        assert mine.size == reference.size == (180, 320)
        difference = ImageChops.difference(mine, reference.convert("RGB"))
        assert max(ImageStat.Stat(difference).mean) < 3


@pytest.mark.parametrize("name", ["late_picture", "one_key_frame"])
def test_black_moments_are_passed_over(media: Media, name: str) -> None:
    assert brightness(grab(getattr(media, name), Shape.within(160), position=0.1).image) > 40


def test_a_film_that_is_black_throughout_still_gives_a_picture(tmp_path: Path) -> None:
    path = tmp_path / "black.mp4"
    ffmpeg("-f", "lavfi", "-i", "color=black:size=64x64:duration=1", "-c:v", "libx264", "-pix_fmt", "yuv420p", path)
    assert brightness(grab(path, Shape.within(64)).image) < 20


def test_wide_pixels_are_respected(tmp_path: Path) -> None:
    path = tmp_path / "anamorphic.mp4"
    ffmpeg(
        "-f", "lavfi", "-i", "testsrc2=size=160x180:duration=1,setsar=2", "-c:v", "libx264", "-pix_fmt", "yuv420p", path
    )
    assert grab(path, Shape.within(320)).image.size == (320, 180)


def test_a_song_gives_its_cover(media: Media) -> None:
    image = grab(media.song, Shape.within(100)).image
    assert image.size == (100, 50)
    red, _, blue = image.getpixel((10, 25))  # type: ignore[misc]
    assert red > 200 > 60 > blue


def test_sound_without_a_cover_is_unsupported(tmp_path: Path) -> None:
    path = tmp_path / "tone.mp3"
    ffmpeg("-f", "lavfi", "-i", "sine=duration=1", "-c:a", "libmp3lame", path)
    with pytest.raises(JobFailed) as caught:
        grab(path, Shape.within(100)).image
    assert caught.value.failure.error_class is ErrorClass.UNSUPPORTED


def test_a_cut_film_shows_what_is_there(media: Media, tmp_path: Path) -> None:
    assert grab(cut(media.clip, tmp_path / "cut.mp4"), Shape.within(160), position=0.9).image.size == (160, 90)
