"""Pictures with everything hanging on them, made by Pillow."""

from __future__ import annotations

import functools
from pathlib import Path

from PIL import Image, ImageCms, ImageDraw

from tests.support.media import ffmpeg

COMMENT = b"seen from the tower"
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'


def exif(*, turn: int = 0, place: bool = True) -> Image.Exif:
    made = Image.Exif()
    made[0x010F], made[0x0110] = "Maker", "Model"
    if turn:
        made[0x0112] = turn
    made.get_ifd(0x8769).update({0x9003: "2024:05:06 07:08:09", 0x829D: 2.8, 0x927C: b"notes" * 20})
    if place:
        made.get_ifd(0x8825).update({1: "S", 2: (33.0, 51.0, 24.0), 3: "E", 4: (151.0, 12.0, 30.0)})
    return made


@functools.cache  # it holds the time of its making
def srgb() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def halves(size: tuple[int, int] = (120, 60)) -> Image.Image:
    """Noise, reddish on the left and bluish on the right, so that it can be seen how it lies."""
    noise = Image.effect_noise(size, 30)
    none = Image.new("L", size, 10)
    made = Image.merge("RGB", (noise, none, none))
    right = (size[0] // 2, 0, *size)
    made.paste(Image.merge("RGB", (none, none, noise)).crop(right), right)
    return made


def full_jpeg(path: Path, *, turn: int = 6) -> Path:
    """A photograph with Exif, profile, XMP, comment and resolution."""
    words = {"icc_profile": srgb(), "comment": COMMENT, "dpi": (300, 300)}
    halves().save(path, "JPEG", quality=92, exif=exif(turn=turn), xmp=XMP, **words)
    return path


def one_frame(path: Path, encoder: str, layout: str) -> Path:
    """A picture that only a film's encoder makes, by ffmpeg: its `layout` is a pixel format of 64 by 64 pixels.

    Not within this process: SVT-AV1 would make it a real-time one, and everything that it starts from then on.
    """
    source = path.with_suffix(".source.png")
    halves((64, 64)).save(source)
    ffmpeg("-i", source, "-frames:v", "1", "-c:v", encoder, "-pix_fmt", layout, "-update", "1", path)
    source.unlink()
    return path


def strange_exif() -> dict[str, bytes]:
    """Exif blocks with something wrong about the orientation, by what it is."""
    words = exif(turn=0)
    words[0x0112] = 6
    text = words.tobytes().removeprefix(b"Exif\0\0")
    at = text.index(b"\x01\x12\x00\x03")
    entry = b"\x01\x12\x00\x02\x00\x00\x00\x04abc\0"
    return {
        "text": text[:at] + entry + text[at + 12 :],
        "fraction of zero": text[:at]
        + b"\x01\x12\x00\x05\x00\x00\x00\x01"
        + len(text).to_bytes(4, "big")
        + text[at + 12 :]
        + bytes(8),
        "cut in its head": text[:4],
        "cut in its directory": text[: at + 5],
        "no directory": b"MM\0*\xff\xff\xff\xff",
    }


def with_iptc(path: Path, *, caption: bytes) -> Path:
    """The JPEG at `path` with a caption by IPTC, and a segment of a maker that nobody knows, as cameras leave them."""
    record = b"\x1c\x02\x78\x80\x04" + len(caption).to_bytes(4, "big") + caption
    block = b"8BIM\x04\x04\0\0" + len(record).to_bytes(4, "big") + record + b"\0" * (len(record) % 2)
    data, made = path.read_bytes(), b""
    for marker, content in ((b"\xff\xed", b"Photoshop 3.0\0" + block), (b"\xff\xe9", b"Maker\0" + bytes(range(99)))):
        made += marker + (len(content) + 2).to_bytes(2, "big") + content
    end = 4 + int.from_bytes(data[4:6], "big")  # behind JFIF's own
    path.write_bytes(data[:end] + made + data[end:])
    return path


def moving(mode: str = "RGBA", number: int = 4) -> list[Image.Image]:
    """Frames in which a square wanders over a ground that is clear, or red."""
    frames = []
    for step in range(number):
        frame = Image.new(mode, (40, 30), (255, 0, 0, 0)[: len(mode)])
        ImageDraw.Draw(frame).rectangle((step * 6, 5, step * 6 + 8, 15), fill=(0, 255, step * 20, 255)[: len(mode)])
        frames.append(frame)
    return frames


def animation(path: Path, *, mode: str = "RGBA", times: tuple[int, ...] = (40, 50, 60, 700), loop: int = 0) -> Path:
    first, *rest = moving(mode, len(times))
    words = {"disposal": 2} if path.suffix == ".gif" else {}
    first.save(path, save_all=True, append_images=rest, duration=list(times), loop=loop, **words)  # type: ignore[arg-type]
    return path
