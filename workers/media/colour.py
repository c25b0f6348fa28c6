"""Colours of pictures brought to what every screen shows: 8 bits, RGB or RGBA, in sRGB."""

from __future__ import annotations

import contextlib
import functools
import io
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PIL.Image import Image

_ALPHA = frozenset({"RGBA", "LA", "PA", "RGBa", "La"})


def smooth(image: Image) -> Image:
    """`image` in a mode that can be reduced with smooth edges: palettes and bitmaps only skip pixels.

    A colour that stands for transparency becomes alpha: among reduced pixels nothing would have that colour any more.
    """
    if image.mode in ("1", "L", "RGB") and "transparency" in image.info:
        return image.convert("RGBA")
    if image.mode == "1":
        return image.convert("L")
    if image.mode in ("P", "PA"):
        return image.convert("RGBA" if "transparency" in image.info or image.mode == "PA" else "RGB")
    return image


def plain(image: Image) -> Image:
    """`image` as 8-bit RGB or RGBA in sRGB with nothing else attached."""
    from PIL import Image as Pillow

    alpha = image.mode in _ALPHA or "transparency" in image.info
    shown = _to_srgb(image)
    if shown.mode.startswith("I") or shown.mode == "F":
        shown = _eight_bits(shown)
    shown = shown.convert("RGBA" if alpha and shown.mode != "RGB" else "RGB")
    bare = Pillow.new(shown.mode, shown.size)
    bare.paste(shown)
    return bare


def _eight_bits(image: Image) -> Image:
    """16-bit and floating grey brought to 8 bits; `convert` alone would clip everything above 255 to white."""
    extrema: Any = image.convert("F").getextrema()
    high = extrema[1]
    top = 65535.0 if image.mode.startswith("I;16") or high > 255 else 255.0 if high > 1 else 1.0
    return image.convert("F").point(lambda value: value * (255.0 / top) + 0).convert("L")


def _to_srgb(image: Image) -> Image:
    profile = image.info.get("icc_profile")
    if not isinstance(profile, bytes) or image.mode not in ("RGB", "RGBA", "CMYK", "L", "LAB"):
        return image
    from PIL import ImageCms

    # A damaged profile, or one for another kind of picture, is as good as none.
    with contextlib.suppress(ImageCms.PyCMSError, OSError, ValueError, TypeError):
        converted = ImageCms.applyTransform(image, _transform(profile, image.mode))
        if converted is not None:
            return converted
    return image


@functools.lru_cache(maxsize=8)
def _transform(profile: bytes, mode: str) -> Any:
    """The way from a profile to sRGB; pictures of one camera share it."""
    from PIL import ImageCms

    source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    target = "RGBA" if mode == "RGBA" else "RGB"
    return ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), mode, target)
