"""Pictures out of films: of a moment that shows something, upright, in the colours of an ordinary screen."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workers.errors import ErrorClass, JobFailed
from workers.media.film import MAX_PIXELS, Film, open_film
from workers.media.framing import filling
from workers.media.looks import Looks, looks_of
from workers.media.phash import TURNS
from workers.media.pictures import thumbnail_of_bytes
from workers.media.shapes import Shape
from workers.media.turns import orientation_of, rotation_of

if TYPE_CHECKING:
    from av.video.frame import VideoFrame
    from PIL.Image import Image

__all__ = [
    "MAX_PIXELS",
    "NoPictureError",
    "Shot",
    "facts_of",
    "grab",
    "open_film",
    "picture_of",
    "representative",
    "several",
]

# Added to the position, in parts of the duration: first near by, then anywhere while all is blank.
_NEAR = (0.0, 0.02, 0.05, -0.03, 0.1)
_FAR = (0.2, 0.35, 0.5, 0.7, -0.05, -0.09)
_LOOKS = 3  # frames that show something, of which the sharpest is taken when none is plainly good
_ENOUGH = 4  # different key frames that are all blank
_FORWARD_FRAMES = 500  # how far to decode when there are fewer, all of them blank
_HDR = {16: "PQ", 18: "HLG"}  # transfer functions of ITU-T H.273
_BT2020 = 9


class NoPictureError(JobFailed):
    """There is neither a film nor a cover in the file."""


@dataclass(frozen=True, slots=True)
class Shot:
    """A picture of a film: RGB, and the time in seconds it is from, None for a cover.

    `tone_mapped` names the kind of high dynamic range (PQ, HLG) that was brought to the ordinary one, or is empty.
    """

    image: Image
    at_s: float | None = None
    tone_mapped: str = ""


def grab(path: str | os.PathLike[str], shape: Shape, *, position: float = 0.1, format: str = "") -> Shot:
    """A picture of the film at `path`, or the cover of a sound file, brought into `shape`.

    Of the key frames near `position` (0 to 1 of the duration) one that is neither black, blank nor blurred; where
    there is none, of others. `format` is that of `sniff`, when it is known already. JobFailed: bad_input when nothing
    can be decoded, unsupported.
    """
    with open_film(path, format=format) as film:
        if film.stream is not None:
            return representative(film, shape, position)
        cover = film.cover()
        if cover is None:
            raise NoPictureError(
                ErrorClass.UNSUPPORTED, f"{film.name} has neither film nor cover to make a picture of", input=film.key
            )
        return Shot(thumbnail_of_bytes(cover, shape, name=film.name, key=film.key))


def representative(film: Film, shape: Shape, position: float) -> Shot:
    """The picture of `film` that `grab` tells about. JobFailed bad_input when nothing can be decoded."""
    best = _best((shot_of(film, frame, shape) for frame in _candidates(film, position)), _LOOKS)
    if best is None:
        raise JobFailed(ErrorClass.BAD_INPUT, f"no frame of {film.name} can be decoded", input=film.key)
    return best


def several(film: Film, shape: Shape, count: int, *, alive: Callable[[], None]) -> Iterator[Shot]:
    """Up to `count` pictures evenly over `film`, in order, each of another frame.

    A blank moment gives way to one near by, if that shows something. Fewer where the film has not so many frames.
    JobFailed bad_input when nothing can be decoded.
    """
    part = film.duration_s / count
    last = -1.0
    for number in range(count):
        middle = (number + 0.5) * part
        places = (middle, middle + part * 0.3, middle - part * 0.3)
        found = (film.frame_at(at, tolerance_s=part * 0.25, alive=alive) for at in places)
        later = (frame for frame in found if frame is not None and film.time_of(frame) > last)
        best = _best((shot_of(film, frame, shape) for frame in later), 1)
        alive()
        if best is not None and best.at_s is not None:
            last = best.at_s
            yield best
    if last < 0:
        yield representative(film, shape, 0.0)


def _best(shots: Iterable[Shot], looks: int) -> Shot | None:
    """The first plainly good one, else the best after `looks` that show something."""
    best: tuple[Looks, Shot] | None = None
    for shot in shots:
        told = looks_of(shot.image)
        if best is None or told > best[0]:
            best = told, shot
        looks -= not told.blank
        if told.good or looks <= 0:
            break
    return best[1] if best else None


def _candidates(film: Film, position: float) -> Iterator[VideoFrame]:
    """Key frames near the position, then others, then plain frames from the start."""
    import av

    seen: set[int | None] = set()
    tried: set[float | None] = set()  # times of key frames, as the index tells them
    for step in (*_NEAR, *_FAR) if film.duration_s else (0.0,):
        at_s = min(max(position + step, 0.0), 0.98) * film.duration_s
        known = film.key_before(at_s) if seen else None  # the index of some files is read by the first seek
        if known is not None and known in tried:
            continue
        frame = film.key_frame(at_s)
        if frame is not None and frame.pts not in seen:
            seen.add(frame.pts)
            yield frame
        tried.add(film.key_before(at_s) if seen else None)
    if len(seen) >= _ENOUGH:
        return  # blank all over
    with contextlib.suppress(av.error.FFmpegError):
        film.rewind()
        for number, frame in enumerate(film.all_frames()):
            if number % 12 == 0:
                yield frame
            if number >= _FORWARD_FRAMES:
                return


def shot_of(film: Film, frame: VideoFrame, shape: Shape) -> Shot:
    """The picture of a frame of `film`, with its time."""
    image, tone = picture_of(frame, shape, film.pixel_aspect)
    return Shot(image, film.time_of(frame), tone)


def picture_of(frame: VideoFrame, shape: Shape, pixel_aspect: float = 1.0) -> tuple[Image, str]:
    """A frame upright and in `shape`, and what was tone-mapped: PQ, HLG or nothing."""
    orientation = orientation_of(frame)
    turn = TURNS.get(orientation)
    upright = shape.turned() if rotation_of(orientation) in (90, 270) else shape
    width, height = frame.width * max(pixel_aspect, 1.0), frame.height / min(pixel_aspect, 1.0)
    tone = _HDR.get(int(frame.color_trc), "")
    goal = (upright.width, upright.height) if shape.fill else upright.scaled(width, height)
    image = (_tone_mapped if tone else _plain)(filling(frame, upright, width, height), *goal)
    return image if turn is None else image.transpose(turn), tone


def _plain(frame: VideoFrame, width: int, height: int) -> Image:
    scaled: Any = frame.reformat(width=width, height=height, format="rgb24", interpolation="BICUBIC")
    image: Image = scaled.to_image()
    return image


def _tone_mapped(frame: VideoFrame, width: int, height: int) -> Image:
    from PIL import Image as Pillow

    from workers.media.tone import tone_mapped

    # The transfer function is named as it is, so that libswscale converts the matrix and nothing else.
    scaled: Any = frame.reformat(
        width=width,
        height=height,
        format="rgb48le",
        interpolation="BICUBIC",
        dst_color_trc=frame.color_trc,
        dst_color_primaries=frame.color_primaries,
    )
    kind: Any = _HDR[int(frame.color_trc)]
    return Pillow.fromarray(tone_mapped(scaled.to_ndarray(), kind, wide=int(frame.color_primaries) in (_BT2020, 2, 0)))


def facts_of(shot: Shot) -> dict[str, Any]:
    """What there is to tell about a shot beside its size: `at_s` in seconds, and what was tone-mapped."""
    facts: dict[str, Any] = {} if shot.at_s is None else {"at_s": round(shot.at_s, 3)}
    return facts | ({"tone_mapped": shot.tone_mapped} if shot.tone_mapped else {})
