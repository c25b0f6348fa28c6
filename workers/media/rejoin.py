"""Joining files that differ: one ffmpeg filter graph brings all to one size, rate and layout. Pure: plain words."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from workers.media.alike import Part
from workers.media.av import Facts
from workers.media.containers import muxer_options

_X264_AAC = (*("-c:v", "libx264", "-preset", "medium", "-crf", "20"), *("-c:a", "aac", "-b:a", "192k"))
_FILMS: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("mp4", "mov", "matroska", "mpegts", "flv"), _X264_AAC),
    "webm": (
        *("-c:v", "libvpx-vp9", "-b:v", "0", "-crf", "30", "-row-mt", "1", "-cpu-used", "4"),
        *("-c:a", "libopus", "-b:a", "128k"),
    ),
}
_SOUNDS: Mapping[str, tuple[str, ...]] = {
    "mp3": ("-c:a", "libmp3lame", "-q:a", "2"),
    "mp4": ("-c:a", "aac", "-b:a", "192k"),
    "adts": ("-c:a", "aac", "-b:a", "192k"),
    "opus": ("-c:a", "libopus", "-b:a", "128k"),
    "webm": ("-c:a", "libopus", "-b:a", "128k"),
    "ogg": ("-c:a", "libvorbis", "-q:a", "6"),
    "flac": ("-c:a", "flac"),
    "matroska": ("-c:a", "flac"),
    "wav": ("-c:a", "pcm_s16le"),
    "aiff": ("-c:a", "pcm_s16be"),
}
_MOST_RATE = 60


@dataclass(frozen=True, slots=True)
class Common:
    """What all parts are brought to. `film` is width, height (pixels) and frames a second, or None for sound alone."""

    film: tuple[int, int, Fraction] | None
    sample_rate: int
    layout: str


def common(parts: Sequence[Part], facts: Sequence[Facts]) -> Common:
    """The largest picture and the quickest rate of all, and sound as good as the best."""
    sizes, rates = [], []
    for one in facts:
        film = one.video
        if film is not None:
            width, height = round(film.width * film.pixel_aspect), film.height
            sizes.append((height, width) if one.rotation % 180 else (width, height))
            rates.append(Fraction(film.fps or 25).limit_denominator(1001))
    sounds = [sound for one in facts for sound in one.of_kind("audio")[:1]]
    hertz = max((sound.sample_rate for sound in sounds), default=48_000)
    layout = "mono" if sounds and all(sound.channels == 1 for sound in sounds) else "stereo"
    if not any(part.found.film is not None for part in parts):
        return Common(None, min(hertz, 48_000) if hertz not in (88_200, 96_000) else hertz, layout)
    width, height = max(sizes, key=lambda size: size[0] * size[1])
    return Common((width + width % 2, height + height % 2, min(max(rates), Fraction(_MOST_RATE))), 48_000, layout)


def encoders_for(muxer: str, film: bool) -> tuple[str, ...]:
    """The words that choose the encoders for a file of `muxer`; empty when it holds none of this kind."""
    return (_FILMS if film else _SOUNDS).get(muxer, ())


def graph(facts: Sequence[Facts], to: Common) -> str:
    """The filter graph: its outputs are [film] (where there is one) and [sound]. Parts without sound are silent."""
    chains, pads = [], []
    sounding = any(one.of_kind("audio") for one in facts)
    for number, one in enumerate(facts):
        if to.film is not None and one.video is not None:
            chains.append(f"[{number}:{one.video.index}]{_picture(to.film, one.video.pixel_aspect)}[v{number}]")
            pads.append(f"[v{number}]")
        if sounding:
            chains.append(f"{_sound(number, one, to)}[a{number}]")
            pads.append(f"[a{number}]")
    outputs = ("[film]" if to.film else "") + ("[sound]" if sounding else "")
    chains.append(f"{''.join(pads)}concat=n={len(facts)}:v={int(to.film is not None)}:a={int(sounding)}{outputs}")
    return ";".join(chains)


def _picture(film: tuple[int, int, Fraction], aspect: float) -> str:
    width, height, rate = film
    square = "" if abs(aspect - 1) < 0.001 else "scale=trunc(iw*sar/2)*2:ih,setsar=1,"
    return (
        f"{square}scale={width}:{height}:force_original_aspect_ratio=decrease:flags=bicubic,"
        f"pad={width}:{height}:(ow-iw)/2:(oh-ih)/2,setsar=1,fps={rate.numerator}/{rate.denominator}:start_time=0,"
        "format=yuv420p"
    )


def _sound(number: int, one: Facts, to: Common) -> str:
    shape = f"aresample={to.sample_rate}:async=1:first_pts=0,aformat=channel_layouts={to.layout}"
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
    words += [*encoders_for(muxer, to.film is not None), *(("-threads", str(threads)) if threads else ())]
    for name, value in muxer_options(muxer, target.suffix.lstrip(".")).items():
        words += [f"-{name}", value]
    return [*words, "-f", muxer, f"file:{os.path.abspath(target)}"]
