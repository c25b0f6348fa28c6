"""PyAV: every packet of a film or sound file, and on request every frame, looked at for damage.

One thread decodes: its errors come in order, and log lines of libav's own threads could not be told apart.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workers.errors import ErrorClass, JobFailed
from workers.media.av import codec_name, is_cover, translated
from workers.media.containers import RUNNING, TELLING
from workers.media.findings import Examined, Finding, reason_of
from workers.media.samples import tells_all, walk_samples
from workers.text import clean

if TYPE_CHECKING:
    from av.container import InputContainer

_LOCAL = {"protocol_whitelist": "file", "ignore_editlist": "1"}  # what an edit list hides must be whole as well
# Looking for the parameters of codecs decodes the first frames; most containers tell enough without that.
_FAST = {"codec_whitelist": "none", "probesize": "5000", "analyzeduration": "0", "fpsprobesize": "0"}
_RUNNING_FAST = {**_FAST, "probesize": "50000"}  # the table of a transport stream's streams comes a little later
# The deblocking filter changes how a picture looks and not whether its bits can be read: a fifth of the time saved.
_DECODER = {"err_detect": "crccheck", "skip_loop_filter": "all"}
_TELLS = TELLING | {"mp3"}  # by its Xing header
_NOISE = re.compile(
    "whitelist|Could not find codec parameters|Consider increasing|Failed to open codec|not enough frames to estimate"
    "|non.monotonic|Non-increasing DTS|Application provided invalid"
)
_GUESSED = "Estimating duration from bitrate"
_PULSE_PACKETS = 500
_KEPT_LINES = 1000
_COUNTED = frozenset({"h264", "hevc", "vp9", "av1", "mpeg4", "mpeg2video", "mpeg1video", "prores", "mjpeg"})

Pulse = Callable[[float], None]  # told the share of the file that was read, 0 to 1


@dataclass(slots=True)
class _Seen:
    """What came of one stream. Times are counted in ticks of the stream: this is done for every packet."""

    index: int
    tick_s: float
    frame_ticks: int  # how long a packet lasts that does not tell
    kind: str
    codec: str
    told_packets: int  # by the container; 0 when it does not tell
    decodes: bool
    packets: int = 0
    corrupt: int = 0
    frames: int = 0
    damaged: int = 0
    undecodable: int = 0
    first: float = inf
    end: int = 0
    lasts: int = 0
    frame_end_s: float = 0.0

    @property
    def from_start(self) -> bool:
        """A file begins at 0 and its first packet may come later; a stream cut out of a running one begins anywhere."""
        return self.first * self.tick_s < 1

    @property
    def covered_s(self) -> float:
        """Seconds that its packets cover, by their times or by their durations."""
        first = 0 if self.from_start or self.first == inf else self.first
        return max(self.end - first, self.lasts) * self.tick_s


@dataclass(slots=True)
class _Walk:
    """A walk through one file."""

    path: Path
    format: str
    full: bool
    pulse: Pulse
    size: int
    streams: dict[int, _Seen] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    duration_s: float = 0.0
    last_index_byte: int = 0
    undecoded: list[str] = field(default_factory=list)

    def add(self, name: str, text: str, **measure: int | float | str) -> None:
        self.findings.append(Finding(name, text, measure))


def walk_packets(path: Path, format: str, *, full: bool, pulse: Pulse = lambda share: None) -> Examined:
    """Walk every packet of the file at `path`, whose demuxer is `format`; with `full` decode every stream as well.

    JobFailed: unsupported (no demuxer), disk (it cannot be read). Damage is not raised: it is in the findings.
    """
    import av

    walk = _Walk(path, format, full, pulse, os.path.getsize(path))
    lines: list[tuple[int, str, str]] = []
    with av.logging.Capture(True) as captured:
        try:
            with translated(path):
                av.logging.set_level(av.logging.WARNING)  # a guessed duration is told as a warning
                _walk(walk, captured, lines)
        except JobFailed as error:
            if error.failure.error_class is not ErrorClass.BAD_INPUT:
                raise
            walk.add("unreadable", reason_of(error.failure.message, clean(path.name)))
        finally:
            av.logging.set_level(None)
        lines += captured
    _judge(walk, lines)
    return Examined(format, tuple(walk.findings), _checked(walk))


def _walk(walk: _Walk, captured: list[tuple[int, str, str]], opening: list[tuple[int, str, str]]) -> None:
    import av

    with _opened(walk, _fast_options(walk), captured) as container:
        guessed = any(_GUESSED in line for _, _, line in captured)
        # Looking for the parameters of codecs decodes the first frames: its lines would be told twice.
        opening += [line for line in captured if line[1] == container.format.name]
        captured.clear()
        av.logging.set_level(av.logging.ERROR)
        _begin(walk, container, guessed)
        if walk.format == "mp4" and not walk.full and tells_all(container):
            _take_index(walk, container)
            return
        packets: Any = container.demux()
        for number, packet in enumerate(packets):
            if number % _PULSE_PACKETS == 0:
                walk.pulse(min((packet.pos or 0) / walk.size, 1.0))
                del captured[_KEPT_LINES:]
            _look(walk, packet, captured)


def _fast_options(walk: _Walk) -> dict[str, str]:
    """The options of a fast open, where the container tells enough for it; else none."""
    if walk.format in _TELLS:
        return _FAST
    return _RUNNING_FAST if not walk.full and walk.format in ("mpegts", "ogg") else {}


def _opened(walk: _Walk, fast: dict[str, str], captured: list[tuple[int, str, str]]) -> InputContainer:
    """The file opened with the options `fast`, and without them when a stream stays unknown so."""
    import av

    name = f"file:{os.path.abspath(walk.path)}"
    options = {**_LOCAL, **fast}
    container = av.open(name, "r", format=walk.format, metadata_errors="replace", container_options=options)
    played: list[Any] = [stream for stream in container.streams if stream.type in ("video", "audio")]
    if not fast or (played and all(stream.codec_context is not None for stream in played)):
        return container
    container.close()
    captured.clear()
    return _opened(walk, {}, captured)


def _take_index(walk: _Walk, container: InputContainer) -> None:
    """Let the index speak for the packets."""
    for index, samples in walk_samples(walk.path, container, walk.pulse).items():
        seen = walk.streams[index]
        seen.packets, seen.corrupt = samples.inside, samples.torn
        seen.first, seen.end = samples.first, samples.end
        seen.lasts = samples.end - samples.first
        walk.last_index_byte = max(walk.last_index_byte, samples.last_byte)
        if not samples.configured:
            walk.add("broken_configuration", f"what the decoder of stream {index} is told is torn")


def _begin(walk: _Walk, container: InputContainer, guessed: bool) -> None:
    if not container.streams:
        walk.add("no_streams", "it holds no streams")
    for stream in container.streams:
        context: Any = stream.codec_context
        tick_s = float(stream.time_base or 0)
        rate = float(getattr(stream, "average_rate", None) or 0)
        frame_ticks = round(1 / rate / tick_s) if rate and tick_s else 0
        told = stream.frames if walk.format == "mp4" else 0
        decodes = walk.full and stream.type in ("video", "audio") and context is not None
        seen = _Seen(stream.index, tick_s, frame_ticks, stream.type, codec_name(stream), told, decodes)
        if is_cover(stream):
            seen.kind, seen.told_packets = "cover", 0
        elif stream.type in ("video", "audio") and context is None:
            walk.undecoded.append(f"stream {stream.index}")
        if decodes:
            context.thread_count = 1
            context.options = dict(_DECODER)
        walk.streams[stream.index] = seen
        entries = stream.index_entries
        if len(entries):
            last = entries[-1]
            walk.last_index_byte = max(walk.last_index_byte, last.pos + (last.size if walk.format == "mp4" else 0))
    if walk.format in _TELLS and not guessed:
        walk.duration_s = _told_s(walk, container)


def _told_s(walk: _Walk, container: InputContainer) -> float:
    """The duration that the header tells. MP4: of the media itself, which edits may show later or in part."""
    if walk.format == "mp4":
        longest = [
            float(s.duration * s.time_base) for s in container.streams if s.frames and s.duration and s.time_base
        ]
        if longest:
            return max(longest)
    return (container.duration or 0) / 1_000_000


def _look(walk: _Walk, packet: Any, captured: list[tuple[int, str, str]]) -> None:
    seen = walk.streams.get(packet.stream_index)
    if seen is None:
        return
    if packet.size:
        seen.packets += 1
        if packet.is_corrupt:
            seen.corrupt += 1
        lasts = packet.duration or seen.frame_ticks
        seen.lasts += lasts
        at = packet.pts
        if at is None:
            at = packet.dts
        if at is not None:
            if at < seen.first:
                seen.first = at
            if at + lasts > seen.end:
                seen.end = at + lasts
    if seen.decodes:
        _decode(walk, seen, packet, captured)


def _decode(walk: _Walk, seen: _Seen, packet: Any, captured: list[tuple[int, str, str]]) -> None:
    import av

    try:
        frames = packet.decode()
    except av.error.EOFError:
        return
    except av.error.FFmpegError as error:
        if isinstance(error, MemoryError):
            raise
        missing = isinstance(error, (av.error.DecoderNotFoundError, av.error.PatchWelcomeError))
        if missing and not seen.frames and not seen.undecodable:  # later it is damage that looks like a new feature
            walk.undecoded.append(f"stream {seen.index} ({seen.codec})")
            seen.decodes = False
        else:
            seen.undecodable += 1
        return
    if frames and not seen.frames and walk.format in RUNNING:
        captured.clear()
        seen.undecodable = 0
        frames = frames[:1]
        seen.frames = 1
        return
    for frame in frames:
        seen.frames += 1
        seen.damaged += frame.is_corrupt
        at = frame.time
        if at is not None:
            seen.frame_end_s = max(seen.frame_end_s, at + _lasts_s(seen, frame))


def _lasts_s(seen: _Seen, frame: Any) -> float:
    if seen.kind == "audio":
        return frame.samples / frame.sample_rate if frame.sample_rate else 0.0
    return float(frame.duration or 0) * seen.tick_s  # a fraction for each frame would take longer than its packet


def _judge(walk: _Walk, lines: list[tuple[int, str, str]]) -> None:
    """Add what the figures of the whole walk say."""
    import av

    if walk.last_index_byte > walk.size:
        walk.add("index_beyond", "the index points past the end", size=walk.size, wanted=walk.last_index_byte)
    for seen in walk.streams.values():
        _judge_stream(walk, seen)
    played = [seen for seen in walk.streams.values() if seen.kind in ("video", "audio")]
    have = max((seen.covered_s for seen in played), default=0.0)
    if played and _early(have, walk.duration_s):
        walk.add("ends_early", "the media end early", have_s=round(have, 2), wanted_s=round(walk.duration_s, 2))
    shown = max((seen.frame_end_s for seen in played if seen.from_start), default=0.0)
    if walk.full and shown and not _early(have, walk.duration_s) and _early(shown, walk.duration_s):
        walk.add("frames_end_early", "what decodes ends early", have_s=round(shown, 2), wanted_s=round(have, 2))
    errors = [text for level, _, text in lines if level <= av.logging.ERROR and not _NOISE.search(text)]
    if errors:
        said = clean(errors[0]).strip().rstrip(".")
        walk.add("errors", f"the reader complains: {said}", lines=len(errors))


def _early(have_s: float, wanted_s: float) -> bool:
    return have_s < 0.97 * wanted_s - 0.2


def _judge_stream(walk: _Walk, seen: _Seen) -> None:
    what = f"stream {seen.index} ({seen.kind}, {seen.codec or 'unknown'})"
    if seen.corrupt:
        walk.add("corrupt_packets", f"packets of {what} are torn", count=seen.corrupt, of=seen.packets)
    if seen.packets < seen.told_packets:
        walk.add("packets_missing", f"{what} lacks packets", have=seen.packets, wanted=seen.told_packets)
    if not seen.decodes:
        return
    if seen.undecodable:
        walk.add("undecodable", f"packets of {what} cannot be decoded", count=seen.undecodable, of=seen.packets)
    if seen.damaged:
        walk.add("damaged_frames", f"frames of {what} are damaged", count=seen.damaged, of=seen.frames)
    if not seen.frames:
        walk.add("nothing_decoded", f"nothing of {what} can be decoded", packets=seen.packets)
    elif _countable(walk, seen) and seen.frames < 0.97 * seen.packets - 5:
        walk.add("frames_missing", f"{what} gives too few frames", have=seen.frames, wanted=seen.packets)


def _countable(walk: _Walk, seen: _Seen) -> bool:
    """Whether a packet is a frame: not where fields come apart, nor with the hidden frames of VP8."""
    return walk.format in ("mp4", "matroska") and seen.kind == "video" and seen.codec in _COUNTED


def _checked(walk: _Walk) -> dict[str, int | float | str]:
    streams = walk.streams.values()
    checked: dict[str, int | float | str] = {
        "streams": len(walk.streams),
        "packets": sum(seen.packets for seen in streams),
        "duration_s": round(max((seen.covered_s for seen in streams), default=0.0), 3),
    }
    if walk.full:
        checked["frames"] = sum(seen.frames for seen in streams)
    if walk.undecoded:
        checked["not_decoded"] = ", ".join(walk.undecoded)
    return checked
