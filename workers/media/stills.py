"""Pictures decoded in full, to see whether they are whole.

libjpeg paints over damage without a word, so JPEG goes through libavcodec, which is told to stop at the first error;
Pillow loads the others.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from workers.errors import ErrorClass, JobFailed
from workers.media.findings import Examined, Finding, reason_of
from workers.media.jpegs import has_hole
from workers.media.names import path_to_key
from workers.text import clean

# What cameras write into Exif and colour profiles says nothing about the picture.
_NOISE = re.compile("exif|icc|profile|non.monotonic", re.IGNORECASE)
_SEVERAL, _HEADER = b"MPF\0", 1 << 17  # what announces further pictures in the same file, and where
_NOT_DONE = re.compile("not supported|unsupported|not implemented|patchwelcome", re.IGNORECASE)


def check_picture(path: Path, format: str, *, full: bool) -> Examined:
    """Open the picture at `path`, of Pillow's `format`; with `full` decode it. JobFailed: crashed, disk."""
    from workers.media import pictures

    judged: tuple[Finding, ...] | None = None
    try:
        width, height, frames = pictures.look(path, format, load=full and format != "JPEG")
        if full and format == "JPEG":
            judged = _jpeg(path)
            if judged is None:
                width, height, frames = pictures.look(path, format, load=True)
    except JobFailed as error:
        if error.failure.error_class is not ErrorClass.BAD_INPUT:
            raise
        return Examined(format, (Finding("unreadable", reason_of(error.failure.message, clean(path.name))),), {})
    checked: dict[str, int | float | str] = {"width": width, "height": height}
    if full:
        checked["pictures"] = frames
    return Examined(format, judged or (), checked)


def _jpeg(path: Path) -> tuple[Finding, ...] | None:
    """What libavcodec says of a JPEG; None when Pillow must: of kinds that it has not got, and of several pictures."""
    import av
    from av.codec import CodecContext

    data = path.read_bytes()
    if _SEVERAL in data[:_HEADER]:
        return None
    if has_hole(data):
        return (Finding("hole", "a part of the picture is zeros"),)
    lines: list[str] = []
    decoder: Any = CodecContext.create("mjpeg", "r")
    decoder.options = {"err_detect": "explode"}
    decoder.thread_count = 1
    failed, frames = "", 0
    av.logging.set_level(av.logging.ERROR)
    try:
        with av.logging.Capture(True) as captured:
            try:
                frames = len(decoder.decode(av.Packet(data)))
                frames += len(decoder.decode(None))
            except av.error.PatchWelcomeError:
                return None  # a kind that libavcodec has not got (arithmetic, lossless)
            except av.error.EOFError:
                pass
            except av.error.FFmpegError as error:
                failed = clean(error.strerror or str(error))
            lines = [clean(text).strip() for _, _, text in captured if not _NOISE.search(text)]
    except MemoryError as error:
        raise JobFailed(ErrorClass.CRASHED, "out of memory", input=path_to_key(path)) from error
    finally:
        av.logging.set_level(None)
    if any(_NOT_DONE.search(line) for line in lines):
        return None
    if lines or failed or not frames:
        said = lines[0] if lines else failed or "nothing can be decoded"
        return (Finding("errors", f"the picture does not decode cleanly: {said}", {"lines": len(lines)}),)
    return ()
