"""Pictures in fewer bytes: without any loss, or of less quality on request. What hangs on them stays in either case."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import oxipng

from workers.errors import ErrorClass, JobFailed
from workers.media import blocks, convert, deep, jpegpack, motion, pngs
from workers.media.names import path_to_key
from workers.media.pictures import guarded
from workers.text import clean

if TYPE_CHECKING:
    from PIL.Image import Image

Level = Literal["quick", "normal", "best"]
_LEVELS: dict[str, int] = {"quick": 0, "normal": 1, "best": 4}  # 2 takes twice as long as 1 for 0.4 % of the bytes
_COLOURS = 256
_TEXTS = frozenset({b"tEXt", b"zTXt", b"iTXt", b"tIME"})
_HEAD = 64


@dataclass(frozen=True, slots=True)
class Optimised:
    """What came of it: the new bytes, how they were made, and why there are none where there are none."""

    data: bytes = b""
    way: str = ""
    why: str = ""


def optimise(source: Path, *, format: str, level: Level, quality: int) -> Optimised:
    """The picture at `source`, of Pillow's `format` by its content, packed tighter; `quality` 0 keeps every pixel.

    Pixels (unless `quality` is given), frames and everything attached were compared with those of the source. The
    result may be larger: the caller compares. JobFailed: bad_input, tool (the result differs from the source).
    """
    with convert.reading(source):
        data = source.read_bytes()
        _look(data, format)
        if quality:
            return _lossy(data, format, level, quality, source)
        return _jpeg(data, source) if format == "JPEG" else _png(data, level, source)


def _look(data: bytes, format: str) -> None:
    """Refuse what claims too many pixels, before a tool that knows no limits unfolds it."""
    with _open(data, format):
        pass


def _open(data: bytes, format: str) -> Image:
    from PIL import Image as Pillow

    return Pillow.open(io.BytesIO(data), formats=(format,))


def _wrong(source: Path, what: str) -> JobFailed:
    return JobFailed(
        ErrorClass.TOOL, f"{clean(source.name)} is left as it is: {what} would have changed", input=path_to_key(source)
    )


# --- Without loss -----------------------------------------------------------------------------------------------


def _jpeg(data: bytes, source: Path) -> Optimised:
    if jpegpack.has_more(data):
        return Optimised(why="it holds more than one picture (depth, gain map, film), which would be lost")
    before = _planes(data)
    made = jpegpack.packed(data)
    with guarded("the JPEG made", path_to_key(source)):
        after = _planes(made)
    if before != after:
        raise _wrong(source, "pixels")
    if jpegpack.attached(data) != jpegpack.attached(made):
        raise _wrong(source, "what is attached")
    return Optimised(made, "mozjpeg")


def _planes(data: bytes) -> tuple[str, tuple[int, int], bytes]:
    """Mode, size and pixels as stored, before any conversion of colours."""
    with _open(data, "JPEG") as image:
        if image.mode == "RGB":
            image.draft("YCbCr", image.size)
        image.load()
        return image.mode, image.size, image.tobytes()


def _png(data: bytes, level: Level, source: Path) -> Optimised:
    try:
        made = oxipng.optimize_from_memory(data, level=_LEVELS[level])
    except oxipng.PngError as error:
        list(_pictures(data, "PNG"))  # says what is wrong with the file, if Pillow cannot read it either
        raise ValueError(str(error)) from error
    except BaseException as error:
        if type(error).__name__ != "PanicException":  # a fault of oxipng, which is no Exception
            raise
        raise JobFailed(ErrorClass.TOOL, f"oxipng failed on {clean(source.name)}", input=path_to_key(source)) from error
    for before, after in zip(_pictures(data, "PNG"), _pictures(made, "PNG"), strict=False):
        if before != after:
            raise _wrong(source, "pixels")
    if _number(data) != _number(made):
        raise _wrong(source, "frames")
    if _told(data, "PNG") != _told(made, "PNG"):
        raise _wrong(source, "what is attached")
    return Optimised(made, f"oxipng, level {_LEVELS[level]}")


def _number(data: bytes) -> int:
    with _open(data, "PNG") as image:
        return int(getattr(image, "n_frames", 1))


def _pictures(data: bytes, format: str) -> Iterator[tuple[tuple[int, int], float, bytes]]:
    """Size, time and pixels of every frame, in one way of writing for all ways that a PNG may hold them."""
    with _open(data, format) as image:
        if deep.is_deep(image, data[:_HEAD]) and (picture := deep.read(data, "PNG")):
            yield picture.size, 0.0, _colours(picture)
            return
        for number in range(int(getattr(image, "n_frames", 1))):
            image.seek(number)
            image.load()
            yield image.size, float(image.info.get("duration") or 0), image.convert("RGBA").tobytes()


def _colours(picture: deep.Deep) -> bytes:
    """The pixels of a picture of 16 bits as the values of red, green, blue and alpha."""
    import numpy as np

    pixels = picture.array()
    colours = pixels[:, :, :-1] if picture.has_alpha else pixels
    alpha = pixels[:, :, -1:] if picture.has_alpha else np.full((*pixels.shape[:2], 1), 65535, np.uint16)
    return np.concatenate([np.broadcast_to(colours, (*pixels.shape[:2], 3)), alpha], axis=2).tobytes()


def _told(data: bytes, format: str) -> tuple[Any, ...]:
    """All that hangs on a picture, to be compared."""
    with _open(data, format) as image:
        image.load()  # texts may stand behind the pixels
        hung = blocks.take(image)
        texts = sorted((str(key), str(value)) for key, value in getattr(image, "text", {}).items())
        return hung.exif, hung.icc, hung.xmp, hung.comment, hung.dpi, texts


# --- With loss --------------------------------------------------------------------------------------------------


def _lossy(data: bytes, format: str, level: Level, quality: int, source: Path) -> Optimised:
    if format == "JPEG" and jpegpack.has_more(data):
        return Optimised(why="it holds more than one picture (depth, gain map, film), which would be lost")
    with _open(data, format) as image:
        if motion.count(image) > 1 and format == "PNG":
            return Optimised(why="it is an animated PNG, which is packed without loss only")
        hung, size, alpha = blocks.take(image), image.size, image.has_transparency_data
        times = motion.times_of(image) if motion.count(image) > 1 else []
        image.seek(0)
        if format == "JPEG":
            made = _lossy_jpeg(image, hung, jpegpack.attached(data), quality)
            if jpegpack.attached(made) != jpegpack.attached(data):
                raise _wrong(source, "what is attached")
        elif format == "PNG":
            texts = [chunk for chunk in pngs.chunks(data) if chunk[0] in _TEXTS]
            made = _lossy_png(image, replace(hung, xmp=b"", comment=b""), texts, level, quality)
        else:
            made = _lossy_modern(image, hung, format, quality, clean(source.name))
    _compare(made, format, hung, size, alpha, source)
    if times:
        with _open(made, format) as image:
            if sum(motion.times_of(image)) != sum(times):
                raise _wrong(source, "frames")
    return Optimised(made, f"{format} of quality {quality}")


def _lossy_jpeg(image: Image, hung: blocks.Blocks, attached: list[bytes], quality: int) -> bytes:
    """What is attached goes over segment by segment: Pillow knows only some of them."""
    image.load()
    image.info = {}
    out = io.BytesIO()
    words: dict[str, Any] = {"dpi": hung.dpi} if hung.dpi else {}
    image.save(out, "JPEG", quality=quality, **words)
    return jpegpack.packed(jpegpack.with_attached(out.getvalue(), attached))


def _lossy_png(
    image: Image, hung: blocks.Blocks, texts: list[tuple[bytes, bytes]], level: Level, quality: int
) -> bytes:
    """At most so many colours as the quality says, of 256."""
    from PIL import Image as Pillow

    plain = image.convert("RGBA" if image.has_transparency_data else "RGB")
    method = Pillow.Quantize.FASTOCTREE if plain.mode == "RGBA" else Pillow.Quantize.MEDIANCUT
    few = plain.quantize(max(2, round(_COLOURS * quality / 100)), method=method)
    return pngs.encoded(few.convert(plain.mode), hung, level=_LEVELS[level], more=texts)


def _lossy_modern(image: Image, hung: blocks.Blocks, format: str, quality: int, name: str) -> bytes:
    """WebP or AVIF, still or moving."""
    out = io.BytesIO()
    words: dict[str, Any] = {"quality": quality}
    words |= {"method": 4} if format == "WEBP" else {"speed": 6, "max_threads": 1}
    if motion.count(image) > 1:
        moving = motion.read(image, lambda frame: frame.convert("RGBA"), name=name)
        motion.save(moving, out, hung, format=format.lower(), words=words)
        return out.getvalue()
    image.load()
    words |= {"exif": b"Exif\0\0" + hung.exif} if hung.exif else {}
    words |= {"xmp": hung.xmp} if hung.xmp else {}
    image.save(out, format, icc_profile=hung.icc, **words)
    return out.getvalue()


def _compare(made: bytes, format: str, hung: blocks.Blocks, size: tuple[int, int], alpha: bool, source: Path) -> None:
    with guarded(f"the {format} made", path_to_key(source)), _open(made, format) as image:
        found = blocks.take(image)
        image.load()
        if image.size != size or (alpha and not image.has_transparency_data and format == "WEBP"):
            raise _wrong(source, "size or transparency")
        if (found.icc, found.exif, found.xmp) != (hung.icc, hung.exif, hung.xmp):
            raise _wrong(source, "what is attached")
