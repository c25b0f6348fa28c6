"""Joining files that differ: one ffmpeg filter graph brings all to one size, rate and layout. Pure: plain words."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from workers.media import tonemap
from workers.media.alike import Part
from workers.media.av import Facts, StreamFacts
from workers.media.containers import muxer_options

_X264 = ("-c:v", "libx264", "-preset", "medium", "-crf", "20")
_VP9 = ("-c:v", "libvpx-vp9", "-b:v", "0", "-crf", "30", "-row-mt", "1", "-cpu-used", "4")
_MOST_RATE = 60
_FILM_HERTZ = 48_000
_HERTZ = (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 88_200, 96_000)  # of lossy encoders
_LAYOUTS = {1: "mono", 2: "stereo", 3: "3.0", 4: "quad", 5: "5.0", 6: "5.1", 7: "6.1", 8: "7.1"}
_KNOWN_LAYOUTS = frozenset({*_LAYOUTS.values(), "5.0(side)", "5.1(side)"})  # all that FLAC has


@dataclass(frozen=True, slots=True)
class _Coder:
    """An encoder of sound and what it can: `hertz` and `channels` at most; `kbit` for each channel."""

    encoder: str
    kbit: int = 0
    options: tuple[str, ...] = ()
    channels: int = 8
    hertz: int = 0  # 0: any, without loss
    deep: str = ""  # the encoder for more than 16 bits


_AAC = _Coder("aac", 96, hertz=96_000)
_OPUS = _Coder("libopus", 64, hertz=48_000)
_FLAC = _Coder("flac", deep="flac")
_FILMS: Mapping[str, tuple[tuple[str, ...], _Coder]] = {
    **dict.fromkeys(("mp4", "mov", "matroska", "mpegts", "flv"), (_X264, _AAC)),
    "webm": (_VP9, _OPUS),
}
_SOUNDS: Mapping[str, _Coder] = {
    "mp3": _Coder("libmp3lame", options=("-q:a", "2"), channels=2, hertz=48_000),
    "mp4": _AAC,
    "adts": _AAC,
    "opus": _OPUS,
    "webm": _OPUS,
    "ogg": _Coder("libvorbis", options=("-q:a", "6"), hertz=48_000),
    "flac": _FLAC,
    "matroska": _FLAC,
    "wav": _Coder("pcm_s16le", deep="pcm_s24le"),
    "aiff": _Coder("pcm_s16be", deep="pcm_s24be"),
}


@dataclass(frozen=True, slots=True)
class Common:
    """What all parts are brought to. `film` is width, height (pixels) and frames a second, or None for sound alone.

    `sample` is the format of samples, "" for any. With `toned`, high dynamic range is brought down: results have 8
    bits.
    """

    film: tuple[int, int, Fraction] | None
    sample_rate: int
    layout: str
    channels: int
    sample: str = ""
    toned: bool = False


def common(parts: Sequence[Part], facts: Sequence[Facts], muxer: str) -> Common | None:
    """The largest picture, the quickest rate and the most channels of all, as far as files of `muxer` hold them.

    None where Spool writes none of that kind.
    """
    film = any(part.found.film is not None for part in parts)
    coder = _coder(muxer, film)
    if coder is None:
        return None
    sounds = [sound for one in facts for sound in one.of_kind("audio")[:1]]
    hertz = max((sound.sample_rate for sound in sounds), default=_FILM_HERTZ)
    channels = min(most_channels(facts), coder.channels)
    sample = "" if coder.hertz else "s32" if any(sound.deep for sound in sounds) else "s16"
    return Common(
        _picture_of(facts) if film else None,
        _hertz(max(hertz, _FILM_HERTZ) if film else hertz, coder),
        _layout(parts, channels, coder),
        channels,
        sample,
        any(one.video is not None and one.video.hdr for one in facts),
    )


def _coder(muxer: str, film: bool) -> _Coder | None:
    return (_FILMS[muxer][1] if muxer in _FILMS else None) if film else _SOUNDS.get(muxer)


def most_channels(facts: Sequence[Facts]) -> int:
    """The channels of the part whose first sound has most of them."""
    return max((sound.channels or 2 for one in facts for sound in one.of_kind("audio")[:1]), default=2)


def _picture_of(facts: Sequence[Facts]) -> tuple[int, int, Fraction]:
    sizes, rates = [], []
    for one in facts:
        film = one.video
        if film is not None:
            width, height = round(film.width * film.pixel_aspect), film.height
            sizes.append((height, width) if one.rotation % 180 else (width, height))
            rates.append(Fraction(film.fps or 25).limit_denominator(1001))
    width, height = max(sizes, key=lambda size: size[0] * size[1])
    return width + width % 2, height + height % 2, min(max(rates), Fraction(_MOST_RATE))


def _hertz(wanted: int, coder: _Coder) -> int:
    if not coder.hertz:
        return wanted
    if coder is _OPUS:
        return coder.hertz
    return next((rate for rate in _HERTZ if wanted <= rate <= coder.hertz), coder.hertz)


def _layout(parts: Sequence[Part], channels: int, coder: _Coder) -> str:
    """Where nothing is to be lost, the layout that all have; else the usual one of so many channels."""
    have = {
        next((shape.facts.get("layout", "") for shape in part.shapes if shape.kind == "audio"), "") for part in parts
    } - {""}
    alike = next(iter(have)) if len(have) == 1 else ""
    return alike if not coder.hertz and alike in _KNOWN_LAYOUTS else _LAYOUTS[channels]


def encoders_for(muxer: str, to: Common) -> tuple[str, ...]:
    """The words that choose the encoders for a file of `muxer` which `common` knows."""
    coder = _coder(muxer, to.film is not None)
    assert coder is not None
    picture = _FILMS[muxer][0] if to.film is not None else ()
    rate = ("-b:a", f"{max(coder.kbit * to.channels, 2 * coder.kbit)}k") if coder.kbit else ()
    return (*picture, "-c:a", coder.deep if coder.deep and to.sample == "s32" else coder.encoder, *rate, *coder.options)


def graph(facts: Sequence[Facts], to: Common) -> str:
    """The filter graph: its outputs are [film] (where there is one) and [sound]. Parts without sound are silent."""
    chains, pads = [], []
    sounding = any(one.of_kind("audio") for one in facts)
    for number, one in enumerate(facts):
        if to.film is not None and one.video is not None:
            chains.append(f"[{number}:{one.video.index}]{_picture(to, one.video)}[v{number}]")
            pads.append(f"[v{number}]")
        if sounding:
            chains.append(f"{_sound(number, one, to)}[a{number}]")
            pads.append(f"[a{number}]")
    outputs = ("[film]" if to.film else "") + ("[sound]" if sounding else "")
    chains.append(f"{''.join(pads)}concat=n={len(facts)}:v={int(to.film is not None)}:a={int(sounding)}{outputs}")
    return ";".join(chains)


def _picture(to: Common, film: StreamFacts) -> str:
    assert to.film is not None
    width, height, rate = to.film
    square = "" if abs(film.pixel_aspect - 1) < 0.001 else "scale=trunc(iw*sar/2)*2:ih,setsar=1,"
    return (
        f"{square}scale={width}:{height}:force_original_aspect_ratio=decrease:flags=bicubic,{_tone(to, film)}"
        f"pad={width}:{height}:(ow-iw)/2:(oh-ih)/2,setsar=1,fps={rate.numerator}/{rate.denominator}:start_time=0,"
        "format=yuv420p"
    )


def _tone(to: Common, film: StreamFacts) -> str:
    """Filters that give films of high dynamic range and others one range of brightness and one matrix."""
    if not to.toned:
        return ""
    if film.hdr:
        return f"{tonemap.chain(film)},format=yuv420p,"
    told = "setparams=color_primaries=bt709:color_trc=bt709:colorspace=bt709:range=tv"
    return f"scale=out_color_matrix=bt709:out_range=tv,format=yuv420p,{told},"


def _sound(number: int, one: Facts, to: Common) -> str:
    samples = f":sample_fmts={to.sample}" if to.sample else ""
    shape = f"aresample={to.sample_rate}:async=1:first_pts=0,aformat=channel_layouts={to.layout}{samples}"
    sounds = one.of_kind("audio")
    if sounds:
        return f"[{number}:{sounds[0].index}]{shape}"
    lasts = (one.video.duration_s if one.video is not None else None) or one.duration_s or 0.0
    return f"anullsrc=r={to.sample_rate}:cl={to.layout},atrim=duration={lasts:.6f},{shape}"


def rejoin_command(
    facts: Sequence[Facts],
    formats: Sequence[str],
    to: Common,
    target: Path,
    notes: Path,
    *,
    muxer: str,
    ffmpeg: str,
    threads: int = 0,
) -> list[str]:
    """The ffmpeg command; `formats` are the demuxers of the parts, `notes` a file of `metadata_text`."""
    reads = ("-protocol_whitelist", "file,pipe")
    words = [ffmpeg]
    for one, format in zip(facts, formats, strict=True):
        words += ["-f", format, *reads, "-i", f"file:{os.path.abspath(one.path)}"]
    words += ["-f", "ffmetadata", *reads, "-i", f"file:{os.path.abspath(notes)}"]
    words += ["-filter_complex", graph(facts, to)]
    words += ["-map", "[film]"] if to.film is not None else []
    words += ["-map", "[sound]"] if any(one.of_kind("audio") for one in facts) else []
    words += ["-map_metadata", str(len(facts)), "-map_chapters", str(len(facts))]
    words += [*encoders_for(muxer, to), *(("-threads", str(threads)) if threads else ())]
    for name, value in muxer_options(muxer, target.suffix.lstrip(".")).items():
        words += [f"-{name}", value]
    return [*words, "-f", muxer, f"file:{os.path.abspath(target)}"]
