"""What shows something, and what does not."""

from __future__ import annotations

import pytest
from PIL import Image, ImageFilter

from workers.media.looks import looks_of


def scene(size: tuple[int, int] = (640, 360)) -> Image.Image:
    image = Image.new("RGB", size, (40, 80, 120))
    for number in range(0, size[0], 24):
        image.paste((200, 180 - number % 150, 60), (number, number % size[1], number + 12, size[1]))
    return image


@pytest.mark.parametrize("colour", [(0, 0, 0), (255, 255, 255), (90, 20, 160)])
def test_one_colour_is_blank(colour: tuple[int, int, int]) -> None:
    assert looks_of(Image.new("RGB", (320, 180), colour)).blank


def test_a_line_of_titles_on_black_is_blank() -> None:
    image = Image.new("RGB", (320, 180))
    image.paste((255, 255, 255), (100, 90, 220, 94))
    assert looks_of(image).blank


def test_noise_of_a_sensor_in_the_dark_is_blank() -> None:
    assert looks_of(Image.effect_noise((320, 180), 4).convert("RGB")).blank


def test_blurred_is_worse_than_sharp_and_better_than_blank() -> None:
    sharp = looks_of(scene())
    blurred = looks_of(scene().filter(ImageFilter.GaussianBlur(12)))
    assert sharp.good
    assert not blurred.good
    assert not blurred.blank
    assert sharp > blurred > looks_of(Image.new("RGB", (640, 360)))


@pytest.mark.parametrize("size", [(1, 1), (2, 300), (4096, 4096)])
def test_any_size(size: tuple[int, int]) -> None:
    looks_of(Image.effect_noise(size, 60).convert("RGB"))
