"""The tags of one format each, as mutagen keeps them: ID3 of MP3, the atoms of MP4, the comments of FLAC and Ogg.

One way in for all: text by the names of `fields`. Which of these have a place differs, and `names` says it.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_ID3 = {"title": "TIT2", "artist": "TPE1", "album": "TALB", "album_artist": "TPE2", "track": "TRCK", "disc": "TPOS",
        "date": "TDRC", "genre": "TCON", "isrc": "TSRC"}  # fmt: skip
_ID3_NAMED = {"url": "purl", "musicbrainz_release_id": "MusicBrainz Album Id",
              "musicbrainz_artist_id": "MusicBrainz Artist Id"}  # fmt: skip
_UFID = "http://musicbrainz.org"
_MP4 = {"title": "\xa9nam", "artist": "\xa9ART", "album": "\xa9alb", "album_artist": "aART", "date": "\xa9day",
        "genre": "\xa9gen", "description": "desc", "show": "tvsh", "url": "purl"}  # fmt: skip
_MP4_NUMBERS = {"season": "tvsn", "episode": "tves"}
_MP4_COUNTED = {"track": "trkn", "disc": "disk"}
_MP4_FREE = {"isrc": "ISRC", "musicbrainz_recording_id": "MusicBrainz Track Id",
             "musicbrainz_release_id": "MusicBrainz Album Id",
             "musicbrainz_artist_id": "MusicBrainz Artist Id"}  # fmt: skip
_VORBIS = {"title": "TITLE", "artist": "ARTIST", "album": "ALBUM", "album_artist": "ALBUMARTIST",
           "track": "TRACKNUMBER", "disc": "DISCNUMBER", "date": "DATE", "genre": "GENRE",
           "description": "DESCRIPTION", "url": "PURL", "isrc": "ISRC",
           "musicbrainz_recording_id": "MUSICBRAINZ_TRACKID", "musicbrainz_release_id": "MUSICBRAINZ_ALBUMID",
           "musicbrainz_artist_id": "MUSICBRAINZ_ARTISTID"}  # fmt: skip


OGG = {"vorbis": ("mutagen.oggvorbis", "OggVorbis"), "opus": ("mutagen.oggopus", "OggOpus"),
        "flac": ("mutagen.oggflac", "OggFLAC")}  # fmt: skip


class Tags:
    """The tags of one opened file. Values are text; numbers are those before a slash."""

    names: tuple[str, ...] = ()

    def __init__(self, file: Any) -> None:
        self.file = file
        if file.tags is None:
            file.add_tags()

    def get(self, name: str) -> str:
        """The value of a field; empty when there is none."""
        raise NotImplementedError

    def put(self, name: str, value: str) -> None:
        """Set the value of a field, which is one of `names`."""
        raise NotImplementedError

    def shaped(self, name: str, value: str) -> str:
        """The value as the format can hold it."""
        return value

    def save(self) -> None:
        """Write the tags into the file."""
        self.file.save()


class _Vorbis(Tags):
    names = tuple(_VORBIS)

    def get(self, name: str) -> str:
        values = [str(value) for value in self.file.tags.get(_VORBIS[name], [])]
        return _number(name, "; ".join(values))

    def put(self, name: str, value: str) -> None:
        self.file.tags[_VORBIS[name]] = value.split("; ") if name == "genre" else [value]


class _Mp4(Tags):
    names = (*_MP4, *_MP4_NUMBERS, *_MP4_COUNTED, *_MP4_FREE)

    def get(self, name: str) -> str:
        tags = self.file.tags
        if name in _MP4_FREE:
            return "; ".join(bytes(value).decode("utf-8", "replace") for value in tags.get(_free(name), []))
        if name in _MP4_COUNTED:
            pairs = tags.get(_MP4_COUNTED[name], [])
            return str(pairs[0][0]) if pairs and pairs[0][0] else ""
        return "; ".join(map(str, tags.get(_MP4.get(name) or _MP4_NUMBERS[name], [])))

    def put(self, name: str, value: str) -> None:
        tags = self.file.tags
        if name in _MP4_FREE:
            tags[_free(name)] = [value.encode()]
        elif name in _MP4_COUNTED:
            key = _MP4_COUNTED[name]
            tags[key] = [(int(value), tags[key][0][1] if tags.get(key) else 0)]
        elif name in _MP4_NUMBERS:
            tags[_MP4_NUMBERS[name]] = [int(value)]
        else:
            tags[_MP4[name]] = [value]


def _free(name: str) -> str:
    return f"----:com.apple.iTunes:{_MP4_FREE[name]}"


class _Id3(Tags):
    names = (*_ID3, *_ID3_NAMED, "description", "musicbrainz_recording_id")

    def _frame(self, name: str) -> Any:
        tags = self.file.tags
        if name == "description":
            return next((frame for frame in tags.getall("COMM") if not frame.desc), None)
        if name == "musicbrainz_recording_id":
            return tags.get(f"UFID:{_UFID}")
        return tags.get(_ID3.get(name) or f"TXXX:{_ID3_NAMED[name]}")

    def get(self, name: str) -> str:
        frame = self._frame(name)
        if frame is None:
            return ""
        if name == "musicbrainz_recording_id":
            return bytes(frame.data).decode("ascii", "replace")
        return _number(name, "; ".join(map(str, frame.text)))

    def put(self, name: str, value: str) -> None:
        id3: Any = importlib.import_module("mutagen.id3")
        tags: Any = self.file.tags
        if name == "musicbrainz_recording_id":
            tags.setall("UFID", [*_others(tags), id3.UFID(owner=_UFID, data=value.encode())])
        elif name == "description":
            for frame in [frame for frame in tags.getall("COMM") if not frame.desc]:
                tags.delall(frame.HashKey)  # one comment in each language is of the old text
            tags.add(id3.COMM(encoding=3, lang="XXX", desc="", text=[value]))
        elif name in _ID3:
            # Several genres go into one text: of several texts many players, and libavformat, see the first only.
            tags.setall(_ID3[name], [id3.Frames[_ID3[name]](encoding=3, text=[value])])
        else:
            key = _ID3_NAMED[name]
            tags.setall(f"TXXX:{key}", [id3.TXXX(encoding=3, desc=key, text=[value])])

    def shaped(self, name: str, value: str) -> str:
        partial = name == "date" and len(value) == len("2024-05")
        return value[:4] if partial and self._old() else value  # ID3v2.3 knows years and whole dates

    def _old(self) -> bool:
        return bool(self.file.tags.version[:2] == (2, 3))

    def save(self) -> None:
        if self._old():  # players that want this version exist: it stays
            self.file.tags.update_to_v23()
            self.file.save(v2_version=3, v23_sep=None)
        else:
            self.file.save()


def _others(tags: Any) -> list[Any]:
    return [frame for frame in tags.getall("UFID") if frame.owner != _UFID]


def _number(name: str, text: str) -> str:
    """Of "03/12" the 3, as it would be written."""
    first = text.partition("/")[0].strip()
    return str(int(first)) if name in ("track", "disc") and first.isdecimal() and first.isascii() else text


def open_tags(path: Path, facts: Mapping[str, Any]) -> Tags:
    """The tags of the file at `path`, of which `facts` are those of `probe`. Raises what mutagen raises."""
    name = str(facts["format"]).partition(",")[0]
    if name in ("mp4", "mov"):
        return _Mp4(_loaded("mutagen.mp4", "MP4", path))
    if name == "mp3":
        return _Id3(_loaded("mutagen.mp3", "MP3", path))
    if name == "flac":
        return _Vorbis(_loaded("mutagen.flac", "FLAC", path))
    return _Vorbis(_loaded(*OGG[facts["streams"][0]["codec"]], path))


def _loaded(module: str, kind: str, path: Path) -> Any:
    return getattr(importlib.import_module(module), kind)(path)
