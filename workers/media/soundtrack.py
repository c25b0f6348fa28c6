"""The sound of a film as a file of its own: which track, in which container, copied or encoded, with tags and cover."""

from __future__ import annotations

import base64
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from workers.errors import ErrorClass, JobFailed
from workers.jobs import Progress
from workers.media.av import codec_name, is_cover, is_deep, open_input, open_told, translated
from workers.media.containers import muxer_options
from workers.media.ffmetadata import Chapter, comment_chapters, metadata_text, plain_tags
from workers.media.lasting import seconds
from workers.media.names import path_to_key
from workers.text import clean

if TYPE_CHECKING:
    from workers.media.ffmpeg import Told

SoundFormat = Literal["copy", "mp3", "m4a", "opus", "flac", "wav"]
_PICTURES = frozenset({"mjpeg", "png"})


@dataclass(frozen=True, slots=True)
class Home:
    """A kind of sound file: libavformat's muxer, its extension, and what it can hold beside the sound."""

    muxer: str
    extension: str
    encoder: str = ""  # of the format of this name; "" where it is only copied to
    kbit_per_channel: int = 0  # 0: lossless, or by `options`
    covers: Literal["stream", "comment", "attachment", ""] = "stream"
    chapters: Literal["native", "comment", ""] = "native"
    options: Mapping[str, str] = field(default_factory=dict)  # of the muxer


FORMATS: Mapping[str, Home] = {
    "mp3": Home("mp3", "mp3", "libmp3lame"),
    "m4a": Home("mp4", "m4a", "aac", 96, options=muxer_options("mp4", "m4a")),
    "opus": Home("opus", "opus", "libopus", 64, covers="comment"),
    "flac": Home("flac", "flac", "flac", chapters="comment"),
    "wav": Home("wav", "wav", "pcm_s16le", covers="", chapters="", options=muxer_options("wav", "wav")),
}
_OGG = Home("ogg", "ogg", covers="comment", chapters="comment")
_ANY = Home("matroska", "mka", covers="attachment")
_HOMES: Mapping[str, Home] = {
    "mp3": FORMATS["mp3"],
    "mp3float": FORMATS["mp3"],
    "aac": FORMATS["m4a"],
    "alac": FORMATS["m4a"],
    "opus": FORMATS["opus"],
    "vorbis": _OGG,
    "flac": FORMATS["flac"],
    **{f"pcm_{kind}": FORMATS["wav"] for kind in ("u8", "s16le", "s24le", "s32le", "f32le", "f64le", "alaw", "mulaw")},
}


@dataclass(frozen=True, slots=True)
class Sound:
    """One track of sound. `number` counts the tracks of the file from 1; `deep` means more than 16 bits a sample."""

    index: int
    number: int
    codec: str
    language: str
    title: str
    channels: int
    duration_s: float | None
    default: bool = False
    deep: bool = False


@dataclass(frozen=True, slots=True)
class Source:
    """What a file has for extraction. `cover` is the index of its first attached picture, or None."""

    path: Path
    format: str
    size: int
    duration_s: float | None
    sounds: tuple[Sound, ...]
    tags: Mapping[str, str]
    chapters: tuple[Chapter, ...]
    cover: int | None


def look(path: Path, *, fast: bool = True) -> Source:
    """What the file at `path` has; with `fast` from its headers, which do not tell whether samples are deep.

    JobFailed bad_input or unsupported.
    """
    opened, guessed = open_told(path, fast=fast)
    with opened as container, translated(path):
        audio = list(container.streams.audio)
        tags = dict(container.metadata)
        for stream in audio[:1] if container.format.name == "ogg" else ():
            tags |= stream.metadata  # Ogg has its tags in the stream
        covers = [s.index for s in container.streams.video if is_cover(s) and codec_name(s) in _PICTURES]
        spans = seconds(path) if guessed or not container.duration else {}
        told_s = container.duration / 1_000_000 if container.duration else None
        return Source(
            path=path,
            format=container.format.name,
            size=container.size,
            duration_s=max(spans.values(), default=told_s),
            sounds=tuple(_sound(stream, number, spans) for number, stream in enumerate(audio, 1)),
            tags=plain_tags(tags),
            chapters=chapters_of(container),
            cover=covers[0] if covers else None,
        )


def chapters_of(container: Any) -> tuple[Chapter, ...]:
    """The chapters of an open container, in seconds."""
    return tuple(
        Chapter(
            float(chapter["start"] * (chapter["time_base"] or 0)),
            float(chapter["end"] * (chapter["time_base"] or 0)),
            chapter["metadata"].get("title", ""),
        )
        for chapter in container.chapters()
    )


def _sound(stream: Any, number: int, spans: Mapping[int, float]) -> Sound:
    from av.stream import Disposition

    context = stream.codec_context
    codec = codec_name(stream)
    told_s = float(stream.duration * stream.time_base) if stream.duration and stream.time_base else None
    return Sound(
        index=stream.index,
        number=number,
        codec=codec,
        language=stream.metadata.get("language", "").replace("und", ""),
        title=stream.metadata.get("title", ""),
        channels=context.channels if context is not None else 0,
        duration_s=spans.get(stream.index, told_s),
        default=bool(stream.disposition & Disposition.default),
        deep=is_deep(codec, context),
    )


# Two letters, and the three of ISO 639-2 in both spellings where they differ.
_SPELLINGS: tuple[frozenset[str], ...] = tuple(
    frozenset(line.split())
    for line in (
        *("en eng", "de deu ger", "fr fra fre", "es spa", "it ita", "pt por", "nl nld dut", "sv swe", "da dan"),
        *("no nor nob", "fi fin", "pl pol", "cs ces cze", "sk slk slo", "hu hun", "ro ron rum", "el ell gre"),
        *("ru rus", "uk ukr", "tr tur", "ar ara", "he heb", "hi hin", "ja jpn", "ko kor", "zh zho chi"),
    )
)


def same_language(one: str, other: str) -> bool:
    """Whether two codes name one language: de, deu and ger; regions (de-AT) are left aside. Pure."""
    a, b = (code.lower().replace("_", "-").partition("-")[0] for code in (one, other))
    return bool(a) and (a == b or any(a in line and b in line for line in _SPELLINGS))


def chosen(source: Source, track: str) -> tuple[Sound, ...]:
    """The tracks that `track` means: "" the default one, "all", a number from 1, or a language. Pure.

    Empty when the file has no sound at all; JobFailed(bad_input) when it has, but not this.
    """
    sounds = source.sounds
    if not sounds or track == "all":
        return sounds
    if not track:
        return (next((sound for sound in sounds if sound.default), sounds[0]),)
    found = [s for s in sounds if (str(s.number) == track if track.isdecimal() else same_language(s.language, track))]
    if not found:
        have = ", ".join(f"{s.number} ({clean(s.language) or 'no language'})" for s in sounds)
        raise JobFailed(
            ErrorClass.BAD_INPUT,
            f"{clean(source.path.name)} has no track {clean(track)} of sound; it has {have}",
            input=path_to_key(source.path),
        )
    return tuple(found)


def home_of(sound: Sound, format: SoundFormat, bitrate: int) -> tuple[Home, bool]:
    """Where the sound goes, and whether it is copied: always for "copy", else when it is of that format already."""
    own = _HOMES.get(sound.codec, _ANY)
    if format == "copy":
        return own, True
    home = FORMATS[format]
    return home, own is home and not bitrate and not (format == "m4a" and sound.codec == "alac")


def left_out(source: Source, home: Home) -> tuple[str, ...]:
    """In words, what the file has beside the sound that its new home cannot hold."""
    lost = ["cover"] if source.cover is not None and not home.covers else []
    return tuple(lost + (["chapters"] if source.chapters and not home.chapters else []))


def tags_for(source: Source, sound: Sound, home: Home) -> dict[str, str]:
    """The tags of the new file: those of the film, its chapters where they are tags, and the track's language."""
    tags = dict(source.tags)
    if home.chapters == "comment":
        tags |= comment_chapters(source.chapters)
    if home.covers == "comment" or home.muxer == "flac":  # no streams with tags of their own
        tags |= {"language": sound.language} if sound.language else {}
    return tags


def copy_sound(
    source: Source, sound: Sound, home: Home, target: Path, on_progress: Callable[[float], None] = lambda s: None
) -> None:
    """Copy the packets of `sound` into `target`, with tags, chapters and cover. JobFailed as `remux`."""
    from workers.media.remux import remux

    cover = [source.cover] if source.cover is not None and home.covers == "stream" else []
    attach = []
    if source.cover is not None and home.covers == "attachment":
        data, mime, _, _ = _cover(source)
        attach = [(f"cover.{'png' if mime == 'image/png' else 'jpg'}", mime, data)]
    remux(
        source.path,
        target,
        muxer=home.muxer,
        keep=[sound.index, *cover],
        on_progress=on_progress,
        tags=tags_for(source, sound, home),
        options=home.options,
        attach=attach,
    )
    _add_cover(source, home, target)


def encode_command(
    source: Source, sound: Sound, home: Home, target: Path, notes: Path, *, ffmpeg: str, bitrate: int, threads: int
) -> list[str]:
    """The ffmpeg command that encodes `sound`; `notes` is a file of `metadata_text`. Pure: plain words."""
    reads = ("-protocol_whitelist", "file,pipe")
    words = [ffmpeg, "-f", source.format, *reads, "-i", f"file:{os.path.abspath(source.path)}"]
    words += ["-f", "ffmetadata", *reads, "-i", f"file:{os.path.abspath(notes)}", "-map", f"0:{sound.index}"]
    if source.cover is not None and home.covers == "stream":
        words += ["-map", f"0:{source.cover}", "-c:v", "copy", "-disposition:v:0", "attached_pic"]
    words += ["-map_metadata", "1", "-map_chapters", "1" if home.chapters == "native" else "-1"]
    words += ["-map_metadata:s:a:0", "-1"]
    if sound.language:
        words += ["-metadata:s:a:0", f"language={clean(sound.language)}"]
    words += ["-threads", str(threads)] if threads else []
    words += [*_encoder_words(sound, home, bitrate)]
    words += [word for name, value in home.options.items() for word in (f"-{name}", value)]
    return [*words, "-f", home.muxer, f"file:{os.path.abspath(target)}"]


def _encoder_words(sound: Sound, home: Home, bitrate: int) -> Sequence[str]:
    channels = sound.channels or 2
    if home.extension == "wav":
        return ("-c:a", "pcm_s24le" if sound.deep else "pcm_s16le")
    words = ["-c:a", home.encoder]
    if home.extension == "flac":
        return (*words, *(() if sound.deep else ("-sample_fmt", "s16")))
    most = {"mp3": 2, "opus": 8, "m4a": 8}[home.extension]
    if channels > most:
        words += ["-ac", str(most)]
    if home.extension == "opus":
        words += ["-af", "aformat=channel_layouts=7.1|5.1|quad|stereo|mono"]
    if bitrate:
        return (*words, "-b:a", f"{bitrate}k")
    return (*words, "-b:a", f"{home.kbit_per_channel * channels}k") if home.kbit_per_channel else (*words, "-q:a", "2")


def encode(
    source: Source,
    sound: Sound,
    home: Home,
    target: Path,
    *,
    ffmpeg: str,
    bitrate: int,
    threads: int,
    on_progress: Callable[[Progress], None],
) -> Told:
    """Encode `sound` into `target`, with tags, chapters and cover, and what ffmpeg told. JobFailed.

    `bitrate` is in kbit/s, 0 for the usual one.
    """
    from workers.media.ffmpeg import run

    notes = target.with_name("notes.txt")
    text = metadata_text(tags_for(source, sound, home), source.chapters if home.chapters == "native" else ())
    notes.write_text(text, encoding="utf-8", errors="replace")
    words = encode_command(source, sound, home, target, notes, ffmpeg=ffmpeg, bitrate=bitrate, threads=threads)
    lasts_s, key = sound.duration_s or source.duration_s, path_to_key(source.path)
    told = run(words, duration_s=lasts_s, phase="encoding sound", source=key, on_progress=on_progress)
    notes.unlink(missing_ok=True)
    _add_cover(source, home, target)
    return told


def _add_cover(source: Source, home: Home, target: Path) -> None:
    """Ogg has its cover in a comment, which libavformat does not write."""
    if source.cover is None or home.covers != "comment":
        return
    from mutagen import MutagenError
    from mutagen.flac import Picture
    from mutagen.oggopus import OggOpus
    from mutagen.oggvorbis import OggVorbis

    picture: Any = Picture()  # type: ignore[no-untyped-call]
    picture.type, picture.desc = 3, "Cover"
    picture.data, picture.mime, picture.width, picture.height = _cover(source)
    try:
        file: Any = (OggOpus if home.extension == "opus" else OggVorbis)(os.fspath(target))
        file["metadata_block_picture"] = [base64.b64encode(picture.write()).decode()]
        file.save()
    except MutagenError as error:
        raise JobFailed(
            ErrorClass.BAD_INPUT, f"the cover cannot be written: {clean(str(error))}", input=path_to_key(source.path)
        ) from error


def _cover(source: Source) -> tuple[bytes, str, int, int]:
    with open_input(source.path, fast=True) as container, translated(source.path):
        stream = container.streams[source.cover or 0]
        context: Any = stream.codec_context
        mime = "image/png" if codec_name(stream) == "png" else "image/jpeg"
        data = next((bytes(packet) for packet in container.demux(stream) if packet.size), b"")
        return data, mime, context.width, context.height
