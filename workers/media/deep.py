"""Pictures of 16 bits a channel, which Pillow reads with 8 as soon as they have more than one channel.

They are decoded by libavformat's readers of PNG and TIFF and kept as one grey picture of 16 bits for each channel.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
import numpy as np

if TYPE_CHECKING:
    from PIL.Image import Image

_DEMUXERS = {"PNG": "png_pipe", "TIFF": "tiff_pipe"}
_LAYOUTS = {"gray16": 1, "ya16": 2, "rgb48": 3, "rgba64": 4}
_BITS, _PHOTOMETRIC, _EXTRA, _SAMPLE_FORMAT, _PLANAR = 258, 262, 338, 339, 284
_SEPARATE_ALPHA = 2
_HEAD = 64
_RGB = 2


@dataclass(frozen=True, slots=True)
class Deep:
    """A picture as planes of mode I;16: grey, grey with alpha, RGB, or RGB with alpha (which is not multiplied in)."""

    planes: tuple[Image, ...]

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.planes[0].size

    @property
    def has_alpha(self) -> bool:
        """Whether the last plane is alpha."""
        return len(self.planes) in (2, 4)

    def each(self, change: Callable[[Image], Image]) -> Deep:
        """The picture with every plane changed in the same way."""
        return Deep(tuple(change(plane) for plane in self.planes))

    def array(self) -> np.ndarray[Any, np.dtype[np.uint16]]:
        """Height x width x channels."""
        return np.stack([np.asarray(plane, dtype=np.uint16) for plane in self.planes], axis=2)


def of_array(pixels: np.ndarray[Any, Any]) -> Deep:
    """The picture of an array of height x width x channels, values 0 to 65535."""
    from PIL import Image as Pillow

    native = pixels.astype(np.uint16)
    return Deep(tuple(Pillow.fromarray(np.ascontiguousarray(native[:, :, n])) for n in range(native.shape[2])))


def head_of(path: Path) -> bytes:
    """As much of a file as `is_deep` asks for."""
    with open(path, "rb") as file:
        return file.read(_HEAD)


def is_deep(image: Image, head: bytes) -> bool:
    """Whether the open picture, whose file starts with `head`, has 16 bits a channel in a layout that `read` knows."""
    if image.format == "PNG":
        return len(head) > 25 and head[12:16] == b"IHDR" and head[24] == 16
    if image.format != "TIFF":
        return False
    tags: Any = getattr(image, "tag_v2", {})
    bits, formats = tags.get(_BITS, ()), tags.get(_SAMPLE_FORMAT, (1,))
    if not bits or set(bits) != {16} or set(formats) != {1} or tags.get(_PLANAR, 1) != 1:
        return False
    if len(bits) == 4 and tuple(tags.get(_EXTRA, ())) != (_SEPARATE_ALPHA,):
        return False
    return tags.get(_PHOTOMETRIC) == _RGB and len(bits) in (3, 4)


def read(data: bytes, format: str) -> Deep | None:
    """The first picture of a PNG or TIFF in memory; None when it is not one of 16 bits after all.

    The caller has looked at its size before. ValueError when it cannot be decoded.
    """
    try:
        with av.open(io.BytesIO(data), mode="r", format=_DEMUXERS[format]) as container:
            frame = next(container.decode(video=0))
    except (av.error.FFmpegError, StopIteration) as error:
        raise ValueError("the pixels of 16 bits cannot be decoded") from error
    name = frame.format.name
    channels = _LAYOUTS.get(name[:-2])
    if channels is None:
        return None
    plane: Any = frame.planes[0]
    words = np.frombuffer(plane, dtype=">u2" if name.endswith("be") else "<u2")
    rows = words[: frame.height * (plane.line_size // 2)].reshape(frame.height, plane.line_size // 2)
    return of_array(rows[:, : frame.width * channels].reshape(frame.height, frame.width, channels))


def to_8_bits(plane: Image) -> Image:
    """A grey picture of 16 bits with 8: every value scaled, none clipped."""
    from PIL import Image as Pillow

    words = np.asarray(plane).astype(np.uint32)
    return Pillow.fromarray(((words + 128) // 257).astype(np.uint8))
