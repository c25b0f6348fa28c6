"""Whether a picture of a film shows something: cheap measures of brightness, contrast and sharpness."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from PIL import ImageFilter, ImageStat

if TYPE_CHECKING:
    from PIL.Image import Image

_SIDE = 160  # pixels that are looked at; larger pictures are reduced first
_BLANK_DEVIATION = 6.0  # standard deviation of the brightness, of 255: one colour, or nothing but noise
_DARK_MEAN = 12.0  # of 255: black but for a line of titles
_SHARP = 0.1  # deviation of the edges in parts of the deviation of the brightness; sharp films have 0.2 and more
_EDGES = ImageFilter.Kernel((3, 3), (0, -1, 0, -1, 4, -1, 0, -1, 0), scale=2, offset=128)


class Looks(NamedTuple):
    """How much a picture shows: the greater, the better."""

    shows: bool
    sharpness: float

    @property
    def blank(self) -> bool:
        """Black, white or of one colour."""
        return not self.shows

    @property
    def good(self) -> bool:
        """Good enough to look no further."""
        return self.shows and self.sharpness >= _SHARP


def looks_of(image: Image) -> Looks:
    """The looks of an RGB or grey picture."""
    grey = image.convert("L")
    brightness = ImageStat.Stat(grey)
    mean, deviation = brightness.mean[0], brightness.stddev[0]
    if deviation < _BLANK_DEVIATION or mean < _DARK_MEAN:
        return Looks(False, deviation)
    times = round(max(image.size) / _SIDE)
    if times > 1:
        grey = grey.reduce(times)  # blur is seen in small pictures as well, and noise is not
    if min(grey.size) < 3:
        return Looks(True, 0.0)
    # The outermost pixels have no neighbours and stay as they were.
    edges = ImageStat.Stat(grey.filter(_EDGES).crop((1, 1, grey.width - 1, grey.height - 1))).stddev[0]
    return Looks(True, edges / deviation)
