"""Texts and films that lead tools to other files or to an address, under the names of harmless media."""

from __future__ import annotations

import os
import struct
import zlib
from pathlib import Path

from tests.support.media import CONCAT_TEXT, HLS_TEXT, SVG_TEXT

ADDRESS = "http://127.0.0.1:9/secret.ts"
_DASH = """<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"
mediaPresentationDuration="PT2S" profiles="urn:mpeg:dash:profile:isoff-main:2011"><Period>
<AdaptationSet mimeType="video/mp4"><Representation id="0"
bandwidth="1"><BaseURL>file://{secret}</BaseURL></Representation></AdaptationSet></Period></MPD>
"""
_KEY = '#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI="file://{secret}"\n#EXTINF:1,\n{secret}\n#EXT-X-ENDLIST\n'
_TEXTS = {
    "hls.mp4": HLS_TEXT,
    "hls.jpg": HLS_TEXT,
    "hls.mp3": HLS_TEXT,
    "hls.srt": HLS_TEXT,
    "key.ts": _KEY,
    "away.mp4": HLS_TEXT.replace("{secret}", ADDRESS),
    "list.mkv": CONCAT_TEXT,
    "list.png": CONCAT_TEXT,
    "list.flac": CONCAT_TEXT.replace("file '", "file 'file:"),
    "dash.mp4": _DASH,
    "drawn.png": SVG_TEXT,
    "drawn.webm": SVG_TEXT,
    "script.jpg": "%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n({secret}) (r) file 9 string readstring\n",
    "script.png": 'push graphic-context\nviewbox 0 0 9 9\nimage over 0,0 0,0 "{secret}"\npop graphic-context\n',
    "index.mp4": "# VobSub index file, v7\nsize: 720x576\nid: en, index: 0\ntimestamp: 00:00:01:000, filepos: 0\n",
    "asx.wav": '<asx version="3.0"><entry><ref href="file://{secret}"/></entry></asx>\n',
    "pls.ogg": "[playlist]\nFile1={secret}\nNumberOfEntries=1\nVersion=2\n",
    "session.avi": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 9 RTP/AVP 96\n",
}


def make(folder: Path, secret: Path) -> list[Path]:
    """Fill `folder` with files that lead to `secret`, which is a good film."""
    folder.mkdir(parents=True)
    for name, text in _TEXTS.items():
        (folder / name).write_text(text.replace("{secret}", str(secret)))
    (folder / "index.sub").write_bytes(b"\0\0\1\xba" + bytes(2044))
    (folder / "reference.mp4").write_bytes(reference(secret))
    return sorted(folder.iterdir())


def reference(film: Path) -> bytes:
    """The same film, but its tables say that the frames lie in the file `film`, as reference movies of QuickTime do."""
    data = film.read_bytes()
    at = data.index(b"moov") - 4
    assert at > data.index(b"mdat"), "tables behind the frames, or all places in them would have to move"
    return data[:at] + _referring(data[at:], _alias(os.fsencode(film)))


_HOLDERS = (b"moov", b"trak", b"mdia", b"minf", b"dinf")


def _referring(boxes: bytes, alias: bytes) -> bytes:
    """These boxes of MP4 with `alias` as the place of the data of each track."""
    made, at = b"", 0
    while at < len(boxes):
        size, name = struct.unpack_from(">I4s", boxes, at)
        body = boxes[at + 8 : at + size]
        if name in _HOLDERS:
            body = _referring(body, alias)
        elif name == b"dref":
            body = struct.pack(">II", 0, 1) + alias
        made += struct.pack(">I4s", 8 + len(body), name) + body
        at += size
    return made


def _alias(path: bytes) -> bytes:
    """An alias of the Macintosh to an absolute path."""
    name = path.rpartition(b"/")[2][:63]
    body = bytes(10) + bytes(28) + bytes(12) + bytes([len(name)]) + name.ljust(63, b"\0") + bytes(16)
    body += struct.pack(">hh", -1, -1) + bytes(16)
    body += struct.pack(">HH", 2, len(path)) + path + bytes(len(path) % 2) + struct.pack(">HH", 0xFFFF, 0)
    return struct.pack(">I4sI", 12 + len(body), b"alis", 0) + body


def bomb(width: int, height: int) -> bytes:
    """A real PNG of so many black dots, one bit each: small, and large when it is unpacked."""
    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    pixels = _zeros((1 + (width + 7) // 8) * height)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + _chunk(b"IDAT", pixels) + _chunk(b"IEND", b"")


def _zeros(count: int) -> bytes:
    """So many zeros, squeezed: after a full flush nothing refers to what was before, so one piece stands for all."""
    size = 1 << 20
    pieces = _squeezed(size) * (count // size) + _squeezed(count % size)
    adler = (count % 65521) << 16 | 1
    return b"\x78\x9c" + pieces + b"\x03\x00" + struct.pack(">I", adler)


def _squeezed(count: int) -> bytes:
    squeezer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return squeezer.compress(bytes(count)) + squeezer.flush(zlib.Z_FULL_FLUSH)


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
