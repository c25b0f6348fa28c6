"""Contact sheets, sprites, and the WebVTT that points into them."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote

import pytest
from PIL import ImageChops, ImageStat

from tests.support.media import Media, ffmpeg
from workers.errors import JobFailed
from workers.media import sheets
from workers.media.film import open_film
from workers.media.sheets import Cue, clock, sheet, sprite, webvtt


def alive() -> None:
    """Nothing."""


def test_a_sheet_is_a_grid(media: Media) -> None:
    with open_film(media.clip) as film:
        image, shots = sheet(film, 3, 2, tile=96, times=False, alive=alive)
        timed, _ = sheet(film, 3, 2, tile=96, times=True, alive=alive)
    assert len(shots) == 6
    assert image.size == timed.size == (3 * 100 + 4, 2 * 58 + 4)
    assert image.getpixel((1, 1)) == (24, 24, 24)
    assert ImageStat.Stat(image.crop((4, 4, 100, 58)).convert("L")).stddev[0] > 20
    left, top, right, bottom = ImageChops.difference(image, timed).getbbox() or (0, 0, 0, 0)
    assert (right, bottom) <= image.size
    assert left > 4 + 48  # the times stand in the lower right corners
    assert top > 4 + 27


def test_rows_that_stay_empty_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "two.mp4"
    ffmpeg("-f", "lavfi", "-i", "testsrc2=size=64x64:rate=2:duration=1", "-c:v", "libx264", "-pix_fmt", "yuv420p", path)
    with open_film(path) as film:
        image, shots = sheet(film, 4, 5, tile=64, times=True, alive=alive)
    assert len(shots) == 2
    assert image.size == (2 * 68 + 4, 68 + 4)


@pytest.mark.parametrize("name", ["clip", "multi", "transport", "one_key_frame"])
def test_a_sprite_covers_the_film(media: Media, name: str) -> None:
    with open_film(getattr(media, name)) as film:
        made = sprite(film, every_s=0.5, count=0, tile=64, alive=alive)
        length = film.duration_s
    assert len(made.cues) == round(length / 0.5)
    assert made.cues[0].start_s == 0
    assert made.cues[-1].end_s == pytest.approx(length)
    assert all(a.end_s == b.start_s for a, b in zip(made.cues, made.cues[1:], strict=False))
    boxes = {cue[2:] for cue in made.cues}
    assert len(boxes) == len(made.cues)
    assert all(cue.left + cue.width <= made.image.width for cue in made.cues)
    assert all(cue.top + cue.height <= made.image.height for cue in made.cues)


def test_each_part_of_a_sprite_is_of_its_own_time(tmp_path: Path) -> None:
    path = tmp_path / "grey.mp4"
    ffmpeg(
        *("-f", "lavfi", "-i", "color=black:size=64x64:rate=10:duration=8,geq=lum='16+floor(T)*25':cb=128:cr=128"),
        *("-c:v", "libx264", "-g", "80", "-pix_fmt", "yuv420p", path),
    )
    with open_film(path) as film:
        made = sprite(film, every_s=0, count=8, tile=64, alive=alive)
    shades = [
        made.image.crop((cue.left, cue.top, cue.left + 64, cue.top + 64)).convert("L").getpixel((9, 9))
        for cue in made.cues
    ]
    expected = [number * 25 * 255 / 219 for number in range(8)]
    assert all(abs(a - b) < 8 for a, b in zip(shades, expected, strict=True))  # type: ignore[operator]


def test_too_many_are_thinned(media: Media) -> None:
    with open_film(media.clip) as film:
        made = sprite(film, every_s=0.005, count=0, tile=32, alive=alive)
    assert made.thinned
    assert len(made.cues) == sheets.MAX_TILES
    assert made.cues[-1].end_s == pytest.approx(4.0, abs=0.1)


def test_too_large_is_said(media: Media, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheets, "_MAX_SIDE", 300)
    with open_film(media.clip) as film, pytest.raises(JobFailed, match="take fewer or smaller"):
        sprite(film, every_s=0, count=10, tile=64, alive=alive)


def test_words_of_a_sprite() -> None:
    cues = (
        Cue(0, 3599.9996, 0, 0, 160, 90),
        Cue(3599.9996, 3600.0004, 160, 0, 160, 90),
        Cue(3600.0004, 7325.25, 0, 90, 160, 90),
    )
    name = "a b#c%20 -->\u2028\u202eü&<>'.jpg"
    words = webvtt(cues, name, note="of it")
    assert words.startswith("WEBVTT\n\nNOTE of it\n\n")
    assert words.isascii()
    assert words.count("-->") == 2  # the cue of no length is none, and the name has no arrow any more
    assert "00:00:00.000 --> 01:00:00.000\n" in words
    assert "01:00:00.000 --> 02:02:05.250\n" in words
    addresses = re.findall(r"^(\S+)#xywh=\d+,\d+,160,90$", words, re.MULTILINE)
    assert [unquote(address) for address in addresses] == [name] * 2


def test_the_clock() -> None:
    assert [clock(at) for at in (0, 59.99, 61, 3600, 36_061)] == ["0:00", "0:59", "1:01", "1:00:00", "10:01:01"]
