"""Files that an encode needs beside its input: covers as files, subtitles as a text to be drawn, and their fonts."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from workers.errors import ErrorClass, JobFailed
from workers.media.av import Facts, StreamFacts, open_input, translated
from workers.media.encode import TEXT_SUBTITLES
from workers.media.fates import name_of
from workers.media.muxing import pictures
from workers.media.names import path_to_key, safe_name
from workers.media.soundtrack import same_language
from workers.text import clean

_MOST_FONT_BYTES = 64 << 20
BITMAPS = frozenset({"hdmv_pgs_subtitle", "dvd_subtitle", "dvb_subtitle", "xsub"})


def covers(facts: Facts, indexes: Sequence[int], folder: Path) -> dict[int, Path]:
    """Write the covers of these streams into `folder` (made if missing); their paths by index. JobFailed."""
    found: dict[int, Path] = {}
    if not indexes:
        return found
    folder.mkdir(parents=True, exist_ok=True)
    codecs = {stream.index: stream.codec for stream in facts.streams}
    for index, data in pictures(facts.path, indexes).items():
        name = "cover" if not found else f"cover{len(found) + 1}"
        path = folder / f"{name}.{'png' if codecs[index] == 'png' else 'jpg'}"
        path.write_bytes(data)
        found[index] = path
    missing = [index for index in indexes if index not in found]
    if missing:
        message = (
            f"the cover in stream {missing[0]} of {clean(facts.path.name)} is empty: allow losing it by --drop covers"
        )
        raise JobFailed(ErrorClass.BAD_INPUT, message, input=path_to_key(facts.path))
    return found


def fonts(facts: Facts, folder: Path) -> Path:
    """Write the attached files of a film into `folder` (made if missing), for the drawing of its subtitles."""
    folder.mkdir(parents=True, exist_ok=True)
    if not facts.of_kind("attachment"):
        return folder
    left = _MOST_FONT_BYTES
    with open_input(facts.path) as container, translated(facts.path):
        for stream in container.streams:
            data: bytes | None = getattr(stream, "data", None) if stream.type == "attachment" else None
            if not data or len(data) > left:
                continue
            left -= len(data)
            (folder / f"{stream.index}-{safe_name(stream.metadata.get('filename', 'font'))}").write_bytes(data)
    return folder


def text_command(facts: Facts, index: int, target: Path, *, ffmpeg: str) -> list[str]:
    """The command that writes one stream of text subtitles as an ASS file. Pure."""
    source = f"file:{os.path.abspath(facts.path)}"
    return [
        *(ffmpeg, "-f", facts.format, "-protocol_whitelist", "file,pipe", "-i", source),
        *("-map", f"0:{index}", "-c:s", "ass", "-f", "ass", f"file:{os.path.abspath(target)}"),
    ]


def to_burn(facts: Facts, which: str) -> StreamFacts:
    """The subtitles that a person means by `which`: a stream's number, a language, or empty for the first."""
    key, name = path_to_key(facts.path), clean(facts.path.name)
    subtitles = [s for s in facts.of_kind("subtitle") if s.codec in TEXT_SUBTITLES | BITMAPS]
    if not subtitles:
        raise JobFailed(ErrorClass.UNSUPPORTED, f"{name} has no subtitles that can be burnt in", input=key)
    wish = which.strip().lower()
    fits = [s for s in subtitles if not wish or str(s.index) == wish or same_language(s.language, wish)]
    if not fits:
        have = "; ".join(name_of(stream) for stream in subtitles)
        message = f"{name} has no subtitles {clean(which)!r} to burn in; it has {have}"
        raise JobFailed(ErrorClass.UNSUPPORTED, message, input=key)
    return fits[0]
