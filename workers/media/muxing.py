"""Writing copied packets to one output by PyAV: streams like those of a template, and times that a muxer takes."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workers.errors import ErrorClass, JobFailed
from workers.media.av import codec_name, is_cover, open_input, translated
from workers.media.containers import muxer_options
from workers.media.ffmetadata import Chapter
from workers.media.names import path_to_key

if TYPE_CHECKING:
    from av.container import OutputContainer
    from av.stream import Stream

_MOST_HELD = 64  # packets without a decoding time, as some demuxers give at the beginning


@contextlib.contextmanager
def writing(target: Path, muxer: str, *, source: Path) -> Iterator[OutputContainer]:
    """`target` opened for writing with libavformat's `muxer`. Errors become JobFailed about `source`."""
    import av

    options = {"protocol_whitelist": "file", **muxer_options(muxer, target.suffix.lstrip("."))}
    with (
        translated(source),
        av.open(f"file:{os.path.abspath(target)}", "w", format=muxer, container_options=options) as output,
    ):
        yield output


def in_millis(chapters: Sequence[Chapter]) -> list[Any]:
    """Chapters as PyAV takes them."""
    return [
        {
            "id": number,
            "start": round(chapter.start_s * 1000),
            "end": round(chapter.end_s * 1000),
            "time_base": Fraction(1, 1000),
            "metadata": {"title": chapter.title} if chapter.title else {},
        }
        for number, chapter in enumerate(chapters)
    ]


class Lane:
    """One stream of the output. Times of packets are in ticks of `base`, which is that of the source's stream."""

    def __init__(self, output: OutputContainer, like: Stream, source: Path) -> None:
        try:
            self.stream: Any = output.add_stream_from_template(like, opaque=True)
        except ValueError as error:
            words = f"{output.format.name} cannot hold {codec_name(like) or like.type}"
            raise JobFailed(ErrorClass.UNSUPPORTED, words, input=path_to_key(source)) from error
        self.stream.metadata.update(like.metadata)
        self.stream.disposition = like.disposition
        self.base = Fraction(like.time_base or 1)
        rate = getattr(like, "average_rate", None)
        self._step = max(round(1 / rate / self.base), 1) if rate else 1
        self._output, self._source = output, source
        self._held: list[Any] = []
        self._last: int | None = None
        self.packets = 0
        self.end = 0  # of what is shown, in ticks

    def put(self, packet: Any, shift: int = 0) -> None:
        """Write `packet` with its times moved by `shift` ticks. JobFailed where they cannot be put in order."""
        if packet.pts is None:
            packet.pts = packet.dts
        if packet.pts is None:
            self._refuse("has packets without times")
        packet.pts += shift
        if packet.dts is not None:
            packet.dts += shift
        elif len(self._held) < _MOST_HELD:
            self._held.append(packet)
            return
        self._release(packet)
        self._write(packet)

    def finish(self) -> None:
        """Write what still waits."""
        self._release(None)

    def _release(self, before: Any) -> None:
        """Give decoding times to what was held: a step apart, up to that of the packet `before` which they stand."""
        held, self._held = self._held, []
        if not held:
            return
        first = before.dts if before is not None and before.dts is not None else None
        for number, packet in enumerate(held):
            packet.dts = packet.pts if first is None else first - (len(held) - number) * self._step
            self._write(packet)

    def _write(self, packet: Any) -> None:
        if packet.dts is None:
            packet.dts = packet.pts
        if self._last is not None and packet.dts <= self._last:
            packet.dts = self._last + 1
        if packet.dts > packet.pts:
            self._refuse("has times in an order that cannot be copied")
        self._last = packet.dts
        self.packets += 1
        self.end = max(self.end, packet.pts + (packet.duration or 0))
        packet.time_base = self.base
        packet.stream = self.stream
        self._output.mux(packet)

    def _refuse(self, words: str) -> None:
        raise JobFailed(
            ErrorClass.UNSUPPORTED, f"stream {self.stream.index} {words}; encode it", input=path_to_key(self._source)
        )


def pictures(path: Path, indexes: Collection[int] | None = None) -> Mapping[int, bytes]:
    """The attached pictures of a file by the indexes of their streams; only those of `indexes` where given."""
    with open_input(path) as container, translated(path):
        wanted = {stream.index for stream in container.streams.video if is_cover(stream)}
        wanted &= wanted if indexes is None else set(indexes)
        found: dict[int, bytes] = {}
        if wanted:
            for packet in container.demux([container.streams[index] for index in sorted(wanted)]):
                if packet.size:
                    found.setdefault(packet.stream_index, bytes(packet))
                if len(found) == len(wanted):
                    break
        return found
