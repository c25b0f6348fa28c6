"""How good a film is, by measured facts alone: two passes, one over all packets and the sound, one over pictures."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from workers.errors import ErrorClass, JobFailed
from workers.media.av import codec_name, is_cover, open_input, translated
from workers.media.names import path_to_key
from workers.media.quality_picture import Eyes
from workers.media.quality_score import Measured, issues, parts, total
from workers.media.quality_sound import Ears, Heard
from workers.media.quality_timing import Timing, timing
from workers.text import clean

Depth = Literal["sample", "whole"]
Pulse = Callable[[float, str], None]  # told the share of all work that is done, 0 to 1, and what is going on

STRETCHES = 10
STRETCH_S = 3.0
_STRETCH_FRAMES = 200
_PULSE_PACKETS = 200
_SOUND_SHARE = 0.3
_MOST_TIMES = 2_000_000
_LISTED = 50


@dataclass(slots=True)
class _Film:
    """What the packets of a film tell."""

    path: Path
    format: str
    width: int = 0
    height: int = 0
    codec: str = ""
    pix_fmt: str = ""
    sound_codec: str = ""
    field_order: int = 0
    duration_s: float = 0.0
    video_bytes: int = 0
    video_packets: int = 0
    starts_s: float | None = None
    timing: Timing | None = None
    heard: Heard | None = None
    sound_errors: int = 0
    picture_errors: int = 0
    why: dict[str, str] = field(default_factory=dict)


def measure(path: Path, format: str, *, depth: Depth, pulse: Pulse = lambda share, phase: None) -> dict[str, Any]:
    """The report on the film at `path`, whose demuxer is `format`, as JSON.

    The sound and the times of all packets are measured in whole; pictures in stretches spread over the film, or with
    the depth "whole" all of them. JobFailed: unsupported (no picture), bad_input (nothing can be decoded).
    """
    film = _Film(path, format)
    _first_pass(film, pulse)
    eyes = _second_pass(film, depth, pulse)
    if not eyes.frames:
        message = f"{clean(path.name)} is damaged: no picture of it can be decoded"
        raise JobFailed(ErrorClass.BAD_INPUT, message, input=path_to_key(path))
    return _report(film, eyes, depth)


def _first_pass(film: _Film, pulse: Pulse) -> None:
    """Walk all packets of the picture, and decode all of the sound."""
    with open_input(film.path, format=film.format) as container, translated(film.path):
        video = _video(container, film)
        audio = container.streams.best("audio")
        _describe(film, container, video, audio)
        ears, times = Ears(), list[int]()
        wanted = [stream for stream in (video, audio) if stream is not None]
        size = max(container.size, 1)
        for number, packet in enumerate(_packets(container, wanted, film)):
            if number % _PULSE_PACKETS == 0:
                pulse(_SOUND_SHARE * min((packet.pos or 0) / size, 1.0), "listening")
            if packet.stream_index == video.index:
                film.video_bytes += packet.size
                film.video_packets += bool(packet.size)
                if packet.pts is not None and len(times) < _MOST_TIMES:
                    times.append(packet.pts)
            else:
                _listen(film, ears, packet)
        tick_s = float(video.time_base or 0)
        film.timing = timing(times, tick_s)
        film.starts_s = min(times) * tick_s if times else None
        _finish_sound(film, ears, audio is not None)
        if not film.duration_s and film.timing is not None:
            film.duration_s = film.timing.frames / film.timing.mean_fps


def _video(container: Any, film: _Film) -> Any:
    video = next((stream for stream in container.streams.video if not is_cover(stream)), None)
    if video is None or video.codec_context is None:
        name = clean(os.path.basename(film.path))
        raise JobFailed(ErrorClass.UNSUPPORTED, f"{name} has no picture to judge", input=path_to_key(film.path))
    return video


def _describe(film: _Film, container: Any, video: Any, audio: Any) -> None:
    context = video.codec_context
    film.width, film.height, film.codec = context.width, context.height, codec_name(video)
    film.pix_fmt, film.field_order = context.pix_fmt or "", int(context.field_order or 0)
    film.sound_codec = codec_name(audio) if audio is not None else ""
    own = float(video.duration * video.time_base) if video.duration and video.time_base else 0.0
    film.duration_s = own or (container.duration or 0) / 1_000_000


def _packets(container: Any, wanted: list[Any], film: _Film) -> Any:
    """All packets that can be read; a torn end is counted as damage."""
    import av

    try:
        yield from container.demux(wanted)
    except (av.error.FFmpegError, UnicodeDecodeError) as error:
        if isinstance(error, MemoryError):
            raise
        film.picture_errors += 1


def _listen(film: _Film, ears: Ears, packet: Any) -> None:
    import av

    if "sound" in film.why:
        return
    try:
        frames = packet.decode()
    except av.error.EOFError:
        return
    except av.error.FFmpegError as error:
        if isinstance(error, MemoryError):
            raise
        film.sound_errors += 1
        return
    try:
        for frame in frames:
            ears.take(frame)
    except (av.error.FFmpegError, ValueError) as error:
        film.why["sound"] = f"its sound cannot be measured: {clean(str(error))[:200]}"


def _finish_sound(film: _Film, ears: Ears, has_sound: bool) -> None:
    film.heard = ears.heard() if "sound" not in film.why else None
    if film.heard is None:
        film.why.setdefault("sound", "nothing of its sound can be decoded" if has_sound else "it has no sound")


def _second_pass(film: _Film, depth: Depth, pulse: Pulse) -> Eyes:
    """Decode pictures: all, or stretches of some seconds from key frames on, spread over the film."""
    eyes = Eyes()
    with open_input(film.path, format=film.format) as container, translated(film.path):
        video = _video(container, film)
        video.codec_context.thread_count = 1
        if depth == "whole" or film.duration_s <= STRETCHES * STRETCH_S:
            _decode(film, container, video, eyes, None, lambda done: pulse(_share_of(done, film), "looking"))
            eyes.rest()
            return eyes
        begin = container.start_time or 0
        seen_s = float("-inf")
        for number in range(STRETCHES):
            pulse(_SOUND_SHARE + (1 - _SOUND_SHARE) * number / STRETCHES, "looking")
            at = begin + int((number + 0.5) / STRETCHES * film.duration_s * 1_000_000)
            seen_s = max(seen_s, _stretch(film, container, video, eyes, at, seen_s, pulse))
            eyes.rest()
    return eyes


def _stretch(film: _Film, container: Any, video: Any, eyes: Eyes, at_us: int, seen_s: float, pulse: Pulse) -> float:
    """Look at one stretch that is not behind `seen_s`; where it ended."""
    import av

    try:
        container.seek(at_us, backward=True)
    except av.error.FFmpegError:
        film.picture_errors += 1
        return seen_s
    return _decode(film, container, video, eyes, seen_s, lambda done: None)


def _decode(
    film: _Film, container: Any, video: Any, eyes: Eyes, after_s: float | None, tell: Callable[[float], None]
) -> float:
    """Give frames to `eyes`: all, or with `after_s` those of one stretch, unless it was seen; the last one's time."""
    import av

    first = last = None
    taken = 0
    for number, packet in enumerate(_packets(container, [video], film)):
        try:
            frames = packet.decode()
        except av.error.EOFError:
            break
        except av.error.FFmpegError as error:
            if isinstance(error, MemoryError):
                raise
            film.picture_errors += 1
            frames = []
        if number % 25 == 0:
            tell(last or 0.0)
        for frame in frames:
            if frame.time is None:
                continue
            if after_s is not None and frame.time <= after_s and first is None:
                return after_s
            first = frame.time if first is None else first
            last = max(frame.time, last if last is not None else frame.time)
            eyes.take(frame)
            taken += 1
        if after_s is None or first is None or last is None:
            continue
        if last - first >= STRETCH_S or taken >= _STRETCH_FRAMES:
            break
    return last if last is not None else after_s or 0.0


def _share_of(done_s: float, film: _Film) -> float:
    share = done_s / film.duration_s if film.duration_s else 0.0
    return _SOUND_SHARE + (1 - _SOUND_SHARE) * min(max(share, 0.0), 1.0)


def _measured(film: _Film, eyes: Eyes) -> Measured:
    heard, bars, why = film.heard, eyes.bars, dict(film.why)
    no_sound = why.pop("sound", "nothing is loud enough")
    dark = "no picture was light enough to tell"
    why |= {"silence": no_sound, "loudness": no_sound, "sync": no_sound, "blur": dark, "blocks": dark, "crop": dark}
    why |= {"interlace": "too few frames tell", "frame_rate": "too few frames"}
    why["bit_rate"] = f"no rule for {film.codec or 'this codec'}" if film.video_bytes else "no bytes were read"
    counted = film.width * film.height * film.video_packets
    looked = max(eyes.seconds, 1e-9)
    return Measured(
        width=film.width,
        height=film.height,
        codec=film.codec,
        bits_per_pixel=film.video_bytes * 8 / counted if counted else None,
        blur=eyes.typical(eyes.blur),
        blocks=eyes.typical(eyes.blocks),
        black=min(eyes.black.total_s / looked, 1.0),
        frozen=min(eyes.frozen.outside_s(eyes.black.done) / looked, 1.0),
        interlaced=eyes.interlaced,
        shown=bars.shown if bars is not None else None,
        irregular=film.timing.irregular if film.timing is not None else None,
        silent=heard.silent_s / heard.seconds if heard is not None and heard.seconds else None,
        loudness=heard.loudness if heard is not None else None,
        true_peak_db=heard.true_peak_db if heard is not None else None,
        offset_s=heard.starts_s - film.starts_s if heard is not None and film.starts_s is not None else None,
        why=why,
    )


def _report(film: _Film, eyes: Eyes, depth: Depth) -> dict[str, Any]:
    measured = _measured(film, eyes)
    scored = parts(measured)
    score, weight = total(scored)
    whole = depth == "whole" or film.duration_s <= STRETCHES * STRETCH_S
    return {
        "score": round(score, 1) if score is not None else None,
        "weight_measured": weight,
        "weight_of_all": sum(part.weight for part in scored),
        "parts": {part.name: part.told() for part in scored},
        "not_measured": {part.name: part.rule for part in scored if part.score is None},
        "issues": [issue.told() for issue in issues(measured)],
        "looked_at": {"all": whole, "seconds": round(eyes.seconds, 3), "frames": eyes.frames},
        "picture": _picture(film, eyes),
        "sound": _sound(film),
        "damage": {
            "picture_errors": film.picture_errors,
            "sound_errors": film.sound_errors,
            "damaged_frames": eyes.damaged,
        },
    }


def _picture(film: _Film, eyes: Eyes) -> dict[str, Any]:
    rate = film.video_bytes * 8 / film.duration_s if film.duration_s else None
    return {
        "format": film.format,
        "codec": film.codec,
        "width": film.width,
        "height": film.height,
        "pix_fmt": film.pix_fmt,
        "duration_s": round(film.duration_s, 3),
        "bit_rate": round(rate) if rate else None,
        "timing": _rounded(asdict(film.timing)) if film.timing is not None else None,
        "bars": asdict(eyes.bars) if eyes.bars is not None else None,
        "fields": {name: round(count) for name, count in eyes.fields.items()},
        "told_interlaced": film.field_order > 1,
        "black": _spans(eyes.black.done),
        "frozen": _spans(eyes.frozen.done),
    }


def _sound(film: _Film) -> dict[str, Any] | None:
    if film.heard is None:
        return None
    told = _rounded(asdict(film.heard))
    return {"codec": film.sound_codec, **told, "silences": _spans(list(film.heard.silences))}


def _spans(spans: list[tuple[float, float]]) -> dict[str, Any]:
    listed = [[round(begin, 3), round(end, 3)] for begin, end in spans[:_LISTED]]
    return {"seconds": round(sum(end - begin for begin, end in spans), 3), "count": len(spans), "first": listed}


def _rounded(values: dict[str, Any]) -> dict[str, Any]:
    return {key: round(value, 6) if isinstance(value, float) else value for key, value in values.items()}
