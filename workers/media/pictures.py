"""Pillow: pictures opened with limits, turned upright, reduced, brought to sRGB and saved."""

from __future__ import annotations

import contextlib
import functools
import importlib
import io
import os
import re
import struct
import warnings
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Literal

from PIL.Image import Transpose

from workers.errors import ErrorClass, JobFailed, disk_refusal
from workers.media.bits import mend_planes
from workers.media.colour import plain, smooth
from workers.media.names import path_to_key
from workers.media.shapes import Box, Shape
from workers.media.sniff import HEAD_BYTES, picture_format, sniff_bytes
from workers.text import clean

if TYPE_CHECKING:
    from PIL.Image import Image

Format = Literal["jpeg", "webp", "avif"]
_SOFTWARE, _ORIENTATION = 0x0131, 0x0112  # Exif tags
_TURNS = {
    2: Transpose.FLIP_LEFT_RIGHT,
    3: Transpose.ROTATE_180,
    4: Transpose.FLIP_TOP_BOTTOM,
    5: Transpose.TRANSPOSE,
    6: Transpose.ROTATE_270,
    7: Transpose.TRANSVERSE,
    8: Transpose.ROTATE_90,
}
_QUARTERS = frozenset({Transpose.TRANSPOSE, Transpose.ROTATE_270, Transpose.TRANSVERSE, Transpose.ROTATE_90})
# What Pillow's readers and writers raise on damaged files beside OSError; RuntimeError has NotImplementedError in it.
_DAMAGE = (
    ValueError,
    SyntaxError,
    RuntimeError,
    TypeError,
    LookupError,
    ArithmeticError,
    AssertionError,
    EOFError,
    struct.error,
    zlib.error,
)
_EXIF_DAMAGE = (SyntaxError, ValueError, TypeError, KeyError, IndexError, OSError, struct.error)

# Half as much again as needed costs half of decoding in full, and the eye sees nothing (40 dB in the worst case).
FINE = 1.5
DRAFT = 1.0

MAX_PIXELS = 128_000_000  # phones make 108; a PNG of 9 kB can claim ten times as many
_MAX_SCALED = 32_000_000  # pixels of a picture that fills a box, before it is cut to it; 16:9 in the largest has 30
_PLUGINS = {  # the formats that may be read, by their plugin; none of them runs a program or a script
    "JPEG": "JpegImagePlugin",
    "PNG": "PngImagePlugin",
    "WEBP": "WebPImagePlugin",
    "GIF": "GifImagePlugin",
    "TIFF": "TiffImagePlugin",
    "BMP": "BmpImagePlugin",
    "AVIF": "AvifImagePlugin",
    "JPEG2000": "Jpeg2KImagePlugin",
}


@functools.cache
def _load_plugins() -> None:
    for plugin in _PLUGINS.values():  # instead of Pillow.init(), which loads forty
        importlib.import_module(f"PIL.{plugin}")


def too_many_pixels(name: str, key: str, pixels: int = 0) -> JobFailed:
    """The failure of a picture with so many pixels, 0 when nobody knows: it may be sound, but is not unfolded here."""
    limit = f"{MAX_PIXELS // 1_000_000} million"
    told = f"{pixels // 1_000_000:,} million pixels, the limit is {limit}" if pixels else f"more than {limit} pixels"
    return JobFailed(ErrorClass.UNSUPPORTED, f"{name} has {told}", input=key)


@contextlib.contextmanager
def guarded(name: str, key: str) -> Iterator[None]:
    """Pillow with limits; what it raises about a file becomes JobFailed."""
    from PIL import Image as Pillow
    from PIL import UnidentifiedImageError

    Pillow.MAX_IMAGE_PIXELS = MAX_PIXELS
    _load_plugins()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Pillow.DecompressionBombWarning)
            yield
    except (Pillow.DecompressionBombError, Pillow.DecompressionBombWarning) as error:
        told = re.search(r"\((\d+) pixels\)", str(error))
        raise too_many_pixels(name, key, int(told[1]) if told else 0) from error
    except UnidentifiedImageError as error:
        raise JobFailed(ErrorClass.BAD_INPUT, f"{name} is no picture that can be read", input=key) from error
    except MemoryError as error:
        raise JobFailed(ErrorClass.CRASHED, f"out of memory while reading {name}", input=key) from error
    except OSError as error:
        error_class, words = disk_refusal(error) or (ErrorClass.BAD_INPUT, str(error))
        raise JobFailed(error_class, f"{name}: {clean(words)}", input=key) from error
    except _DAMAGE as error:
        raise JobFailed(ErrorClass.BAD_INPUT, f"{name} is damaged: {clean(str(error))}", input=key) from error


def thumbnail(path: str | os.PathLike[str], shape: Shape, *, gap: float = FINE, format: str = "") -> Image:
    """The picture at `path`: RGB or RGBA in sRGB, upright, brought into `shape`, without metadata.

    `gap` is how many times larger than needed it is decoded at least; `format` is that of `sniff`, when it is known
    already. JobFailed: bad_input (missing, damaged, too many pixels), unsupported (no picture).
    """
    name, key = clean(os.path.basename(os.fspath(path))), path_to_key(path)
    format = format or picture_format(path)
    with guarded(name, key), open(path, "rb") as file:
        return _load(file, format, shape, gap, name=name, key=key)


def thumbnail_of_bytes(data: bytes, shape: Shape, *, name: str, key: str) -> Image:
    """As `thumbnail`, from a picture in memory (a cover); `name` and `key` say where it is from."""
    found = sniff_bytes(data[:HEAD_BYTES])
    if found is None or found.kind != "image":
        raise JobFailed(ErrorClass.UNSUPPORTED, f"the cover of {name} is no picture that Spool knows", input=key)
    return _load(io.BytesIO(data), found.format, shape, FINE, name=name, key=key)


def _load(file: IO[bytes], format: str, shape: Shape, gap: float, *, name: str, key: str) -> Image:
    from PIL import Image as Pillow

    with guarded(name, key), Pillow.open(file, formats=(format,)) as image:
        turn = _turn(image)
        mend_planes(image)
        upright = shape.turned() if turn in _QUARTERS else shape
        reduced = plain(_reduced(image, upright, gap))
        return cut(reduced if turn is None else reduced.transpose(turn), shape)


def _reduced(image: Image, shape: Shape, gap: float) -> Image:
    from PIL import Image as Pillow

    goal = shape.scaled(*image.size)
    if goal[0] * goal[1] > _MAX_SCALED:  # a long strip would become huge before it is cut
        strip, goal = smooth(image), (shape.width, shape.height)
        part = strip.crop(_kept(strip, shape.part))
        reduced = part.resize(goal, Pillow.Resampling.BICUBIC)
        reduced.info = dict(image.info)
        return reduced
    # A JPEG is decoded at an eighth, a quarter or half of its size where that is enough.
    drafted = image.draft(None, (round(goal[0] * gap), round(goal[1] * gap)))
    box = drafted[1] if drafted else None
    image = smooth(image)
    if image.size == goal:
        image.load()
        return image
    info = dict(image.info)
    reduced = image.resize(goal, Pillow.Resampling.BICUBIC, box=box, reducing_gap=gap)
    reduced.info = info  # the colour profile
    return reduced


def _turn(image: Image) -> Transpose | None:
    """The turn that makes the picture upright, as its Exif or XMP says."""
    with contextlib.suppress(*_EXIF_DAMAGE):
        number = image.getexif().get(_ORIENTATION)
        return _TURNS.get(number) if isinstance(number, int) else None
    return None


def cut(image: Image, shape: Shape) -> Image:
    """The part of a scaled picture that `shape` keeps."""
    if not shape.fill or image.size == (shape.width, shape.height):
        return image
    return image.crop(_kept(image, shape.window))


def _kept(image: Image, choose: Callable[[int, int, Callable[[Box], float]], Box]) -> Box:
    """The part that `choose` (of a shape) takes, by what there is to see in it."""
    grey: list[Image] = []  # made when it is asked for

    def told(box: Box) -> float:
        if not grey:
            grey.append(image.convert("L"))
        return grey[0].crop(box).entropy()

    return choose(*image.size, told)


def save(image: Image, path: Path, *, format: Format, quality: int, mark: str = "") -> None:
    """Write `image` (RGB or RGBA) as `format`; JPEG gets a white ground. `quality` 1 to 100. JobFailed: disk.

    `mark` is a line of ASCII that `mark_of` reads back; it stands where cameras name their software.
    """
    from PIL import Image as Pillow

    exif = Pillow.Exif()
    if mark:
        exif[_SOFTWARE] = mark

    with guarded(clean(path.name), path_to_key(path)):
        if format == "jpeg":
            if image.mode == "RGBA":
                ground = Pillow.new("RGB", image.size, "white")
                ground.paste(image, mask=image.getchannel("A"))
                image = ground
            image.save(path, "JPEG", quality=quality, optimize=True, progressive=False, exif=exif)
        elif format == "webp":
            image.save(path, "WEBP", quality=quality, method=2, exif=exif)
        else:
            image.save(path, "AVIF", quality=quality, speed=8, max_threads=1, exif=exif)


def mark_of(path: Path) -> str:
    """The mark that `save` wrote into a picture, or an empty text: there is none, or no picture that can be read."""
    from PIL import Image as Pillow

    with contextlib.suppress(JobFailed):
        with guarded(clean(path.name), path_to_key(path)), Pillow.open(path, formats=tuple(_PLUGINS)) as image:
            return str(image.getexif().get(_SOFTWARE, ""))
    return ""


def check(path: Path) -> tuple[int, int]:
    """Width and height in pixels of a finished picture, decoded in full. JobFailed when it cannot be."""
    from PIL import Image as Pillow

    name, key = clean(path.name), path_to_key(path)
    with guarded(name, key), Pillow.open(path, formats=tuple(_PLUGINS)) as image:
        image.load()
        return image.size


def look(path: Path, format: str, *, load: bool) -> tuple[int, int, int]:
    """Width, height and number of pictures of the file at `path`, of Pillow's `format`; with `load` all are decoded.

    JobFailed: bad_input when it cannot be opened or decoded, crashed, disk.
    """
    from PIL import Image as Pillow

    with guarded(clean(path.name), path_to_key(path)), Pillow.open(path, formats=(format,)) as image:
        frames = int(getattr(image, "n_frames", 1)) if load else 1
        if load:
            for number in range(frames):
                image.seek(number)
                image.load()
        return image.size[0], image.size[1], frames
