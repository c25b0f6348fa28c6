"""Tags and chapters as the text that ffmpeg reads as an input of the format ffmetadata. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_SPECIAL = re.compile(r"([=;#\\\n])")
# What containers and muxers say of themselves: none of it is about the film, and some of it is wrong in another file.
_OF_THE_FILE = frozenset(
    {"major_brand", "minor_version", "compatible_brands", "encoder", "handler_name", "vendor_id", "duration", "bps"}
)


@dataclass(frozen=True, slots=True)
class Chapter:
    """One chapter; times in seconds from the beginning of its file."""

    start_s: float
    end_s: float
    title: str = ""


def plain_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """`tags` without those that describe the file they stood in (brands, encoder, statistics)."""
    return {
        name: value.replace("\0", "")
        for name, value in tags.items()
        if name.lower() not in _OF_THE_FILE
        and not name.lower().startswith(("_statistics", "number_of_"))
        and not re.fullmatch(r"chapter\d+(name)?", name, re.IGNORECASE)
    }


def metadata_text(tags: Mapping[str, str], chapters: Sequence[Chapter] = ()) -> str:
    """The text of a metadata file with `tags` of the whole and its `chapters`."""
    lines = [";FFMETADATA1"]
    lines += [f"{_escaped(name)}={_escaped(value)}" for name, value in tags.items() if name]
    for chapter in chapters:
        start, end = round(chapter.start_s * 1000), round(chapter.end_s * 1000)
        lines += ["[CHAPTER]", "TIMEBASE=1/1000", f"START={start}", f"END={max(end, start)}"]
        if chapter.title:
            lines.append(f"title={_escaped(chapter.title)}")
    return "\n".join(lines) + "\n"


def _escaped(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", text.replace("\0", "").replace("\r", " "))


def comment_chapters(chapters: Sequence[Chapter]) -> dict[str, str]:
    """Chapters as Vorbis comments, for FLAC and Ogg: CHAPTER000=00:00:00.000 and CHAPTER000NAME."""
    comments: dict[str, str] = {}
    for number, chapter in enumerate(chapters[:1000]):
        seconds, millis = divmod(round(chapter.start_s * 1000), 1000)
        comments[f"CHAPTER{number:03}"] = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{millis:03}"
        comments[f"CHAPTER{number:03}NAME"] = chapter.title or f"Chapter {number + 1}"
    return comments
