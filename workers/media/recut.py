"""The ffmpeg command that encodes a part of a film (or a sound) again, to the frame. Pure: plain words."""

from __future__ import annotations

import os
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path

from workers.media.containers import container_named, muxer_options
from workers.media.layout import Layout

_X265 = ("-c:v:0", "libx265", "-preset", "medium", "-crf", "18", "-x265-params", "log-level=error")
_FILMS: Mapping[str, tuple[str, ...]] = {
    "h264": ("-c:v:0", "libx264", "-preset", "medium", "-crf", "17"),
    "hevc": _X265,
    "vp9": ("-c:v:0", "libvpx-vp9", "-b:v:0", "0", "-crf", "22", "-row-mt", "1", "-cpu-used", "4"),
    "vp8": ("-c:v:0", "libvpx", "-b:v:0", "4M", "-crf", "8"),
    "av1": ("-c:v:0", "libsvtav1", "-preset", "8", "-crf", "24"),
    "mpeg4": ("-c:v:0", "mpeg4", "-q:v:0", "2"),
    "mpeg2video": ("-c:v:0", "mpeg2video", "-q:v:0", "2"),
    "mjpeg": ("-c:v:0", "mjpeg", "-q:v:0", "2"),
    "ffv1": ("-c:v:0", "ffv1"),
}
_SOUNDS: Mapping[str, tuple[str, ...]] = {
    "mp3": ("libmp3lame", "-q:a", "0"),
    "mp3float": ("libmp3lame", "-q:a", "0"),
    "aac": ("aac", "-b:a", "256k"),
    "opus": ("libopus", "-b:a", "192k"),
    "vorbis": ("libvorbis", "-q:a", "8"),
    "flac": ("flac",),
    "alac": ("alac",),
    "ac3": ("ac3", "-b:a", "640k"),
}

_INDEXED = frozenset({"mp4", "matroska"})
_ASIDE_S = 30.0


def encoder_for(found: Layout) -> str:
    """The name of the encoder that is needed, or "" when there is none for this codec."""
    words = _encoding(found)
    return words[1] if words else ""


def _encoding(found: Layout) -> tuple[str, ...]:
    if found.film is not None:
        return _FILMS.get(found.codec, ())
    if found.codec.startswith("pcm_"):
        return ("-c:a", found.codec)
    return ("-c:a", *_SOUNDS[found.codec]) if found.codec in _SOUNDS else ()


def recut_command(
    found: Layout, start: Fraction, end: Fraction, target: Path, *, ffmpeg: str, threads: int = 0
) -> list[str]:
    """Encode the film, or where there is none the first sound, from `start` to `end` (seconds of the file's own times).

    All else is left out, for `cut` to copy beside it; tags and chapters come along.
    """
    seek = float(start - found.start)
    # In a stream without an index a seek may go too far: it aims well before, and what comes until then is decoded.
    skip = min(seek, _ASIDE_S) if found.format not in _INDEXED else 0.0
    span = ("-t", f"{float(end - start):.6f}")
    words = [ffmpeg, *(("-ss", f"{seek - skip:.6f}") if seek > skip else ()), *(() if skip else span)]
    words += ["-f", found.format, "-protocol_whitelist", "file,pipe", "-i", f"file:{os.path.abspath(found.path)}"]
    words += ["-map", f"0:{found.main}", "-map_metadata", "0", "-map_chapters", "0", *_encoding(found)]
    words += ["-ss", f"{skip:.6f}", *span] if skip else []
    words += ["-threads", str(threads)] if threads else []
    extension = target.suffix.lstrip(".")
    muxer = found.muxer if extension == found.extension else container_named(extension) or found.muxer
    for name, value in muxer_options(muxer, extension).items():
        words += [f"-{name}", value]
    return [*words, "-f", muxer, f"file:{os.path.abspath(target)}"]


def made_extension(found: Layout) -> str:
    """The extension of a file for the encoded film alone: of the film's own kind, where that keeps times as they are.

    MPEG-TS begins a while after 0, and AVI tells no times.
    """
    return "mp4" if found.film is not None and found.muxer in ("mpegts", "flv", "avi", "asf") else found.extension
