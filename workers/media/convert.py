"""One picture into another format: upright, in colours and depths that the target holds, with what hangs on it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workers.errors import ErrorClass, JobFailed
from workers.media import bits, blocks, deep, motion, tones, written
from workers.media.names import path_to_key
from workers.media.pictures import guarded
from workers.media.wish import MAX_SIDE, Made, Wish
from workers.text import clean

if TYPE_CHECKING:
    from PIL.Image import Image

_MAX_BYTES = 1 << 30  # of a file: packers read it whole
_TURNS = {2: 0, 3: 3, 4: 1, 5: 5, 6: 4, 7: 6, 8: 2}  # Exif's number to Pillow's Transpose
_NO_EXIF = frozenset({"gif"})
_WIDE = frozenset({"I", "F", "I;16", "I;16L", "I;16B", "I;16N"})
_EXTRA = 338  # the tag of TIFF for channels beside the colours
_JPEG_ROOM = {"exif": 65_527, "xmp": 65_504, "comment": 65_533}  # bytes of one segment, less what stands before


def convert(source: Path, target: Path, wish: Wish, *, format: str) -> dict[str, Any]:
    """Write the picture at `source`, of Pillow's `format` by its content, to `target` as `wish` says; facts about it.

    `width`, `height`, `frames`, `notes` (what could not be kept) and `date` (taken, or changed: YYYY-MM-DD). The result
    was read again and compared. JobFailed: bad_input, unsupported, tool (the result is not as it should be), disk.
    """
    with reading(source):
        made = _read(source, wish, format)
    with guarded(clean(source.name), path_to_key(source)):
        written.write(made, target, wish)
    try:
        frames = written.check(made, target, wish)
    except JobFailed as error:
        raise JobFailed(ErrorClass.TOOL, error.failure.message, input=path_to_key(source)) from error
    return {
        "width": made.size[0],
        "height": made.size[1],
        "frames": frames,
        "date": made.taken or _changed(source),
        "notes": list(made.notes),
    }


def told(source: Path, format: str) -> dict[str, Any]:
    """The facts of `convert` about a picture that stays as it is: its header is read. JobFailed as there."""
    from PIL import Image as Pillow

    with reading(source), Pillow.open(source, formats=(format,)) as image:
        size = image.size if blocks.turn_of(image) < 5 else image.size[::-1]
        return {
            "width": size[0],
            "height": size[1],
            "frames": motion.count(image),
            "date": blocks.take(image).taken or _changed(source),
            "notes": [],
        }


@contextlib.contextmanager
def reading(source: Path) -> Iterator[None]:
    """`guarded`, for a file that is only read: no fault of it is one of the disk that results go to."""
    key = path_to_key(source)
    try:
        with guarded(clean(source.name), key):
            if os.path.getsize(source) > _MAX_BYTES:
                what = f"{clean(source.name)} has more than {_MAX_BYTES >> 20:,} MiB"
                raise JobFailed(ErrorClass.UNSUPPORTED, what, input=key)
            yield
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
        _refuse_large(image, source, wish)
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


def _refuse_large(image: Image, source: Path, wish: Wish) -> None:
    """JobFailed unsupported when the result would have more pixels a side than its format holds."""
    side, most = max(image.size), MAX_SIDE.get(wish.format, 0)
    if most and min(side, wish.size or side) > most:
        what = f"{clean(source.name)} has {side:,} pixels on its longer side"
        message = f"{what}, of which {wish.format.upper()} holds at most {most:,}: size {most} reduces it"
        raise JobFailed(ErrorClass.UNSUPPORTED, message, input=path_to_key(source))


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
    depth = bits.stored_bits(image) or 0
    _refuse_loss(image, source, wish, depth)
    if wish.format in ("png", "tiff"):
        raw_turn = blocks.turn_of(image)
        if deep.is_deep(image, deep.head_of(source)) and (picture := deep.read(source.read_bytes(), str(image.format))):
            return _deep_made(picture, hung, raw_turn, wish, notes)
    if depth > 8 and image.mode not in _WIDE:  # of those that are wide `tones` tells what becomes of them
        notes.append(f"{depth} bits a channel become 8")
    bits.mend_planes(image)
    _hint(image, wish.size)
    image.load()
    turn = blocks.turn_of(image)  # Pillow turns TIFFs itself while it loads them
    _note_lost(image, wish, notes)
    still = _turned(_reduced(tones.plain(image), wish.size), turn)
    if still is image and image.format == "TIFF":
        still = image.copy()  # an open TIFF hands its own tags to the writer, which may not belong to its pixels
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


def _refuse_loss(image: Image, source: Path, wish: Wish, depth: int) -> None:
    """JobFailed unsupported when WebP is to be without loss and could not be: it holds 8 bits."""
    if wish.lossless and wish.format == "webp" and (depth > 8 or image.mode in _WIDE):
        message = f"{clean(source.name)} has {depth} bits a channel, of which WebP holds 8: png or tiff keeps more"
        raise JobFailed(ErrorClass.UNSUPPORTED, message, input=path_to_key(source))


def _note_lost(image: Image, wish: Wish, notes: list[str]) -> None:
    """What belongs to the picture and is not taken over, though nobody asked to leave it out."""
    if image.format == "TIFF" and 0 in getattr(image, "tag_v2", {}).get(_EXTRA, ()):
        notes.append("a channel that is neither colour nor alpha is left out")
    if wish.metadata == "strip":
        return
    if image.info.get("photoshop"):
        notes.append("IPTC is left out")
    texts = set(getattr(image, "text", {})) - {"Comment", "XML:com.adobe.xmp", "Raw profile type exif"}
    if texts:
        notes.append("texts of the PNG are left out")


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
        if hung.xmp:
            notes.append("XMP is left out: it may say where the picture was taken")
        hung = hung.without_place()
    if wish.format in _NO_EXIF and (hung.exif or hung.xmp):
        notes.append("Exif and XMP are left out: a GIF cannot hold them")
        hung = replace(hung, exif=b"", xmp=b"")
    if wish.format == "avif":
        hung = hung.without_turn()
    for name, room in _JPEG_ROOM.items() if wish.format == "jpeg" else ():
        if (size := len(getattr(hung, name))) > room:
            what = {"exif": "Exif", "xmp": "XMP", "comment": "the comment"}[name]
            notes.append(f"{what} is left out: a JPEG holds at most {room:,} bytes of it, and there are {size:,}")
            empty: dict[str, Any] = {name: b""}
            hung = replace(hung, **empty)
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
