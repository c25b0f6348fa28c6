"""The fields of a library record, and how what several sources say of a file becomes one record. Pure.

A source gives plain values by name of the field. `fit` makes any of them safe and of one shape: text in NFC without
control characters, whole numbers, dates as 2024-05-06 (or 2024-05, 2024), lists of words.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal, TypeAlias, get_args

from workers.media.bounded import Bounded

Value: TypeAlias = str | int | float | tuple[str, ...]
Found: TypeAlias = dict[str, Value]
Source = Literal["tags", "nfo", "info_json", "musicbrainz", "name"]

ORDER: tuple[Source, ...] = get_args(Source)  # who is believed first
_MAX_TEXT = 500
_MAX_LONG = 4_000
_MAX_WORDS = 20
_MAX_NUMBER = 9_999
_FORBIDDEN = frozenset({"Cc", "Cs", "Co", "Cn", "Zl", "Zp"})
_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_DATE = re.compile(r"([12]\d{3})(?:[-./]?(\d{2})(?:[-./]?(\d{2}))?)?(?:[T ].*)?", re.ASCII | re.DOTALL)
_WHOLE = re.compile(r"\s*(\d{1,6})(?:\s*(?:/|of).*|\.0*)?\s*", re.ASCII | re.DOTALL)
_URL = re.compile(r"https?://[^\s<>\"'\x00-\x20]{3,1000}", re.IGNORECASE)
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)


def text_of(value: object, limit: int = _MAX_TEXT, *, lines: bool = False) -> str:
    """`value` as text in NFC without control, bidirectional and surrogate characters; runs of blanks become one.

    With `lines`, ends of lines stay.
    """
    if not isinstance(value, str | int | float) or isinstance(value, bool):
        return ""
    raw = str(value)[: limit * 2]
    if raw.isascii() and raw.isprintable():
        return " ".join(raw.split())[:limit].strip()
    raw = raw.replace("\r\n", "\n").replace("\r", "\n")
    kept = (c for c in raw if c.isspace() or (c not in _BIDI and unicodedata.category(c) not in _FORBIDDEN))
    text = unicodedata.normalize("NFC", "".join(kept))
    pieces = text.split("\n") if lines else [text]
    return "\n".join(" ".join(piece.split()) for piece in pieces).strip()[:limit].strip()


def _long(value: object) -> str:
    return text_of(value, _MAX_LONG, lines=True)


def _whole(value: object) -> int | None:
    """A number from 0 on; of "3/12" and "3 of 12" the first."""
    found = _WHOLE.fullmatch(text_of(value, 40))
    return int(found[1]) if found and int(found[1]) <= _MAX_NUMBER else None


def _counted(value: object) -> int | None:
    return _whole(value) or None  # a track 0 says that there is none


def _year(value: object) -> int | None:
    day = _day(value)
    return int(day[:4]) if day else None


def _day(value: object) -> str | None:
    found = _DATE.fullmatch(text_of(value, 40))
    if not found:
        return None
    year, month, day = found.groups()
    if month and day:
        try:
            return date(int(year), int(month), int(day)).isoformat()
        except ValueError:
            return year if (month, day) == ("00", "00") else None
    return year if not month or not 1 <= int(month) <= 12 else f"{year}-{month}"


def _words(value: object) -> tuple[str, ...]:
    parts: Iterable[object] = value if isinstance(value, list | tuple) else re.split(r"[;\0]", str(value))
    made = dict.fromkeys(word for part in list(parts)[: _MAX_WORDS * 2] if (word := text_of(part, 80)))
    return tuple(made)[:_MAX_WORDS]


def _url(value: object) -> str | None:
    text = text_of(value, 1_000)
    return text if _URL.fullmatch(text) else None


def _seconds(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return round(number, 3) if math.isfinite(number) and 0 < number < 1e8 else None


def _uuid(value: object) -> str | None:
    text = text_of(value, 60).lower()
    return text if _UUID.fullmatch(text) else None


def _matching(pattern: str) -> Callable[[object], str | None]:
    compiled = re.compile(pattern, re.ASCII)
    return lambda value: text if compiled.fullmatch(text := text_of(value, 60)) else None


FIELDS: Mapping[str, Callable[[object], Value | None]] = {
    "title": text_of,
    "artist": text_of,
    "album": text_of,
    "album_artist": text_of,
    "track": _counted,
    "disc": _counted,
    "date": _day,
    "year": _year,
    "genre": _words,
    "show": text_of,
    "season": _whole,
    "episode": _whole,
    "episode_title": text_of,
    "uploader": text_of,
    "description": _long,
    "url": _url,
    "duration_s": _seconds,
    "id": lambda value: text_of(value, 100),
    "site": lambda value: text_of(value, 100),
    "imdb_id": _matching(r"tt\d{5,10}"),
    "tmdb_id": _matching(r"\d{1,10}"),
    "tvdb_id": _matching(r"\d{1,10}"),
    "isrc": _matching(r"[A-Z]{2}[A-Z0-9]{3}\d{7}"),
    "musicbrainz_recording_id": _uuid,
    "musicbrainz_release_id": _uuid,
    "musicbrainz_artist_id": _uuid,
}


def fit(pairs: Mapping[str, Any]) -> Found:
    """What is usable of `pairs`, each in the shape of its field; unknown fields and empty values are left out."""
    made: Found = {}
    for name, shape in FIELDS.items():
        value = pairs.get(name)
        fitted = None if value is None else shape(value)
        if fitted is not None and fitted not in ("", ()):
            made[name] = fitted
    if "date" in made and "year" not in made:
        made["year"] = int(str(made["date"])[:4])
    return made


@dataclass(frozen=True, slots=True)
class Choice:
    """The value of a field, who said it, and what the sources below that one say differently."""

    value: Value
    source: str
    others: tuple[tuple[str, Value], ...] = ()  # (source, value)


def merge(found: Mapping[str, Found], order: Sequence[str] = ORDER) -> dict[str, Choice]:
    """One record of what the sources found: of each field the value of the first in `order` that has one."""
    record: dict[str, Choice] = {}
    known = [(source, found[source]) for source in order if found.get(source)]
    for name in FIELDS:
        said = [(source, values[name]) for source, values in known if name in values]
        if said:
            source, value = said[0]
            others = tuple((who, what) for who, what in said[1:] if not _agree(name, what, value))
            record[name] = Choice(value, source, others)
    _settle_year(record)
    return record


def _settle_year(record: dict[str, Choice]) -> None:
    """A year that only repeats the chosen date is left out of disputes with it: the date tells it."""
    day, year = record.get("date"), record.get("year")
    if day and year and day.source != year.source and str(day.value)[:4] == str(year.value):
        record["year"] = Choice(year.value, day.source, year.others)


def _agree(name: str, one: Value, other: Value) -> bool:
    if isinstance(one, float) or isinstance(other, float):
        return abs(float(str(one)) - float(str(other))) <= 1.5  # sites round, and cut
    if isinstance(one, tuple) and isinstance(other, tuple):
        return {word.casefold() for word in one} == {word.casefold() for word in other}
    if name == "date":
        shorter, longer = sorted((str(one), str(other)), key=len)
        return longer.startswith(shorter)
    return same_words(str(one), str(other))


def same_words(one: str, other: str) -> bool:
    """Whether two texts differ in nothing but case, blanks and punctuation."""
    return bare(one) == bare(other)


def bare(text: str) -> str:
    """The letters and digits of `text` in small letters without accents; `text` in small letters if there are none."""
    split = text.lower() if text.isascii() else unicodedata.normalize("NFKD", text.casefold())
    return "".join(c for c in split if c.isalnum()) or text.casefold()


def shown(record: Mapping[str, Choice], text: Bounded) -> dict[str, Any]:
    """The record as JSON data for people: each field with `value` and `source`, and `others` where they differ."""
    made: dict[str, Any] = {}
    for name, choice in record.items():
        entry = {"value": _plain(choice.value, text), "source": choice.source}
        if choice.others:
            entry["others"] = [{"value": _plain(value, text), "source": who} for who, value in choice.others]
        made[name] = entry
    return made


def _plain(value: Value, text: Bounded) -> Any:
    return text.value(list(value) if isinstance(value, tuple) else value)
