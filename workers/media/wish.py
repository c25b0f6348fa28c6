"""What is wanted of a picture, and a picture made so: the words between reading, shaping and writing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from PIL.Image import Image

    from workers.media.blocks import Blocks
    from workers.media.deep import Deep
    from workers.media.motion import Motion

Format = Literal["jpeg", "png", "webp", "tiff", "avif", "gif"]
Metadata = Literal["keep", "no-place", "strip"]
EXTENSIONS = {"jpeg": "jpg", "png": "png", "webp": "webp", "tiff": "tif", "avif": "avif", "gif": "gif"}
MAX_SIDE = {"jpeg": 65_500, "webp": 16_383, "avif": 32_768, "gif": 65_535}  # pixels that each can be written with
QUALITY = {"jpeg": 85, "webp": 80, "avif": 60}  # where the person does not say


@dataclass(frozen=True, slots=True)
class Wish:
    """What is wanted of a converted picture. `quality` 0 is the usual one of the format, `size` 0 no limit."""

    format: Format
    quality: int = 0
    lossless: bool = False
    small: bool = False  # take more time for fewer bytes
    size: int = 0  # longest side in pixels
    background: str = "white"
    metadata: Metadata = "keep"
    srgb: bool = False  # convert colours even where the target holds the profile
    drop_profile: bool = False
    first_frame: bool = False


@dataclass(frozen=True, slots=True)
class Made:
    """A picture ready to be written: one still (8 bits, or deep) or an animation, and what hangs on it."""

    still: Image | None
    deep: Deep | None
    motion: Motion | None
    blocks: Blocks
    notes: tuple[str, ...]
    taken: str = ""  # YYYY-MM-DD, also where the result says nothing of it

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        if self.motion:
            return self.motion.frames[0].size
        picture = self.deep or self.still
        assert picture is not None
        return picture.size
