"""Films with all that a film can have: sounds, subtitles as text and as pictures, fonts, chapters, covers, HDR."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.media import Media, ffmpeg

if TYPE_CHECKING:
    from PIL.Image import Image

CHAPTERS = """;FFMETADATA1
title=Rich
[CHAPTER]
TIMEBASE=1/1000
START=0
END=2000
title=One
[CHAPTER]
TIMEBASE=1/1000
START=2000
END=4000
title=Two
"""
SRT = "1\n00:00:00,000 --> 00:00:03,900\nWORDS WORDS WORDS\n"
PQ = "format=yuv420p10le,setparams=color_primaries=bt2020:color_trc=smpte2084:colorspace=bt2020nc:range=tv"


def rich(media: Media, folder: Path, name: str = "rich.mkv", *, font: bool = True, pictures: bool = False) -> Path:
    """Matroska of 4 s: H.264, two sounds (eng, deu), SRT (eng) and ASS (fra), chapters, a cover, a font, maybe PGS."""
    folder.mkdir(parents=True, exist_ok=True)
    beside = folder / ".parts"
    beside.mkdir(exist_ok=True)
    (beside / "chapters.txt").write_text(CHAPTERS)
    (beside / "words.srt").write_text(SRT)
    (beside / "font.ttf").write_bytes(b"no real font")
    ffmpeg("-i", beside / "words.srt", beside / "words.ass")
    inputs: list[str | Path] = [
        "-i",
        media.clip,
        "-i",
        beside / "words.srt",
        "-i",
        beside / "words.ass",
        "-i",
        beside / "chapters.txt",
    ]
    maps = ["-map", "0:v", "-map", "0:a", "-map", "0:a", "-map", "1", "-map", "2"]
    told: list[str | Path] = ["-metadata:s:a:0", "language=eng", "-metadata:s:a:1", "language=deu"]
    told += ["-metadata:s:s:0", "language=eng", "-metadata:s:s:1", "language=fra", "-disposition:a:1", "comment"]
    if pictures:
        (beside / "pictures.sup").write_bytes(pgs())
        inputs += ["-i", beside / "pictures.sup"]
        maps += ["-map", "4"]
        told += ["-metadata:s:s:2", "language=spa"]
    told += [
        "-attach",
        media.picture,
        "-metadata:s:t:0",
        "mimetype=image/jpeg",
        "-metadata:s:t:0",
        "filename=cover.jpg",
    ]
    if font:
        told += ["-attach", beside / "font.ttf", "-metadata:s:t:1", "mimetype=application/x-truetype-font"]
        told += ["-metadata:s:t:1", "filename=font.ttf"]
    ffmpeg(*inputs, *maps, "-c", "copy", "-map_metadata", "3", "-map_chapters", "3", *told, folder / name)
    return folder / name


def hdr(folder: Path, *, seconds: float = 1.0) -> Path:
    """Matroska of H.265 in 10 bits, told to be PQ of BT.2020."""
    path = folder / "hdr.mkv"
    ffmpeg(
        *("-f", "lavfi", "-i", f"testsrc2=size=320x180:rate=25:duration={seconds}", "-vf", PQ),
        *("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=error", path),
    )
    return path


def pgs(width: int = 320, height: int = 180) -> bytes:
    """Blu-ray subtitles: a white bar of 200x40 pixels near the bottom, from 0 to 3.9 s."""
    wide, high, x, y = 200, 40, 60, 130
    line = b"\x00" + struct.pack(">H", 0xC000 | wide)[:1] + bytes([wide & 0xFF]) + b"\x01" + b"\x00\x00"
    picture = line * high
    shown = struct.pack(">HHBHBBBB", width, height, 0x10, 0, 0x80, 0, 0, 1) + struct.pack(">HBBHH", 0, 0, 0, x, y)
    window = struct.pack(">BBHHHH", 1, 0, x, y, wide, high)
    palette = bytes([0, 0, 1, 235, 128, 128, 255])
    body = struct.pack(">HBB", 0, 0, 0xC0) + (len(picture) + 4).to_bytes(3, "big")
    body += struct.pack(">HH", wide, high) + picture
    parts = [_segment(0, kind, data) for kind, data in ((0x16, shown), (0x17, window), (0x14, palette), (0x15, body))]
    gone = struct.pack(">HHBHBBBB", width, height, 0x10, 1, 0, 0, 0, 0)
    end = round(3.9 * 90_000)
    parts += [_segment(0, 0x80, b""), _segment(end, 0x16, gone), _segment(end, 0x80, b"")]
    return b"".join(parts)


def _segment(at: int, kind: int, data: bytes) -> bytes:
    return b"PG" + struct.pack(">IIBH", at, 0, kind, len(data)) + data


def brightness(path: Path, box: tuple[int, int, int, int], second: float = 1.0) -> float:
    """The mean brightness (0 to 255) of a part of one frame: left, top, right, bottom in pixels."""
    import av
    from PIL import ImageStat

    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            if frame.time >= second:
                image: Image = frame.to_image()  # type: ignore[no-untyped-call]
                return float(ImageStat.Stat(image.convert("L").crop(box)).mean[0])
    raise AssertionError("no such frame")
