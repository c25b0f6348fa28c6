"""Pictures out of films."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image, ImageChops, ImageStat

from tests.support.media import Media, cut, ffmpeg
from workers.errors import ErrorClass, JobFailed
from workers.media.frames import grab, open_film, several
from workers.media.looks import looks_of
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
        grab(path, Shape.within(100))
    assert caught.value.failure.error_class is ErrorClass.UNSUPPORTED


def test_a_cut_film_shows_what_is_there(media: Media, tmp_path: Path) -> None:
    assert grab(cut(media.clip, tmp_path / "cut.mp4"), Shape.within(160), position=0.9).image.size == (160, 90)


def test_a_sharp_key_frame_near_by_is_taken_rather_than_a_blurred_one(tmp_path: Path) -> None:
    path = tmp_path / "focus.mp4"
    source = "testsrc2=size=640x360:rate=25:duration=20"
    ffmpeg(
        *("-f", "lavfi", "-i", source, "-vf", "gblur=sigma=30:enable='lt(t,2.9)'"),
        *("-c:v", "libx264", "-preset", "ultrafast", "-g", "25", "-pix_fmt", "yuv420p", path),
    )
    shot = grab(path, Shape.within(320), position=0.1)
    assert shot.at_s is not None
    assert 2.9 <= shot.at_s <= 4.1  # the nearest that is sharp
    assert looks_of(shot.image).good


def hdr_film(path: Path, transfer: str) -> Path:
    """Grey at 58 % of the signal: white in PQ, less in others."""
    words = f"format=yuv420p10le,setparams=color_primaries=bt2020:color_trc={transfer}:colorspace=bt2020nc"
    ffmpeg(
        *("-f", "lavfi", "-i", "color=0x949494:size=128x72:rate=5:duration=1", "-vf", words),
        *("-c:v", "libx265", "-x265-params", "log-level=none", path),
    )
    return path


@pytest.mark.parametrize(("transfer", "told", "grey"), [("smpte2084", "PQ", 231), ("bt709", "", 148)])
def test_high_dynamic_range_is_tone_mapped(tmp_path: Path, transfer: str, told: str, grey: int) -> None:
    shot = grab(hdr_film(tmp_path / "film.mp4", transfer), Shape.within(64))
    assert shot.tone_mapped == told
    assert all(abs(value - grey) < 8 for value in shot.image.getpixel((30, 18)))  # type: ignore[union-attr]


def test_a_film_is_cut_to_a_box_upright(media: Media) -> None:
    assert grab(media.rotated, Shape(100, 150, fill=True)).image.size == (100, 150)
    assert grab(media.clip, Shape(640, 640, fill=True)).image.size == (640, 640)  # enlarged: it has to fill


@pytest.mark.parametrize("name", ["clip", "multi", "transport", "one_key_frame"])
def test_several_are_of_frames_in_order(media: Media, name: str) -> None:
    with open_film(getattr(media, name)) as film:
        times = [shot.at_s or 0.0 for shot in several(film, Shape.within(64), 4, alive=lambda: None)]
        length = film.duration_s
    assert len(times) == 4
    assert times == sorted(set(times))
    assert all(abs(at - (number + 0.5) * length / 4) <= length / 4 for number, at in enumerate(times))


def test_a_film_of_one_frame_gives_one_picture(tmp_path: Path) -> None:
    path = tmp_path / "one.mp4"
    ffmpeg(
        "-f", "lavfi", "-i", "testsrc2=size=64x64:rate=25:duration=0.04", "-c:v", "libx264", "-pix_fmt", "yuv420p", path
    )
    with open_film(path) as film:
        assert len(list(several(film, Shape.within(64), 9, alive=lambda: None))) == 1


def test_the_cut_film_gives_what_it_has(media: Media, tmp_path: Path) -> None:
    with open_film(cut(media.clip, tmp_path / "cut.mp4")) as film:
        shots = list(several(film, Shape.within(64), 4, alive=lambda: None))
    assert 1 <= len(shots) <= 4
