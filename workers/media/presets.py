"""The presets of transcoding as one table of data, and what each container can hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from workers.media.containers import muxer_options

_Encoder = tuple[str, Mapping[str, str | int]]  # the name in ffmpeg and its options


@dataclass(frozen=True, slots=True)
class Container:
    """A container by its muxer in libavformat, and which codecs it holds as they are."""

    muxer: str
    extension: str
    text_subtitles: str = ""  # the encoder for subtitles that are text; "" when it holds none
    subtitles: frozenset[str] = frozenset()  # codecs of subtitles that are copied
    covers: frozenset[str] = frozenset()  # codecs of attached pictures that are copied
    attachments: bool = False  # fonts and the like
    options: Mapping[str, str] = field(default_factory=dict)


_PICTURES = frozenset({"mjpeg", "png"})
_BITMAPS = frozenset({"hdmv_pgs_subtitle", "dvd_subtitle", "dvb_subtitle"})

MP4 = Container("mp4", "mp4", "mov_text", frozenset({"mov_text"}), _PICTURES, options=muxer_options("mp4", "mp4"))
MKV = Container(
    "matroska", "mkv", "subrip", frozenset({"subrip", "ass", "webvtt"}) | _BITMAPS, _PICTURES, attachments=True
)
WEBM = Container("webm", "webm", "webvtt", frozenset({"webvtt"}))
M4A = Container("mp4", "m4a", covers=_PICTURES, options=muxer_options("mp4", "m4a"))


@dataclass(frozen=True, slots=True)
class Video:
    """How the film is encoded, and which films are good as they are."""

    codec: str
    encoders: tuple[_Encoder, ...]  # the first one that ffmpeg has, with its options
    quality: int  # CRF: lower is better and larger
    fits: frozenset[str]  # codecs that need no encoding
    max_side: int = 0  # pixels of the shorter side; 0 is any
    pix_fmt: str = "yuv420p"  # "" keeps the input's
    fits_pix_fmts: frozenset[str] = frozenset({"yuv420p", "yuvj420p"})  # empty is any


@dataclass(frozen=True, slots=True)
class Audio:
    """How sound is encoded, and which is good as it is."""

    encoder: str
    kbit_per_channel: int  # 0 for lossless encoders
    fits: frozenset[str]  # codecs that are copied; empty means all but raw samples
    max_channels: int = 6


@dataclass(frozen=True, slots=True)
class Preset:
    """One kind of result that can be asked for."""

    name: str
    summary: str
    container: Container
    audio: Audio
    video: Video | None = None


_X264: _Encoder = ("libx264", {"preset": "medium", "profile": "high"})
_X264_MAIN: _Encoder = ("libx264", {"preset": "medium", "profile": "main", "level": "4.0"})
_X265: _Encoder = ("libx265", {"preset": "medium", "x265-params": "log-level=error"})
_AV1: tuple[_Encoder, ...] = ("libsvtav1", {"preset": 8}), ("libaom-av1", {"cpu-used": 6, "row-mt": 1, "b:v": 0})
_VP9: _Encoder = ("libvpx-vp9", {"b:v": 0, "row-mt": 1, "cpu-used": 4, "deadline": "good"})
_OPENH264: _Encoder = ("libopenh264", {"b:v": "3M"})

_MODERN_PIX = frozenset({"yuv420p", "yuvj420p", "yuv420p10le"})

PRESETS: Mapping[str, Preset] = {
    preset.name: preset
    for preset in (
        Preset(
            "web",
            "MP4 with H.264 and AAC, at most 1080p: plays in every browser",
            MP4,
            Audio("aac", 80, frozenset({"aac", "mp3"})),
            Video("h264", (_X264, _OPENH264), 23, frozenset({"h264"}), 1080),
        ),
        Preset(
            "mobile",
            "MP4 with H.264 and stereo AAC, at most 720p: for phones and old players",
            MP4,
            Audio("aac", 64, frozenset({"aac"}), max_channels=2),
            Video("h264", (_X264_MAIN, _OPENH264), 25, frozenset({"h264"}), 720),
        ),
        Preset(
            "archive",
            "Matroska with H.265 at high quality, all sound and subtitles as they are",
            MKV,
            Audio("flac", 0, frozenset(), max_channels=8),
            Video("hevc", (_X265,), 19, frozenset({"hevc", "av1", "vp9"}), pix_fmt="", fits_pix_fmts=frozenset()),
        ),
        Preset(
            "small",
            "Matroska with AV1 and Opus, at most 720p: as few bytes as look decent",
            MKV,
            Audio("libopus", 40, frozenset({"opus"})),
            Video("av1", _AV1, 38, frozenset({"av1"}), 720, fits_pix_fmts=_MODERN_PIX),
        ),
        Preset(
            "webm",
            "WebM with VP9 and Opus: free of patents",
            WEBM,
            Audio("libopus", 56, frozenset({"opus", "vorbis"})),
            Video("vp9", (_VP9,), 32, frozenset({"vp9", "vp8", "av1"}), 1080, fits_pix_fmts=_MODERN_PIX),
        ),
        Preset("audio", "The sound alone, M4A with AAC", M4A, Audio("aac", 96, frozenset({"aac"}))),
    )
}
