"""Drawn pictures for tests of what pictures look like: other ones for each seed, sharp, and without noise."""

from __future__ import annotations

import random
from collections.abc import Callable

from PIL import Image, ImageDraw


def drawn(seed: int, size: tuple[int, int] = (640, 480)) -> Image.Image:
    """Ellipses of all colours on a ramp from black to white."""
    chance = random.Random(seed)
    image = Image.linear_gradient("L").resize(size).convert("RGB")
    draw = ImageDraw.Draw(image)
    for _ in range(14):
        x, y = chance.randrange(size[0]), chance.randrange(size[1])
        reach = chance.randrange(size[0] // 10, size[0] // 3)
        colour = tuple(chance.randrange(256) for _ in range(3))
        draw.ellipse((x - reach, y - reach, x + reach, y + reach // 2), fill=colour)
    return image


def textured(seed: int, size: tuple[int, int] = (800, 640)) -> Image.Image:
    """A drawn picture with fine lines all over, so that every part of it has detail."""
    image = drawn(seed, size)
    draw = ImageDraw.Draw(image)
    for x in range(0, size[0], 16):
        draw.line((x, 0, x, size[1]), fill=(225, 225, 225), width=2)
    return image


def noisy(image: Image.Image, deviation: float, seed: int = 1) -> Image.Image:
    """`image` with white noise of this standard deviation, the same in all channels."""
    import numpy as np

    noise = np.random.default_rng(seed).normal(0, deviation, (image.height, image.width, 1))
    return Image.fromarray(np.clip(np.asarray(image) + noise, 0, 255).astype(np.uint8))


def mapped(image: Image.Image, *curves: Callable[[float], float]) -> Image.Image:
    """`image` with a curve for each channel, or one for all."""
    bands = image.split()
    used = curves if len(curves) == len(bands) else curves * len(bands)
    made = [band.point([round(curve(level)) for level in range(256)]) for band, curve in zip(bands, used, strict=True)]
    return Image.merge(image.mode, made)
