"""In which container a file goes on when some of it is copied: its own kind, by its demuxer and extension. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

# Muxers by extension; what is not named here takes the usual one of its demuxer.
_BY_EXTENSION: Mapping[str, tuple[str, str]] = {
    "mov": ("mp4", "mov"),
    "m4a": ("mp4", "mp4"),
    "m4b": ("mp4", "mp4"),
    "m4v": ("mp4", "mp4"),
    "3gp": ("mp4", "3gp"),
    "webm": ("matroska", "webm"),
    "weba": ("matroska", "webm"),
    "mka": ("matroska", "matroska"),
    "opus": ("ogg", "opus"),
    "oga": ("ogg", "ogg"),
    "ogv": ("ogg", "ogv"),
    "m2ts": ("mpegts", "mpegts"),
    "mts": ("mpegts", "mpegts"),
    "wmv": ("asf", "asf"),
    "wma": ("asf", "asf"),
}
_USUAL: Mapping[str, tuple[str, str]] = {
    "mp4": ("mp4", "mp4"),
    "matroska": ("matroska", "mkv"),
    "mpegts": ("mpegts", "ts"),
    "mp3": ("mp3", "mp3"),
    "flac": ("flac", "flac"),
    "ogg": ("ogg", "ogg"),
    "wav": ("wav", "wav"),
    "aac": ("adts", "aac"),
    "ac3": ("ac3", "ac3"),
    "flv": ("flv", "flv"),
    "avi": ("avi", "avi"),
    "asf": ("asf", "asf"),
    "aiff": ("aiff", "aiff"),
}
_OPTIONS: Mapping[str, Mapping[str, str]] = {
    "mp4": {"movflags": "+faststart"},
    "mov": {"movflags": "+faststart"},
    "wav": {"rf64": "auto"},
    "m4a": {"movflags": "+faststart", "brand": "M4A "},
    "m4b": {"movflags": "+faststart", "brand": "M4B "},
}


def container_like(path: Path, demuxer: str) -> tuple[str, str] | None:
    """The muxer and extension of files of the kind of `path`, which `demuxer` reads; None when there is none."""
    extension = path.suffix.lower().lstrip(".")
    fits, muxer = _BY_EXTENSION.get(extension, ("", ""))
    return (muxer, extension) if fits == demuxer else _USUAL.get(demuxer)


def container_named(extension: str) -> str | None:
    """The muxer for a file of this extension (no dot), or None when Spool writes none of it."""
    if extension in _BY_EXTENSION:
        return _BY_EXTENSION[extension][1]
    return next((muxer for muxer, usual in _USUAL.values() if usual == extension), None)


def muxer_options(muxer: str, extension: str) -> Mapping[str, str]:
    """The options of `muxer` for a file of this extension."""
    return _OPTIONS.get(extension) or _OPTIONS.get(muxer, {})
