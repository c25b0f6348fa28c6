"""What to ask of yt-dlp, as plain data. Pure.

Its own names for files are never used (they come from metadata): it works under fixed names in a private folder.
It runs no program but ffmpeg, and that with a list of formats and protocols it may open.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

# What yt-dlp's ffmpeg may open: no playlist, no concat script, no address. A playlist named .mp4 is refused.
_FORMATS = "mov,mp4,matroska,webm,mpegts,mp3,aac,ogg,flac,wav,flv,avi,asf,mpeg,ac3,eac3,caf,srt,webvtt,ffmetadata"
_INPUT_GUARD = ("-protocol_whitelist", "file,pipe", "-format_whitelist", _FORMATS)
_TEMPLATE = "%(playlist_index|0)s-%(format_id|x).40B.%(ext)s"


@dataclass(frozen=True, slots=True)
class Order:
    """One download, as plain values."""

    url: str
    work_dir: Path
    ffmpeg: str
    quality: str = "best"  # "best", "audio", or a height such as "720p"
    container: str = "auto"  # "auto", "mp4" or "mkv"
    audio_codec: str = ""  # preferred codec of sound: "aac", "opus", …
    subtitles: tuple[str, ...] = ()  # languages
    metadata: bool = True  # write title, author and chapters into the file
    playlist: bool = False
    rate_limit: int = 0  # bytes a second; 0 is none
    proxy: str = ""
    cookies: str = ""  # path of a cookies.txt
    retries: int = 3  # of one connection


def format_of(order: Order) -> str:
    """The format expression: the best within the height, else the smallest there is. Pure."""
    if order.quality == "audio":
        return "ba/b"
    if order.quality == "best":
        return "bv*+ba/b"
    height = int(order.quality.removesuffix("p"))
    return f"bv*[height<=?{height}]+ba/b[height<=?{height}]/wv*+ba/w"


def options(order: Order, cookie_file: str = "") -> dict[str, Any]:
    """The options of YoutubeDL for an order: plain data, to which no site and no file of the user can add. Pure."""
    return {**_manners(), **_choice(order), **_transfer(order, cookie_file), **_finish(order)}


def _manners() -> dict[str, Any]:
    """What holds for every order: it is silent, trusts no file of the user, and leaves partial files as they are."""
    return {
        "quiet": True,
        "noprogress": True,
        "color": "never",
        "consoletitle": False,
        "continuedl": True,
        "updatetime": False,
        "cachedir": False,
        "usenetrc": False,
        "enable_file_urls": False,
        "allow_unplayable_formats": False,
        "external_downloader": {"default": "native"},
        "hls_prefer_native": True,
        "skip_unavailable_fragments": False,
        "fixup": "never",
    }


def _choice(order: Order) -> dict[str, Any]:
    """What is wanted of what a site offers, and the names of files."""
    chosen: dict[str, Any] = {
        "format": format_of(order),
        "paths": {"home": str(order.work_dir)},
        "outtmpl": {"default": _TEMPLATE},
        "noplaylist": not order.playlist,
        "ignoreerrors": "only_download" if order.playlist else False,
    }
    if order.playlist:
        chosen["download_archive"] = str(order.work_dir / "finished.txt")
    if order.container != "auto":
        chosen["merge_output_format"] = "mp4/mkv" if order.container == "mp4" else "mkv"
        chosen["format_sort"] = ["ext:mp4:m4a"] if order.container == "mp4" else []
    if order.audio_codec:
        chosen["format_sort"] = [f"acodec:{order.audio_codec}"]
    if order.subtitles:
        chosen["writesubtitles"] = True
        chosen["subtitleslangs"] = list(order.subtitles)
        chosen["subtitlesformat"] = "vtt/srt/ass/best"
    return chosen


def _transfer(order: Order, cookie_file: str) -> dict[str, Any]:
    """How the bytes are fetched."""
    chosen: dict[str, Any] = {
        # Blocks of one size: a cut loses one of them at most (they would grow to 4 MB), and figures come evenly.
        "buffersize": 1 << 16,
        "noresizebuffer": True,
        "socket_timeout": 30,
        "retries": order.retries,
        "fragment_retries": order.retries,
        "extractor_retries": min(order.retries, 3),
        "file_access_retries": 1,
    }
    if order.rate_limit:
        chosen["ratelimit"] = order.rate_limit
    if order.proxy:
        chosen["proxy"] = order.proxy
    if cookie_file:
        chosen["cookiefile"] = cookie_file
    return chosen


def _finish(order: Order) -> dict[str, Any]:
    """What ffmpeg does with what came, and may open for it."""
    metadata = {"key": "FFmpegMetadata", "add_metadata": True, "add_chapters": True, "add_infojson": False}
    return {
        "ffmpeg_location": order.ffmpeg,
        "postprocessor_args": {"ffmpeg_i": list(_INPUT_GUARD)},
        "postprocessors": [metadata] if order.metadata else [],
    }
