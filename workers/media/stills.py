"""Pictures decoded in full, to see whether they are whole.

libjpeg paints over damage without a word, so JPEG goes through libavcodec, which is told to stop at the first error;
Pillow loads the others.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from workers.errors import ErrorClass, JobFailed
from workers.media.findings import Examined, Finding
from workers.media.names import path_to_key
from workers.text import clean

# What cameras write into Exif and colour profiles says nothing about the picture.
_NOISE = re.compile("exif|icc|profile|non.monotonic", re.IGNORECASE)
_NOT_DONE = re.compile("not supported|unsupported|not implemented|patchwelcome", re.IGNORECASE)


def check_picture(path: Path, format: str, *, full: bool) -> Examined:
    """Open the picture at `path`, of Pillow's `format`; with `full` decode it. JobFailed: crashed, disk."""
    from workers.media import pictures

    try:
        width, height, frames = pictures.look(path, format, load=full)
    except JobFailed as error:
        if error.failure.error_class is not ErrorClass.BAD_INPUT:
            raise
        return Examined(format, (Finding("unreadable", error.failure.message),), {})
    checked: dict[str, int | float | str] = {"width": width, "height": height}
    if full:
        checked["pictures"] = frames
    findings: tuple[Finding, ...] = ()
    if full and format == "JPEG":
        findings = _jpeg(path)
    return Examined(format, findings, checked)


def _jpeg(path: Path) -> tuple[Finding, ...]:
    import av
    from av.codec import CodecContext

    lines: list[str] = []
    decoder: Any = CodecContext.create("mjpeg", "r")
    decoder.options = {"err_detect": "explode"}
    decoder.thread_count = 1
    failed, frames = "", 0
    av.logging.set_level(av.logging.ERROR)
    try:
        with av.logging.Capture(True) as captured:
            try:
                frames = len(decoder.decode(av.Packet(path.read_bytes())))
                frames += len(decoder.decode(None))
            except av.error.PatchWelcomeError:
                return ()  # a kind that libavcodec has not got (arithmetic, lossless): Pillow has loaded it
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
        return ()
    if lines or failed or not frames:
        said = lines[0] if lines else failed or "nothing can be decoded"
        return (Finding("errors", f"the picture does not decode cleanly: {said}", {"lines": len(lines)}),)
    return ()
