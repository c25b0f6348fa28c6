"""Pillow: pictures opened with limits, turned upright, reduced, brought to sRGB and saved."""

from __future__ import annotations

import contextlib
import functools
import importlib
import io
import os
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Literal, cast

from workers.errors import ErrorClass, JobFailed
from workers.media.names import path_to_key
from workers.media.sniff import HEAD_BYTES, sniff, sniff_bytes
from workers.text import clean

if TYPE_CHECKING:
    from PIL.Image import Image

Format = Literal["jpeg", "webp", "avif"]
_SOFTWARE = 0x0131  # the Exif tag

MAX_PIXELS = 128_000_000  # phones make 108; a PNG of 9 kB can claim ten times as many
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
        raise JobFailed(
            ErrorClass.BAD_INPUT, f"{name} has more than {MAX_PIXELS // 1_000_000} million pixels", input=key
        ) from error
    except UnidentifiedImageError as error:
        raise JobFailed(ErrorClass.BAD_INPUT, f"{name} is no picture that can be read", input=key) from error
    except MemoryError as error:
        raise JobFailed(ErrorClass.CRASHED, f"out of memory while reading {name}", input=key) from error
    except OSError as error:
        disk = error.errno in (28, 122, 27, 30, 5)
        raise JobFailed(
            ErrorClass.DISK if disk else ErrorClass.BAD_INPUT, f"{name}: {clean(str(error))}", input=key
        ) from error
    except (ValueError, SyntaxError, RuntimeError, TypeError, IndexError, KeyError, OverflowError) as error:
        # Pillow's readers raise all of these on damaged files.
        raise JobFailed(ErrorClass.BAD_INPUT, f"{name} is damaged: {clean(str(error))}", input=key) from error


def thumbnail(path: str | os.PathLike[str], *, size: int) -> Image:
    """The picture at `path`: RGB or RGBA in sRGB, upright, its longer side at most `size` pixels, without metadata.

    JobFailed: bad_input (missing, damaged, too many pixels), unsupported (no picture).
    """
    found = sniff(path)
    name, key = clean(os.path.basename(os.fspath(path))), path_to_key(path)
    if found.kind != "image":
        raise JobFailed(ErrorClass.UNSUPPORTED, f"{name} is no picture", input=key)
    with open(path, "rb") as file:
        return _load(file, found.format, size=size, name=name, key=key)


def thumbnail_of_bytes(data: bytes, *, size: int, name: str, key: str) -> Image:
    """As `thumbnail`, from a picture in memory (a cover); `name` and `key` say where it is from."""
    found = sniff_bytes(data[:HEAD_BYTES])
    if found is None or found.kind != "image":
        raise JobFailed(ErrorClass.UNSUPPORTED, f"the cover of {name} is no picture that Spool knows", input=key)
    return _load(io.BytesIO(data), found.format, size=size, name=name, key=key)


def _load(file: IO[bytes], format: str, *, size: int, name: str, key: str) -> Image:
    from PIL import Image as Pillow
    from PIL import ImageOps

    with guarded(name, key), Pillow.open(file, formats=(format,)) as image:
        # 1.5 is where the reduced decode costs half and the eye sees nothing (40 dB in the worst case).
        image.thumbnail((size, size), Pillow.Resampling.BICUBIC, reducing_gap=1.5)
        upright = ImageOps.exif_transpose(image)
        return _plain(upright)


def _plain(image: Image) -> Image:
    """`image` as 8-bit RGB or RGBA in sRGB with nothing else attached."""
    from PIL import Image as Pillow

    image = _to_srgb(image)
    if image.mode.startswith("I") or image.mode == "F":
        image = _stretched(image)
    alpha = image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info
    plain = image.convert("RGBA" if alpha else "RGB")
    bare = Pillow.new(plain.mode, plain.size)
    bare.paste(plain)
    return bare


def _stretched(image: Image) -> Image:
    """16-bit and floating grey brought to 8 bits; `convert` alone would clip everything above 255 to white."""
    _, high = cast(tuple[float, float], image.convert("F").getextrema())
    top = 65535.0 if high > 255 else 255.0 if high > 1 else 1.0
    return image.convert("F").point(lambda value: value * (255.0 / top) + 0).convert("L")


def _to_srgb(image: Image) -> Image:
    profile = image.info.get("icc_profile")
    if not profile or image.mode not in ("RGB", "RGBA", "CMYK", "L", "LAB"):
        return image
    from PIL import ImageCms

    target = "RGBA" if image.mode == "RGBA" else "RGB"
    with contextlib.suppress(ImageCms.PyCMSError, OSError, ValueError, TypeError):
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        converted = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode=target)
        if converted is not None:
            return converted
    return image


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
