"""Which recording a song is, asked of MusicBrainz. A match is taken only when there is hardly a doubt."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from workers.media.fields import Found, bare, fit, same_words, text_of
from workers.media.polite import Service, Unanswered

PUBLIC = "https://musicbrainz.org/ws/2"
_MIN_SCORE = 85  # of 100, by the service itself: relative to its best, so that more is asked
_MIN_ALIKE = 0.85
_TOLERANCE_S = 5.0
_MAX_ANSWERS = 25
_SPECIAL = frozenset('+-&|!(){}[]^"~*?:\\/')


@dataclass(frozen=True, slots=True)
class Answer:
    """What a lookup came to: the fields when there was a match, and in words why or why not."""

    found: Found
    why: str
    score: int = 0


def check_base(base: str) -> str:
    """`base` when it may be asked; ValueError says what is wrong with it."""
    parts = urlsplit(base)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("use an address that begins with https:// or http://")
    if (
        parts.username
        or parts.password
        or parts.query
        or parts.fragment
        or not base.isascii()
        or not base.isprintable()
    ):
        raise ValueError("use a plain address, without a user, a question mark or a fragment")
    return base


def look_up(
    song: Found, folder: Path, *, agent: str, base: str = PUBLIC, pulse: Callable[[], None] = lambda: None
) -> Answer:
    """What MusicBrainz says of a song with these fields: `artist`, `title` and `duration_s`, or its recording's id.

    Answers and the pace are kept in `folder`, which all processes of the machine should share. `agent` tells the
    service who asks; `pulse` is called while waiting. Trouble is told in the answer and not raised.
    """
    query = query_of(song)
    if query is None:
        return Answer({}, "not asked: an artist, a title and a duration are needed")
    path = "/recording?" + urlencode({"query": query, "fmt": "json", "limit": _MAX_ANSWERS})
    try:
        told = Service(base, folder, agent, pulse).ask(path)
    except Unanswered as error:
        return Answer({}, f"no answer: {error}")
    return pick(song, told)


def query_of(song: Found) -> str | None:
    """The question in the words of the service's search, or None when too little is known to be sure of an answer."""
    if known := song.get("musicbrainz_recording_id"):
        return f"rid:{known}"
    artist, title = str(song.get("artist", "")), str(song.get("title", ""))
    if not artist or not title or "duration_s" not in song:
        return None
    return f'recording:"{_escaped(title)}" AND artist:"{_escaped(artist)}"'


def _escaped(text: str) -> str:
    return "".join(f"\\{char}" if char in _SPECIAL else char for char in text_of(text, 200))


def pick(song: Found, told: Any) -> Answer:
    """The recording that is the song, of those in an answer; nothing when none is sure."""
    recordings = told.get("recordings") if isinstance(told, dict) else None
    listed = [entry for entry in recordings or [] if isinstance(entry, dict)] if isinstance(recordings, list) else []
    if not listed:
        return Answer({}, "no match: it knows no such recording")
    doubts = [(entry, _doubt(song, entry)) for entry in listed[:_MAX_ANSWERS]]
    sure = [entry for entry, doubt in doubts if not doubt]
    if not sure:
        return Answer({}, f"no match: {doubts[0][1]}", _score(listed[0]))
    best = min(sure, key=lambda entry: (_off(song, entry), -_score(entry)))
    return Answer(_fields(song, best), "matched", _score(best))


def _doubt(song: Found, entry: Mapping[str, Any]) -> str:
    """Why a recording may not be the song; empty when there is no doubt."""
    if "musicbrainz_recording_id" in song:
        return "" if entry.get("id") == song["musicbrainz_recording_id"] else "another id came back"
    if _score(entry) < _MIN_SCORE:
        return f"the best has a score of {_score(entry)}, and {_MIN_SCORE} is asked"
    for name, value in (("title", entry.get("title")), ("artist", _artist(entry))):
        if not _alike(str(song[name]), text_of(value)):
            return f"the best has another {name}: {text_of(value, 100)}"
    off = _off(song, entry)
    if off == float("inf"):
        return "the best has no duration to compare"
    return f"the best differs by {off:.0f} s in duration" if off > _TOLERANCE_S else ""


def _score(entry: Mapping[str, Any]) -> int:
    score = entry.get("score")
    return int(score) if isinstance(score, int | str) and str(score).isdecimal() and len(str(score)) < 5 else 0


def _alike(one: str, other: str) -> bool:
    one, other = bare(one), bare(other)
    return bool(one) and (one == other or SequenceMatcher(None, one, other).ratio() >= _MIN_ALIKE)


def _off(song: Found, entry: Mapping[str, Any]) -> float:
    length = entry.get("length")
    if not isinstance(length, int | float) or isinstance(length, bool) or "duration_s" not in song:
        return float("inf")
    return abs(length / 1000 - float(str(song["duration_s"])))


def _artist(entry: Mapping[str, Any]) -> str:
    credit = _dicts(entry.get("artist-credit"))
    return "".join(f"{part.get('name', '')}{part.get('joinphrase', '')}" for part in credit)


def _dicts(value: Any) -> list[Mapping[str, Any]]:
    return [part for part in value if isinstance(part, dict)] if isinstance(value, list) else []


def _fields(song: Found, entry: Mapping[str, Any]) -> Found:
    credit = _dicts(entry.get("artist-credit"))
    artist = credit[0].get("artist") if credit else None
    isrcs = entry.get("isrcs")
    made: dict[str, Any] = {
        "title": entry.get("title"),
        "artist": _artist(entry),
        "date": entry.get("first-release-date"),
        "musicbrainz_recording_id": entry.get("id"),
        "musicbrainz_artist_id": artist.get("id") if isinstance(artist, dict) and len(credit) == 1 else None,
        "isrc": isrcs[0] if isinstance(isrcs, list) and len(isrcs) == 1 else None,
    }
    return fit(made | _release(song, _dicts(entry.get("releases"))))


def _release(song: Found, releases: list[Mapping[str, Any]]) -> dict[str, Any]:
    """The album, when the song tells it or when there is no other; a song is on many, and none is made up."""
    official = [release for release in releases if release.get("status", "Official") == "Official"]
    if album := str(song.get("album", "")):
        official = [release for release in official if same_words(text_of(release.get("title")), album)]
    if not official or len({bare(text_of(release.get("title"))) for release in official}) != 1:
        return {}
    made: dict[str, Any] = {"album": official[0].get("title")}
    if len(official) == 1:
        made["musicbrainz_release_id"] = official[0].get("id")
    return made | _place(official)


def _place(releases: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Disc and track, when all releases have the song at the same place."""
    places: set[tuple[str, str]] = set()
    for release in releases:
        for medium in _dicts(release.get("media")):
            tracks = _dicts(medium.get("track"))
            places |= {(str(medium.get("position")), str(track.get("number"))) for track in tracks}
    if len(places) != 1:
        return {}
    disc, number = places.pop()
    return {"disc": disc, "track": number}
