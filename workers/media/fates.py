"""What becomes of each stream of a file, and which may not be left out unasked. Pure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Literal

from workers.media.av import Facts, StreamFacts

What = Literal["copied", "encoded", "burnt in", "left out"]


@dataclass(frozen=True, slots=True)
class Fate:
    """One stream of the input and what becomes of it; `why` in words where it is left out."""

    index: int
    name: str
    what: What
    why: str = ""
    asked: bool = True  # whether somebody wanted that: a preset that is for sound alone, an option
    word: str = ""  # of `drop`, that lets it be left out; empty: that of the stream

    def as_json(self) -> dict[str, Any]:
        """The fate as facts for people."""
        told: dict[str, Any] = {"stream": self.index, "name": self.name, "what": self.what}
        return told | ({"why": self.why} if self.why else {})


def name_of(stream: StreamFacts) -> str:
    """A stream as people know it: "subtitle stream 3, subrip (ger)"."""
    kind = "cover" if stream.cover else stream.kind
    language = f" ({stream.language})" if stream.language else ""
    return f"{kind} stream {stream.index}, {stream.codec or 'unknown codec'}{language}"


def word_of(stream: StreamFacts) -> str:
    """The word of `drop` that lets this stream be left out; empty for sound, which never may."""
    if stream.cover:
        return "covers"
    words = {"video": "videos", "subtitle": "subtitles", "attachment": "attachments", "audio": ""}
    return words.get(stream.kind, "data")


def holds_chapters(stream: StreamFacts, facts: Facts) -> bool:
    """Whether it is the track of texts by which MP4 keeps chapters: they come along as chapters."""
    return is_chapter_track(stream.kind, facts.format, stream.frames, facts.chapters)


def is_chapter_track(kind: str, format: str, frames: int, chapters: int) -> bool:
    """Whether a stream of that kind in a file with so many chapters is their track, whoever wrote it. Pure.

    Its handler has many names; that it has a text for each chapter is what all have in common.
    """
    return kind == "data" and format == "mp4" and 0 < frames == chapters


def left_out(
    stream: StreamFacts, facts: Facts, preset: str, *, sound_only: bool, drop: Collection[str], unwanted: bool = False
) -> Fate:
    """The fate of a stream that the result will not have. `unwanted`: a person wants no such streams at all."""
    name = name_of(stream)
    if unwanted:
        return Fate(stream.index, name, "left out", "as asked")
    if sound_only:
        return Fate(stream.index, name, "left out", f"{preset} is the sound alone")
    if holds_chapters(stream, facts):
        return Fate(stream.index, name, "left out", "kept as chapters")
    return Fate(stream.index, name, "left out", f"not held by {preset}", word_of(stream) in drop)


def without_alpha(stream: StreamFacts, preset: str, *, drop: Collection[str]) -> Fate:
    """The fate of the transparency of a film that is encoded without it."""
    why = f"{preset} has no transparency"
    return Fate(stream.index, f"alpha of {name_of(stream)}", "left out", why, "alpha" in drop, "alpha")


def refusal(fates: Collection[Fate], facts: Facts) -> str:
    """Why nothing is made: something would be lost that nobody gave up, and how to allow it. Empty: all is well."""
    lost = [fate for fate in fates if fate.what == "left out" and not fate.asked]
    if not lost:
        return ""
    streams = {stream.index: stream for stream in facts.streams}
    words = sorted({fate.word or word_of(streams[fate.index]) for fate in lost} - {""})
    named = "; ".join(f"{fate.name}: {fate.why}" for fate in lost[:4])
    more = f"; and {len(lost) - 4} more" if len(lost) > 4 else ""
    subtitles = ", or burn one in with --subtitles burn" if "subtitles" in words else ""
    allow = " ".join(f"--drop {word}" for word in words)
    return f"this would be lost: {named}{more}. Allow it with {allow}{subtitles}, or take another preset"
