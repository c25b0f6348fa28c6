"""Are files so alike that their packets can follow each other in one? If not, what differs, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workers.media.av import codec_name, facts, open_input, translated
from workers.media.layout import Layout, layout
from workers.text import clean


@dataclass(frozen=True, slots=True)
class Shape:
    """One stream as far as a decoder must know it. `facts` are words by name; `config` is the decoder's own."""

    index: int
    kind: str
    facts: Mapping[str, str]
    config: bytes


@dataclass(frozen=True, slots=True)
class Part:
    """One file that is to be joined with others."""

    found: Layout
    shapes: tuple[Shape, ...]

    @property
    def name(self) -> str:
        """The name of its file, as it may be shown."""
        return clean(self.found.path.name)


def part(path: Path) -> Part:
    """What the file at `path` is. JobFailed bad_input or unsupported."""
    found = layout(path)
    whole = facts(path)
    rotation = f"{whole.rotation}{' mirrored' if whole.mirrored else ''}"
    with open_input(path) as container, translated(path):
        return Part(found, tuple(_shape(container.streams[index], found, rotation) for index in found.kept))


def _shape(stream: Any, found: Layout, rotation: str) -> Shape:
    context, codec = stream.codec_context, codec_name(stream)
    told: dict[str, Any] = {"codec": codec}
    if stream.type == "video":
        aspect = stream.sample_aspect_ratio
        told |= {
            "size": f"{context.width}x{context.height}",
            "pixels": context.pix_fmt,
            "pixel aspect": f"{float(aspect or 1) or 1.0:.4g}",
            "rotation": rotation,
        }
    if stream.type == "audio":
        told |= {"rate": f"{context.sample_rate} Hz", "layout": context.layout.name}
        if codec in ("flac", "alac") or codec.startswith("pcm_"):
            told["samples"] = context.format.name if context.format else ""
    config = _config(codec, bytes(context.extradata or b""), found.format)
    return Shape(stream.index, stream.type, {name: str(value) for name, value in told.items()}, config)


def _config(codec: str, data: bytes, demuxer: str) -> bytes:
    """The part of a stream's configuration that must be the same in all files."""
    if demuxer in ("mpegts", "mp3", "aac") or codec in ("flac", "subrip", "mov_text", "webvtt", "ass"):
        return b""  # it stands in the packets themselves, or tells only of the whole file
    if codec == "opus":
        return data[9:10] + data[18:]  # without the samples to skip
    return _vorbis(data) if codec == "vorbis" else data


def _vorbis(data: bytes) -> bytes:
    """Without the second of three headers, which holds the tags."""
    if data[:1] != b"\x02":
        return data
    sizes, at = [], 1
    for _ in range(2):
        size = 0
        while at < len(data) and data[at] == 255:
            size, at = size + 255, at + 1
        size, at = size + (data[at] if at < len(data) else 0), at + 1
        sizes.append(size)
    return data[at : at + sizes[0]] + data[at + sum(sizes) :]


def differences(parts: Sequence[Part]) -> tuple[str, ...]:
    """In words, in what the files differ from the first so that copying cannot join them; empty when in nothing."""
    first, *others = parts
    return tuple(words for other in others for words in _between(first, other))


def _between(first: Part, other: Part) -> list[str]:
    kinds, its = [[shape.kind for shape in part.shapes] for part in (first, other)]
    if kinds != its:
        return [f"{other.name} has {_counted(its)}, {first.name} {_counted(kinds)}"]
    words = []
    for one, two in zip(first.shapes, other.shapes, strict=True):
        told = [
            f"{name} {clean(two.facts.get(name, ''))} instead of {clean(value)}"
            for name, value in one.facts.items()
            if two.facts.get(name) != value
        ]
        if not told and one.config != two.config:
            told = [f"other parameters of {clean(one.facts['codec'])}"]
        if told:
            words.append(f"{other.name}: {one.kind} stream {two.index} has {', '.join(told)}")
    return words


def _counted(kinds: Sequence[str]) -> str:
    return " and ".join(f"{kinds.count(kind)} {kind}" for kind in dict.fromkeys(kinds)) or "nothing"
