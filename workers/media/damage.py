"""Is a file whole? What it is by its content, how far it reaches, and whether everything in it can be read."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from workers.errors import ErrorClass, JobFailed
from workers.media.envelope import check_envelope
from workers.media.findings import Examined, Finding
from workers.media.packets import Pulse, walk_packets
from workers.media.sniff import is_media_name, sniff
from workers.media.stills import check_picture

Level = Literal["quick", "full"]

_NAMES = {
    "mp4": "mp4 m4v mov 3gp 3g2 m4a m4b",
    "matroska": "mkv webm mka weba",
    "avi": "avi",
    "flv": "flv",
    "asf": "wmv asf wma",
    "mpeg": "mpg mpeg vob",
    "mpegvideo": "mpg mpeg",
    "mpegts": "ts m2ts mts mpg mpeg",
    "ogg": "ogv ogg oga opus",
    "mxf": "mxf",
    "rm": "rm rmvb",
    "mp3": "mp3",
    "aac": "aac",
    "flac": "flac",
    "wav": "wav dts",
    "aiff": "aif aiff",
    "wv": "wv",
    "ape": "ape",
    "amr": "amr",
    "ac3": "ac3",
    "dts": "dts",
    "caf": "caf",
    "au": "au",
    "JPEG": "jpg jpeg jpe jfif mpo",
    "PNG": "png",
    "GIF": "gif",
    "WEBP": "webp",
    "AVIF": "avif",
    "TIFF": "tif tiff",
    "BMP": "bmp",
    "JPEG2000": "jp2",
}
_FORMATS: dict[str, set[str]] = {}
for _format, _words in _NAMES.items():
    for _word in _words.split():
        _FORMATS.setdefault(_word, set()).add(_format)


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
    promised = _FORMATS.get(extension)
    if promised is None or format in promised:
        return ()
    measure = {"extension": extension, "content": format}
    return (Finding("wrong_extension", "its content is another format than its name says", measure),)
