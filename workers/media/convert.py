"""One picture into another format: upright, in colours and depths that the target holds, with what hangs on it."""

from __future__ import annotations

import contextlib
import io
import os
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from workers.errors import ErrorClass, JobFailed
from workers.media import blocks, deep, motion, pngs, tiffs, tones
from workers.media.names import path_to_key
from workers.media.pictures import guarded
from workers.text import clean

if TYPE_CHECKING:
    from PIL.Image import Image

Format = Literal["jpeg", "png", "webp", "tiff", "avif", "gif"]
Metadata = Literal["keep", "no-place", "strip"]
EXTENSIONS = {"jpeg": "jpg", "png": "png", "webp": "webp", "tiff": "tif", "avif": "avif", "gif": "gif"}
QUALITY = {"jpeg": 85, "webp": 80, "avif": 60}  # where the person does not say
_HEAD = 64
_TURNS = {2: 0, 3: 3, 4: 1, 5: 5, 6: 4, 7: 6, 8: 2}  # Exif's number to Pillow's Transpose
_NO_EXIF = frozenset({"gif"})


@dataclass(frozen=True, slots=True)
class Wish:
    """What is wanted of a converted picture. `quality` 0 is the usual one of the format, `size` 0 no limit."""

    format: Format
    quality: int = 0
    lossless: bool = False
    small: bool = False  # take more time for fewer bytes
    size: int = 0  # longest side in pixels
    background: str = "white"
    metadata: Metadata = "keep"
    srgb: bool = False  # convert colours even where the target holds the profile
    drop_profile: bool = False
    first_frame: bool = False


@dataclass(frozen=True, slots=True)
class Made:
    """A picture ready to be written: one still (8 bits, or deep) or an animation, and what hangs on it."""

    still: Image | None
    deep: deep.Deep | None
    motion: motion.Motion | None
    blocks: blocks.Blocks
    notes: tuple[str, ...]
    taken: str = ""  # YYYY-MM-DD, also where the result says nothing of it

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        if self.motion:
            return self.motion.frames[0].size
        picture = self.deep or self.still
        assert picture is not None
        return picture.size


def convert(source: Path, target: Path, wish: Wish, *, format: str) -> dict[str, Any]:
    """Write the picture at `source`, of Pillow's `format` by its content, to `target` as `wish` says; facts about it.

    `width`, `height`, `frames`, `notes` (what could not be kept) and `date` (taken, or changed: YYYY-MM-DD). The result
    was read again and compared. JobFailed: bad_input, unsupported, tool (the result is not as it should be), disk.
    """
    with reading(source):
        made = _read(source, wish, format)
    with guarded(clean(target.name), path_to_key(target)):
        _write(made, target, wish)
    try:
        frames = _check(made, target, wish)
    except JobFailed as error:
        raise JobFailed(ErrorClass.TOOL, error.failure.message, input=path_to_key(source)) from error
    return {
        "width": made.size[0],
        "height": made.size[1],
        "frames": frames,
        "date": made.taken or _changed(source),
        "notes": list(made.notes),
    }


@contextlib.contextmanager
def reading(source: Path) -> Iterator[None]:
    """`guarded`, for a file that is only read: no fault of it is one of the disk that results go to."""
    key = path_to_key(source)
    try:
        with guarded(clean(source.name), key):
            yield
    except (struct.error, zlib.error, AttributeError, AssertionError, EOFError) as error:
        # These too come from Pillow's readers, of damaged files only.
        raise JobFailed(
            ErrorClass.BAD_INPUT, f"{clean(source.name)} is damaged: {clean(str(error))}", input=key
        ) from error
    except JobFailed as error:
        failure = error.failure
        if failure.error_class is ErrorClass.DISK:
            raise JobFailed(ErrorClass.BAD_INPUT, failure.message, input=key) from error
        raise


def _changed(source: Path) -> str:
    """When the file was changed, as YYYY-MM-DD in local time."""
    import datetime

    return datetime.datetime.fromtimestamp(os.stat(source).st_mtime).strftime("%Y-%m-%d")


# --- Reading ----------------------------------------------------------------------------------------------------


def _read(source: Path, wish: Wish, format: str) -> Made:
    from PIL import Image as Pillow

    notes: list[str] = []
    with open(source, "rb") as file, Pillow.open(file, formats=(format,)) as image:
        frames, taken = motion.count(image), blocks.take(image).taken
        if image.format == "MPO":
            notes.append("further pictures behind the first (depth, gain map) are left out")
        if frames > 1 and not wish.first_frame:
            if format == "TIFF" or wish.format not in motion.MOVING:
                raise JobFailed(
                    ErrorClass.UNSUPPORTED, _refusal(source, wish, frames, format), input=path_to_key(source)
                )
            return replace(_read_motion(image, wish, notes, name=clean(source.name)), taken=taken)
        if frames > 1:
            notes.append(f"the first of {frames} {'pages' if format == 'TIFF' else 'frames'}")
        return replace(_read_still(image, source, wish, notes), taken=taken)


def _refusal(source: Path, wish: Wish, frames: int, format: str) -> str:
    what = f"a document of {frames} pages" if format == "TIFF" else f"an animation of {frames} frames"
    return f"{clean(source.name)} is {what}, which one {wish.format.upper()} cannot hold: first_frame takes the first"


def _read_motion(image: Image, wish: Wish, notes: list[str], *, name: str) -> Made:
    hung = blocks.take(image)
    turn = blocks.turn_of(image)
    profile = [hung.icc]

    def change(frame: Image) -> Image:
        told: list[str] = []
        shaped = _turned(_reduced(tones.plain(frame), wish.size), turn)
        shaped, profile[0] = tones.fitted(
            shaped.convert("RGBA" if shaped.mode in ("LA", "RGBA") else "RGB"),
            hung.icc,
            wish.format,
            srgb=wish.srgb,
            notes=told,
        )
        notes.extend(note for note in told if note not in notes)
        return shaped

    moving = motion.read(image, change, name=name)
    if wish.format == "gif" and any(tones.has_partial_alpha(frame) for frame in moving.frames):
        notes.append("half-transparent pixels become opaque or clear")
    return Made(None, None, moving, _kept(replace(hung, icc=profile[0]), wish, notes), tuple(notes))


def _read_still(image: Image, source: Path, wish: Wish, notes: list[str]) -> Made:
    hung = blocks.take(image)
    if wish.format in ("png", "tiff"):
        raw_turn = blocks.turn_of(image)
        with open(source, "rb") as file:
            head = file.read(_HEAD)
        if deep.is_deep(image, head) and (picture := deep.read(source.read_bytes(), str(image.format))):
            return _deep_made(picture, hung, raw_turn, wish, notes)
    elif deep.is_deep(image, _head_of(source)) and image.mode != "I;16":
        notes.append("16 bits a channel become 8")
    _hint(image, wish.size)
    image.load()
    turn = blocks.turn_of(image)  # Pillow turns TIFFs itself while it loads them
    still = _turned(_reduced(tones.plain(image), wish.size), turn)
    if wish.format == "jpeg":
        still = tones.flattened(still, wish.background, notes)
    still, icc = tones.fitted(still, hung.icc, wish.format, srgb=wish.srgb, notes=notes)
    if wish.format == "gif" and tones.has_partial_alpha(still):
        notes.append("half-transparent pixels become opaque or clear")
    hung = _kept(replace(hung, icc=icc), wish, notes)
    still.info = {}  # or the writers would take from there what was to be left out
    if still.mode == "I;16" and wish.format == "png":
        return Made(None, deep.Deep((still,)), None, hung, tuple(notes))
    return Made(still, None, None, hung, tuple(notes))


def _head_of(source: Path) -> bytes:
    with open(source, "rb") as file:
        return file.read(_HEAD)


def _deep_made(picture: deep.Deep, hung: blocks.Blocks, turn: int, wish: Wish, notes: list[str]) -> Made:
    picture = picture.each(lambda plane: _turned(_reduced(plane, wish.size), turn))
    if wish.srgb and hung.icc:
        notes.append("colours of 16 bits keep their profile instead of becoming sRGB")
    return Made(None, picture, None, _kept(hung, wish, notes), tuple(notes))


def _kept(hung: blocks.Blocks, wish: Wish, notes: list[str]) -> blocks.Blocks:
    """What of `hung` goes into the result, for pixels that are upright."""
    hung = hung.upright()
    if wish.metadata == "strip":
        hung = replace(hung.stripped(), exif=b"")
    elif wish.metadata == "no-place":
        hung = hung.without_place()
    if wish.format in _NO_EXIF and (hung.exif or hung.xmp):
        notes.append("Exif and XMP are left out: a GIF cannot hold them")
        hung = replace(hung, exif=b"", xmp=b"")
    if wish.format == "avif":
        hung = hung.without_turn()
    return replace(hung, icc=b"") if wish.drop_profile else hung


def _hint(image: Image, size: int) -> None:
    """Let a JPEG be decoded at a fraction, where less than half of it is wanted."""
    if size and image.format in ("JPEG", "MPO") and max(image.size) > 4 * size:
        image.draft(None, (2 * size, 2 * size))


def _reduced(image: Image, size: int) -> Image:
    from PIL import Image as Pillow

    if not size or max(image.size) <= size:
        return image
    share = size / max(image.size)
    wanted = max(1, round(image.width * share)), max(1, round(image.height * share))
    if image.mode == "1":
        image = image.convert("L")
    gap = 3.0 if image.mode in ("L", "RGB", "RGBA", "CMYK") else None
    return image.resize(wanted, Pillow.Resampling.LANCZOS, reducing_gap=gap)


def _turned(image: Image, turn: int) -> Image:
    from PIL import Image as Pillow

    return image.transpose(Pillow.Transpose(_TURNS[turn])) if turn in _TURNS else image


# --- Writing ----------------------------------------------------------------------------------------------------


def _write(made: Made, target: Path, wish: Wish) -> None:
    if made.motion:
        words = _words(wish)
        motion.save(made.motion, os.fspath(target), made.blocks, format=wish.format, words=words)
    elif wish.format == "png":
        level = 2 if wish.small else 0
        if made.deep:
            target.write_bytes(pngs.encoded_deep(made.deep, made.blocks, level=level))
        elif made.still:
            target.write_bytes(pngs.encoded(made.still, made.blocks, level=level))
    elif made.deep:
        target.write_bytes(tiffs.encoded_deep(made.deep, made.blocks))
    elif made.still and wish.format == "tiff":
        whole = io.BytesIO()
        tiffs.save(made.still, whole, made.blocks, compression="tiff_adobe_deflate" if wish.small else "tiff_lzw")
        target.write_bytes(tiffs.with_directories(whole.getvalue(), made.blocks.exif))
    elif made.still:
        made.still.save(target, wish.format.upper(), **_words(wish), **_attached(made.blocks, wish.format))


def _words(wish: Wish) -> dict[str, Any]:
    """What Pillow's writer of the format is told."""
    quality = wish.quality or QUALITY.get(wish.format, 0)
    if wish.format == "jpeg":
        return {"quality": quality, "optimize": wish.small, "progressive": wish.small}
    if wish.format == "webp":
        method = 4 if wish.small else 2
        return (
            {"lossless": True, "exact": True, "quality": 60, "method": method}
            if wish.lossless
            else ({"quality": quality, "method": method})
        )
    if wish.format == "avif":
        return {"quality": quality, "speed": 6 if wish.small else 8, "max_threads": 1}
    return {}


def _attached(hung: blocks.Blocks, format: str) -> dict[str, Any]:
    if format == "gif":
        return {"comment": hung.comment} if hung.comment else {}
    words: dict[str, Any] = {"exif": b"Exif\0\0" + hung.exif if hung.exif else b""}
    if hung.icc:
        words["icc_profile"] = hung.icc
    if hung.xmp:
        words["xmp"] = hung.xmp
    if format == "jpeg":
        words["comment"] = hung.comment
        if hung.dpi:
            words["dpi"] = hung.dpi
    return words


# --- Checking ---------------------------------------------------------------------------------------------------


def _check(made: Made, target: Path, wish: Wish) -> int:
    """How many frames the result has, after it was read again and compared with what it was made of."""
    from PIL import Image as Pillow

    key = path_to_key(target)
    with guarded(f"the {wish.format.upper()} made", key), Pillow.open(target, formats=(wish.format.upper(),)) as image:
        wrong = _differences(made, image, wish)
        if made.motion:
            times = motion.times_of(image)
            slack = 10 * len(made.motion.times)  # a GIF counts in hundredths
            if abs(sum(times) - sum(made.motion.times)) > slack or (len(times) < 2 and motion.has_change(made.motion)):
                wrong.append("frames")
        elif wish.format == "png":
            times = [0]
            for _ in pngs.chunks(target.read_bytes()):
                pass  # every checksum was compared
        else:
            times = [0]
            image.load()
    if wrong:
        raise JobFailed(ErrorClass.TOOL, f"the result differs from its input in {', '.join(wrong)}", input=key)
    return len(times)


def _differences(made: Made, image: Image, wish: Wish) -> list[str]:
    wrong = ["size"] if image.size != made.size else []
    found = blocks.take(image)
    if wish.format != "gif" and found.icc != made.blocks.icc:
        wrong.append("colour profile")
    if wish.format not in ("gif", "tiff") and found.exif != made.blocks.exif:
        wrong.append("Exif")
    still = made.still or (made.motion.frames[0] if made.motion else None)
    if still and wish.format in ("webp", "avif") and still.mode == "RGBA" and not image.has_transparency_data:
        alpha: Any = still.getchannel("A").getextrema()
        if alpha[0] < 255:
            wrong.append("transparency")
    if made.deep and not (deep.is_deep(image, _head_of(Path(image.filename))) or image.mode == "I;16"):  # type: ignore[attr-defined]
        wrong.append("bits a channel")
    return wrong
