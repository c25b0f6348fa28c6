"""What to do with each stream of a file for a preset, and the ffmpeg command for it. Pure: plain data in and out."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from workers.media import fates, tonemap
from workers.media.av import Facts, StreamFacts, StreamKind
from workers.media.escape import path_value
from workers.media.fates import Fate
from workers.media.hardware import Encoder
from workers.media.presets import Preset, Video
from workers.media.verify import Expected

Action = Literal["copy", "encode"]
Option = str | int

TEXT_SUBTITLES = frozenset({"subrip", "ass", "ssa", "mov_text", "webvtt", "text"})
# Containers that tell when each frame is shown. From others (AVI) a copy of a film with B-frames would judder.
_TIMED = frozenset({"mp4", "matroska", "mpegts", "mpeg", "flv"})
# libopus refuses layouts such as 5.1(side); these it takes.
_OPUS_LAYOUTS = "aformat=channel_layouts=7.1|5.1|quad|stereo|mono"


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a person asks beyond the preset. 0 leaves it to the preset."""

    max_side: int = 0  # pixels of the shorter side
    quality: int = 0  # CRF
    reencode: bool = False  # encode even where copying would do
    film: bool = False  # encode the film even where copying would do
    sdr: bool = False  # bring high dynamic range down in every preset
    subtitles: Literal["keep", "burn", "drop"] = "keep"
    burn: int = -1  # the stream to burn in
    drop: frozenset[str] = frozenset()  # what may be left out where the container cannot hold it: see fates
    loud: Mapping[int, tuple[str, ...]] = field(default_factory=dict)  # filters of sound streams, by index


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
    overlay: int = -1  # the stream of pictures laid over this film
    under: tuple[str, ...] = ()  # filters before that


@dataclass(frozen=True, slots=True)
class Plan:
    """What will be made of a file, and what becomes of each stream; `refused` says why it must not be, or nothing."""

    preset: Preset
    tracks: tuple[Track, ...]
    fates: tuple[Fate, ...]
    refused: str
    expected: Expected
    before: tuple[str, ...] = ()  # options before the input

    @property
    def remux(self) -> bool:
        """Whether all streams are copied."""
        return all(track.action == "copy" for track in self.tracks)

    @property
    def left_out(self) -> tuple[str, ...]:
        """What the output will not have, in words."""
        return tuple(f"{fate.name}: {fate.why}" for fate in self.fates if fate.what == "left out")

    @property
    def film(self) -> Track | None:
        """The film, where it is encoded."""
        return next((t for t in self.tracks if t.kind == "video" and t.action == "encode"), None)


def fits(facts: Facts, preset: Preset, wishes: Wishes) -> bool:
    """Whether the film is good for the preset as it is."""
    video, film = preset.video, facts.video
    if video is None or film is None or facts.format not in _TIMED:
        return False
    if wishes.reencode or wishes.quality or wishes.film or wishes.burn >= 0 or tones(film, preset, wishes):
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


def plan(facts: Facts, preset: Preset, wishes: Wishes, encoder: Encoder | None) -> Plan:
    """The plan for a file; `encoder` encodes the film where it must be encoded (None: nothing has to be)."""
    tracks: list[Track] = []
    told: list[Fate] = []
    for stream in facts.streams:
        track = _track(stream, facts, preset, wishes, encoder)
        if track is not None:
            tracks.append(track)
        told.append(_fate(stream, track, facts, preset, wishes))
        if stream.alpha and not stream.cover and track is not None and track.action == "encode":
            told.append(fates.without_alpha(stream, preset.name, drop=wishes.drop))
    before = encoder.before if encoder and any(t.kind == "video" and t.action == "encode" for t in tracks) else ()
    expected = _expected(facts, tracks)
    return Plan(preset, tuple(tracks), tuple(told), fates.refusal(told, facts), expected, before)


def _fate(stream: StreamFacts, track: Track | None, facts: Facts, preset: Preset, wishes: Wishes) -> Fate:
    if track is not None:
        return Fate(stream.index, fates.name_of(stream), "copied" if track.action == "copy" else "encoded")
    if stream.index == wishes.burn:
        return Fate(stream.index, fates.name_of(stream), "burnt in")
    unwanted = stream.kind == "subtitle" and wishes.subtitles == "drop"
    sound_only = preset.video is None and stream.kind != "audio"
    return fates.left_out(stream, facts, preset.name, sound_only=sound_only, drop=wishes.drop, unwanted=unwanted)


def tones(film: StreamFacts, preset: Preset, wishes: Wishes) -> bool:
    """Whether encoding this film means to bring it from high dynamic range down to that of common screens."""
    return film.hdr and preset.video is not None and (wishes.sdr or bool(preset.video.pix_fmt))


def keeps_depth(film: StreamFacts, preset: Preset, wishes: Wishes) -> bool:
    """Whether encoding this film means to keep more than 8 bits of each colour."""
    return preset.video is not None and not preset.video.pix_fmt and film.deep and not tones(film, preset, wishes)


def _expected(facts: Facts, tracks: list[Track]) -> Expected:
    kept = {track.index for track in tracks if not track.cover}
    streams = [s for s in facts.streams if s.index in kept and s.kind in ("video", "audio")]
    durations = [s.duration_s for s in streams]
    longest = max((d for d in durations if d), default=None) if all(durations) else None
    kinds: dict[StreamKind, int] = {}
    for track in tracks:
        kind: StreamKind = "video" if track.cover else track.kind  # a cover is read as a picture, however it is kept
        kinds[kind] = kinds.get(kind, 0) + 1
    return Expected(facts.duration_s, kinds, longest)


def _track(stream: StreamFacts, facts: Facts, preset: Preset, wishes: Wishes, encoder: Encoder | None) -> Track | None:
    container = preset.container
    if stream.cover:
        if stream.codec not in container.covers:
            return None
        return Track(stream.index, "attachment" if container.attachments else "video", "copy", cover=True)
    if stream.kind == "video":
        if preset.video is None or stream != facts.video:
            return None
        if encoder is None:
            return Track(stream.index, "video", "copy")
        return _film(stream, facts, preset, wishes, encoder)
    if stream.kind == "audio":
        return _sound(stream, preset, wishes)
    if stream.kind == "subtitle":
        return _subtitle(stream, preset, wishes)
    if stream.kind == "attachment" and container.attachments:
        return Track(stream.index, "attachment", "copy")
    return None


def _subtitle(stream: StreamFacts, preset: Preset, wishes: Wishes) -> Track | None:
    container = preset.container
    if wishes.subtitles == "drop" or stream.index == wishes.burn:
        return None
    if stream.codec in container.subtitles:
        return Track(stream.index, "subtitle", "copy")
    if stream.codec in TEXT_SUBTITLES and container.text_subtitles:
        return Track(stream.index, "subtitle", "encode", encoder=container.text_subtitles)
    return None


def _film(stream: StreamFacts, facts: Facts, preset: Preset, wishes: Wishes, encoder: Encoder) -> Track:
    video = preset.video
    assert video is not None
    size = target_size(stream, facts.rotation, wishes.max_side or video.max_side)
    scale = (f"scale={size[0]}:{size[1]}:flags=bicubic",) if size else ()
    toned = tones(stream, preset, wishes)
    tone = (tonemap.chain(stream),) if toned else ()
    options: dict[str, Option] = dict(encoder.options)
    pix_fmt = encoder.pix_fmt or ("" if encoder.filters else video.pix_fmt or ("yuv420p10le" if toned else ""))
    if pix_fmt:
        options["pix_fmt"] = pix_fmt
    burnt = next((s for s in facts.streams if s.index == wishes.burn), None)
    if burnt is None or burnt.codec in TEXT_SUBTITLES:
        text = (_BURN,) if burnt else ()  # drawn at the size of the result, and not brought down with the film
        filters = (*scale, *tone, *text, *encoder.filters)
        return Track(stream.index, "video", "encode", False, encoder.name, filters, options)
    after = (*scale, *encoder.filters)
    return Track(stream.index, "video", "encode", False, encoder.name, after, options, burnt.index, tone)


def _sound(stream: StreamFacts, preset: Preset, wishes: Wishes) -> Track:
    audio = preset.audio
    raw = stream.codec.startswith("pcm_")
    fits_as_is = stream.codec in audio.fits if audio.fits else not raw
    many = stream.channels > audio.max_channels
    loud = wishes.loud.get(stream.index, ())
    if fits_as_is and not many and not loud and not (wishes.reencode and audio.fits):
        return Track(stream.index, "audio", "copy")
    channels = min(stream.channels or 2, audio.max_channels)
    options: dict[str, Option] = {"ac": channels} if many else {}
    if audio.kbit_per_channel:
        options["b"] = f"{audio.kbit_per_channel * channels}k"
    filters = (*loud, _OPUS_LAYOUTS) if audio.encoder == "libopus" else loud
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
_BURN_FILE, _BURN_FONTS = "SPOOL-BURN-FILE", "SPOOL-BURN-FONTS"  # places for paths, which may hold any character
_BURN = f"subtitles=filename={_BURN_FILE}:fontsdir={_BURN_FONTS}"


@dataclass(frozen=True, slots=True)
class Aside:
    """Files beside the input that a command needs: a text to burn in with its fonts, and covers by stream index."""

    text: Path | None = None
    fonts: Path | None = None
    covers: Mapping[int, Path] = field(default_factory=dict)


def command(
    plan: Plan, facts: Facts, target: Path, *, ffmpeg: str, threads: int = 0, aside: Aside | None = None
) -> list[str]:
    """The ffmpeg command that carries out the plan: plain words, the program first. Pure; built by ffmpeg-python."""
    import ffmpeg as graph

    source = graph.input(_SOURCE, format=facts.format, protocol_whitelist="file,pipe")
    options: dict[str, Any] = {"map_metadata": 0, **plan.preset.container.options}
    if threads:
        options["threads"] = threads
    counts: dict[str, int] = {}
    mapped = [track for track in plan.tracks if not _attached(track)]
    for track in mapped:
        letter = {"video": "v", "audio": "a", "subtitle": "s", "attachment": "t"}[track.kind]
        number = counts.get(letter, 0)
        counts[letter] = number + 1
        options |= _stream_options(track, f"{letter}:{number}")
    streams = [source[str(track.index)] for track in mapped]
    output = graph.output(*streams, _TARGET, format=plan.preset.container.muxer, **options)
    program, *rest = with_paths(graph.compile(output, cmd=ffmpeg), facts.path, target)
    rest = [_with_burnt(word, aside or Aside()) for word in _overlaid(rest, plan.film)]
    covers = [track.index for track in plan.tracks if _attached(track)]
    attached = _attachments(covers, counts.get("t", 0), (aside or Aside()).covers)
    return [program, *plan.before, *rest[:-1], *attached, rest[-1]]


def _attached(track: Track) -> bool:
    """Whether it is a cover that Matroska keeps as a file."""
    return track.cover and track.kind == "attachment"


def _attachments(covers: Iterable[int], first: int, files: Mapping[int, Path]) -> list[str]:
    words: list[str] = []
    for number, index in enumerate(covers, first):
        path = files[index]
        mime = "image/png" if path.suffix == ".png" else "image/jpeg"
        words += ["-attach", f"file:{os.path.abspath(path)}"]
        words += [f"-metadata:s:t:{number}", f"mimetype={mime}", f"-metadata:s:t:{number}", f"filename={path.name}"]
    return words


def _with_burnt(word: str, aside: Aside) -> str:
    if _BURN_FILE not in word or aside.text is None or aside.fonts is None:
        return word
    return word.replace(_BURN_FILE, path_value(aside.text)).replace(_BURN_FONTS, path_value(aside.fonts))


def _overlaid(words: list[str], film: Track | None) -> list[str]:
    """The words with the film taken from a graph that lays pictures of subtitles over it."""
    if film is None or film.overlay < 0:
        return words
    under = ",".join(film.under) or "null"
    laid = ",".join(("overlay=x=(W-w)/2:y=H-h:eof_action=pass:format=auto", *film.filters))
    text = f"[0:{film.index}]{under}[film];[film][0:{film.overlay}]{laid}[burnt]"
    at = words.index("-map")
    maps = [
        ("[burnt]" if word == f"0:{film.index}" and words[i - 1] == "-map" else word) for i, word in enumerate(words)
    ]
    return [*maps[:at], "-filter_complex", text, *maps[at:]]


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
    if track.filters and track.overlay < 0:
        options[f"filter:{which}"] = ",".join(track.filters)
    for name, value in track.options.items():
        # "b:v" is spelt with its kind already
        options[f"{name.partition(':')[0]}:{which}"] = value
    return options
