"""Perceptual hashes of pictures: 64 bits that stay near each other when a picture is resized or saved anew.

Hashes of one route may be compared with each other and with no others: each way to come to the small grey picture
rounds in its own manner. The name of the route is kept beside the hash.
"""

from __future__ import annotations

import functools
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from PIL import Image as Pillow
from PIL import ImageStat

from workers.media.bits import mend_planes
from workers.media.blocks import turn_of
from workers.media.names import path_to_key
from workers.media.pictures import MAX_PIXELS, guarded, too_many_pixels
from workers.media.sniff import picture_format
from workers.text import clean

if TYPE_CHECKING:
    import numpy.typing as npt
    from PIL.Image import Image

ROUTE = "picture-l128-1"  # decoded to grey at a reduced size of at least 128 pixels where the format can
_DRAFT = (128, 128)
_SIDE, _LOW = 32, 8  # of the transformed picture, and of the low frequencies that are kept
FLAT_DEVIATION = 1.5  # standard deviation of the brightness, of 255: below it the bits tell of noise only


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """Both hashes of one picture as numbers of 64 bits, and how they came to be."""

    phash: int  # signs of the low frequencies of a cosine transform about their median
    dhash: int  # whether brightness rises from left to right, 8 times in each of 8 rows
    flat: bool  # the picture has nearly one brightness, so that its hashes are no evidence
    width: int  # pixels, upright
    height: int
    route: str = ROUTE

    def facts(self) -> dict[str, Any]:
        """As JSON: the hashes in hexadecimal."""
        return {
            "phash": f"{self.phash:016x}",
            "dhash": f"{self.dhash:016x}",
            "route": self.route,
            "flat": self.flat,
        }


def fingerprint(path: str | os.PathLike[str], *, format: str = "") -> Fingerprint:
    """The hashes of the picture at `path`; `format` is that of `sniff`, when it is known already.

    JobFailed: bad_input (missing, damaged, too many pixels), unsupported (no picture).
    """
    name, key = clean(os.path.basename(os.fspath(path))), path_to_key(path)
    format = format or picture_format(path)
    with guarded(name, key), Pillow.open(os.path.abspath(path), formats=(format,)) as image:
        refuse_bomb(image, name, key)
        size = image.size
        mend_planes(image)
        image.draft("L", _DRAFT)
        image.load()
        return of_grey(upright_grey(image), size, ROUTE)


def refuse_bomb(image: Image, name: str, key: str) -> None:
    """JobFailed when `image` claims too many pixels. Pillow's own warning is not reliable among several threads."""
    if image.width * image.height > MAX_PIXELS:
        raise too_many_pixels(name, key, image.width * image.height)


def upright_grey(image: Image, turn: int = 0) -> Image:
    """A decoded picture in grey of 8 bits, small, as people see it: turned by its Exif, transparency on white.

    `turn` is the Exif orientation (1 to 8) where `image` itself no longer knows it.
    """
    orientation = turn or turn_of(image)
    grey = grey_of(image)
    if min(grey.size) >= 2 * _DRAFT[0]:
        grey = grey.reduce(min(grey.size) // _DRAFT[0])
    method = TURNS.get(orientation)
    return grey if method is None else grey.transpose(method)


TURNS = {
    2: Pillow.Transpose.FLIP_LEFT_RIGHT,
    3: Pillow.Transpose.ROTATE_180,
    4: Pillow.Transpose.FLIP_TOP_BOTTOM,
    5: Pillow.Transpose.TRANSPOSE,
    6: Pillow.Transpose.ROTATE_270,
    7: Pillow.Transpose.TRANSVERSE,
    8: Pillow.Transpose.ROTATE_90,
}


def grey_of(image: Image) -> Image:
    """A decoded picture in grey of 8 bits: deeper grey scaled by its span, transparency on white."""
    if image.mode == "L":
        return image
    if image.mode.startswith("I") or image.mode == "F":
        low, high = cast(tuple[float, float], image.convert("F").getextrema())
        scale = 255.0 / (high - low) if high > low else 0.0
        return image.convert("F").point(lambda value: value * scale + (-low * scale)).convert("L")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        ground = Pillow.new("RGBA", image.size, "white")
        ground.alpha_composite(image)
        image = ground
    return image.convert("L")


def of_grey(grey: Image, size: tuple[int, int], route: str) -> Fingerprint:
    """The hashes of a small picture of mode L; `size` is that of the picture it was made from."""
    width, height = size
    if (width > height) != (grey.width > grey.height):
        width, height = height, width
    return Fingerprint(_phash(grey), _dhash(grey), _deviation(grey) < FLAT_DEVIATION, width, height, route)


def _deviation(grey: Image) -> float:
    return float(ImageStat.Stat(grey).stddev[0])


def _phash(grey: Image) -> int:
    small = np.asarray(grey.resize((_SIDE, _SIDE), Pillow.Resampling.LANCZOS), np.float64)
    waves = _cosines()
    low = waves @ small @ waves.T
    return _number(low > np.median(low))


@functools.cache
def _cosines() -> npt.NDArray[np.float64]:
    """The first rows of the matrix of the cosine transform of type II."""
    frequency, place = np.arange(_LOW)[:, None], np.arange(_SIDE)[None, :]
    return np.cos(np.pi * frequency * (2 * place + 1) / (2 * _SIDE))


def _dhash(grey: Image) -> int:
    small = np.asarray(grey.resize((9, 8), Pillow.Resampling.LANCZOS))
    return _number(small[:, 1:] > small[:, :-1])


def _number(bits: npt.NDArray[np.bool_]) -> int:
    return int.from_bytes(np.packbits(bits.ravel()).tobytes(), "big")


def distance(one: int, other: int) -> int:
    """In how many bits two hashes of one route differ: 0 to 64."""
    return (one ^ other).bit_count()
