"""PyAV: opening films and sound files, and what is in them.

Everything is opened with the format that its first bytes tell (`sniff`), never by libavformat's free choice, and
only from the local file itself. Errors of PyAV become JobFailed.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from workers.errors import ErrorClass, JobFailed, disk_refusal
from workers.media.names import path_to_key
from workers.media.sniff import sniff
from workers.media.turns import mirrored, orientation_of, rotation_of
from workers.text import clean

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.stream import Stream

# No decoder on the list means that find_stream_info cannot decode frames, which is 90 % of the cost of an open.
_FAST = {"codec_whitelist": "none", "probesize": "5000", "analyzeduration": "0", "fpsprobesize": "0"}
_ATTACHED_PIC = 0x400
_LOCAL = {"protocol_whitelist": "file"}

_WITH_ALPHA = ("yuva", "gbrap", "ya8", "ya16", "yaf", "rgba", "bgra", "argb", "abgr", "ayuv", "vuya", "uyva")
_DEEP = re.compile("(?:9|10|12|14|16|20|30|32|36|48|64|96|128)(?:le|be)$")  # names of pixel formats: p010le, rgb48be
_LOSSLESS = frozenset({"flac", "alac", "wavpack", "ape", "tta", "truehd", "mlp"})

StreamKind = Literal["video", "audio", "subtitle", "data", "attachment", "unknown"]


@dataclass(frozen=True, slots=True)
class StreamFacts:
    """One stream of a file. Unknown numbers are 0, unknown words empty; `duration_s` None when the stream has none."""

    index: int
    kind: StreamKind
    codec: str
    language: str = ""
    title: str = ""
    cover: bool = False  # a still picture attached to the file, not a film
    duration_s: float | None = None
    width: int = 0  # pixels as coded, before rotation
    height: int = 0
    pix_fmt: str = ""
    fps: float = 0.0
    pixel_aspect: float = 1.0  # width of a pixel divided by its height
    transfer: int = 0  # ITU-T H.273 code of the transfer function: 16 is PQ, 18 is HLG
    sample_rate: int = 0  # Hz
    channels: int = 0
    alpha: bool = False  # whether pixels may be transparent
    deep: bool = False  # pixels of more than 8 bits a colour; sound without loss of more than 16 bits a sample
    frames: int = 0  # as the container tells; 0 where it does not

    @property
    def hdr(self) -> bool:
        """Whether the picture is in high dynamic range."""
        return self.transfer in (16, 18)


@dataclass(frozen=True, slots=True)
class Facts:
    """What a file holds. Sizes in bytes, durations in seconds, `rotation` in degrees counter-clockwise."""

    path: Path
    format: str  # the demuxer
    size: int
    duration_s: float | None
    bit_rate: int
    streams: tuple[StreamFacts, ...]
    rotation: int = 0  # 0, 90, 180 or 270
    mirrored: bool = False  # left and right are exchanged, after the rotation
    tags: Mapping[str, str] = field(default_factory=dict)
    chapters: int = 0
    duration_guessed: bool = False  # the duration is only estimated from a bit rate: see lasting

    def of_kind(self, kind: StreamKind) -> tuple[StreamFacts, ...]:
        """The streams of one kind, attached covers left out."""
        return tuple(s for s in self.streams if s.kind == kind and not s.cover)

    @property
    def video(self) -> StreamFacts | None:
        """The film itself: the first video stream that is no cover."""
        return next(iter(self.of_kind("video")), None)


@contextlib.contextmanager
def translated(path: str | os.PathLike[str]) -> Iterator[None]:
    """Turn what PyAV raises about the file at `path` into JobFailed, and keep libav from writing to stderr."""
    import av

    av.logging.set_level(None)
    try:
        yield
    except (av.error.FFmpegError, UnicodeDecodeError, ValueError, IndexError, MemoryError) as error:
        raise _failure(error, path) from error


def _failure(error: Exception, path: str | os.PathLike[str]) -> JobFailed:
    import av

    key, name = path_to_key(path), clean(os.path.basename(os.fspath(path)))
    reason = getattr(error, "strerror", None) or str(error)  # of libav, str() has a raw number and the path too
    if isinstance(error, av.error.MemoryError):
        # libav's word for sizes that mostly a damaged header claims: trying again can only meet the same.
        message = f"{name} asks for more memory than the job may have: it is damaged, or needs a larger --memory-mib"
        return JobFailed(ErrorClass.BAD_INPUT, message, input=key)
    if isinstance(error, MemoryError):
        return JobFailed(ErrorClass.CRASHED, f"out of memory while reading {name}", input=key)
    if isinstance(error, (av.error.DecoderNotFoundError, av.error.PatchWelcomeError, av.error.DemuxerNotFoundError)):
        return JobFailed(ErrorClass.UNSUPPORTED, f"{name}: {clean(reason or 'unsupported')}", input=key)
    # Not EIO: demuxers say that of damaged files too, and one such file must not end the work on all others.
    if (refused := disk_refusal(error)) and getattr(error, "errno", None) != errno.EIO:
        return JobFailed(refused[0], f"{name}: {clean(refused[1])}", input=key)
    return JobFailed(ErrorClass.BAD_INPUT, f"{name} is damaged or no media: {clean(reason)}", input=key)


# Demuxers of formats without a header that tells the duration; libavformat may work it out from a bit rate.
_BARE = frozenset({"aac", "mp3", "ac3", "dts", "mpegts", "mpeg", "mpegvideo", "amr"})
_ESTIMATES = "Estimating duration from bitrate"


def open_input(path: str | os.PathLike[str], *, fast: bool = False, format: str = "") -> InputContainer:
    """Open a local file for reading with the format of its magic bytes, or `format` when that was sniffed before.

    With `fast`, only the container's own headers are read (0.3 ms instead of 5), and the open is repeated with
    default probing when a field is missing that every user of it needs. JobFailed bad_input or unsupported.
    """
    return open_told(path, fast=fast, format=format)[0]


def open_told(path: str | os.PathLike[str], *, fast: bool = False, format: str = "") -> tuple[InputContainer, bool]:
    """As `open_input`, and whether the duration is only estimated from a bit rate, which may be far off."""
    if not format:
        found = sniff(path)
        if found.kind != "av":
            name = clean(os.path.basename(os.fspath(path)))
            raise JobFailed(ErrorClass.UNSUPPORTED, f"{name} is a picture, not a film", input=path_to_key(path))
        format = found.format
    name = f"file:{os.path.abspath(path)}"
    with translated(path):
        if fast:
            opened = _open(name, format, {**_LOCAL, **_FAST})
            if not _lacks_fields(opened[0]):
                return opened
            opened[0].close()
        return _open(name, format, _LOCAL)


def _open(name: str, format: str, options: Mapping[str, str]) -> tuple[InputContainer, bool]:
    import av

    def opened() -> InputContainer:
        return av.open(name, "r", format=format, metadata_errors="replace", container_options=dict(options))

    if format not in _BARE:
        return opened(), False
    repeats = av.logging.get_skip_repeated()
    with av.logging.Capture(True) as lines:  # nothing but a line of its log tells
        av.logging.set_level(av.logging.WARNING)
        av.logging.set_skip_repeated(False)  # the file before may have had the same line
        try:
            container = opened()
        finally:
            av.logging.set_skip_repeated(repeats)
            av.logging.set_level(None)
    return container, any(_ESTIMATES in text for _, _, text in lines)


def _lacks_fields(container: InputContainer) -> bool:
    if container.duration is None:
        return True
    for stream in container.streams:
        context: Any = stream.codec_context
        if stream.type == "video" and not is_cover(stream) and not (context and context.width and context.height):
            return True
        if stream.type == "audio" and not (context and context.sample_rate):
            return True
    return False


def is_cover(stream: Stream) -> bool:
    """Whether the stream is a still picture attached to the file."""
    return bool(stream.disposition.value & _ATTACHED_PIC)  # of the numbers: the flags themselves are slow


def facts(path: str | os.PathLike[str], *, fast: bool = False) -> Facts:
    """What the file at `path` holds. With `fast`, pixel formats and the rotation stay unknown."""
    opened, guessed = open_told(path, fast=fast)
    with opened as container, translated(path):
        if not container.streams:
            raise JobFailed(
                ErrorClass.BAD_INPUT, f"{clean(os.path.basename(path))} holds no streams", input=path_to_key(path)
            )
        orientation = 1 if fast else _orientation(container)
        return Facts(
            path=Path(path),
            format=container.format.name,
            size=container.size,
            duration_s=container.duration / 1_000_000 if container.duration else None,
            bit_rate=container.bit_rate or 0,
            streams=tuple(_stream_facts(stream) for stream in container.streams),
            rotation=rotation_of(orientation),
            mirrored=mirrored(orientation),
            tags={clean(k).lower(): clean(v) for k, v in container.metadata.items()},
            chapters=len(container.chapters()),
            duration_guessed=guessed,
        )


def _stream_facts(stream: Stream) -> StreamFacts:
    context: Any = stream.codec_context
    kind: StreamKind = stream.type
    duration = float(stream.duration * stream.time_base) if stream.duration and stream.time_base else _tagged(stream)
    language = clean(stream.metadata.get("language", ""))
    common: dict[str, Any] = {
        "index": stream.index,
        "kind": kind,
        "codec": codec_name(stream),
        "language": "" if language == "und" else language,
        "title": clean(stream.metadata.get("title", "")),
        "cover": kind == "video" and is_cover(stream),
        "duration_s": duration,
        "frames": stream.frames,
    }
    if kind == "video" and context is not None:
        common |= {
            "width": context.width,
            "height": context.height,
            "pix_fmt": context.pix_fmt or "",
            "fps": float(stream.average_rate or 0),
            "pixel_aspect": float(getattr(stream, "sample_aspect_ratio", None) or 1) or 1.0,
            "transfer": int(context.color_trc or 0),
            "deep": _DEEP.search(context.pix_fmt or "") is not None,
            # VP8 and VP9 have their transparency beside the picture, which only a tag tells, of either spelling.
            "alpha": (context.pix_fmt or "").startswith(_WITH_ALPHA)
            or "1" in (stream.metadata.get("alpha_mode"), stream.metadata.get("ALPHA_MODE")),
        }
    if kind == "audio" and context is not None:
        common |= {"sample_rate": context.sample_rate or 0, "channels": context.channels}
        common["deep"] = is_deep(common["codec"], context)
    return StreamFacts(**common)


def is_deep(codec: str, context: Any) -> bool:
    """Whether sound of that codec is kept without loss in more than 16 bits a sample; a fast open may not know."""
    lossless = codec in _LOSSLESS or codec.startswith("pcm_")
    sample = context.format.name if context is not None and context.format is not None else ""
    return lossless and sample.rstrip("p") in ("s32", "s64", "flt", "dbl")


def codec_name(stream: Stream) -> str:
    """The canonical name of the stream's codec ("av1", not "libdav1d"), or "" when it is unknown."""
    # `codec_context.name` is the name of a decoder (libdav1d); the codec itself has the canonical name.
    context: Any = stream.codec_context
    if context is None:
        return ""
    with contextlib.suppress(Exception):
        return str(context.codec.canonical_name)
    return str(context.name or "")


def _tagged(stream: Stream) -> float | None:
    """Matroska keeps the duration of a stream in a tag: 00:01:02.500000000."""
    parts = stream.metadata.get("DURATION", "").split(":")
    try:
        return int(parts[0]) * 3600 + int(parts[1]) * 60 + float(parts[2])
    except (ValueError, IndexError):
        return None


def _orientation(container: InputContainer) -> int:
    """The orientation that the file asks for, which PyAV tells only on a decoded frame."""
    stream = next((s for s in container.streams.video if not is_cover(s)), None)
    if stream is None:
        return 1
    import av

    with contextlib.suppress(av.error.FFmpegError, StopIteration, ValueError):
        return orientation_of(next(container.decode(stream)))
    return 1
