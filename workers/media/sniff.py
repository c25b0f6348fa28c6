"""What a file is by its first bytes. libavformat and Pillow are never left to choose freely.

A text playlist named film.mp4 would make a free choice open other files; here it has no magic, so it is unsupported.
"""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass
from typing import BinaryIO, Literal

from workers.errors import ErrorClass, JobFailed
from workers.media.names import path_to_key
from workers.text import clean

HEAD_BYTES = 1024
Kind = Literal["av", "image"]


@dataclass(frozen=True, slots=True)
class Sniffed:
    """A recognised file: which tool reads it, and the name of the format there.

    `format` is a demuxer of libavformat for kind "av", a format of Pillow for kind "image".
    """

    kind: Kind
    format: str


# (offset, bytes, kind, format): the plain ones, where one fixed string decides.
_MAGIC: tuple[tuple[int, bytes, Kind, str], ...] = (
    (0, b"\x1a\x45\xdf\xa3", "av", "matroska"),
    (0, b"fLaC", "av", "flac"),
    (0, b"OggS", "av", "ogg"),
    (0, b"FLV\x01", "av", "flv"),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "av", "asf"),
    (0, b"\x00\x00\x01\xba", "av", "mpeg"),
    (0, b"\x00\x00\x01\xb3", "av", "mpegvideo"),
    (0, b"caff\x00\x01", "av", "caf"),
    (0, b"#!AMR", "av", "amr"),
    (0, b"wvpk", "av", "wv"),
    (0, b"MAC ", "av", "ape"),
    (0, b".snd", "av", "au"),
    (0, b".RMF\x00\x00", "av", "rm"),
    (0, b"\x06\x0e\x2b\x34\x02\x05\x01\x01\x0d\x01\x02", "av", "mxf"),
    (0, b"\x0b\x77", "av", "ac3"),
    (0, b"\x7f\xfe\x80\x01", "av", "dts"),
    (0, b"\xff\xd8\xff", "image", "JPEG"),
    (0, b"\x89PNG\r\n\x1a\n", "image", "PNG"),
    (0, b"GIF87a", "image", "GIF"),
    (0, b"GIF89a", "image", "GIF"),
    (0, b"II*\x00", "image", "TIFF"),
    (0, b"MM\x00*", "image", "TIFF"),
    (0, b"II+\x00", "image", "TIFF"),
    (0, b"MM\x00+", "image", "TIFF"),
    (0, b"\x00\x00\x00\x0cjP  \r\n\x87\n", "image", "JPEG2000"),
)
_RIFF = {b"WAVE": ("av", "wav"), b"AVI ": ("av", "avi"), b"WEBP": ("image", "WEBP")}
_LARGE_RIFF = frozenset({b"RF64", b"BW64"})  # WAV over 4 GiB, of EBU Tech 3306 and ITU-R BS.2088
_MP4_BOXES = frozenset({b"ftyp", b"styp", b"moov", b"mdat", b"free", b"wide", b"skip", b"sidx", b"moof", b"pnot"})
_AVIF_BRANDS = frozenset({b"avif", b"avis"})
_HEIF_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"})


def sniff_bytes(head: bytes) -> Sniffed | None:
    """The format of a file that starts with `head` (up to HEAD_BYTES of it), or None when it has no known magic."""
    for offset, magic, kind, name in _MAGIC:
        if head[offset : offset + len(magic)] == magic:
            return Sniffed(kind, name)
    if head[:4] in _LARGE_RIFF and head[8:12] == b"WAVE":
        return Sniffed("av", "wav")
    if head[:4] == b"RIFF" and head[8:12] in _RIFF:
        family = _RIFF[head[8:12]]
        return Sniffed("av" if family[0] == "av" else "image", family[1])
    if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
        return Sniffed("av", "aiff")
    if head[4:8] in _MP4_BOXES:
        return _mp4_family(head)
    if head[:2] == b"BM" and head[6:10] == b"\0\0\0\0":
        return Sniffed("image", "BMP")
    return _by_sync(head)


def _mp4_family(head: bytes) -> Sniffed | None:
    brands = {head[8:12]} | {head[i : i + 4] for i in range(16, min(int.from_bytes(head[:4], "big"), 64), 4)}
    if head[4:8] == b"ftyp":
        if head[8:12] in _AVIF_BRANDS or (head[8:12] in _HEIF_BRANDS and brands & _AVIF_BRANDS):
            return Sniffed("image", "AVIF")
        if head[8:12] in _HEIF_BRANDS:
            return None  # HEIC: Pillow has no decoder, and as a film it would be read wrongly
    return Sniffed("av", "mp4")


def _by_sync(head: bytes) -> Sniffed | None:
    """Streams without a header of their own, known by sync bytes: mp3, raw AAC, MPEG-TS."""
    if head[:3] == b"ID3":
        return Sniffed("av", "mp3")
    if len(head) > 2 and head[0] == 0xFF:
        if head[1] & 0xF6 == 0xF0:
            return Sniffed("av", "aac")
        if head[1] & 0xE0 == 0xE0 and head[1] & 0x06 and head[2] & 0xF0 != 0xF0:
            return Sniffed("av", "mp3")
    for start, step in ((0, 188), (4, 192)):
        syncs = range(start, len(head), step)
        if len(syncs) >= 3 and all(head[at] == 0x47 for at in syncs):
            return Sniffed("av", "mpegts")
    return None


def sniff(path: str | os.PathLike[str]) -> Sniffed:
    """The format of the file at `path`.

    JobFailed: bad_input when it is missing, empty, no plain file or unreadable; unsupported when it is not known.
    """
    try:
        # A named pipe would block for ever: look before opening.
        if not os.path.isfile(path):
            raise JobFailed(ErrorClass.BAD_INPUT, no_file(path), input=path_to_key(path))
        with open(path, "rb", buffering=HEAD_BYTES) as file:
            head = file.read(HEAD_BYTES)
            if head[:3] == b"ID3":
                return _behind_id3(file, head)
    except OSError as error:
        key = path_to_key(path)
        raise JobFailed(ErrorClass.BAD_INPUT, f"cannot read {clean(key)}: {error.strerror}", input=key) from error
    if head and (found := sniff_bytes(head)):
        return found
    key, name = path_to_key(path), clean(os.path.basename(os.fspath(path)))
    if not head:
        raise JobFailed(ErrorClass.BAD_INPUT, f"{name} is empty", input=key)
    raise JobFailed(
        ErrorClass.UNSUPPORTED, f"{name} is no film, sound or picture that Spool knows (by its content)", input=key
    )


def picture_format(path: str | os.PathLike[str]) -> str:
    """The format of the picture at `path`. JobFailed as `sniff`, and unsupported when it is none."""
    found = sniff(path)
    if found.kind != "image":
        name = clean(os.path.basename(os.fspath(path)))
        raise JobFailed(ErrorClass.UNSUPPORTED, f"{name} is no picture", input=path_to_key(path))
    return found.format


def no_file(path: str | os.PathLike[str]) -> str:
    """Why what has this name cannot be read as a file, as a sentence: gone, a folder, a link to nothing …"""
    name = clean(path_to_key(path))
    try:
        if os.path.isdir(path):
            with os.scandir(path):
                return f"{name} is a folder"
        os.stat(path)
    except OSError as error:
        if error.errno == errno.ELOOP:
            return f"{name} is a link to itself"
        if error.errno in (errno.ENOENT, errno.ENOTDIR):
            return f"{name} is a link to nothing" if os.path.islink(path) else f"{name} does not exist"
        return f"cannot read {'folder ' if os.path.isdir(path) else ''}{name}: {error.strerror}"
    return f"{name} is no plain file"


def _behind_id3(file: BinaryIO, head: bytes) -> Sniffed:
    """An ID3 tag may stand before FLAC or raw AAC as well; its length is four times seven bits."""
    length = 10 + sum((byte & 0x7F) << shift for byte, shift in zip(head[6:10], (21, 14, 7, 0), strict=False))
    file.seek(length)
    found = sniff_bytes(file.read(HEAD_BYTES))
    return found if found is not None and found.format in ("flac", "aac") else Sniffed("av", "mp3")


def is_media_name(path: str | os.PathLike[str]) -> Kind | None:
    """What a name promises by its extension, for walking folders: "av", "image" or None. The content decides later."""
    extension = _extension(path)
    if extension in IMAGE_EXTENSIONS:
        return "image"
    return "av" if extension in AV_EXTENSIONS else None


def is_film_name(path: str | os.PathLike[str]) -> bool:
    """Whether a name promises a film."""
    return _extension(path) in VIDEO_EXTENSIONS


def is_seen_name(path: str | os.PathLike[str]) -> bool:
    """Whether a name promises something to look at: a film or a picture."""
    extension = _extension(path)
    return extension in VIDEO_EXTENSIONS or extension in IMAGE_EXTENSIONS


def _extension(path: str | os.PathLike[str]) -> str:
    return os.path.splitext(path)[1].lower().lstrip(".")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


IMAGE_EXTENSIONS = _words("jpg jpeg jpe jfif png gif webp avif tif tiff bmp jp2 mpo")
VIDEO_EXTENSIONS = _words("mp4 m4v mov mkv webm avi flv wmv asf mpg mpeg ts m2ts mts 3gp 3g2 ogv mxf rm rmvb vob")
AUDIO_EXTENSIONS = _words("mp3 m4a m4b aac flac ogg oga opus wav aif aiff wma mka weba wv ape amr ac3 dts caf au")
AV_EXTENSIONS = VIDEO_EXTENSIONS | AUDIO_EXTENSIONS
