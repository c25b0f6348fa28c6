"""Single frames of an open film, by time: the nearest key frame, or the very frame that is shown then."""

from __future__ import annotations

import contextlib
import os
from bisect import bisect_right
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Any

from workers.errors import ErrorClass, JobFailed
from workers.media.av import is_cover, open_input, translated
from workers.media.names import path_to_key
from workers.text import clean

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

MAX_PIXELS = 64_000_000  # of one decoded frame; 8K is 33 million
_FORWARD_FRAMES = 1_500  # how far to decode from a key frame to a time
_MAX_INDEX = 2_000_000  # entries of an index that are looked through
_BACK_S = (0.0, 1.0, 5.0, 20.0)  # transport streams are entered anywhere: the next key frame may be too late
_SHORT_S = 0.001
_UNMARKED = 500  # packets that are passed over in wait of one that is marked as a key frame
_MICROSECONDS = 1_000_000


@contextlib.contextmanager
def open_film(path: str | os.PathLike[str], *, format: str = "") -> Iterator[Film]:
    """The film or sound at `path`, for its frames or its cover. JobFailed as `open_input`; unsupported: too large."""
    with open_input(path, fast=True, format=format) as container, translated(path):
        yield Film(container, path)


class Film:
    """An open film; `stream` is None when the file has no moving picture. Times are seconds from its beginning."""

    def __init__(self, container: InputContainer, path: str | os.PathLike[str]) -> None:
        self.container = container
        self.name, self.key = clean(os.path.basename(os.fspath(path))), path_to_key(path)
        self.stream: VideoStream | None = next((s for s in container.streams.video if not is_cover(s)), None)
        self.duration_s = (container.duration or 0) / _MICROSECONDS
        self._start = max(container.start_time or 0, 0)
        self._running: Iterator[VideoFrame] | None = None
        self._last: VideoFrame | None = None  # of those that `_running` gave
        self._ahead: VideoFrame | None = None  # one more, that was shown later than asked for
        if self.stream is not None:
            self._prepare(self.stream)

    def _prepare(self, stream: VideoStream) -> None:
        context: Any = stream.codec_context
        if context.width * context.height > MAX_PIXELS:
            raise JobFailed(ErrorClass.UNSUPPORTED, f"the frames of {self.name} are too large", input=self.key)
        stream.thread_type = "NONE"  # one key frame does not repay starting threads
        context.thread_count = 1

    @property
    def pixel_aspect(self) -> float:
        """Width of a pixel divided by its height."""
        return float(self.stream.sample_aspect_ratio or 1) or 1.0 if self.stream else 1.0

    def time_of(self, frame: VideoFrame) -> float:
        """When the frame is shown."""
        # The frame's own base is missing when it was the last in the decoder.
        base = float(self.stream.time_base or 0) if self.stream is not None else 0.0
        return max((frame.pts or 0) * base - self._start / _MICROSECONDS, 0.0)

    def cover(self) -> bytes | None:
        """The first attached picture, as it is in the file."""
        stream = next((s for s in self.container.streams.video if is_cover(s)), None)
        return bytes(next(self.container.demux(stream))) if stream is not None else None

    def key_frame(self, at_s: float) -> VideoFrame | None:
        """The key frame at or before a time; None where nothing can be decoded."""
        import av

        assert self.stream is not None
        self._running = None
        self.stream.codec_context.skip_frame = "NONKEY"
        with contextlib.suppress(av.error.FFmpegError):
            self._seek(at_s)
            for number, packet in enumerate(self.container.demux(self.stream)):
                if packet.is_keyframe or not packet.size or number >= _UNMARKED:
                    # A decoder that reorders holds a frame back until it is told that no more will come.
                    frames = packet.decode() or self.stream.decode(None)
                    if frames:
                        return frames[0]
                    self.stream.codec_context.flush_buffers()
        return None

    def frame_at(self, at_s: float, *, tolerance_s: float, alive: Callable[[], None]) -> VideoFrame | None:
        """The frame shown at a time, or a key frame at most `tolerance_s` away, which is far cheaper.

        The last one where the film ends early; None where nothing can be decoded. `alive` is called as it goes.
        """
        if self._running is None or not self._goes_on_to(at_s):
            start = at_s
            for back in (*_BACK_S, at_s):
                start = max(at_s - back, 0.0)
                frame = self.key_frame(start)
                if frame is None:
                    continue  # behind the end, or damaged there
                if abs(self.time_of(frame) - at_s) <= tolerance_s:
                    break
                if self.time_of(frame) <= at_s:
                    frame = None  # too far: from there on, frame by frame
                    break
            if frame is not None:
                return frame
            self._seek(start)
            self._running, self._last, self._ahead = self.all_frames(), None, None
        return self._forward(at_s, tolerance_s, alive)

    def _forward(self, at_s: float, tolerance_s: float, alive: Callable[[], None]) -> VideoFrame | None:
        """Decode on to the frame that is shown at a time."""
        assert self._running is not None
        for number in range(_FORWARD_FRAMES):
            if number % 25 == 0:
                alive()
            frame = self._ahead or self._following()
            if frame is None:
                self._running = None
                break
            self._ahead = None
            if self._last is not None and self.time_of(frame) > at_s + _SHORT_S:
                self._ahead = frame
                break
            self._last = frame
            if self.time_of(frame) >= at_s - tolerance_s / 2:
                break
        return self._last

    def _following(self) -> VideoFrame | None:
        import av

        with contextlib.suppress(av.error.FFmpegError):
            return next(self._running, None) if self._running is not None else None
        return None

    def _goes_on_to(self, at_s: float) -> bool:
        """Whether decoding on comes to a time sooner than seeking there."""
        before = self.key_before(at_s)
        if before is None:
            return False
        now = self.time_of(self._last) if self._last is not None else 0.0
        return now < at_s and before <= now

    def key_before(self, at_s: float) -> float | None:
        """When the key frame at or before a time is shown, where the index of the file tells it."""
        keys = self._key_times
        return keys[bisect_right(keys, at_s) - 1] if keys and keys[0] <= at_s else None

    @cached_property
    def _key_times(self) -> list[float]:
        """Times of key frames as far as the index of the file tells them by now."""
        entries: Any = self.stream.index_entries if self.stream is not None else ()
        base = float(self.stream.time_base or 0) if self.stream is not None else 0.0
        if len(entries) > _MAX_INDEX:
            return []
        shift = self._start / _MICROSECONDS
        return sorted(entry.timestamp * base - shift for entry in entries if entry.is_keyframe)

    def all_frames(self) -> Iterator[VideoFrame]:
        """Frame by frame from where the film stands."""
        assert self.stream is not None
        self.stream.codec_context.skip_frame = "DEFAULT"
        return self.container.decode(self.stream)

    def rewind(self) -> None:
        """Back to the beginning."""
        self._seek(0.0)

    def _seek(self, at_s: float) -> None:
        import av

        with contextlib.suppress(av.error.FFmpegError):
            self.container.seek(self._start + int(at_s * _MICROSECONDS), backward=True)
