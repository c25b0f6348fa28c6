"""The sound of a file alone: copied where its codec is the wanted one, else encoded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from workers.errors import ErrorClass, JobFailed
from workers.jobs import Progress
from workers.media.av import Facts, StreamFacts
from workers.media.containers import muxer_options
from workers.media.encode import with_paths
from workers.media.lasting import measured
from workers.media.names import path_to_key
from workers.media.remux import remux
from workers.media.verify import Expected, verify
from workers.text import clean

Codec = Literal["keep", "mp3", "m4a", "opus", "flac"]


@dataclass(frozen=True, slots=True)
class Kind:
    """A file of sound: its extension, its muxer, the codec inside and the encoder with its options."""

    extension: str
    muxer: str
    codec: str
    encoder: str
    options: tuple[tuple[str, str], ...] = ()


KINDS: dict[str, Kind] = {
    "mp3": Kind("mp3", "mp3", "mp3", "libmp3lame", (("q:a", "2"),)),
    "m4a": Kind("m4a", "mp4", "aac", "aac", (("b:a", "192k"),)),
    "opus": Kind("opus", "opus", "opus", "libopus", (("b:a", "128k"),)),
    "flac": Kind("flac", "flac", "flac", "flac"),
}
_KEPT = {kind.codec: kind for kind in KINDS.values()} | {
    "alac": Kind("m4a", "mp4", "alac", ""),
    "vorbis": Kind("ogg", "ogg", "vorbis", ""),
    "ac3": Kind("ac3", "ac3", "ac3", ""),
}
_ANY = Kind("mka", "matroska", "", "")


def kind_for(stream: StreamFacts, wanted: Codec) -> tuple[Kind, bool]:
    """The kind of file for this sound, and whether it can be copied. Pure."""
    if wanted == "keep":
        return _KEPT.get(stream.codec, _ANY), True
    return KINDS[wanted], stream.codec == KINDS[wanted].codec


def extract(
    found: Facts,
    folder: Path,
    *,
    wanted: Codec,
    ffmpeg: Callable[[], str],
    threads: int = 0,
    on_progress: Callable[[Progress], None] = lambda progress: None,
    on_damage: Callable[[str], None] = lambda words: None,
) -> Path:
    """Write the first sound of the file into `folder` as `sound.EXT` and verify it; the path.

    `ffmpeg` gives the program's path and is asked only when something has to be encoded; `on_damage` hears of parts
    that could not be decoded. JobFailed.
    """
    found = measured(found, stamped=False)
    stream = next(iter(found.of_kind("audio")), None)
    key = path_to_key(found.path)
    if stream is None:
        raise JobFailed(ErrorClass.UNSUPPORTED, f"{clean(found.path.name)} has no sound", input=key)
    kind, copied = kind_for(stream, wanted)
    target = folder / f"sound.{kind.extension}"
    if copied:
        remux(found.path, target, muxer=kind.muxer, keep=[stream.index])
    else:
        from workers.media.ffmpeg import run

        command = encode_command(found, stream.index, kind, target, ffmpeg=ffmpeg(), threads=threads)
        told = run(command, duration_s=found.duration_s, phase="encoding sound", source=key, on_progress=on_progress)
        if told.damage:
            on_damage(told.damage)
    verify(target, Expected(stream.duration_s or found.duration_s, {"audio": 1}), source=key)
    return target


def encode_command(found: Facts, index: int, kind: Kind, target: Path, *, ffmpeg: str, threads: int = 0) -> list[str]:
    """The ffmpeg command that encodes one sound stream into `target`. Pure; built by ffmpeg-python."""
    import ffmpeg as graph

    source = graph.input("file:SOURCE", format=found.format, protocol_whitelist="file,pipe")
    options = {"c:a": kind.encoder, "map_metadata": "0", **dict(kind.options)}
    options |= muxer_options(kind.muxer, kind.extension)
    if threads:
        options["threads"] = str(threads)
    output = graph.output(source[str(index)], "file:TARGET", format=kind.muxer, **options)
    return with_paths(graph.compile(output, cmd=ffmpeg), found.path, target)
