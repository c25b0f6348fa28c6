"""What the name of a file tells: artist and title, track, show, season and episode, date, year, a site's id. Pure.

Nothing is invented: every word of what is told stands in the name, or in the name of a folder above it. What could be
one thing as well as another ("99 Problems", "[Remastered]") is taken for neither.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from typing import Any, Literal

from workers.media.fields import Found, fit, text_of

_MAX_NAME = 300
_BLANKS = re.compile(r"[\s_]+")
_DASH = re.compile(r"\s+[-–—]\s+")
_EPISODE = re.compile(r"(?i)(?<![A-Za-z0-9])S(\d{1,4})[ ._-]{0,3}E(\d{1,4})(?:[ ._-]?-?E\d{1,4})*(?![A-Za-z0-9])")
_CROSSED = re.compile(r"(?i)(?<![A-Za-z0-9])(\d{1,2})x(\d{2,3})(?![A-Za-z0-9])")
_SEASON_FOLDER = re.compile(r"(?i)(?:season|staffel|saison|series|temporada)[ ._-]*(\d{1,4})|s(\d{1,2})|specials")
_DATE = re.compile(r"(?<!\d)((?:19|20)\d\d)([-._ ]?)(0[1-9]|1[0-2])\2(0[1-9]|[12]\d|3[01])(?!\d)")
_YEAR = re.compile(r"[(\[]((?:19|20)\d\d)[)\]]")
_ID = re.compile(r"\s*\[([A-Za-z0-9_-]{5,40})\]\s*$")
_TAG_ID = re.compile(r"(?i)[{\[](imdb|tmdb|tvdb)(?:id)?[-=](tt\d{5,10}|\d{1,10})[}\]]")
_EMPTY = re.compile(r"[(\[{]\s*[)\]}]")
_BRACKETS = re.compile(r"\s*[(\[{]([^()\[\]{}]*)[)\]}]")
_TRACK = re.compile(r"(?:(\d)-)?(0\d{1,2}|\d{1,3}(?=\s*[.)]\s|\s+-\s))(?:\s*[.)]\s*|\s*-\s*|\s+)(?=\S)")
_CAMERA = re.compile(
    r"(?i)(?:img|vid|dsc[fn]?|pxl|mvi|mov|gopr|gx|gh|dji|clip|video|audio|track|rec|recording|whatsapp|screen ?shot"
    r"|wa|am|pm|at|[\s\d._-])+"
)
_NOISE_WORDS = """
    480p 576p 720p 1080p 1080i 1440p 2160p 4320p 4k 8k uhd hd fhd hq sd hdr hdr10 sdr 10bit 8bit
    web webrip webdl web-dl bluray blu-ray brrip bdrip dvdrip dvd hdtv hdrip remux proper repack internal multi
    x264 x265 h264 h265 h.264 h.265 hevc avc av1 vp9 aac ac3 eac3 dts dts-hd truehd atmos flac mp3 opus ddp5.1 dd5.1
"""
_MUSIC_WORDS = "official music video lyric lyrics audio visualizer visualiser clip videoclip mv"
_NOISE, _MUSIC = frozenset(_NOISE_WORDS.split()), frozenset(_MUSIC_WORDS.split())
_NOISE_START = re.compile(
    r"(?i)(?<![A-Za-z0-9])(?:480p|576p|720p|1080[pi]|1440p|2160p|4k|uhd|web-?dl|webrip|blu-?ray|brrip|bdrip|dvdrip|hdtv"
    r"|remux|x26[45]|h\.?26[45]|hevc)(?![A-Za-z0-9])"
)

Made = dict[str, Any]


def guess(stem: str, kind: Literal["audio", "video"], folders: Sequence[str] = ()) -> Found:
    """What `stem`, the name without its extension, tells. `folders` are the names above it, the nearest first.

    Never raises; an empty mapping when the name tells nothing.
    """
    made: Made = {}
    text = text_of(stem[:_MAX_NAME])
    text = _take_ids(_spaced(text), made)
    if kind == "video" and _take_episode(text, made, folders):
        return fit(made)
    text, music = _without_noise(text)
    text = _take_year(_take_date(text, made), made)
    if kind == "audio":
        text = _take_track(text, made)
    _take_names(text, made, music=music or kind == "audio", numbered=kind == "audio")
    return fit(made)


def season_of(folder: str) -> int | None:
    """The season that a folder is for by its name ("Season 2", "S02", "Specials"), or None."""
    found = _SEASON_FOLDER.fullmatch(text_of(folder, 40))
    return int(found[1] or found[2] or 0) if found else None


def _spaced(text: str) -> str:
    """Blanks in place of underscores, and of dots where they stand for blanks: in a name with many and no blank."""
    if " " not in text and text.count(".") >= 2:
        text = re.sub(r"(?<!\d)\.|\.(?!\d)", " ", text)  # 5.1 and 2024.05.06 stay
    return _BLANKS.sub(" ", text).strip()


def _take_ids(text: str, made: Made) -> str:
    for word, value in _TAG_ID.findall(text):
        made[f"{word.lower()}_id"] = value
    text = _TAG_ID.sub("", text)
    found = _ID.search(text)
    if found and _is_id(found[1]):
        made["id"] = found[1]
        return text[: found.start()].strip()
    return text.strip()


def _is_id(text: str) -> bool:
    """Whether it can hardly be a word, a date or a year: YouTube's are of 11 signs, others of digits."""
    if text.isdigit():
        return len(text) >= 6 and _day(text) is None
    mixed = text.lower() != text and text.upper() != text and text.capitalize() != text and text.title() != text
    odd = any(c.isdigit() or c == "_" for c in text)
    return len(text) == 11 and text.lower() not in _NOISE and (mixed or odd)


def _take_episode(text: str, made: Made, folders: Sequence[str]) -> bool:
    found = _EPISODE.search(text) or _CROSSED.search(text)
    if not found:
        return False
    made["season"], made["episode"] = int(found[1]), int(found[2])
    before, after = text[: found.start()], text[found.end() :]
    cut = _NOISE_START.search(after)
    after = after[: cut.start()] if cut else after
    year = _YEAR.search(before)
    if year:
        before = before[: year.start()]
        made["year"] = year[1]
    made["show"] = _trimmed(before) or _show_above(folders)
    made["episode_title"] = _trimmed(_without_noise(after)[0])
    return True


def _show_above(folders: Sequence[str]) -> str:
    """The show by the folder above that of a season."""
    if len(folders) < 2 or season_of(folders[0]) is None:
        return ""
    return _trimmed(_YEAR.sub("", _TAG_ID.sub("", text_of(folders[1]))))


def _without_noise(text: str) -> tuple[str, bool]:
    """`text` without brackets that tell of the file only, and whether one of them told of music."""
    music = False

    def judged(found: re.Match[str]) -> str:
        nonlocal music
        words = found[1].lower().split()
        if not words or not all(word in _NOISE or word in _MUSIC for word in words):
            return found[0]
        music = music or any(word in _MUSIC for word in words)
        return ""

    return _BRACKETS.sub(judged, text).strip(), music


def _day(digits: str) -> str | None:
    found = _DATE.fullmatch(digits)
    try:
        return date(int(found[1]), int(found[3]), int(found[4])).isoformat() if found else None
    except ValueError:
        return None


def _take_date(text: str, made: Made) -> str:
    found = _DATE.search(text)
    day = _day(found[0]) if found else None
    if not found or day is None:
        return text
    made["date"] = day
    return _EMPTY.sub("", f"{_trimmed(text[: found.start()])} {_trimmed(text[found.end() :])}").strip()


def _take_year(text: str, made: Made) -> str:
    found = _YEAR.search(text)
    if found:
        made.setdefault("year", found[1])
        after = text[found.end() :]
        cut = _NOISE_START.search(after)
        return f"{text[: found.start()].strip()} {(after[: cut.start()] if cut else after).strip()}".strip()
    cut = _NOISE_START.search(text)
    if not cut:
        return text
    text = text[: cut.start()].strip(" .-([")
    loose = re.search(r"(?<=\S) ((?:19|20)\d\d)$", text)  # Film 2019 1080p: a year right before words of releases
    if loose:
        made.setdefault("year", loose[1])
        text = text[: loose.start()]
    return text


def _take_track(text: str, made: Made) -> str:
    found = _TRACK.match(text)
    if not found or not int(found[2]):
        return text
    made["track"] = found[2]
    if found[1]:
        made["disc"] = found[1]
    return text[found.end() :]


def _take_names(text: str, made: Made, *, music: bool, numbered: bool) -> None:
    text = _trimmed(text)
    if not any(c.isalpha() for c in text) or _CAMERA.fullmatch(text):
        return
    parts = [part for part in map(_trimmed, _DASH.split(text)) if part]
    if music and len(parts) > 1:
        made["artist"], rest = parts[0], parts[1:]
        at = next((n for n, part in enumerate(rest[:-1]) if re.fullmatch(r"\d{1,3}", part, re.ASCII)), None)
        if numbered and at is not None and at <= 1 and "track" not in made:
            # Artist - 03 - Title, or Artist - Album - 03 - Title.
            made["track"] = rest[at]
            if at:
                made["album"] = rest[0]
            rest = rest[at + 1 :]
        made["title"] = " - ".join(rest)
    else:
        made["title"] = text


def _trimmed(text: str) -> str:
    return text.strip(" .-–—_,")
