"""Many pictures of a film in one: a contact sheet for people, a sprite with WebVTT for the timeline of players."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont

from workers.errors import ErrorClass, JobFailed
from workers.media.film import Film
from workers.media.frames import Shot, several, shot_of
from workers.media.shapes import Shape

if TYPE_CHECKING:
    from PIL.Image import Image

MAX_TILES = 400  # of a sprite; players load it whole
_COLUMNS = 10
_MAX_SIDE = 16_000  # pixels of a whole sprite or sheet; WebP ends at 16,383
_GAP = 4  # pixels between the pictures of a sheet, and around them
_GROUND = (24, 24, 24)


class Cue(NamedTuple):
    """A span of time in seconds, and the part of the sprite that shows it: left, top, width, height in pixels."""

    start_s: float
    end_s: float
    left: int
    top: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Sprite:
    """Pictures side by side, and when each is shown. `thinned`: there were to be more than fit."""

    image: Image
    cues: tuple[Cue, ...]
    thinned: bool
    tone_mapped: str


def sheet(
    film: Film, columns: int, rows: int, *, tile: int, times: bool, alive: Callable[[], None]
) -> tuple[Image, list[Shot]]:
    """A contact sheet of `film`, and its shots: a grid of pictures `tile` pixels wide at most, with their `times`.

    Rows that stay empty are left out. JobFailed: bad_input when nothing can be decoded, unsupported: too large.
    """
    shots = list(several(film, Shape(tile, tile), columns * rows, alive=alive))
    width, height = shots[0].image.size
    rows = -(-len(shots) // columns)
    columns = min(columns, len(shots))
    size = columns * (width + _GAP) + _GAP, rows * (height + _GAP) + _GAP
    _check_size(size, film)
    made = Pillow.new("RGB", size, _GROUND)
    for number, shot in enumerate(shots):
        image = _of_size(shot.image, (width, height))
        if times and shot.at_s is not None:
            _write_time(image, clock(shot.at_s))
        made.paste(image, (_GAP + number % columns * (width + _GAP), _GAP + number // columns * (height + _GAP)))
    return made, shots


def sprite(film: Film, *, every_s: float, count: int, tile: int, alive: Callable[[], None]) -> Sprite:
    """A sprite of `film` with a picture for every `every_s` seconds, or `count` of them where that is not 0.

    At most MAX_TILES. JobFailed: bad_input when nothing can be decoded, unsupported: length unknown, or too large.
    """
    if film.duration_s <= 0:
        raise JobFailed(ErrorClass.UNSUPPORTED, f"{film.name} does not tell how long it is", input=film.key)
    wanted = count or max(round(film.duration_s / every_s), 1)
    number = min(wanted, MAX_TILES)
    step = film.duration_s / number if count or wanted > number else every_s
    images: list[Image] = []
    tone = ""
    for index in range(number):
        frame = film.frame_at(min((index + 0.5) * step, film.duration_s), tolerance_s=step / 2, alive=alive)
        alive()
        if frame is None:
            if images:
                images.append(images[-1])  # a hole in the film shows what was before
            continue
        shot = shot_of(film, frame, Shape(tile, tile))
        tone = tone or shot.tone_mapped
        # What could not be decoded at the beginning shows what comes after.
        images += [shot.image] * (index + 1 - len(images))
    if not images:
        raise JobFailed(ErrorClass.BAD_INPUT, f"no frame of {film.name} can be decoded", input=film.key)
    image, boxes = _side_by_side(images, film)
    ends = [(index + 1) * step for index in range(len(images) - 1)] + [film.duration_s]
    cues = (Cue(index * step, end, *box) for index, (end, box) in enumerate(zip(ends, boxes, strict=True)))
    return Sprite(image, tuple(cues), wanted > number, tone)


def _side_by_side(images: Sequence[Image], film: Film) -> tuple[Image, list[tuple[int, int, int, int]]]:
    width, height = images[0].size
    columns = min(_COLUMNS, len(images))
    size = columns * width, -(-len(images) // columns) * height
    _check_size(size, film)
    made = Pillow.new("RGB", size)
    boxes = [(index % columns * width, index // columns * height, width, height) for index in range(len(images))]
    for image, box in zip(images, boxes, strict=True):
        made.paste(_of_size(image, (width, height)), box[:2])
    return made, boxes


def _of_size(image: Image, size: tuple[int, int]) -> Image:
    """The picture in the size of the first one: a film may change its own half-way."""
    return image if image.size == size else image.resize(size)


def _check_size(size: tuple[int, int], film: Film) -> None:
    if max(size) > _MAX_SIDE:
        raise JobFailed(
            ErrorClass.UNSUPPORTED,
            f"all pictures of {film.name} would take {size[0]}x{size[1]} pixels, of at most {_MAX_SIDE}: "
            "take fewer or smaller ones",
            input=film.key,
        )


def _write_time(image: Image, words: str) -> None:
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default(max(image.width // 14, 9))  # the one that comes with Pillow
    left, top, right, bottom = draw.textbbox((0, 0), words, font=font)
    corner = image.width - (right - left) - 6, image.height - (bottom - top) - 6
    draw.rectangle((*corner, image.width, image.height), fill=(0, 0, 0))
    draw.text((corner[0] + 3 - left, corner[1] + 3 - top), words, fill=(255, 255, 255), font=font)


def clock(seconds: float) -> str:
    """A time as people read it: 1:02:03 or 2:03."""
    whole = int(seconds)
    minutes = f"{whole // 60 % 60}:{whole % 60:02}"
    return f"{whole // 3600}:{minutes:>05}" if whole >= 3600 else minutes


def webvtt(cues: Sequence[Cue], name: str, note: str = "") -> str:
    """WebVTT whose cues point into the picture file `name`, which lies beside it. `note` is one line of ASCII."""
    address = quote(name)  # a relative address: no character in it is a mark of WebVTT or of URLs
    lines = ["WEBVTT", ""]
    if note:
        lines += [f"NOTE {note}", ""]
    for cue in cues:
        if round(cue.end_s, 3) <= round(cue.start_s, 3):
            continue  # a cue of no length is none
        box = f"{cue.left},{cue.top},{cue.width},{cue.height}"
        lines += [f"{_stamp(cue.start_s)} --> {_stamp(cue.end_s)}", f"{address}#xywh={box}", ""]
    return "\n".join(lines)


def _stamp(seconds: float) -> str:
    millis = round(seconds * 1000)
    return f"{millis // 3_600_000:02}:{millis // 60_000 % 60:02}:{millis // 1000 % 60:02}.{millis % 1000:03}"
