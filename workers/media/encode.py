"""What to do with each stream of a file for a preset, and the ffmpeg command for it. Pure: plain data in and out."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from workers.media.av import Facts, StreamFacts, StreamKind
from workers.media.hardware import Encoder
from workers.media.presets import Preset, Video
from workers.media.verify import Expected

Action = Literal["copy", "encode"]
Option = str | int

_TEXT_SUBTITLES = frozenset({"subrip", "ass", "ssa", "mov_text", "webvtt", "text"})
# Containers that tell when each frame is shown. From others (AVI) a copy of a film with B-frames would judder.
_TIMED = frozenset({"mp4", "matroska", "mpegts", "mpeg", "flv"})
# libopus refuses layouts such as 5.1(side); these it takes.
_OPUS_LAYOUTS = "aformat=channel_layouts=7.1|5.1|quad|stereo|mono"
_TONEMAP = "zscale=t=linear:npl=100,format=gbrpf32le,zscale=p=bt709,tonemap=hable:desat=0,zscale=t=bt709:m=bt709:r=tv"


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a person asks beyond the preset. 0 leaves it to the preset."""

    max_side: int = 0  # pixels of the shorter side
    quality: int = 0  # CRF
    reencode: bool = False  # encode even where copying would do


@dataclass(frozen=True, slots=True)
class Track:
    """One stream of the input that is in the output."""

    index: int
    kind: StreamKind
    action: Action
    cover: bool = False
    encoder: str = "copy"
    filters: tuple[str, ...] = ()
    options: Mapping[str, Option] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Plan:
    """What will be made of a file. `left_out` tells in words what the output will not have."""

    preset: Preset
    tracks: tuple[Track, ...]
    left_out: tuple[str, ...]
    expected: Expected
    before: tuple[str, ...] = ()  # options before the input

    @property
    def remux(self) -> bool:
        """Whether all streams are copied."""
        return all(track.action == "copy" for track in self.tracks)


def fits(facts: Facts, preset: Preset, wishes: Wishes) -> bool:
    """Whether the film is good for the preset as it is."""
    video, film = preset.video, facts.video
    if video is None or film is None or wishes.reencode or wishes.quality or facts.format not in _TIMED:
        return False
    good_pixels = not video.fits_pix_fmts or film.pix_fmt in video.fits_pix_fmts
    side = wishes.max_side or video.max_side
    return film.codec in video.fits and good_pixels and (not side or min(film.width, film.height) <= side)


def target_size(film: StreamFacts, rotation: int, max_side: int) -> tuple[int, int] | None:
    """Width and height in pixels after rotation, even, the shorter side at most `max_side`; None when unchanged."""
    width, height = (film.height, film.width) if rotation % 180 else (film.width, film.height)
    scale = min(max_side / min(width, height), 1.0) if max_side else 1.0
    new = (max(round(width * scale / 2) * 2, 2), max(round(height * scale / 2) * 2, 2))
    return None if new == (width, height) else new


def plan(facts: Facts, preset: Preset, wishes: Wishes, encoder: Encoder | None, *, tonemap: bool = False) -> Plan:
    """The plan for a file; `encoder` encodes the film where it must be encoded (None: nothing has to be).

    `tonemap` says whether this ffmpeg can bring high dynamic range to the screen's.
    """
    tracks: list[Track] = []
    left_out: list[str] = []
    for stream in facts.streams:
        track = _track(stream, facts, preset, wishes, encoder, tonemap)
        if track is None:
            left_out.append(_words(stream, preset))
        else:
            tracks.append(track)
    before = encoder.before if encoder and any(t.kind == "video" and t.action == "encode" for t in tracks) else ()
    return Plan(preset, tuple(tracks), tuple(left_out), _expected(facts, tracks), before)


def _words(stream: StreamFacts, preset: Preset) -> str:
    name = "cover" if stream.cover else stream.kind
    language = f" ({stream.language})" if stream.language else ""
    return f"{name} stream {stream.index}, {stream.codec or 'unknown codec'}{language}: not held by {preset.name}"


def _expected(facts: Facts, tracks: list[Track]) -> Expected:
    kept = {track.index for track in tracks if not track.cover}
    streams = [s for s in facts.streams if s.index in kept and s.kind in ("video", "audio")]
    durations = [s.duration_s for s in streams]
    longest = max((d for d in durations if d), default=None) if all(durations) else None
    kinds: dict[StreamKind, int] = {}
    for track in tracks:
        if track.kind in ("video", "audio", "subtitle"):
            kinds[track.kind] = kinds.get(track.kind, 0) + 1
    return Expected(facts.duration_s, kinds, longest)


def _track(
    stream: StreamFacts, facts: Facts, preset: Preset, wishes: Wishes, encoder: Encoder | None, tonemap: bool
) -> Track | None:
    container = preset.container
    if stream.cover:
        held = stream.codec in container.covers
        return Track(stream.index, "video", "copy", cover=True) if held else None
    if stream.kind == "video":
        if preset.video is None or stream != facts.video:
            return None
        if encoder is None:
            return Track(stream.index, "video", "copy")
        return _film(stream, facts, preset.video, wishes, encoder, tonemap)
    if stream.kind == "audio":
        return _sound(stream, preset, wishes)
    if stream.kind == "subtitle":
        if stream.codec in container.subtitles:
            return Track(stream.index, "subtitle", "copy")
        if stream.codec in _TEXT_SUBTITLES and container.text_subtitles:
            return Track(stream.index, "subtitle", "encode", encoder=container.text_subtitles)
        return None
    if stream.kind == "attachment" and container.attachments:
        return Track(stream.index, "attachment", "copy")
    return None


def _film(stream: StreamFacts, facts: Facts, video: Video, wishes: Wishes, encoder: Encoder, tonemap: bool) -> Track:
    filters: list[str] = []
    size = target_size(stream, facts.rotation, wishes.max_side or video.max_side)
    if size is not None:
        filters.append(f"scale={size[0]}:{size[1]}:flags=bicubic")
    if stream.hdr and tonemap and video.pix_fmt:
        filters.append(_TONEMAP)
    filters += encoder.filters
    options: dict[str, Option] = dict(encoder.options)
    pix_fmt = encoder.pix_fmt or ("" if encoder.filters else video.pix_fmt)
    if pix_fmt:
        options["pix_fmt"] = pix_fmt
    return Track(stream.index, "video", "encode", False, encoder.name, tuple(filters), options)


def _sound(stream: StreamFacts, preset: Preset, wishes: Wishes) -> Track:
    audio = preset.audio
    raw = stream.codec.startswith("pcm_")
    fits_as_is = stream.codec in audio.fits if audio.fits else not raw
    many = stream.channels > audio.max_channels
    if fits_as_is and not many and not (wishes.reencode and audio.fits):
        return Track(stream.index, "audio", "copy")
    channels = min(stream.channels or 2, audio.max_channels)
    options: dict[str, Option] = {"ac": channels} if many else {}
    if audio.kbit_per_channel:
        options["b"] = f"{audio.kbit_per_channel * channels}k"
    filters = (_OPUS_LAYOUTS,) if audio.encoder == "libopus" else ()
    return Track(stream.index, "audio", "encode", encoder=audio.encoder, filters=filters, options=options)


def software_encoder(video: Video, encoders: frozenset[str], quality: int, threads: int) -> Encoder | None:
    """The first encoder of the preset that this ffmpeg has, at `quality` (0: the preset's); None when it has none."""
    for name, options in video.encoders:
        if name in encoders:
            chosen: dict[str, Option] = dict(options)
            if name != "libopenh264":
                chosen["crf"] = quality or video.quality
            if threads and name == "libx265":
                chosen["x265-params"] = f"{chosen['x265-params']}:pools={threads}"
            if threads and name == "libsvtav1":
                chosen["svtav1-params"] = f"lp={threads}"
            return Encoder(name, chosen)
    return None


_SOURCE, _TARGET = "file:SOURCE", "file:TARGET"


def command(plan: Plan, facts: Facts, target: Path, *, ffmpeg: str, threads: int = 0) -> list[str]:
    """The ffmpeg command that carries out the plan: plain words, the program first. Pure; built by ffmpeg-python."""
    import ffmpeg as graph

    source = graph.input(_SOURCE, format=facts.format, protocol_whitelist="file,pipe")
    options: dict[str, Any] = {"map_metadata": 0, **plan.preset.container.options}
    if threads:
        options["threads"] = threads
    counts: dict[str, int] = {}
    for track in plan.tracks:
        letter = {"video": "v", "audio": "a", "subtitle": "s", "attachment": "t"}[track.kind]
        number = counts.get(letter, 0)
        counts[letter] = number + 1
        options |= _stream_options(track, f"{letter}:{number}")
    streams = [source[str(track.index)] for track in plan.tracks]
    output = graph.output(*streams, _TARGET, format=plan.preset.container.muxer, **options)
    program, *rest = with_paths(graph.compile(output, cmd=ffmpeg), facts.path, target)
    return [program, *plan.before, *rest]


def with_paths(words: Iterable[object], source: Path, target: Path) -> list[str]:
    """The words of a compiled command with the real paths in the places kept for them. Pure.

    ffmpeg-python cannot take names that are no valid UTF-8; `file:` makes every name a name, whatever it looks like.
    """
    places = {_SOURCE: f"file:{os.path.abspath(source)}", _TARGET: f"file:{os.path.abspath(target)}"}
    return [places.get(word, word) for word in map(str, words)]


def _stream_options(track: Track, which: str) -> dict[str, Option]:
    options: dict[str, Option] = {f"c:{which}": track.encoder}
    if track.cover:
        options[f"disposition:{which}"] = "attached_pic"
    if track.filters:
        options[f"filter:{which}"] = ",".join(track.filters)
    for name, value in track.options.items():
        # "b:v" is spelt with its kind already
        options[f"{name.partition(':')[0]}:{which}"] = value
    return options
