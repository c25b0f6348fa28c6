"""Perceptual hashes of pictures: near for copies, far for others, the same for turned ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.support import pictures
from tests.support.drawn import drawn
from tests.support.media import Media, cut
from workers.errors import ErrorClass, JobFailed
from workers.media import analysis, enhance, phash
from workers.media.pictures import check


def print_of(image: Image.Image, path: Path, **options: Any) -> phash.Fingerprint:
    image.save(path, **options)
    return phash.fingerprint(path)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10_000), quality=st.integers(35, 95), scale=st.floats(0.4, 1.6))
def test_copies_stay_near(tmp_path: Path, seed: int, quality: int, scale: float) -> None:
    image = drawn(seed)
    first = print_of(image, tmp_path / "a.jpg", quality=92)
    smaller = image.resize((round(640 * scale), round(480 * scale)))
    again = print_of(smaller, tmp_path / "b.jpg", quality=quality)
    assert phash.distance(first.phash, again.phash) <= 6
    assert phash.distance(first.dhash, again.dhash) <= 6


@pytest.mark.parametrize("kind", pictures.strange_exif())
@pytest.mark.parametrize("name", ["a.jpg", "a.webp"])
def test_a_strange_exif_block_stops_nothing(tmp_path: Path, name: str, kind: str) -> None:
    block = b"Exif\0\0" + pictures.strange_exif()[kind]
    plain = print_of(drawn(1), tmp_path / f"plain-{name}", quality=90)
    assert print_of(drawn(1), tmp_path / name, quality=90, exif=block) == plain
    assert analysis.analyse(tmp_path / name).width == 640
    format = {"a.jpg": "JPEG", "a.webp": "WEBP"}[name]
    steps = enhance.plan(enhance.look(tmp_path / name, format).measures, {"sharpen": "low"})
    target = tmp_path / f"made-{name}"
    enhance.enhance(tmp_path / name, target, format, steps, 1.0)
    enhance.compare(tmp_path / name, target, tmp_path / "both.jpg", format)
    assert check(target) == (640, 480)
    assert check(tmp_path / "both.jpg") == (1288, 480)


def test_other_pictures_are_far(tmp_path: Path) -> None:
    prints = [print_of(drawn(seed), tmp_path / f"{seed}.jpg").phash for seed in range(12)]
    apart = [phash.distance(one, other) for i, one in enumerate(prints) for other in prints[:i]]
    assert min(apart) > 10


def test_formats_agree(tmp_path: Path) -> None:
    first = print_of(drawn(1), tmp_path / "a.png")
    for name in ("b.webp", "b.tif", "b.bmp", "b.gif"):
        assert phash.distance(first.phash, print_of(drawn(1), tmp_path / name).phash) <= 4


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turned_picture_has_the_hash_of_the_upright_one(tmp_path: Path, orientation: int) -> None:
    from PIL import ImageOps

    exif = Image.Exif()
    exif[0x0112] = orientation
    tagged = tmp_path / "tagged.jpg"
    seen = print_of(drawn(2), tagged, exif=exif, quality=95)
    with Image.open(tagged) as image:
        upright = print_of(ImageOps.exif_transpose(image), tmp_path / "upright.jpg", quality=95)
    assert phash.distance(seen.phash, upright.phash) <= 2
    assert (seen.width, seen.height) == (upright.width, upright.height)


def test_transparency_counts_as_white(tmp_path: Path) -> None:
    image = drawn(3).convert("RGBA")
    image.paste((9, 9, 9, 0), (0, 0, 320, 480))
    white = drawn(3)
    white.paste((255, 255, 255), (0, 0, 320, 480))
    assert print_of(image, tmp_path / "a.png").phash == print_of(white, tmp_path / "b.png").phash


def test_sixteen_bits_are_not_clipped(tmp_path: Path) -> None:
    grey = drawn(4).convert("L")
    wide = grey.convert("I").point(lambda value: value * 257 + 0).convert("I;16")
    first, second = print_of(grey, tmp_path / "a.png"), print_of(wide, tmp_path / "b.png")
    assert not second.flat
    assert phash.distance(first.phash, second.phash) <= 2


def test_flat_pictures_say_so(tmp_path: Path) -> None:
    assert print_of(Image.new("RGB", (300, 200), "grey"), tmp_path / "a.jpg").flat
    assert not print_of(drawn(5), tmp_path / "b.jpg").flat


def test_facts_are_plain(tmp_path: Path) -> None:
    one = print_of(drawn(6), tmp_path / "a.jpg")
    assert one.facts() == {
        "phash": f"{one.phash:016x}",
        "dhash": f"{one.dhash:016x}",
        "route": phash.ROUTE,
        "flat": False,
    }


def test_what_cannot_be_read(tmp_path: Path, media: Media) -> None:
    bomb = Image.new("1", (20_000, 20_000))
    bomb.save(tmp_path / "bomb.png")
    (tmp_path / "text.jpg").write_text("no picture")
    cut(media.picture, tmp_path / "head.jpg", 0.02)
    drawn(7).save(tmp_path / "whole.png")
    cut(tmp_path / "whole.png", tmp_path / "half.png", 0.5)
    expected = {
        tmp_path / "bomb.png": ErrorClass.UNSUPPORTED,
        tmp_path / "text.jpg": ErrorClass.UNSUPPORTED,
        tmp_path / "head.jpg": ErrorClass.BAD_INPUT,
        tmp_path / "half.png": ErrorClass.BAD_INPUT,
        tmp_path / "missing": ErrorClass.BAD_INPUT,
        media.clip: ErrorClass.UNSUPPORTED,
    }
    for path, error_class in expected.items():
        with pytest.raises(JobFailed) as caught:
            phash.fingerprint(path)
        assert caught.value.failure.error_class is error_class, path
