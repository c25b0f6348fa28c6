"""Animations: every frame whole and with its time, from GIF, WebP, PNG and AVIF to each of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

from workers.errors import ErrorClass, JobFailed
from workers.media.blocks import Blocks
from workers.media.pictures import MAX_PIXELS

if TYPE_CHECKING:
    from PIL.Image import Image

MOVING = ("gif", "webp", "png", "avif")  # formats that hold animations
_MAX_FRAMES = 10_000
_USUAL_MS = 100  # what players give to frames that ask for no time at all


@dataclass(frozen=True, slots=True)
class Motion:
    """An animation: its frames (RGB or RGBA, all of one mode and size), the time of each in ms, and how often it runs.

    `plays` of 0 is for ever.
    """

    frames: tuple[Image, ...]
    times: tuple[int, ...]
    plays: int


def count(image: Image) -> int:
    """Frames of the animation or pages of the document; 1 for anything else, also for JPEGs with further pictures."""
    if image.format not in ("GIF", "WEBP", "PNG", "AVIF", "TIFF"):
        return 1
    return max(int(getattr(image, "n_frames", 1)) - (1 if _has_cover(image) else 0), 1)


def _has_cover(image: Image) -> bool:
    """Whether the first picture of a PNG is shown only where animations are not."""
    return image.format == "PNG" and bool(getattr(image, "default_image", False))


def read(image: Image, change: Callable[[Image], Image], *, name: str) -> Motion:
    """All frames of the open `image`, each brought to its final shape by `change` as it is read.

    JobFailed bad_input when all of them together have too many pixels.
    """
    frames: list[Image] = []
    times: list[int] = []
    plays = _plays(image)
    first = 1 if _has_cover(image) else 0
    for number in range(first, first + count(image)):
        image.seek(number)
        image.load()
        frame = change(image)
        frame = frame.copy() if frame is image else frame
        frame.info = {}  # or the writers would take from there what was to be left out
        frames.append(frame)
        times.append(round(float(image.info.get("duration") or 0)) or _USUAL_MS)
        if len(frames) * frame.width * frame.height > MAX_PIXELS or len(frames) > _MAX_FRAMES:
            raise JobFailed(
                ErrorClass.BAD_INPUT,
                f"the frames of {name} have more than {MAX_PIXELS // 1_000_000} million pixels in all;"
                " a size limit makes them smaller, first_frame takes the first alone",
            )
    mode = "RGBA" if any(frame.mode == "RGBA" for frame in frames) else "RGB"
    alike = tuple(frame if frame.mode == mode else frame.convert(mode) for frame in frames)
    return Motion(alike, tuple(times), plays)


def _plays(image: Image) -> int:
    loop = image.info.get("loop")
    if image.format == "GIF":  # which counts the runs after the first
        return 1 if loop is None else 0 if loop == 0 else int(loop) + 1
    return int(loop or 0)


def save(motion: Motion, path: str | IO[bytes], blocks: Blocks, *, format: str, words: dict[str, Any]) -> None:
    """Write `motion` as `format`, one of MOVING; `words` are what the writer of a single picture gets."""
    from PIL import PngImagePlugin

    first, rest = motion.frames[0], list(motion.frames[1:])
    attached: dict[str, Any] = dict(words)
    if blocks.icc and format != "gif":
        attached["icc_profile"] = blocks.icc
    if blocks.exif and format != "gif":
        attached["exif"] = b"Exif\0\0" + blocks.exif
    if blocks.xmp and format in ("webp", "avif"):
        attached["xmp"] = blocks.xmp
    if format == "png":
        info = PngImagePlugin.PngInfo()
        if blocks.xmp:
            info.add_itxt("XML:com.adobe.xmp", blocks.xmp.decode("utf-8", "replace"))
        attached |= {"pnginfo": info, "loop": motion.plays, "default_image": False}
    if format == "webp":
        attached |= {"loop": motion.plays, "background": (0, 0, 0, 0)}
    if format == "gif":
        attached |= {"disposal": 2 if first.mode == "RGBA" else 1, "comment": blocks.comment, "optimize": False}
        if motion.plays != 1:
            attached["loop"] = max(motion.plays - 1, 0)
    first.save(path, format.upper(), save_all=True, append_images=rest, duration=list(motion.times), **attached)


def times_of(image: Image) -> list[int]:
    """The time of each frame of an open animation in ms; all are decoded."""
    times = []
    first = 1 if _has_cover(image) else 0
    for number in range(first, first + count(image)):
        image.seek(number)
        image.load()
        times.append(round(float(image.info.get("duration") or 0)))
    return times


def has_change(motion: Motion) -> bool:
    """Whether any frame differs from the first: formats may join frames that are alike."""
    start = motion.frames[0].tobytes()
    return any(frame.tobytes() != start for frame in motion.frames[1:])
