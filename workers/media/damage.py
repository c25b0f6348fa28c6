"""Is a file whole? What it is by its content, how far it reaches, and whether everything in it can be read."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from workers.errors import ErrorClass, JobFailed
from workers.media.containers import demuxers_of
from workers.media.envelope import check_envelope
from workers.media.findings import Examined, Finding
from workers.media.packets import Pulse, walk_packets
from workers.media.sniff import is_media_name, sniff
from workers.media.stills import check_picture

Level = Literal["quick", "full"]

_PICTURES = {  # by format of Pillow
    "JPEG": frozenset(["jpg", "jpeg", "jpe", "jfif", "mpo"]),
    "PNG": frozenset(["png"]),
    "GIF": frozenset(["gif"]),
    "WEBP": frozenset(["webp"]),
    "AVIF": frozenset(["avif"]),
    "TIFF": frozenset(["tif", "tiff"]),
    "BMP": frozenset(["bmp"]),
    "JPEG2000": frozenset(["jp2"]),
}


def examine(path: Path, level: Level, *, pulse: Pulse = lambda share: None) -> Examined:
    """Everything that is wrong with the film, sound file or picture at `path`.

    `quick` reads headers, index and every packet; `full` decodes all. `pulse` is told the share that was read.
    JobFailed: unsupported (no media, by content and by name), crashed, disk; bad_input when there is no such file.
    """
    try:
        found = sniff(path)
    except JobFailed as error:
        failure = error.failure
        if failure.error_class is not ErrorClass.UNSUPPORTED or is_media_name(path) is None:
            raise
        return Examined("", (Finding("unrecognised", "its content is not what its name says"),), {})
    named = _check_name(path, found.format)
    around = check_envelope(path, found.format)
    full = level == "full"
    if found.kind == "image":
        inside = check_picture(path, found.format, full=full)
    else:
        inside = walk_packets(path, found.format, full=full, pulse=pulse)
    checked = {"format": found.format, "size": os.path.getsize(path), **inside.checked}
    return Examined(found.format, (*named, *around, *inside.findings), checked)


def _check_name(path: Path, format: str) -> tuple[Finding, ...]:
    """Whether the extension promises another format. One that promises nothing is no finding."""
    extension = path.suffix.lower().lstrip(".")
    promised = demuxers_of(extension) | {name for name, words in _PICTURES.items() if extension in words}
    if not promised or format in promised:
        return ()
    measure = {"extension": extension, "content": format}
    return (Finding("wrong_extension", "its content is another format than its name says", measure),)
