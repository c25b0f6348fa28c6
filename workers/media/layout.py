"""What of a film or sound file a part of it can keep: its streams, covers, attachments and chapters."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from workers.errors import ErrorClass, JobFailed
from workers.media.av import codec_name, is_cover, open_told, translated
from workers.media.containers import container_like
from workers.media.fates import is_chapter_track
from workers.media.ffmetadata import Chapter
from workers.media.lasting import seconds
from workers.media.names import path_to_key
from workers.media.soundtrack import chapters_of
from workers.text import clean


@dataclass(frozen=True, slots=True)
class Layout:
    """What of a file a cut keeps. Times in seconds; `film` is the index of the film, None for sound alone."""

    path: Path
    format: str
    muxer: str
    extension: str
    start: Fraction  # of the file's own times
    duration_s: float
    film: int | None
    codec: str  # of the film, or of the first sound
    kept: tuple[int, ...]  # films, sounds, subtitles
    covers: tuple[int, ...]
    attachments: tuple[int, ...]
    words: bool  # whether there are subtitles
    lost: tuple[str, ...]  # in words, what no cut can keep
    chapters: tuple[Chapter, ...]
    frame_s: float  # of the film, 0 when unknown

    @property
    def main(self) -> int:
        """The index of the film, or of the first sound."""
        return self.kept[0] if self.film is None else self.film


def layout(path: Path) -> Layout:
    """What the file at `path` has and what of it can be kept. JobFailed bad_input or unsupported."""
    opened, guessed = open_told(path)
    with opened as container, translated(path):
        home = container_like(path, container.format.name.split(",")[0])
        home = home or container_like(path, _demuxer(container))
        if home is None:
            raise JobFailed(
                ErrorClass.UNSUPPORTED,
                f"{container.format.name} files are not written by Spool",
                input=path_to_key(path),
            )
        films = [s for s in container.streams.video if not is_cover(s)]
        film = films[0] if films else None
        chapters = chapters_of(container)
        sorted_out = [(stream, _role(stream, film, _demuxer(container), len(chapters))) for stream in container.streams]

        def of(role: str) -> tuple[int, ...]:
            return tuple(stream.index for stream, its in sorted_out if its == role)

        if not of("kept"):
            raise JobFailed(
                ErrorClass.BAD_INPUT, f"{clean(path.name)} has neither film nor sound", input=path_to_key(path)
            )
        lasts_s = (container.duration or 0) / 1_000_000
        if guessed or not lasts_s:
            lasts_s = max(seconds(path).values(), default=0.0)
        if not lasts_s:
            raise JobFailed(ErrorClass.BAD_INPUT, f"{clean(path.name)} tells no duration", input=path_to_key(path))
        rate = film.average_rate if film is not None else None
        return Layout(
            path=path,
            format=_demuxer(container),
            muxer=home[0],
            extension=home[1],
            start=Fraction(container.start_time or 0, 1_000_000),
            duration_s=lasts_s,
            film=film.index if film is not None else None,
            codec=codec_name(container.streams[of("kept")[0]] if film is None else film),
            kept=of("kept"),
            covers=of("cover"),
            attachments=of("attachment"),
            words=any(stream.type == "subtitle" for stream, role in sorted_out if role == "kept"),
            lost=tuple(_lost_words(stream) for stream, role in sorted_out if role == "lost"),
            chapters=chapters,
            frame_s=float(1 / rate) if rate else 0.0,
        )


def _demuxer(container: Any) -> str:
    """The name by which `sniff` and ffmpeg know the demuxer: mp4 of "mov,mp4,m4a,3gp,3g2,mj2"."""
    names = container.format.name.split(",")
    return "mp4" if "mp4" in names else "matroska" if "matroska" in names else str(names[0])


def _role(stream: Any, film: Any, demuxer: str, chapters: int) -> str:
    if stream.type == "video":
        return "cover" if is_cover(stream) else "kept" if stream is film else "lost"
    if stream.type in ("audio", "subtitle"):
        return "kept" if stream.codec_context is not None else "lost"
    if stream.type == "attachment":
        return "attachment"
    # MP4 has the titles of chapters in a track as well; it is made anew from the chapters.
    return "chapters" if is_chapter_track(stream.type, demuxer, stream.frames, chapters) else "lost"


def _lost_words(stream: Any) -> str:
    name = clean(stream.metadata.get("handler_name", "").strip() or codec_name(stream) or "unknown")
    return f"stream {stream.index} ({stream.type}, {name})"
