"""A folder of files that mean no good: broken, lying, enormous when unpacked, endless, oddly named, pointing away."""

from __future__ import annotations

import os
import random
import struct
import zlib
from pathlib import Path

from tests.support.damage import HARMS
from tests.support.media import AAC, CONCAT_TEXT, H264, HLS_TEXT, HOSTILE_NAMES, SVG_TEXT, ffmpeg, film_source

_MANY = b"\xff\xff\xff\xff"  # four thousand million, where a file says how much of something it holds
SECRET = "the words of another file"
_LIES = {"photo.jpg": "lie.png", "film.mp4": "lie.mkv", "sound.mp3": "lie.flac", "drawing.png": "lie.jpg"}


def make(folder: Path) -> tuple[list[Path], list[Path]]:
    """Fill `folder`; the good files, and the others."""
    folder.mkdir(parents=True)
    good = _good(folder)
    bad = [*_harmed(folder, good), *_nothing(folder), *_lying(folder), *_bombs(folder), *_pointing(folder)]
    return [*good, *_odd_names(folder, good[0])], bad


def _good(folder: Path) -> list[Path]:
    from PIL import Image

    paths = [folder / name for name in ("photo.jpg", "drawing.png", "moving.gif", "film.mp4", "film.mkv", "sound.mp3")]
    photo, drawing, moving, film, copy, sound = paths
    noise = Image.effect_noise((320, 240), 40).convert("RGB")
    noise.save(photo, quality=85)
    noise.quantize(16).save(drawing)
    noise.save(moving, save_all=True, append_images=[noise.rotate(90), noise.rotate(180)], duration=100, loop=0)
    ffmpeg(*film_source(2), *H264, *AAC, film)
    ffmpeg("-i", film, "-c", "copy", copy)
    ffmpeg("-i", film, "-vn", "-c:a", "libmp3lame", sound)
    return paths


def _harmed(folder: Path, good: list[Path]) -> list[Path]:
    paths = []
    for source in good:
        data = source.read_bytes()
        for number, (name, harm) in enumerate(HARMS.items()):
            paths.append(folder / f"{name.replace(' ', '-')}-{source.name}")
            paths[-1].write_bytes(harm(data, random.Random(number)))
    return paths


def _nothing(folder: Path) -> list[Path]:
    """Files that never were media, under names of media."""
    chance = random.Random(7)
    made = {"empty.mp4": b"", "one.jpg": b"\xff", "zeros.mkv": bytes(20_000), "words.png": b"just words\n" * 50}
    made |= {f"random{suffix}": chance.randbytes(20_000) for suffix in (".mp4", ".mp3", ".jpg", ".gif", ".webm")}
    for name, data in made.items():
        (folder / name).write_bytes(data)
    return [folder / name for name in made]


def _lying(folder: Path) -> list[Path]:
    for name, lie in _LIES.items():
        (folder / lie).write_bytes((folder / name).read_bytes())
    return [folder / lie for lie in _LIES.values()]


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def _png(width: int, height: int, pixels: bytes) -> bytes:
    head = _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + _chunk(b"IDAT", pixels) + _chunk(b"IEND", b"")


def _endless_gif(frames: int) -> bytes:
    """A picture of one dot, drawn again and again, that never says it ends."""
    head = b"GIF89a" + struct.pack("<HHBBB", 1, 1, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff"
    frame = b"\x21\xf9\x04\0\0\0\0\0" + b"\x2c" + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02\x44\x01\0"
    return head + frame * frames


def _bombs(folder: Path) -> list[Path]:
    squeezer = zlib.compressobj(9)
    row = bytes(16_001)
    pixels = b"".join(squeezer.compress(row) for _ in range(16_000)) + squeezer.flush()
    mp4 = (folder / "film.mp4").read_bytes()
    made = {
        "bomb.png": _png(16_000, 16_000, pixels),  # 256 million pixels in 250 kB
        "huge.png": _png(2_000_000_000, 2_000_000_000, b""),
        "huge.jpg": _resized_jpeg((folder / "photo.jpg").read_bytes()),
        "endless.gif": _endless_gif(200_000),
        "huge.wav": b"RIFF" + _MANY + b"WAVEfmt \x10\0\0\0\x01\0" + 3 * _MANY + b"\x10\0\x10\0data" + _MANY,
        "huge.mp4": _boasting(mp4),
        "boxes.mp4": b"\0\0\0\x18ftypisom\0\0\0\0isommp41" + b"\xff\xff\xff\xffmoov" + bytes(64),
    }
    for name, data in made.items():
        (folder / name).write_bytes(data)
    return [folder / name for name in made]


def _boasting(mp4: bytes) -> bytes:
    """The same film, but the table of its samples says that there are four thousand million."""
    at = mp4.index(b"stsz") + 12
    return mp4[:at] + _MANY + mp4[at + 4 :]


def _resized_jpeg(data: bytes) -> bytes:
    """The same picture, but its header says that it is 65,000 pixels wide and high."""
    at = data.index(b"\xff\xc0") + 5
    return data[:at] + struct.pack(">HH", 65_000, 65_000) + data[at + 4 :]


def _pointing(folder: Path) -> list[Path]:
    """Texts that tools would follow to another file, under names of media."""
    secret = folder.parent / "secret.mp4"
    secret.write_text(SECRET)
    made = {
        "list.mp4": HLS_TEXT,
        "list.mkv": CONCAT_TEXT,
        "list.ts": HLS_TEXT,
        "drawn.jpg": SVG_TEXT,
        "drawn.mp4": SVG_TEXT,
    }
    for name, text in made.items():
        (folder / name).write_text(text.format(secret=secret))
    return [folder / name for name in made]


def _odd_names(folder: Path, photo: Path) -> list[Path]:
    data, paths = photo.read_bytes(), []
    for raw in (*HOSTILE_NAMES, b"x" * 251 + b".jpg", b"concat:a|b.jpg", b"pipe:0.jpg", b"%d.jpg", b"-rf.jpg"):
        if b"." not in raw:
            raw += b".jpg"
        path = os.fsencode(folder) + b"/odd/" + raw
        os.makedirs(os.path.dirname(path), exist_ok=True)
        if not os.path.exists(path):
            with open(path, "wb") as file:
                file.write(data)
            paths.append(Path(os.fsdecode(path)))
    return paths
