"""How long a film or sound really lasts: by its packets, where no header tells it.

Of streams without a header libavformat only estimates the duration, from a bit rate (raw AAC, MP3 without a table) or
from the first and the last time stamp (transport and program streams, which may be several recordings in a row).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workers.media.av import Facts, is_cover, open_input, translated
from workers.media.containers import RUNNING, TELLING

if TYPE_CHECKING:
    from av.container import InputContainer

_JUMP_S = 10.0  # forward, that ffmpeg takes for another recording in such a stream
_BACK_S = 1.0  # and backward, beyond the order of decoding
_PULSE_PACKETS = 2000

Pulse = Callable[[], None]


@dataclass(slots=True)
class _Span:
    """The times that the packets of one stream cover, in seconds."""

    first: float = inf  # of the run of packets that goes on
    end: float = 0.0
    earlier: float = 0.0  # of the runs before
    lasted: float = 0.0  # the sum of the packets' own durations
    running: bool = False
    decoded: float = -inf  # when the last packet is decoded: that rises, unlike when it is shown

    @property
    def covered(self) -> float:
        """Seconds by the times; a file begins at 0 and its first packet may come later, a running stream anywhere."""
        if self.first == inf:
            return self.earlier
        begin = 0.0 if self.first < 1 and not self.running and not self.earlier else self.first
        return self.earlier + self.end - begin


def measured(found: Facts, *, stamped: bool = True, pulse: Pulse = lambda: None) -> Facts:
    """`found` with durations by its packets where those it has are only estimated; else as it is.

    All of the file is read for that, and `pulse` called now and then. Without `stamped`, streams whose duration comes
    from time stamps (which is right for one recording) are left alone. JobFailed as `open_input`.
    """
    guessed = found.duration_guessed or found.duration_s is None
    if not guessed and not (stamped and found.format in RUNNING):
        return found
    spans = seconds(found.path, format=found.format, pulse=pulse)
    longest = max(spans.values(), default=0.0)
    told = found.duration_s
    if not longest or (not guessed and told is not None and abs(told - longest) < 0.25):
        return found
    streams = tuple(replace(s, duration_s=spans.get(s.index, s.duration_s)) for s in found.streams)
    return replace(found, duration_s=longest, streams=streams, duration_guessed=False)


def seconds(path: str | os.PathLike[str], *, format: str = "", pulse: Pulse = lambda: None) -> Mapping[int, float]:
    """The seconds of each film and sound stream of a file by its index, by its packets: all of it is read."""
    with open_input(path, format=format) as container, translated(path):
        spans = _spans(container, pulse)
    return {index: span.covered or span.lasted for index, span in spans.items()}


def unless_told(path: Path, format: str, indexes: Collection[int], pulse: Pulse) -> float | None:
    """Seconds of the longest of these streams by its packets, where the header of the `format` does not tell them."""
    if format in TELLING:
        return None
    return max(
        (span for index, span in seconds(path, format=format, pulse=pulse).items() if index in indexes), default=None
    )


def content_s(container: InputContainer, pulse: Pulse) -> float:
    """Seconds of the longest stream of an open file by its times or its packets' durations, whichever is more.

    Of subtitles their end counts, whenever they begin: a header tells when all in the file has ended.
    """
    spans = _spans(container, pulse, ("video", "audio", "subtitle"))
    played = [max(span.covered, span.lasted) for index, span in spans.items() if _plays(container, index)]
    return max([*played, *(span.end for index, span in spans.items() if not _plays(container, index))], default=0.0)


def _plays(container: InputContainer, index: int) -> bool:
    return container.streams[index].type in ("video", "audio")


def _spans(container: InputContainer, pulse: Pulse, kinds: Collection[str] = ("video", "audio")) -> dict[int, _Span]:
    spans: dict[int, _Span] = {}
    running = container.format.name in RUNNING
    wanted: list[Any] = [s for s in container.streams if s.type in kinds and not is_cover(s)]
    if not wanted:
        return spans
    bases = {stream.index: float(stream.time_base or 0) for stream in wanted}
    usual = {stream.index: _frame_s(stream) for stream in wanted}
    try:
        packets: Iterator[Any] = container.demux(wanted)
        for number, packet in enumerate(packets):
            if number % _PULSE_PACKETS == 0:
                pulse()
            if not packet.size or packet.is_discard:
                continue  # is_discard: hidden by an edit list
            index = packet.stream_index
            base = bases[index]
            lasts = (packet.duration or 0) * base or usual[index]
            at = packet.pts if packet.pts is not None else packet.dts
            span = spans.setdefault(index, _Span(running=running))
            span.lasted += lasts
            if at is not None:
                _cover(span, at * base, lasts, (at if packet.dts is None else packet.dts) * base)
    except (OSError, ValueError):
        pass  # a torn last packet: what was read until then counts
    return spans


def _cover(span: _Span, at: float, lasts: float, decoded: float) -> None:
    anew = decoded < span.decoded - _BACK_S or (span.running and decoded > span.decoded + _JUMP_S)
    if anew and span.first != inf:
        span.earlier, span.first, span.end = span.covered, inf, 0.0
    span.decoded = decoded
    span.first = min(span.first, at)
    span.end = max(span.end, at + lasts)


def _frame_s(stream: Any) -> float:
    rate = getattr(stream, "average_rate", None)
    return 1 / float(rate) if rate else 0.0
