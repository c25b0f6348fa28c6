"""Pictures written in every format that Spool makes, and read again before anybody gets them."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workers.errors import ErrorClass, JobFailed
from workers.media import blocks, deep, motion, pngs, tiffs
from workers.media.names import path_to_key
from workers.media.pictures import guarded
from workers.media.wish import QUALITY, Made, Wish

if TYPE_CHECKING:
    from PIL.Image import Image

_COSTLY = ("webp", "avif")  # to decode


def write(made: Made, target: Path, wish: Wish) -> None:
    """Write `made` to `target` in the format of `wish`. OSError when the disk refuses."""
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


def check(made: Made, target: Path, wish: Wish) -> int:
    """How many frames the result at `target` has, after it was read again and compared with `made`.

    JobFailed when it cannot be read, or differs.
    """
    from PIL import Image as Pillow

    key = path_to_key(target)
    with guarded(f"the {wish.format.upper()} made", key), Pillow.open(target, formats=(wish.format.upper(),)) as image:
        wrong = _differences(made, image, target, wish)
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
            if wish.format in _COSTLY:
                wrong += _cut_short(target, wish)
            else:
                image.load()
    if wrong:
        raise JobFailed(ErrorClass.TOOL, f"the result differs from its input in {', '.join(wrong)}", input=key)
    return len(times)


def _cut_short(target: Path, wish: Wish) -> list[str]:
    """Whether a file that was opened is all there, by its own account: decoding it costs a fifth of making it."""
    size, at = target.stat().st_size, 0
    with open(target, "rb") as file:
        if wish.format == "webp":
            at = int.from_bytes(file.read(8)[4:], "little") + 8
        while wish.format == "avif" and at < size:
            file.seek(at)
            box = int.from_bytes(file.read(4), "big")
            if box < 8:
                break
            at += box
    return [] if at == size else ["length"]


def _differences(made: Made, image: Image, target: Path, wish: Wish) -> list[str]:
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
    if made.deep and not (deep.is_deep(image, deep.head_of(target)) or image.mode == "I;16"):
        wrong.append("bits a channel")
    return wrong
