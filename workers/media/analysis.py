"""What a picture measures: sharpness, noise, brightness, contrast, clipping, colour cast, its main colours.

One full decode serves all. What needs single pixels (sharpness, noise) is measured in tiles at full resolution, the
rest on the picture reduced to about 500 pixels, which gives the same values as the whole. All on encoded values of 0
to 255 in the colour space of the file. No score is made of it: `judgement` names what lies beyond a limit.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image as Pillow

from workers.media import phash
from workers.media.bits import mend_planes
from workers.media.blocks import turn_of
from workers.media.colour import plain as shown
from workers.media.names import path_to_key
from workers.media.pictures import guarded
from workers.media.shapes import Shape
from workers.media.sniff import picture_format
from workers.text import clean

if TYPE_CHECKING:
    import numpy.typing as npt
    from PIL.Image import Image

    Floats = npt.NDArray[np.float32]

METHOD = "tiles-3x3-192-1"  # raise the number when a measure gives other values
HASH_ROUTE = "picture-full-1"  # of hashes made on the way: not to be compared with those of `phash.fingerprint`
TILE, ACROSS = 192, 3  # pixels, and tiles in each direction
_REDUCED = 512  # pixels of the longer side, at least, of the reduced picture
_DARK, _LIGHT = 4, 251  # up to and from where a pixel counts as clipped
_COLOURS = 6  # of the palette


@dataclass(frozen=True, slots=True)
class Measures:
    """The values of one picture. Levels and deviations are of 255."""

    brightness: float  # mean level
    contrast: float  # standard deviation of the level
    black: float  # the level below which 0.5 % of the picture lie
    white: float  # the level above which 0.5 % lie
    shadows: float  # share of clipped dark pixels, 0 to 1
    highlights: float  # share of clipped light pixels
    cast: float  # how far the mean colour is from grey, of 128
    cast_ratio: float  # the same beside the spread of the colours: a cast of the light is over 1, a red rose below
    cast_towards: str  # a word for its direction; empty in grey pictures
    sharpness: float  # variance of the Laplacian, mean over the tiles
    detail: float  # the same of the sharpest tile, less what its noise alone would give
    noise: float  # deviation by Immerkaer's mask, mean over the tiles: fine texture counts too
    noise_floor: float  # the same of the calmest tile: texture seldom reaches it

    def facts(self) -> dict[str, Any]:
        """As JSON, rounded to what is meant."""
        return {
            name: round(value, 4) if isinstance(value, float) else value
            for name in self.__slots__
            if (value := getattr(self, name)) != ""
        }


@dataclass(frozen=True, slots=True)
class Analysis:
    """Everything that one decode of a picture gave."""

    width: int  # pixels, upright
    height: int
    measures: Measures
    histogram: tuple[int, ...]  # 32 bins of equal width of the level, in parts of 10,000
    palette: tuple[tuple[str, float], ...]  # main colours as #rrggbb with their share, the largest first
    hashes: phash.Fingerprint
    thumbnail: Image | None = None  # where one was asked for: RGB in sRGB, upright

    def facts(self) -> dict[str, Any]:
        """As JSON, with the names of the methods."""
        return {
            "method": METHOD,
            "width": self.width,
            "height": self.height,
            "measures": self.measures.facts(),
            "histogram": list(self.histogram),
            "palette": [{"colour": colour, "share": share} for colour, share in self.palette],
            **self.hashes.facts(),
        }


def analyse(path: str | os.PathLike[str], *, format: str = "", thumbnail: int = 0) -> Analysis:
    """Measure the picture at `path`; `format` is that of `sniff`, when it is known already.

    With `thumbnail`, up to 512, the same decode also gives a picture with that longer side in pixels.

    JobFailed: bad_input (missing, damaged, too many pixels), unsupported (no picture).
    """
    name, key = clean(os.path.basename(os.fspath(path))), path_to_key(path)
    format = format or picture_format(path)
    with guarded(name, key), Pillow.open(os.path.abspath(path), formats=(format,)) as image:
        phash.refuse_bomb(image, name, key)
        return of_image(image, thumbnail)


def of_image(image: Image, thumbnail: int = 0) -> Analysis:
    """Measure an opened picture, which is decoded in full; whoever opened it guards against what Pillow raises."""
    mend_planes(image)
    image.load()
    profile = image.info.get("icc_profile")
    orientation = turn_of(image)
    image = plain(image)
    small = reduced(image)
    hashes = phash.of_grey(phash.upright_grey(small, orientation), image.size, HASH_ROUTE)
    level = small.convert("L")
    counts = level.histogram()
    measures = _measures(image, small, level, counts)
    made = _thumbnail(small, thumbnail, orientation, profile) if thumbnail else None
    return Analysis(hashes.width, hashes.height, measures, _bins(counts), _palette(small), hashes, made)


def _thumbnail(small: Image, size: int, orientation: int, profile: bytes | None) -> Image:
    goal = Shape.within(size).scaled(*small.size)
    made = small.resize(goal, Pillow.Resampling.BICUBIC) if goal != small.size else small.copy()
    made.info = {"icc_profile": profile} if profile else {}
    upright = phash.TURNS.get(orientation)
    made = shown(made).convert("RGB")
    return made if upright is None else made.transpose(upright)


def plain(image: Image) -> Image:
    """A decoded picture as L or RGB of 8 bits: deeper grey scaled by its span, transparency on white."""
    if image.mode in ("L", "RGB") and not image.has_transparency_data:
        return image
    if image.mode.startswith("I") or image.mode in ("F", "1", "LA"):
        return phash.grey_of(image)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        ground = Pillow.new("RGBA", image.size, "white")
        ground.alpha_composite(image)
        image = ground
    return image.convert("RGB")


def reduced(image: Image) -> Image:
    """`image`, which is plain, by a whole factor smaller, its longer side at least 512 pixels if it has them."""
    factor = max(image.size) // _REDUCED
    return image.reduce(factor) if factor > 1 else image


def _measures(image: Image, small: Image, level: Image, counts: list[int]) -> Measures:
    share = np.array(counts, np.float64) / max(sum(counts), 1)
    levels = np.arange(256)
    brightness = float(share @ levels)
    below = np.cumsum(share)
    cast, ratio, towards = _cast(small)
    squares = _tiles(image)
    tiles = [_tile_values(tile) for tile in squares]
    fine = float(np.mean([_within(tile, max(image.size) // _REDUCED) for tile in squares]))
    sharpness, noise = (np.array(column, np.float64) for column in zip(*tiles, strict=True))
    # White noise of deviation s gives the Laplacian a variance of 20 s².
    floor = float(noise.min())
    return Measures(
        brightness=brightness,
        contrast=float(np.sqrt(share @ (levels - brightness) ** 2 + fine)),
        black=float(np.searchsorted(below, 0.005)),
        white=min(float(np.searchsorted(below, 0.995)), 255.0),
        shadows=float(share[: _DARK + 1].sum()),
        highlights=float(share[_LIGHT:].sum()),
        cast=cast,
        cast_ratio=ratio,
        cast_towards=towards,
        sharpness=float(sharpness.mean()),
        detail=max(float(sharpness.max()) - 20 * floor**2, 0.0),
        noise=float(noise.mean()),
        noise_floor=floor,
    )


def _tiles(image: Image) -> list[Floats]:
    """Squares of the level in a grid over the picture, each in the middle of its field; fewer where it is small."""
    made = []
    width, height = image.size
    for row in _starts(height):
        for column in _starts(width):
            box = (column, row, min(column + TILE, width), min(row + TILE, height))
            made.append(np.asarray(image.crop(box).convert("L"), np.float32))
    return made


def _starts(length: int) -> list[int]:
    """Where tiles begin along a side of `length` pixels."""
    if length < ACROSS * TILE:
        count = max(length // TILE, 1)
        return [i * TILE + (length - count * TILE) // 2 if length > TILE else 0 for i in range(count)]
    return [(2 * i + 1) * length // (2 * ACROSS) - TILE // 2 for i in range(ACROSS)]


def _tile_values(tile: Floats) -> tuple[float, float]:
    """The variance of the Laplacian of a tile, and the deviation of its noise."""
    if min(tile.shape) < 3:
        return 0.0, 0.0
    laplacian = tile[:-2, 1:-1] + tile[2:, 1:-1] + tile[1:-1, :-2] + tile[1:-1, 2:] - 4 * tile[1:-1, 1:-1]
    rows = tile[:-2] - 2 * tile[1:-1] + tile[2:]
    mask = rows[:, :-2] - 2 * rows[:, 1:-1] + rows[:, 2:]
    return float(laplacian.var()), float(np.sqrt(np.pi / 2) / 6 * np.abs(mask).mean())


def _within(tile: Floats, factor: int) -> float:
    """The variance inside of the blocks that reducing by `factor` makes one pixel of: what the reduced picture lost."""
    high, wide = (length // factor for length in tile.shape) if factor > 1 else (0, 0)
    if not high or not wide:
        return 0.0
    used = tile[: high * factor, : wide * factor]
    means = used.reshape(high, factor, wide, factor).mean(axis=(1, 3))
    return max(float(used.var() - means.var()), 0.0)


def _cast(small: Image) -> tuple[float, float, str]:
    """How far the mean colour is from grey, that beside the spread, and a word for the direction."""
    if small.mode != "RGB":
        return 0.0, 0.0, ""
    pixels = np.asarray(small.resize((128, 128), Pillow.Resampling.BOX), np.float32).reshape(-1, 3)
    level = pixels @ np.array([0.299, 0.587, 0.114], np.float32)
    # Clipped pixels have lost their colour, dark ones never had much.
    pixels = pixels[(level > 20) & (pixels.max(axis=1) < _LIGHT)]
    if len(pixels) < 16:
        return 0.0, 0.0, ""
    red, green, blue = pixels.T
    cool = 0.5 * blue - 0.169 * red - 0.331 * green
    warm = 0.5 * red - 0.419 * green - 0.081 * blue
    means = float(cool.mean()), float(warm.mean())
    away = float(np.hypot(*means))
    spread = float(np.hypot(cool.std(), warm.std()))
    return away, away / max(spread, 1.0), _direction(*means) if away >= 1 else ""


def _direction(cool: float, warm: float) -> str:
    """A word for the direction in the plane of blue (`cool`) and red (`warm`) differences."""
    words = ("blue", "magenta", "red", "yellow", "green", "cyan")
    corners = ((0.5, -0.081), (0.331, 0.419), (-0.169, 0.5), (-0.5, 0.081), (-0.331, -0.419), (0.169, -0.5))
    return max(zip(words, corners, strict=True), key=lambda pair: pair[1][0] * cool + pair[1][1] * warm)[0]


def _bins(counts: list[int]) -> tuple[int, ...]:
    total = max(sum(counts), 1)
    return tuple(round(10_000 * sum(counts[start : start + 8]) / total) for start in range(0, 256, 8))


def _palette(small: Image) -> tuple[tuple[str, float], ...]:
    tiny = small.convert("RGB").resize((64, 64), Pillow.Resampling.BOX)
    quantised = tiny.quantize(_COLOURS, Pillow.Quantize.MEDIANCUT)
    colours = quantised.getpalette() or []
    found = sorted(quantised.getcolors() or [], reverse=True)
    named = [("#" + bytes(colours[3 * i : 3 * i + 3]).hex(), count / 64**2) for count, i in found if isinstance(i, int)]
    return tuple((colour, round(share, 4)) for colour, share in named)
