"""Measures of pictures, beside plain ones over all pixels and beside what was done to the picture."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFilter

from tests.support.drawn import drawn, mapped, noisy, textured
from tests.support.media import Media, cut
from workers.errors import ErrorClass, JobFailed
from workers.media import analysis


def measured(image: Image.Image) -> analysis.Measures:
    return analysis.of_image(image).measures


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 1000), size=st.tuples(st.integers(1, 1500), st.integers(1, 1500)))
def test_brightness_and_contrast_are_those_of_all_pixels(seed: int, size: tuple[int, int]) -> None:
    image = drawn(seed, (800, 600)).resize(size)
    level = np.asarray(image.convert("L"), np.float64)
    found = measured(image)
    assert found.brightness == pytest.approx(level.mean(), abs=1)
    assert found.contrast == pytest.approx(level.std(), abs=2.5)
    assert found.black <= found.brightness <= found.white
    assert 0 <= found.shadows + found.highlights <= 1.0001


def test_sharpness_and_noise_rank_as_over_all_pixels() -> None:
    sharp, grainy = [], []
    for seed in range(8):
        image = noisy(textured(seed).filter(ImageFilter.GaussianBlur(seed / 3)), 1.5 * ((seed * 3) % 8))
        level = np.asarray(image.convert("L"), np.float64)
        inner = level[:-2, 1:-1] + level[2:, 1:-1] + level[1:-1, :-2] + level[1:-1, 2:] - 4 * level[1:-1, 1:-1]
        rows = level[:-2] - 2 * level[1:-1] + level[2:]
        mask = np.abs(rows[:, :-2] - 2 * rows[:, 1:-1] + rows[:, 2:]).mean()
        found = measured(image)
        sharp.append((inner.var(), found.sharpness))
        grainy.append((mask * np.sqrt(np.pi / 2) / 6, found.noise))
    for pairs in (sharp, grainy):
        assert [pair[1] for pair in sorted(pairs)] == sorted(pair[1] for pair in pairs)
        assert all(ours == pytest.approx(whole, rel=0.2) for whole, ours in pairs)


@pytest.mark.parametrize("deviation", [2.0, 6.0, 15.0])
def test_noise_is_found_and_is_no_detail(deviation: float) -> None:
    smooth = mapped(drawn(1, (900, 700)).filter(ImageFilter.GaussianBlur(12)), lambda level: 60 + level / 2)
    found = measured(noisy(smooth, deviation))
    assert found.noise_floor == pytest.approx(deviation, rel=0.15)
    assert found.sharpness > 15 * deviation**2
    assert found.detail < 0.15 * found.sharpness + 10


def test_blur_takes_detail_away() -> None:
    values = [measured(textured(2).filter(ImageFilter.GaussianBlur(radius))).detail for radius in (0, 1, 2, 4)]
    assert values == sorted(values, reverse=True)
    assert values[0] > 100 * values[-1]


@pytest.mark.parametrize(
    ("gains", "word"),
    [((1.25, 1, 0.8), "red"), ((0.8, 1, 1.25), "blue"), ((0.8, 1.2, 0.8), "green"), ((1.2, 1.2, 0.7), "yellow")],
)
def test_a_cast_has_a_direction(gains: tuple[float, float, float], word: str) -> None:
    grey = drawn(3).convert("L").convert("RGB")
    plain, tinted = (
        measured(grey),
        measured(mapped(grey, *(lambda x, gain=gain: 30 + 0.6 * gain * x for gain in gains))),
    )
    assert plain.cast < 1
    assert plain.cast_towards == ""
    assert tinted.cast > 8
    assert tinted.cast_ratio > 1.2
    assert tinted.cast_towards == word


def test_one_red_thing_is_no_cast() -> None:
    image = drawn(3).convert("L").convert("RGB")
    image.paste((230, 20, 30), (100, 100, 400, 400))
    found = measured(image)
    assert found.cast > 10
    assert found.cast_ratio < 1.2


def test_histogram_and_palette() -> None:
    image = Image.new("RGB", (300, 100), (255, 0, 0))
    image.paste((0, 0, 255), (200, 0, 300, 100))
    found = analysis.of_image(image)
    assert [entry[0] for entry in found.palette[:2]] == ["#ff0000", "#0000ff"]
    assert found.palette[0][1] == pytest.approx(2 / 3, abs=0.03)
    assert sum(found.histogram) == pytest.approx(10_000, abs=16)
    assert len(found.histogram) == 32
    assert sum(value > 0 for value in found.histogram) <= 3


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "RGBA", "CMYK", "I;16", "I", "F"])
def test_every_mode_is_measured(mode: str) -> None:
    image = drawn(4)
    if mode in ("I;16", "I", "F"):
        image = image.convert("L").convert("I" if mode == "I;16" else mode)
        image = image.convert("I;16") if mode == "I;16" else image
    else:
        image = image.convert(mode)
    found = measured(image)
    assert 40 < found.brightness < 215
    assert found.white - found.black > 150


@pytest.mark.parametrize("size", [(1, 1), (2, 900), (3, 3), (191, 193), (577, 200), (4000, 20)])
def test_every_size_is_measured(size: tuple[int, int]) -> None:
    facts = analysis.of_image(Image.effect_noise(size, 40).convert("RGB")).facts()
    assert all(value == value for value in facts["measures"].values())  # no NaN


def test_tiles_lie_inside_and_apart() -> None:
    for length in (1, 5, 192, 193, 400, 575, 576, 577, 5000):
        starts = analysis._starts(length)
        assert starts[0] >= 0
        assert starts[-1] + min(analysis.TILE, length) <= length
        assert all(b - a >= analysis.TILE for a, b in itertools.pairwise(starts))


def test_what_cannot_be_read(tmp_path: Path, media: Media) -> None:
    Image.new("1", (20_000, 20_000)).save(tmp_path / "bomb.png")
    drawn(5).save(tmp_path / "whole.png")
    cut(tmp_path / "whole.png", tmp_path / "half.png", 0.5)
    expected = {
        tmp_path / "bomb.png": ErrorClass.UNSUPPORTED,
        tmp_path / "half.png": ErrorClass.BAD_INPUT,
        tmp_path / "missing": ErrorClass.BAD_INPUT,
        media.clip: ErrorClass.UNSUPPORTED,
    }
    for path, error_class in expected.items():
        with pytest.raises(JobFailed) as caught:
            analysis.analyse(path)
        assert caught.value.failure.error_class is error_class, path
