"""The tags inside films and sounds: read into fields by their many names, and written by mutagen into a copy.

Writing touches nothing but tags; `packets_digest` proves it. Which fields have a place depends on the format.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import struct
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from workers.errors import ErrorClass, JobFailed, disk_refusal
from workers.media.fields import Choice, Found, Value, fit
from workers.media.names import path_to_key
from workers.media.tagkinds import OGG, Tags, open_tags
from workers.text import clean

# Names as libavformat gives them in small letters, the better first.
_NAMES: Mapping[str, tuple[str, ...]] = {
    "title": ("title",),
    "artist": ("artist",),
    "album": ("album",),
    "album_artist": ("album_artist", "albumartist", "album artist"),
    "track": ("track", "tracknumber"),
    "disc": ("disc", "discnumber"),
    "date": ("date", "date_released", "year", "tyer"),
    "genre": ("genre",),
    "show": ("show", "tvshow"),
    "season": ("season_number", "season"),
    "episode": ("episode_sort", "episode"),
    "description": ("synopsis", "description", "comment"),
    "url": ("purl", "url", "comment"),
    "isrc": ("isrc", "tsrc"),
    "musicbrainz_recording_id": ("musicbrainz_trackid", "musicbrainz track id"),
    "musicbrainz_release_id": ("musicbrainz_albumid", "musicbrainz album id"),
    "musicbrainz_artist_id": ("musicbrainz_artistid", "musicbrainz artist id"),
}
_PULSE_PACKETS = 500
_MAX_BOXES = 1_000  # looked at for fragments, which come early


def fields_of(facts: Mapping[str, Any]) -> Found:
    """The fields that the tags in `facts`, those of `probe`, tell. Ogg keeps its tags with the first stream."""
    tags: dict[str, Any] = dict(facts.get("tags", {}))
    for stream in facts.get("streams", []):
        if stream["kind"] in ("audio", "video") and "cover" not in stream:
            tags = {**stream.get("tags", {}), **tags} if facts.get("format") == "ogg" else tags
            break
    found = fit({name: next((tags[key] for key in keys if key in tags), None) for name, keys in _NAMES.items()})
    if found.get("description") == found.get("url"):  # downloads keep their address in the comment
        found.pop("description", None)
    return found


def unwritable(path: Path, facts: Mapping[str, Any]) -> str | None:
    """Why tags cannot be written into the file that `facts` are of; None when they can."""
    name = str(facts["format"]).partition(",")[0]
    if name in ("mp3", "flac"):
        return None
    if name in ("mp4", "mov"):
        return _unwritable_mp4(path)
    codecs = [stream.get("codec") for stream in facts["streams"]]
    if name == "ogg" and len(codecs) == 1 and codecs[0] in OGG:
        return None
    return f"tags are written into MP3, MP4, FLAC, Ogg Vorbis and Opus, not into {name} files"


def _unwritable_mp4(path: Path) -> str | None:
    with open(path, "rb") as file:
        if file.read(12)[4:] == b"ftypqt  ":
            return "tags are not written into QuickTime files (.mov): remux it to mp4 first"
        # mutagen moves what follows the index and does not mend the places that fragments name.
        at, size = 0, file.seek(0, os.SEEK_END)
        for _ in range(_MAX_BOXES):
            file.seek(at)
            head = file.read(16)
            if len(head) < 8 or at >= size:
                return None
            if head[4:8] in (b"moof", b"mfra", b"sidx"):
                return "tags are not written into MP4 in fragments: remux it first"
            length = int.from_bytes(head[:4], "big")
            length = int.from_bytes(head[8:], "big") if length == 1 else length or size
            at += max(length, 8)
    return None


def lacking(path: Path, facts: Mapping[str, Any], record: Mapping[str, Choice], *, overwrite: bool) -> tuple[str, ...]:
    """The names of the fields that `write` would write. JobFailed(bad_input) when mutagen cannot read the tags."""
    with _told(path):
        return tuple(_changes(open_tags(path, facts), record, overwrite))


def write(path: Path, facts: Mapping[str, Any], record: Mapping[str, Choice], *, overwrite: bool) -> tuple[str, ...]:
    """Put the fields of `record` that the file at `path` lacks into its tags; the names of those written.

    `facts` are those of `probe`, and `unwritable` has said nothing. With `overwrite`, what another source says in the
    record is written over what the file has. Nothing is saved when nothing changes. JobFailed: bad_input when
    mutagen cannot, tool when what it wrote does not read back.
    """
    with _told(path):
        tags = open_tags(path, facts)
        changes = _changes(tags, record, overwrite)
        if not changes:
            return ()
        for name, value in changes.items():
            tags.put(name, value)
        tags.save()
        again = open_tags(path, facts)
        if lost := [name for name, value in changes.items() if again.get(name) != value]:
            raise JobFailed(ErrorClass.TOOL, f"{clean(path.name)}: the tag {lost[0]} does not read back as written")
    return tuple(changes)


def _changes(tags: Tags, record: Mapping[str, Choice], overwrite: bool) -> dict[str, str]:
    wanted = {name: tags.shaped(name, _written(value)) for name, value in _wanted(record, tags).items()}
    return {
        name: value for name, value in wanted.items() if tags.get(name) != value and (overwrite or not tags.get(name))
    }


def _wanted(record: Mapping[str, Choice], tags: Tags) -> dict[str, Value]:
    """What could be written. What the tags themselves say is there already, if perhaps under another name."""
    news = {name: choice.value for name, choice in record.items() if choice.source not in ("tags", "file")}
    wanted = {name: news[name] for name in tags.names if name in news}
    for name, instead in (("title", "episode_title"), ("date", "year")):
        if name not in record and instead in news:
            wanted[name] = news[instead]
    return wanted


def _written(value: Value) -> str:
    return "; ".join(value) if isinstance(value, tuple) else str(value)


@contextlib.contextmanager
def _told(path: Path) -> Iterator[None]:
    import mutagen

    try:
        yield
    except (mutagen.MutagenError, ValueError, TypeError, KeyError, IndexError, struct.error, EOFError) as error:
        name = clean(path.name)
        # Mutagen wraps what the system said.
        if refused := disk_refusal(error.args[0] if error.args else None):
            raise JobFailed(refused[0], f"cannot write the tags of {name}: {refused[1]}") from error
        reason = clean(str(error)) or type(error).__name__
        raise JobFailed(ErrorClass.BAD_INPUT, f"{name} is damaged, its tags cannot be written: {reason}") from error


def packets_digest(path: Path, format: str, pulse: Callable[[], None] = lambda: None) -> str:
    """A digest of every packet of every stream but covers: number of the stream, times, sizes and bytes.

    Two files that differ in tags only have the same. `format` is that of `sniff`. JobFailed bad_input.
    """
    from workers.media.av import is_cover, open_input, translated

    state = hashlib.blake2b(digest_size=32)
    with open_input(path, fast=True, format=format) as container, translated(path):
        streams = [stream for stream in container.streams if stream.type != "video" or not is_cover(stream)]
        packets: Any = container.demux(streams)
        for number, packet in enumerate(packets):
            if number % _PULSE_PACKETS == 0:
                pulse()
            state.update(repr((packet.stream.index, packet.pts, packet.dts, packet.size)).encode())
            state.update(bytes(packet))
    return state.hexdigest()


def same_packets(one: Path, other: Path, format: str, pulse: Callable[[], None] = lambda: None) -> None:
    """JobFailed(tool) unless both files hold the same packets."""
    if packets_digest(one, format, pulse) != packets_digest(other, format, pulse):
        message = f"writing tags would have changed more of {clean(one.name)} than its tags: it was left as it is"
        raise JobFailed(ErrorClass.TOOL, message, input=path_to_key(one))
