"""How films are turned and mirrored, against what ffmpeg itself shows of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image, ImageChops

from tests.support.media import Media, ffmpeg
from workers.media import filmhash
from workers.media.av import facts
from workers.media.frames import grab
from workers.media.probe import probe
from workers.media.shapes import Shape
from workers.media.turns import mirrored, of_matrix, rotation_of

SHOWN: dict[str, tuple[tuple[str, ...], int, bool]] = {
    "flat": (("-display_rotation", "0"), 0, False),
    "hflip": (("-display_hflip",), 0, True),
    "vflip": (("-display_vflip",), 180, True),
    "half": (("-display_rotation", "180"), 180, False),
    "left": (("-display_rotation", "90"), 90, False),
    "right": (("-display_rotation", "270"), 270, False),
    "left_mirrored": (("-display_rotation", "90", "-display_hflip"), 90, True),
    "right_mirrored": (("-display_rotation", "270", "-display_hflip"), 270, True),
}


@pytest.mark.parametrize("name", SHOWN)
def test_films_are_shown_as_ffmpeg_shows_them(media: Media, tmp_path: Path, name: str) -> None:
    words, rotation, mirror = SHOWN[name]
    film, picture = tmp_path / "film.mp4", tmp_path / "film.png"
    ffmpeg(*words, "-i", media.clip, "-c", "copy", film)
    ffmpeg("-i", film, "-frames:v", "1", picture)
    found = facts(film)
    assert (found.rotation, found.mirrored) == (rotation, mirror)
    stream = probe(film, depth="decoded")["streams"][0]
    assert (stream.get("rotation", 0), stream.get("mirrored", False)) == (rotation, mirror)
    if rotation % 180 == 0:
        told = probe(film)["streams"][0]
        assert (told.get("rotation"), told.get("mirrored")) == (rotation or None, mirror or None)
    shown = grab(film, Shape.within(320), position=0).image
    with Image.open(picture) as wanted:
        assert shown.size == wanted.size
        off = ImageChops.difference(shown, wanted.convert("RGB")).getextrema()
    assert max(high for _, high in off) <= 8  # type: ignore[misc]


@pytest.mark.parametrize("name", ["hflip", "vflip", "right_mirrored"])
def test_hashes_are_of_what_is_shown(media: Media, tmp_path: Path, name: str) -> None:
    film, turned = tmp_path / "film.mp4", tmp_path / "turned.mp4"
    ffmpeg(*SHOWN[name][0], "-i", media.clip, "-c", "copy", film)
    ffmpeg("-i", film, "-c:v", "libx264", "-preset", "ultrafast", "-g", "25", turned)  # turned for good
    one, other = filmhash.fingerprint(film), filmhash.fingerprint(turned)
    assert filmhash.distance(one, other) <= 6
    assert filmhash.distance(one, filmhash.fingerprint(media.clip)) > 12


def test_a_slant_is_no_quarter(media: Media, tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    ffmpeg("-display_rotation", "45", "-i", media.clip, "-c", "copy", film)
    assert (facts(film).rotation, facts(film).mirrored) == (0, False)
    for depth in ("headers", "decoded"):
        assert probe(film, depth=depth)["streams"][0]["rotation"] == 45


@pytest.mark.parametrize("matrix", [(0,) * 9, (65536, 0, 0, 0, 0, 0, 0, 0, 1 << 30)])
def test_a_matrix_of_nothing_turns_nothing(matrix: tuple[int, ...]) -> None:
    assert of_matrix(matrix) == 1
    assert (rotation_of(1), mirrored(1)) == (0, False)
