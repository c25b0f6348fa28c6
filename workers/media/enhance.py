"""Pictures made better by what their measures ask for: white balance, levels, noise, sharpness; in that order.

`plan` is pure. The result keeps the format, the size, transparency, and what hangs on the picture: its Exif with the
orientation, colour profile, XMP, comment and resolution.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from PIL import Image as Pillow
from PIL import ImageFilter

from workers.errors import ErrorClass, JobFailed
from workers.media import analysis, blocks, deep, jpegpack, phash
from workers.media.convert import reading
from workers.media.judgement import Issue, by_name, judge
from workers.media.names import path_to_key
from workers.media.pictures import guarded
from workers.text import clean

if TYPE_CHECKING:
    import numpy.typing as npt
    from PIL.Image import Image

    Floats = npt.NDArray[np.float32]

Strength = Literal["auto", "off", "low", "medium", "high"]
FORMATS = {"JPEG": "jpg", "PNG": "png", "WEBP": "webp"}  # that can be written as they came
# Each step, the issue that asks for it, and how strongly it is then done.
STEPS: tuple[tuple[str, str, Strength], ...] = (
    ("white_balance", "colour_cast", "high"),
    ("levels", "low_contrast", "high"),
    ("denoise", "noisy", "medium"),
    ("sharpen", "blurred", "medium"),
)
_SHARES = {"low": 0.35, "medium": 0.65, "high": 1.0}
_MOST_GAIN = 1.5  # of one channel: a picture of a sunset is not to become grey
_STRIP, _REACH = 256, 2  # rows worked on at once, and pixels around each that its noise is told from
_HEAD = 1 << 16
_SIDE = 800  # longest side of each half of a comparison, in pixels


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do: how strongly (0 to 1), and why."""

    name: str
    strength: float
    why: str
    issue: Issue | None = None  # the measured need; None when a person asked for it

    def facts(self) -> dict[str, Any]:
        """As JSON."""
        need = {"need": self.issue.facts()} if self.issue else {}
        return {"step": self.name, "strength": self.strength, "why": self.why, **need}


def plan(found: analysis.Measures, wishes: Mapping[str, Strength]) -> tuple[Step, ...]:
    """What to do with a picture of these measures; a step that `wishes` does not name is auto."""
    issues = by_name(judge(found))
    if "flat" in issues:
        return ()
    steps = []
    for name, issue_name, usual in STEPS:
        wish, issue = wishes.get(name, "auto"), issues.get(issue_name)
        if wish == "auto" and issue and not (name == "sharpen" and "noisy" in issues):
            steps.append(Step(name, _SHARES[usual], issue.text, issue))
        elif wish in _SHARES:
            steps.append(Step(name, _SHARES[wish], "it was asked for"))
    return tuple(steps)


def refuse(image: Image, path: Path, format: str) -> None:
    """JobFailed unsupported when the picture could not be written as it came, bad_input when it is too large."""
    name, key = clean(path.name), path_to_key(path)
    phash.refuse_bomb(image, name, key)
    with open(path, "rb") as file:
        head = file.read(_HEAD)
    why = ""
    if format not in FORMATS:
        why = f"is {format}; JPEG, PNG and WebP can be enhanced"
    elif int(getattr(image, "n_frames", 1)) > 1 and image.format != "MPO":
        why = "is an animation"
    elif deep.is_deep(image, head) or image.mode.startswith("I") or image.mode == "F":
        why = "has 16 bits a channel, of which enhancing would keep 8"
    elif image.mode not in ("L", "LA", "RGB", "RGBA", "P"):
        why = f"is a picture of kind {image.mode}, whose levels mean something else"
    if why:
        raise JobFailed(ErrorClass.UNSUPPORTED, f"{name} {why}", input=key)


def look(path: Path, format: str) -> analysis.Analysis:
    """The analysis of a picture that can be enhanced. JobFailed: unsupported, bad_input."""
    with reading(path), Pillow.open(os.path.abspath(path), formats=(format,)) as image:
        refuse(image, path, format)
        return analysis.of_image(image)


def enhance(source: Path, target: Path, format: str, steps: tuple[Step, ...], noise: float) -> dict[str, Any]:
    """Write `source`, improved by `steps`, to `target`; `noise` is its noise floor. The facts of the result.

    JobFailed: bad_input, unsupported; disk when `target` cannot be written; tool when it is not what it should be.
    """
    with reading(source), Pillow.open(os.path.abspath(source), formats=(format,)) as image:
        refuse(image, source, format)
        image.load()
        hung, words = blocks.take(image), _words(image, source, format)
        better = applied(image, steps, noise)
    with guarded(clean(target.name), path_to_key(target)):
        better.info = {}
        better.save(target, format, **words)
        if format == "JPEG":
            _attach(source, target)
    after = _checked(target, format, better, hung)
    return {"measures": after.measures.facts(), "issues": [issue.facts() for issue in judge(after.measures)]}


def applied(image: Image, steps: tuple[Step, ...], noise: float) -> Image:
    """The decoded `image` after `steps`, of mode L, LA, RGB or RGBA."""
    alpha = None
    if image.has_transparency_data:
        image = image if image.mode in ("LA", "RGBA") else image.convert("RGBA")
        alpha = image.getchannel("A")
    made = image.convert("L" if image.mode in ("L", "LA") else "RGB")
    for step in steps:
        if step.name == "white_balance":
            made = _balanced(made, step.strength)
        elif step.name == "levels":
            made = _levelled(made, step.strength)
        elif step.name == "denoise":
            made = _bands(made, lambda band, at, s=step.strength: _calmed(band, noise * (0.5 + s)))
        else:
            made = _bands(made, lambda band, at, s=step.strength: band if at else _sharpened(band, s, noise))
    if alpha is not None:
        made.putalpha(alpha)
    return made


def _balanced(image: Image, strength: float) -> Image:
    """Every channel multiplied so that the mean of what is not clipped comes nearer to grey."""
    if image.mode != "RGB":
        return image
    pixels = np.asarray(analysis.reduced(image), np.float32).reshape(-1, 3)
    level = pixels.mean(axis=1)
    used = pixels[(level > 20) & (pixels.max(axis=1) < 251)]
    if len(used) < 16:
        return image
    means = used.mean(axis=0)
    gains = np.clip(means.mean() / np.maximum(means, 1), 1 / _MOST_GAIN, _MOST_GAIN) ** strength
    curves = [[min(round(value * float(gain)), 255) for value in range(256)] for gain in gains]
    return image.point([value for curve in curves for value in curve])


def _levelled(image: Image, strength: float) -> Image:
    """Black and white, but for half a percent of the picture each, brought towards the ends of the range."""
    counts = np.array(analysis.reduced(image).convert("L").histogram(), np.float64)
    below = np.cumsum(counts) / counts.sum()
    black, white = (float(np.searchsorted(below, share)) for share in (0.005, 0.995))
    low, high = black * strength, 255 - (255 - white) * strength
    if high - low < 2:
        return image
    curve = [min(max(round((value - low) * 255 / (high - low)), 0), 255) for value in range(256)]
    return image.point(curve * len(image.getbands()))


def _bands(image: Image, change: Any) -> Image:
    """`change(band, place)` of the brightness, place 0, and of both colour differences."""
    if image.mode == "L":
        return change(image, 0)  # type: ignore[no-any-return]
    bands = image.convert("YCbCr").split()
    return Pillow.merge("YCbCr", [change(band, at) for at, band in enumerate(bands)]).convert("RGB")


def _calmed(band: Image, deviation: float) -> Image:
    """By Wiener's filter: each pixel nears the mean around it as far as noise of `deviation` explains its distance."""
    made = Pillow.new("L", band.size)
    for top in range(0, band.height, _STRIP):
        first, last = max(top - _REACH, 0), min(top + _STRIP + _REACH, band.height)
        strip = np.asarray(band.crop((0, first, band.width, last)), np.float32)
        mean = _around(strip)
        spread = np.maximum(_around(strip * strip) - mean * mean, 0)
        kept = np.maximum(spread - deviation**2, 0) / np.maximum(spread, max(deviation**2, 1e-3))
        calm = np.clip(mean + kept * (strip - mean) + 0.5, 0, 255).astype(np.uint8)
        rows = calm[top - first : top - first + min(_STRIP, band.height - top)]
        made.paste(Pillow.fromarray(np.ascontiguousarray(rows)), (0, top))
    return made


def _around(values: Floats) -> Floats:
    """The mean of the 5x5 pixels around each."""
    width = 2 * _REACH + 1
    padded = np.pad(values, _REACH, mode="edge")
    rows, both = np.zeros_like(padded[: values.shape[0]]), np.zeros_like(values)
    for at in range(width):
        rows += padded[at : at + values.shape[0]]
    for at in range(width):
        both += rows[:, at : at + values.shape[1]]
    return both / np.float32(width * width)


def _sharpened(band: Image, strength: float, noise: float) -> Image:
    percent, threshold = round(40 + 140 * strength), min(round(2 * noise), 30)
    return band.filter(ImageFilter.UnsharpMask(1.5, percent, threshold))


def _words(image: Image, source: Path, format: str) -> dict[str, Any]:
    """What the writer of `format` needs so that the result is stored as its source was."""
    hung = blocks.take(image)
    words: dict[str, Any] = {"dpi": hung.dpi} if hung.dpi and format != "WEBP" else {}
    if format == "JPEG":  # the rest is attached afterwards
        from PIL import JpegImagePlugin

        sampling = JpegImagePlugin.get_sampling(image) if image.mode == "RGB" else -1
        words |= {"qtables": image.quantization, "optimize": True}  # type: ignore[attr-defined]
        words |= {"progressive": bool(image.info.get("progressive"))}
        return words | ({"subsampling": sampling} if sampling >= 0 else {})
    words |= {"exif": b"Exif\0\0" + hung.exif if hung.exif else b""}
    words |= {"icc_profile": hung.icc} if hung.icc else {}
    words |= {"xmp": hung.xmp} if hung.xmp and format != "PNG" else {}
    if format == "PNG":
        from PIL import PngImagePlugin

        words["pnginfo"] = texts = PngImagePlugin.PngInfo()
        for key, value in getattr(image, "text", {}).items():
            texts.add_itxt(key, value)
    else:
        words |= {"lossless": _is_lossless(source), "quality": 90, "method": 4}
    return words


def _attach(source: Path, target: Path) -> None:
    """Give a JPEG that was made all segments of its source, IPTC too, but the index of pictures that it has not got."""
    segments = [part for part in jpegpack.attached(source.read_bytes()) if not jpegpack.is_index(part)]
    target.write_bytes(jpegpack.with_attached(target.read_bytes(), segments))


def _is_lossless(source: Path) -> bool:
    """Whether a WebP file holds its picture without loss: the name of one of its first chunks tells."""
    with open(source, "rb") as file:
        file.seek(12)
        for _ in range(16):
            head = file.read(8)
            if head[:4] in (b"VP8L", b"VP8 ") or len(head) < 8:
                return head[:4] == b"VP8L"
            length = int.from_bytes(head[4:], "little")
            file.seek(length + length % 2, os.SEEK_CUR)
    return False


def _checked(target: Path, format: str, made: Image, hung: blocks.Blocks) -> analysis.Analysis:
    """The analysis of the file that was written, after it was compared with what it was made of."""
    with guarded("the result", path_to_key(target)), Pillow.open(target, formats=(format,)) as image:
        found = blocks.take(image)
        wrong = ["size"] if image.size != made.size else []
        wrong += [name for name in ("exif", "icc", "xmp") if getattr(found, name) != getattr(hung, name)]
        if (
            "A" in made.getbands()
            and not image.has_transparency_data
            and made.getchannel("A").getextrema() != (255, 255)
        ):
            wrong.append("transparency")
        if wrong:
            raise JobFailed(
                ErrorClass.TOOL, f"the result differs from its input in {', '.join(wrong)}", input=path_to_key(target)
            )
        return analysis.of_image(image)


def compare(before: Path, after: Path, target: Path, format: str) -> None:
    """Write a JPEG of both pictures side by side, upright and reduced, the older one on the left."""
    halves = []
    for path in (before, after):
        with reading(path), Pillow.open(os.path.abspath(path), formats=(format,)) as image:
            image.draft("RGB", (_SIDE, _SIDE))
            image.thumbnail((_SIDE, _SIDE), Pillow.Resampling.BICUBIC)
            half, turn = analysis.plain(image).convert("RGB"), phash.TURNS.get(blocks.turn_of(image))
            halves.append(half if turn is None else half.transpose(turn))
    width, height = halves[0].size
    both = Pillow.new("RGB", (2 * width + 8, height), "white")
    both.paste(halves[0], (0, 0))
    both.paste(halves[1], (width + 8, 0))
    with guarded(clean(target.name), path_to_key(target)):
        both.save(target, "JPEG", quality=88)
