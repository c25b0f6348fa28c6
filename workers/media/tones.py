"""Which colours and depths a format can hold, and pictures brought to them: nothing is clipped, all loss is noted."""

from __future__ import annotations

import contextlib
import io
from typing import TYPE_CHECKING, Any

from workers.media import deep

if TYPE_CHECKING:
    from PIL.Image import Image

HOLDS = {  # modes of Pillow that each format is given as they are
    "jpeg": ("L", "RGB"),
    "png": ("L", "LA", "RGB", "RGBA", "I;16"),
    "webp": ("RGB", "RGBA"),
    "avif": ("RGB", "RGBA"),
    "gif": ("L", "RGB", "RGBA"),
    "tiff": ("1", "L", "LA", "RGB", "RGBA", "CMYK", "LAB", "I;16", "I", "F"),
}
_SPACES = {"RGB ": ("RGB", "RGBA"), "GRAY": ("L", "LA", "I;16"), "CMYK": ("CMYK",), "Lab ": ("LAB",)}
_ALPHA = {"LA", "RGBA", "La", "RGBa", "PA"}


def plain(image: Image) -> Image:
    """`image` without palette or transparent key, alpha not multiplied in: 1, L, LA, RGB, RGBA and what is rarer."""
    if image.mode in ("P", "PA"):
        return image.convert("RGBA" if image.has_transparency_data else "RGB")
    if image.mode in ("RGBa", "La"):
        return image.convert({"RGBa": "RGBA", "La": "LA"}[image.mode])
    if image.mode in ("1", "L", "RGB") and "transparency" in image.info:
        return image.convert("RGBA")
    if image.mode in ("YCbCr", "HSV", "RGBX"):
        return image.convert("RGB")
    if image.mode.startswith("I;16") and image.mode != "I;16":
        return image.convert("I").convert("I;16") if image.mode == "I;16B" else image.convert("I;16")
    return image


def fitted(image: Image, icc: bytes, target: str, *, srgb: bool, notes: list[str]) -> tuple[Image, bytes]:
    """`image` (as `plain` gives it) in a mode that `target` holds, with the profile that then belongs to it."""
    if image.mode not in HOLDS[target]:
        image = _fewer_bits(image, target, notes)
    space = _space(icc)
    if icc and image.mode not in _SPACES.get(space, ()):
        notes.append("the colour profile did not belong to these pixels and is left out")
        icc = b""
    grey_as_colour = image.mode in ("L", "LA") and image.mode not in HOLDS[target]
    strange = image.mode in ("CMYK", "LAB") and image.mode not in HOLDS[target]
    if strange or (icc and (srgb or target == "gif" or grey_as_colour)):
        image, icc = _to_srgb(image, icc, notes), b""
    if image.mode not in HOLDS[target] and image.mode not in _ALPHA:
        image = image.convert("L" if image.mode == "1" and "L" in HOLDS[target] else "RGB")
    if image.mode == "LA" and "LA" not in HOLDS[target]:
        image = image.convert("RGBA")
    return image, icc


def _fewer_bits(image: Image, target: str, notes: list[str]) -> Image:
    """Whole and floating numbers brought to the depth of `target`, by their own range where none is usual."""
    if image.mode in ("I", "F"):
        low, high = (float(value) for value in _extrema(image))
        usual = (255.0, 65535.0) if image.mode == "I" else (1.0, 255.0)
        top = next((top for top in usual if low >= 0 and high <= top), 0.0)
        base, span = (0.0, top) if top else (low, max(high - low, 1e-9))
        if not top:
            notes.append(f"values from {low:g} to {high:g} are scaled to black and white")
        image = _scaled(image, base, 65535 / span)
    if image.mode == "I;16" and "I;16" not in HOLDS[target]:
        notes.append("16 bits a channel become 8")
        image = deep.to_8_bits(image)
    return image


def _extrema(image: Image) -> tuple[Any, Any]:
    low, high = image.getextrema()
    return low, high


def _scaled(image: Image, base: float, factor: float) -> Image:
    import numpy as np
    from PIL import Image as Pillow

    values = np.nan_to_num(np.asarray(image, dtype=np.float64))
    return Pillow.fromarray(np.clip(np.rint((values - base) * factor), 0, 65535).astype(np.uint16))


def _space(icc: bytes) -> str:
    """The colour space that a profile is for, as its header says."""
    return icc[16:20].decode("ascii", "replace") if len(icc) >= 128 else ""


def _to_srgb(image: Image, icc: bytes, notes: list[str]) -> Image:
    """RGB or RGBA in sRGB, by the profile where there is one that works."""
    from PIL import ImageCms

    alpha = image.getchannel("A") if image.mode in ("LA", "RGBA") else None
    colours = image.convert({"LA": "L", "RGBA": "RGB"}[image.mode]) if alpha else image
    made: Image | None = None
    with contextlib.suppress(ImageCms.PyCMSError, OSError, ValueError, TypeError):
        if icc or image.mode == "LAB":
            source = ImageCms.ImageCmsProfile(io.BytesIO(icc)) if icc else ImageCms.createProfile("LAB")
            made = ImageCms.profileToProfile(colours, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
    if made is None:
        notes.append(f"{image.mode} colours become RGB without a profile that works")
        made = colours.convert("RGB")
    else:
        notes.append("colours are converted to sRGB through the profile")
    if alpha:
        made.putalpha(alpha)
    return made


def flattened(image: Image, background: str, notes: list[str]) -> Image:
    """`image` on a ground of the colour `background` when it lets any through; without alpha in any case."""
    from PIL import Image as Pillow

    if image.mode not in ("LA", "RGBA"):
        return image
    image = image.convert("RGBA")
    alpha = image.getchannel("A")
    if _extrema(alpha)[0] == 255:
        return image.convert("RGB")
    notes.append(f"transparency is laid on {background}")
    ground = Pillow.new("RGB", image.size, background)
    ground.paste(image, mask=alpha)
    return ground


def has_partial_alpha(image: Image) -> bool:
    """Whether some pixels let a part of the ground through, which a GIF cannot say."""
    if image.mode not in ("LA", "RGBA"):
        return False
    return any(image.getchannel("A").histogram()[1:255])
