"""Single pictures out of films: the key frame at a position, turned upright, and not a black or blank one."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from workers.errors import ErrorClass, JobFailed
from workers.media.av import is_cover, open_input, translated
from workers.media.names import path_to_key
from workers.text import clean

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream
    from PIL.Image import Image

MAX_PIXELS = 64_000_000  # of one decoded frame; 8K is 33 million
_BLANK_DEVIATION = 6.0  # standard deviation of the brightness, of 255
_FURTHER = (0.0, 0.1, 0.2, 0.35, 0.5, 0.7, -0.05, -0.09)  # added to the position while key frames are blank
_FORWARD_FRAMES = 500  # how far to decode when all key frames are blank


def grab(path: str | os.PathLike[str], *, size: int, position: float = 0.1) -> Image:
    """A picture of the film at `path`, RGB, upright, its longer side at most `size` pixels.

    Taken at the key frame at or before `position` (0 to 1 of the duration); where that is black or blank, at
    others. Sound files give their cover. JobFailed: bad_input when nothing can be decoded, unsupported.
    """
    key, name = path_to_key(path), clean(os.path.basename(os.fspath(path)))
    with open_input(path, fast=True) as container, translated(path):
        stream = next((s for s in container.streams.video if not is_cover(s)), None)
        if stream is None:
            return _cover(container, size, name, key)
        if stream.codec_context.width * stream.codec_context.height > MAX_PIXELS:
            raise JobFailed(ErrorClass.UNSUPPORTED, f"the frames of {name} are too large", input=key)
        best: tuple[float, Image] | None = None
        for frame in _candidates(container, stream, position):
            interest = _deviation(frame)
            if best is None or interest > best[0]:
                best = (interest, _picture(frame, stream, size))
            if interest >= _BLANK_DEVIATION:
                break
        if best is None:
            raise JobFailed(ErrorClass.BAD_INPUT, f"no frame of {name} can be decoded", input=key)
        return best[1]


def has_picture(path: str | os.PathLike[str]) -> bool:
    """Whether there is a film or a cover in the file at `path`. JobFailed as open_input."""
    with open_input(path, fast=True) as container:
        return bool(container.streams.video)


def _candidates(container: InputContainer, stream: VideoStream, position: float) -> Iterator[VideoFrame]:
    """Key frames near the position, then others, then plain frames from the start."""
    import av

    stream.thread_type = "NONE"  # one key frame does not repay starting threads
    stream.codec_context.thread_count = 1
    stream.codec_context.skip_frame = "NONKEY"
    seen: set[int | None] = set()
    duration = container.duration or 0
    start = max(container.start_time or 0, 0)
    for step in _FURTHER if duration else (0.0,):
        at = min(max(position + step, 0.0), 0.98)
        with contextlib.suppress(av.error.FFmpegError, StopIteration):
            container.seek(start + int(duration * at), backward=True)
            frame = next(container.decode(stream))
            if frame.pts not in seen:
                seen.add(frame.pts)
                yield frame
    stream.codec_context.skip_frame = "DEFAULT"
    with contextlib.suppress(av.error.FFmpegError):
        container.seek(start, backward=True)
        for number, frame in enumerate(container.decode(stream)):
            if number % 12 == 0:
                yield frame
            if number >= _FORWARD_FRAMES:
                return


def _image(frame: VideoFrame) -> Image:
    image: Image = frame.to_image()  # type: ignore[no-untyped-call]
    return image


def _deviation(frame: VideoFrame) -> float:
    from PIL import ImageStat

    small = _image(frame.reformat(width=64, height=64, format="gray", interpolation="AREA"))
    return float(ImageStat.Stat(small).stddev[0])


def _picture(frame: VideoFrame, stream: VideoStream, size: int) -> Image:
    from PIL import Image as Pillow

    aspect = float(stream.sample_aspect_ratio or 1) or 1.0
    width, height = frame.width * max(aspect, 1.0), frame.height / min(aspect, 1.0)
    scale = min(size / max(width, height), 1.0)
    wide, high = max(round(width * scale), 1), max(round(height * scale), 1)
    image = _image(frame.reformat(width=wide, height=high, format="rgb24", interpolation="BICUBIC"))
    turns = {90: Pillow.Transpose.ROTATE_90, 180: Pillow.Transpose.ROTATE_180, 270: Pillow.Transpose.ROTATE_270}
    turn = turns.get(frame.rotation % 360)
    return image if turn is None else image.transpose(turn)


def _cover(container: InputContainer, size: int, name: str, key: str) -> Image:
    from workers.media.pictures import thumbnail_of_bytes

    cover = next((s for s in container.streams.video if is_cover(s)), None)
    if cover is None:
        raise JobFailed(ErrorClass.UNSUPPORTED, f"{name} has neither film nor cover to make a picture of", input=key)
    packet = next(container.demux(cover))
    return thumbnail_of_bytes(bytes(packet), size=size, name=name, key=key)
