"""The part of a film's frame that fills a box: cut out before anything is scaled, by moving a few pointers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workers.media.shapes import Box, Shape

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

_LEAST = 2  # pixels of a part on each side: colours are told for two by two
_LONGEST = 1024  # pixels of the picture that entropy is measured on


def filling(frame: VideoFrame, shape: Shape, width: float, height: float) -> VideoFrame:
    """What is left of `frame`, shown as `width` by `height` pixels, when `shape` is filled with it: a view, no copy.

    It shows the proportions of `shape` as closely as two pixels of the frame allow. A frame that fits as it is, and
    one for a shape that is not filled, comes back unchanged.
    """
    if not shape.fill:
        return frame
    wide, high = max(round(width), 1), max(round(height), 1)
    left, top, right, bottom = shape.part(
        wide, high, _Entropy(frame, wide, high) if shape.focus == "entropy" else _none
    )
    across, down = frame.width / wide, frame.height / high
    box = round(left * across), round(top * down), round(right * across), round(bottom * down)
    return _cut(frame, box)


def _none(box: Box) -> float:
    """Nobody asks how much there is to see where the middle is kept."""
    return 0.0


class _Entropy:
    """How much there is to see in a part of a frame, in pixels as it is shown."""

    def __init__(self, frame: VideoFrame, width: int, height: int) -> None:
        self._scale = min(_LONGEST / max(width, height), 1.0)
        size = max(round(width * self._scale), 1), max(round(height * self._scale), 1)
        scaled: Any = frame.reformat(width=size[0], height=size[1], format="gray", interpolation="AREA")
        self._grey = scaled.to_image()

    def __call__(self, box: Box) -> float:
        left, top, right, bottom = (round(edge * self._scale) for edge in box)
        return float(self._grey.crop((left, top, max(right, left + 1), max(bottom, top + 1))).entropy())


def _cut(frame: VideoFrame, box: Box) -> VideoFrame:
    from fractions import Fraction

    from av.filter import Graph

    left, top = box[0] // _LEAST * _LEAST, box[1] // _LEAST * _LEAST
    wide = min(max(box[2] - box[0], _LEAST), frame.width - left)
    high = min(max(box[3] - box[1], _LEAST), frame.height - top)
    if (wide, high) == (frame.width, frame.height):
        return frame
    graph = Graph()
    source = graph.add_buffer(
        width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base or Fraction(1, 1000)
    )
    crop, sink = graph.add("crop", f"{wide}:{high}:{left}:{top}"), graph.add("buffersink")
    source.link_to(crop)
    crop.link_to(sink)
    graph.configure()
    graph.push(frame)
    part: Any = graph.pull()
    cut: VideoFrame = part
    return cut
