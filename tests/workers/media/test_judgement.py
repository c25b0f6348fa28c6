"""Each issue stands for what was done to the picture, and a good picture has none."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from PIL import Image, ImageFilter

from tests.support.drawn import mapped, noisy, textured
from workers.media.analysis import of_image
from workers.media.judgement import Limits, by_name, judge


def names(image: Image.Image, limits: Limits | None = None) -> set[str]:
    return {issue.name for issue in judge(of_image(image).measures, limits)}


def test_a_good_picture_has_none() -> None:
    assert names(textured(1)) == set()


HARMS: dict[str, Callable[[Image.Image], Image.Image]] = {
    "dark": lambda image: mapped(image, lambda level: level * 0.25),
    "bright": lambda image: mapped(image, lambda level: 255 - (255 - level) * 0.2),
    "shadows_clipped": lambda image: mapped(image, lambda level: max(level * 5 - 1020, 0)),
    "highlights_clipped": lambda image: mapped(image, lambda level: min(level * 2, 255)),
    "low_contrast": lambda image: mapped(image, lambda level: 100 + level * 0.25),
    "colour_cast": lambda image: mapped(
        image.convert("L").convert("RGB"), lambda x: 30 + 0.7 * x, lambda x: 30 + 0.6 * x, lambda x: 10 + 0.4 * x
    ),
    "blurred": lambda image: image.filter(ImageFilter.GaussianBlur(6)),
    "noisy": lambda image: noisy(image.filter(ImageFilter.GaussianBlur(6)), 12),
}


@pytest.mark.parametrize("name", HARMS)
def test_a_harm_is_named_with_its_value_and_limit(name: str) -> None:
    issues = by_name(judge(of_image(HARMS[name](textured(1))).measures))
    issue = issues[name]
    below = name in ("dark", "low_contrast", "blurred")
    assert issue.value < issue.limit if below else issue.value > issue.limit
    assert issue.text
    assert issue.facts() == {**issue.facts(), "name": name, "limit": issue.limit}


def test_the_limits_decide() -> None:
    image = noisy(textured(1).filter(ImageFilter.GaussianBlur(6)), 4)
    assert "noisy" not in names(image)
    assert "noisy" in names(image, Limits(noise=2))
    assert "blurred" in names(image)
    assert "blurred" not in names(image, Limits(detail=0))


def test_a_flat_picture_is_flat_and_nothing_else() -> None:
    assert names(Image.new("RGB", (300, 300), (12, 90, 40))) == {"flat"}
