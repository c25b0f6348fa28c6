"""Kodi's and Jellyfin's .nfo files: XML of a film, an episode, a show, a music video or an album, or a mere address.

Read with expat itself and nothing built on it: a document type or an entity is refused where it begins, and depth and
number of elements are bounded, so that no small file can become a large one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from xml.parsers import expat
from xml.sax.saxutils import escape

from workers.errors import ErrorClass, JobFailed
from workers.media.fields import Choice, Found, Value, fit, text_of

MAX_BYTES = 1 << 20
MARK = "<!-- written by Spool -->"  # what we wrote ourselves tells nothing new
_MAX_DEPTH = 20
_MAX_ELEMENTS = 20_000
_MAX_TEXT = 20_000
_URL = re.compile(r"https?://[^\s<>\"']{3,1000}", re.IGNORECASE)
_IMDB = re.compile(r"\btt\d{5,10}\b", re.ASCII)

_COMMON = {"plot": "description", "genre": "genre", "year": "year"}
_NAMES: Mapping[str, Mapping[str, str]] = {
    "movie": {**_COMMON, "title": "title", "premiered": "date", "releasedate": "date"},
    "video": {**_COMMON, "title": "title", "premiered": "date"},
    "episodedetails": {**_COMMON, "title": "episode_title", "showtitle": "show", "season": "season",
                       "episode": "episode", "aired": "date"},
    "tvshow": {"title": "show", "genre": "genre"},
    "musicvideo": {**_COMMON, "title": "title", "artist": "artist", "album": "album", "track": "track",
                   "premiered": "date"},
    "album": {"title": "album", "artist": "album_artist", "genre": "genre", "year": "year", "releasedate": "date"},
}  # fmt: skip
_IDS = {"imdb": "imdb_id", "tmdb": "tmdb_id", "tvdb": "tvdb_id"}


@dataclass(slots=True)
class _Reader:
    """Collects the children of the root element: their names, attributes and text."""

    root: str = ""
    path: list[str] = field(default_factory=list)
    children: list[tuple[str, dict[str, str], str]] = field(default_factory=list)
    elements: int = 0
    text: list[str] = field(default_factory=list)
    room: int = 0
    attributes: dict[str, str] = field(default_factory=dict)

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self.elements += 1
        if len(self.path) >= _MAX_DEPTH or self.elements > _MAX_ELEMENTS:
            raise _Refused("is nested too deep or holds too many elements")
        self.path.append(name)
        self.root = self.root or name.lower()
        if len(self.path) == 2:
            self.text, self.room, self.attributes = [], _MAX_TEXT, attributes

    def data(self, text: str) -> None:
        if len(self.path) == 2 and self.room > 0:
            self.text.append(text[: self.room])
            self.room -= len(text)

    def end(self, name: str) -> None:
        if len(self.path) == 2:
            self.children.append((name.lower(), self.attributes, "".join(self.text)))
        self.path.pop()


class _Refused(Exception):
    """The XML is of a kind that we do not read; the words say which."""


def parse(raw: bytes) -> Found:
    """What an .nfo file tells of the file that it lies beside; empty when that is nothing, or our own writing.

    JobFailed(bad_input) when it is damaged or refused.
    """
    if len(raw) > MAX_BYTES:
        raise JobFailed(ErrorClass.BAD_INPUT, f"is larger than {MAX_BYTES >> 20} MiB")
    text = _decoded(raw)
    if MARK in text[:300]:
        return {}
    start = text.lstrip("\ufeff \t\r\n")
    if not start.startswith("<"):
        return _address(text)
    reader = _read(start)
    if reader.root not in _NAMES:
        raise JobFailed(ErrorClass.BAD_INPUT, f"is about {text_of(reader.root, 40)!r}, which Spool does not know")
    return fit(_mapped(reader))


def _decoded(raw: bytes) -> str:
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return raw.decode("utf-16", errors="replace")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("cp1252", errors="replace")


def _read(text: str) -> _Reader:
    reader = _Reader()

    def refuse(*_: Any) -> None:
        raise _Refused("declares a document type or entities")

    parser = expat.ParserCreate("utf-8")  # the text is decoded already, whatever its first line says
    parser.buffer_text = True
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.data
    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    try:
        parser.Parse(text.encode("utf-8", errors="replace"), True)
    except _Refused as error:
        raise JobFailed(ErrorClass.BAD_INPUT, str(error)) from None
    except expat.ExpatError as error:
        # Kodi lets an address, or a second episode, follow the first element: that much is not XML.
        if reader.path or not reader.root:
            raise JobFailed(ErrorClass.BAD_INPUT, f"is no valid XML: {expat.ErrorString(error.code)}") from None
    return reader


def _mapped(reader: _Reader) -> dict[str, Any]:
    names = _NAMES[reader.root]
    made: dict[str, Any] = {}
    for name, attributes, text in reader.children:
        target = names.get(name)
        if target == "genre":
            made.setdefault("genre", []).append(text)
        elif target and not str(made.get(target, "")).strip():
            made[target] = text
        elif name == "uniqueid":
            made.setdefault(_IDS.get(attributes.get("type", "").lower(), ""), text)
        elif name in ("id", "imdbid", "imdb_id") and _IMDB.fullmatch(text.strip()):
            made.setdefault("imdb_id", text.strip())
        elif name == "musicbrainzalbumid":
            made.setdefault("musicbrainz_release_id", text)
    if reader.root == "tvshow":  # its numbers are those of the show, and not of the episode beside it
        made = {name: made[name] for name in ("show", "genre") if name in made}
    return made


def _address(text: str) -> Found:
    """Plain text: nothing but an address is taken from it."""
    found = _URL.search(text)
    if not found:
        return {}
    imdb = _IMDB.search(found[0]) if "imdb." in found[0].lower() else None
    return fit({"url": found[0].rstrip(".,;)"), "imdb_id": imdb[0] if imdb else None})


def compose(record: Mapping[str, Choice]) -> bytes:
    """An .nfo file of the record: an episode when there is one, else a film, or a music video when it has an artist."""
    root = "episodedetails" if "episode" in record else "musicvideo" if "artist" in record else "movie"
    lines = ['<?xml version="1.0" encoding="UTF-8" standalone="yes"?>', MARK, f"<{root}>"]
    written: set[str] = set()
    for name, target in _NAMES[root].items():
        choice = record.get(target) or (record.get("title") if target == "episode_title" else None)
        if choice is not None and target not in written:
            written.add(target)
            lines += [f"  <{name}>{_xml(word)}</{name}>" for word in _each(choice.value)]
    for word, target in _IDS.items():
        if target in record:
            lines.append(f'  <uniqueid type="{word}">{_xml(str(record[target].value))}</uniqueid>')
    return "\n".join([*lines, f"</{root}>", ""]).encode()


def _each(value: Value) -> tuple[str, ...]:
    return value if isinstance(value, tuple) else (str(value),)


def _xml(text: str) -> str:
    return escape("".join(c for c in text if c in "\n\t" or (c >= " " and c not in "\ufffe\uffff")))
