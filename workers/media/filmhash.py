"""Perceptual hashes of films: those of the pictures at fixed moments, which hold for copies in other formats and sizes.

A moment is a share of the duration. From the key frame before it the film is decoded up to the moment itself: key
frames alone lie elsewhere in each encode, and would tell encodes of one film apart.
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workers.errors import ErrorClass, JobFailed
from workers.media import phash
from workers.media.av import is_cover, open_input, translated
from workers.media.names import path_to_key
from workers.media.turns import orientation_of
from workers.text import clean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from av.container import InputContainer
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

ROUTE = "film-5x-moments-2"
MOMENTS = (0.15, 0.3, 0.5, 0.7, 0.85)  # shares of the duration; openings and credits are alike in many films
_MAX_PIXELS = 64_000_000  # of one decoded frame; 8K is 33 million
_SMALL = 128  # pixels of the shorter side
_MAX_FRAMES = 600  # decoded for one moment: 20 s of film without a key frame


@dataclass(frozen=True, slots=True)
class FilmFingerprint:
    """The hashes of a film at each of `MOMENTS`, in order."""

    phashes: tuple[int, ...]
    flat: bool  # most of the pictures have nearly one brightness
    duration_s: float
    width: int  # pixels as coded
    height: int
    route: str = ROUTE

    @classmethod
    def of(cls, facts: Mapping[str, Any]) -> FilmFingerprint:
        """Of what `facts` gave, with `width` and `height` beside it."""
        hashes = tuple(int(text, 16) for text in facts["phash"])
        return cls(hashes, facts["flat"], facts["duration_s"], facts["width"], facts["height"], facts["route"])

    def facts(self) -> dict[str, Any]:
        """As JSON: the hashes in hexadecimal."""
        return {
            "phash": [f"{value:016x}" for value in self.phashes],
            "route": self.route,
            "flat": self.flat,
            "duration_s": round(self.duration_s, 3),
        }


def fingerprint(
    path: str | os.PathLike[str], *, format: str = "", pulse: Callable[[], None] = lambda: None
) -> FilmFingerprint:
    """The hashes of the film at `path`; `pulse` is called now and then.

    JobFailed: bad_input when a picture at a moment cannot be decoded or no duration is known, unsupported when there
    is no film in the file.
    """
    key, name = path_to_key(path), clean(os.path.basename(os.fspath(path)))
    with open_input(path, fast=True, format=format) as container, translated(path):
        stream = next((s for s in container.streams.video if not is_cover(s)), None)
        if stream is None:
            raise JobFailed(ErrorClass.UNSUPPORTED, f"there is no film in {name}", input=key)
        width, height = stream.codec_context.width, stream.codec_context.height
        if width * height > _MAX_PIXELS:
            raise JobFailed(ErrorClass.UNSUPPORTED, f"the frames of {name} are too large", input=key)
        if not container.duration:
            raise JobFailed(ErrorClass.BAD_INPUT, f"{name} does not tell its duration", input=key)
        stream.codec_context.thread_count = 1  # several films are read at once
        reader, prints = _Reader(container, stream), []
        for share in MOMENTS:
            pulse()
            frame = reader.at(container.duration * share / 1_000_000)
            if frame is None:
                raise JobFailed(ErrorClass.BAD_INPUT, f"{name} cannot be decoded at {share:.0%}", input=key)
            prints.append(_print_of(frame))
        flat = sum(one.flat for one in prints) > len(prints) // 2
        seconds = container.duration / 1_000_000
        return FilmFingerprint(tuple(one.phash for one in prints), flat, seconds, width, height)


class _Reader:
    """The pictures of a film at rising moments. It seeks only where a key frame lies between the last and the next."""

    def __init__(self, container: InputContainer, stream: VideoStream) -> None:
        self._container = container
        self._stream = stream
        self._start_s = max(container.start_time or 0, 0) / 1_000_000
        self._frames: Iterator[VideoFrame] = iter(())
        self._shown: VideoFrame | None = None
        self._following: VideoFrame | None = None

    def at(self, moment: float) -> VideoFrame | None:
        """The picture that is shown `moment` seconds from the start, or the nearest that can be decoded."""
        import av

        with contextlib.suppress(av.error.FFmpegError, StopIteration):
            if not self._is_near(moment):
                self._shown = self._following = None
                self._container.seek(int((self._start_s + moment) * 1_000_000), backward=True)
                self._frames = self._container.decode(self._stream)
            for _ in range(_MAX_FRAMES):
                self._following = self._following or next(self._frames)
                if (self._following.time or 0.0) - self._start_s > moment + 0.001:
                    return self._shown or self._following
                self._shown, self._following = self._following, None
        return self._shown

    def _is_near(self, moment: float) -> bool:
        if self._shown is None or self._shown.pts is None or not self._stream.time_base:
            return False
        at = int((self._start_s + moment) / self._stream.time_base)
        entries = self._stream.index_entries
        number = entries.search_timestamp(at, backward=True)
        return number >= 0 and entries[number].timestamp <= self._shown.pts


def _print_of(frame: VideoFrame) -> phash.Fingerprint:
    scale = max(min(frame.width, frame.height) / _SMALL, 1.0)
    wide, high = max(round(frame.width / scale), 1), max(round(frame.height / scale), 1)
    small = frame.reformat(width=wide, height=high, format="gray", interpolation="AREA")
    image: Any = small.to_image()  # type: ignore[no-untyped-call]
    grey = phash.upright_grey(image.convert("L"), orientation_of(frame))
    return phash.of_grey(grey, grey.size, ROUTE)


def distance(one: FilmFingerprint, other: FilmFingerprint) -> float:
    """The mean over all moments of the bits in which two films differ: 0 to 64."""
    pairs = zip(one.phashes, other.phashes, strict=True)
    return sum(phash.distance(a, b) for a, b in pairs) / len(one.phashes)
