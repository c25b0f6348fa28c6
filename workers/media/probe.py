"""Everything that a film or sound file tells of itself, as plain JSON data, by PyAV.

From the headers alone nothing is decoded (under a millisecond); the decoded depth looks at one frame of each stream.
"""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from workers.errors import ErrorClass, JobFailed
from workers.media.av import codec_name, is_cover, open_told, translated
from workers.media.bounded import Bounded
from workers.media.configs import config_facts
from workers.media.names import path_to_key
from workers.media.sidedata import side_data
from workers.media.sniff import HEAD_BYTES, sniff_bytes
from workers.media.turns import mirrored, orientation_of, rotation_of
from workers.text import clean

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.stream import Stream

Depth = Literal["headers", "decoded"]
Data: TypeAlias = dict[str, Any]

_MAX_STREAMS = 64
_MAX_CHAPTERS = 200
_MAX_PACKETS = 1_000  # read for a first frame of each stream
_MAX_PIXELS = 64_000_000  # of one decoded frame; 8K is 33 million
_UNKNOWN = frozenset({0, 2})  # codes of H.273 that say nothing
_PRIMARIES = {1: "bt709", 4: "bt470m", 5: "bt470bg", 6: "smpte170m", 7: "smpte240m", 9: "bt2020", 11: "smpte431",
              12: "smpte432", 22: "ebu3213"}  # fmt: skip
_TRANSFERS = {1: "bt709", 4: "gamma22", 5: "gamma28", 6: "smpte170m", 7: "smpte240m", 8: "linear",
              13: "iec61966-2-1", 14: "bt2020-10", 15: "bt2020-12", 16: "smpte2084", 18: "arib-std-b67"}  # fmt: skip
_MATRICES = {0: "gbr", 1: "bt709", 5: "bt470bg", 6: "smpte170m", 7: "smpte240m", 8: "ycgco", 9: "bt2020nc",
             10: "bt2020c", 14: "ictcp"}  # fmt: skip
_FIELD_ORDERS = {1: "progressive", 2: "tt", 3: "bb", 4: "tb", 5: "bt"}


def probe(path: str | os.PathLike[str], *, depth: Depth = "headers", format: str = "") -> Data:
    """What the film or sound at `path` tells: container, `streams`, `chapters`, `tags`, and the `depth` looked at.

    Sizes in bytes, durations in seconds, rates in bits a second. `rotation` is in degrees counter-clockwise, `mirrored`
    true where left and right are exchanged after it (of quarter turns only the depth decoded tells). Unknown facts are
    left out; `cut` is true when text was shortened, `duration_guessed` when libav only works the duration out from a
    bit rate. `format` is that of `sniff`, when it is known already. Not for threads: the level of libav's messages is
    raised for a moment. JobFailed bad_input or unsupported, also when no frame can be decoded.
    """
    text = Bounded()
    opened, guessed = open_told(path, fast=True, format=format)
    with opened as container, translated(path):
        if not container.streams:
            _refuse(path, ErrorClass.BAD_INPUT, "holds no streams")
        listed = list(container.streams)[:_MAX_STREAMS]
        made = {stream.index: _stream(stream, text) for stream in listed}
        for index, facts in _beside(container).items():
            if index in made:
                _put_beside(made[index], facts)
        for stream in listed:
            if stream.type == "video" and is_cover(stream):
                made[stream.index] |= _cover(container, stream)
        if depth == "decoded":
            _decode(container, listed, made, path)
        else:
            _tell_mirrors(container, listed, made)
        for facts in made.values():
            if facts["kind"] == "video":
                _tell_hdr(facts)
        told = _container(container, made, text)
        if guessed:
            told["duration_guessed"] = True
        return told | {"depth": depth, "cut": text.cut or len(listed) < len(container.streams)}


def _refuse(path: str | os.PathLike[str], error_class: ErrorClass, reason: str) -> None:
    raise JobFailed(error_class, f"{clean(os.path.basename(os.fspath(path)))} {reason}", input=path_to_key(path))


def _container(container: InputContainer, made: dict[int, Data], text: Bounded) -> Data:
    film = any(s["kind"] == "video" and "cover" not in s for s in made.values())
    return _known(
        {
            "kind": "video" if film else "audio",
            "format": container.format.name,
            "size": container.size,
            "duration_s": container.duration / 1_000_000 if container.duration else None,
            "start_s": container.start_time / 1_000_000 if container.start_time else None,
            "bit_rate": container.bit_rate or None,
            "streams": list(made.values()),
            "chapters": _chapters(container, text),
            "tags": text.tags((k.lower(), v) for k, v in container.metadata.items()),
        }
    )


def _known(facts: Data) -> Data:
    return {name: value for name, value in facts.items() if value not in (None, "", {}, [])}


def _chapters(container: InputContainer, text: Bounded) -> list[Data]:
    chapters = container.chapters()
    if len(chapters) > _MAX_CHAPTERS:
        text.cut = True
    return [
        _known(
            {
                "start_s": round(float(chapter["start"] * (chapter["time_base"] or 0)), 6),
                "end_s": round(float(chapter["end"] * (chapter["time_base"] or 0)), 6),
                "title": text.text(chapter["metadata"].get("title", ""), 300),
            }
        )
        for chapter in chapters[:_MAX_CHAPTERS]
    ]


def _stream(stream: Stream, text: Bounded) -> Data:
    context: Any = stream.codec_context
    codec = codec_name(stream)
    tags = dict(stream.metadata)
    language = text.text(tags.pop("language", ""), 40)
    facts: Data = {
        "index": stream.index,
        "kind": stream.type,
        "codec": codec,
        "profile": str(getattr(stream, "profile", None) or ""),
        "language": "" if language == "und" else language,
        "duration_s": float(stream.duration * stream.time_base) if stream.duration and stream.time_base else None,
        "frames": stream.frames or None,
        "disposition": list(_dispositions(stream.disposition.value)),
        "bit_rate": (context.bit_rate or None) if context is not None else None,
        "tags": text.tags((k.lower(), v) for k, v in tags.items()),
    }
    if context is not None and stream.type == "video":
        facts |= _video(stream, context)
    elif context is not None and stream.type == "audio":
        facts |= {"sample_rate": context.sample_rate, "channels": context.channels}
        facts["layout"] = "" if context.layout.name.endswith("channels") else context.layout.name
        facts["bit_depth"] = _pcm_depth(codec)
    if context is not None and stream.type in ("video", "audio"):
        record = config_facts(codec, context.extradata, facts["profile"])
        facts |= {name: value for name, value in record.items() if facts.get(name) in (None, "")}
    return {"index": stream.index, **_known(facts)}


@functools.lru_cache(maxsize=256)
def _dispositions(value: int) -> tuple[str, ...]:
    from av.stream import Disposition

    flags = Disposition(value)
    return tuple(str(flag.name) for flag in Disposition if flag in flags)


def _pcm_depth(codec: str) -> int | None:
    digits = "".join(char for char in codec.removeprefix("pcm_") if char.isdigit())
    return int(digits) if codec.startswith("pcm_") and digits else None


def _video(stream: Any, context: Any) -> Data:
    return {
        "width": context.width,
        "height": context.height,
        "pix_fmt": context.pix_fmt,
        "level": context.level if context.level > 0 else None,
        "fps": _rate(stream.average_rate),
        "base_fps": _rate(stream.base_rate),
        "pixel_aspect": _rate(stream.sample_aspect_ratio),
        "field_order": _FIELD_ORDERS.get(int(context.field_order)),
        "cover": True if is_cover(stream) else None,
        **_colours(context),
    }


def _colours(source: Any) -> Data:
    """Colour facts as codes, of a codec context or a frame; they become names at the end."""
    codes = {"primaries": source.color_primaries, "transfer": source.color_trc, "matrix": source.colorspace}
    # 0 is a matrix of its own (RGB), but also what is there when nobody said anything.
    facts: Data = {name: int(code) for name, code in codes.items() if int(code) not in _UNKNOWN}
    return facts | ({"full_range": int(source.color_range) == 2} if int(source.color_range) else {})


def _rate(value: Fraction | None) -> float | None:
    return round(float(value), 6) if value else None


def _beside(container: InputContainer) -> dict[int, Data]:
    """Rotation, mastering and such of each stream, which libav only prints."""
    if not any(stream.type == "video" and not is_cover(stream) for stream in container.streams):
        return {}
    import av

    av.logging.set_level(av.logging.INFO)
    try:
        summary: str = container.dumps_format()  # type: ignore[attr-defined]
        return side_data(summary)
    finally:
        av.logging.set_level(None)


def _put_beside(facts: Data, beside: Data) -> None:
    for name, value in beside.items():
        facts[name] = clean(value) if isinstance(value, str) else value


def _tell_hdr(facts: Data) -> None:
    """Name the colours, and say what kind of high dynamic range it is, if any."""
    transfer = facts.get("transfer")
    kind = {16: "PQ", 18: "HLG"}.get(transfer) if isinstance(transfer, int) else None
    if kind == "PQ" and ("mastering" in facts or "max_cll" in facts):
        kind = "HDR10"
    if "dolby_vision" in facts:
        kind = "Dolby Vision"
    if kind:
        facts["hdr"] = kind
    for name, words in (("primaries", _PRIMARIES), ("transfer", _TRANSFERS), ("matrix", _MATRICES)):
        code = facts.pop(name, None)
        if code is not None and code != 2:
            facts[name] = words.get(code, f"code {code}")


def _cover(container: InputContainer, stream: Stream) -> Data:
    """Format and size of an attached picture, read from its own header."""
    import av

    from workers.media.photo import size_of_bytes

    with contextlib.suppress(av.error.FFmpegError, StopIteration, JobFailed):
        data = bytes(next(iter(container.demux(stream))))
        found = sniff_bytes(data[:HEAD_BYTES])
        if found is not None and found.kind == "image":
            width, height = size_of_bytes(data, found.format)
            return {"width": width, "height": height, "bytes": len(data)}
    return {}


# --- one frame of each stream -----------------------------------------------------------------------------------


def _decode(
    container: InputContainer, streams: list[Stream], made: dict[int, Data], path: str | os.PathLike[str]
) -> None:
    import av

    wanted = [s for s in streams if s.type in ("video", "audio") and _context(s) is not None and not is_cover(s)]
    for stream in wanted:
        made[stream.index]["decoded"] = False
        context = _context(stream)
        if stream.type == "video" and context.width * context.height > _MAX_PIXELS:
            _refuse(path, ErrorClass.UNSUPPORTED, "has frames that are too large")
        context.thread_count = 1  # one frame does not repay starting threads
    lacking = 0
    try:
        for stream, frame in _first_frames(container, wanted):
            told = made[stream.index] | (_video_frame(frame) if stream.type == "video" else _audio_frame(frame))
            made[stream.index] = {name: value for name, value in told.items() if value is not None}
    except (av.error.DecoderNotFoundError, av.error.PatchWelcomeError):
        lacking += 1
    if wanted and not any(made[stream.index]["decoded"] for stream in wanted):
        reason = ErrorClass.UNSUPPORTED if lacking else ErrorClass.BAD_INPUT
        _refuse(path, reason, "has no frame that can be decoded")


def _context(stream: Stream) -> Any:
    return stream.codec_context  # None where nothing is known that reads it, and of many classes


def _first_frames(container: InputContainer, wanted: list[Stream]) -> Iterator[tuple[Stream, Any]]:
    """The first frame of each stream; packets that do not decode are passed over."""
    import av

    if not wanted:
        return
    left = {stream.index for stream in wanted}
    with contextlib.suppress(EOFError):
        container.seek(0)  # looking at a cover may have read on
    for number, packet in enumerate(container.demux(wanted)):
        if not left or number >= _MAX_PACKETS:
            return
        if packet.stream.index not in left:
            continue
        try:
            frame: Any = next(iter(packet.decode()), None)
        except (av.error.InvalidDataError, av.error.EOFError, UnicodeDecodeError):
            continue
        if frame is not None:
            left.discard(packet.stream.index)
            yield packet.stream, frame


def _video_frame(frame: Any) -> Data:
    facts: Data = {"decoded": True, "pix_fmt": frame.format.name, "width": frame.width, "height": frame.height}
    facts["bit_depth"] = max((part.bits for part in frame.format.components), default=8)
    facts["interlaced"] = bool(frame.interlaced_frame)
    facts |= {"rotation": None, **_shown(frame)}  # instead of what the summary took it for
    kinds = {entry.type.name for entry in frame.side_data}
    if "MASTERING_DISPLAY_METADATA" in kinds:
        facts["mastering"] = "in the stream"
    if "DYNAMIC_HDR_PLUS" in kinds:
        facts["hdr10_plus"] = True
    return facts | _colours(frame)


def _tell_mirrors(container: InputContainer, streams: list[Stream], made: dict[int, Data]) -> None:
    """Look at a frame of films that seem to be turned by a half or not at all: the summary hides mirrors in that."""
    import av

    odd = [s for s in streams if made[s.index].get("rotation") in (0, 180) and _context(s) is not None]
    with contextlib.suppress(av.error.FFmpegError, UnicodeDecodeError):
        for stream, frame in _first_frames(container, odd):
            made[stream.index].pop("rotation", None)
            made[stream.index] |= _shown(frame)


def _shown(frame: Any) -> Data:
    """How the frame asks to be shown. A matrix that is no quarter turn keeps its angle."""
    orientation = orientation_of(frame)
    rotation = rotation_of(orientation) if orientation != 1 else frame.rotation % 360
    return _known({"rotation": rotation or None, "mirrored": mirrored(orientation) or None})


def _audio_frame(frame: Any) -> Data:
    return {
        "decoded": True,
        "sample_format": frame.format.name,
        "sample_rate": frame.sample_rate,
        "layout": frame.layout.name,
        "channels": frame.layout.nb_channels,
    }
