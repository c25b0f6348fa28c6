"""Cutting a part out of a film or sound file by copying its packets."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workers.media.av import codec_name, open_input
from workers.media.cutplan import Ending
from workers.media.ffmetadata import Chapter
from workers.media.layout import Layout
from workers.media.muxing import Lane, in_millis, pictures, writing
from workers.media.places import seek, ticks

if TYPE_CHECKING:
    from av.container import InputContainer, OutputContainer

_BEFORE_S = 2  # sound that belongs to a key frame may stand before it in the file
_BEFORE_WORDS_S = 30  # and a subtitle that is still shown long before


@dataclass(frozen=True, slots=True)
class Cut:
    """A copy of a part. Times in seconds of the file's own; `first` is the pts of the key frame it begins with.

    `head` and `tail` are packets made for the frames before and behind what is copied, `config` the decoder's
    configuration for all three. `made` is a file whose only stream takes the place of the main one, from 0 on.
    """

    start: Fraction
    end: Fraction | None
    first: int = 0
    ending: Ending | None = None
    head: Sequence[Any] = ()
    tail: Sequence[Any] = ()
    config: bytes = b""
    made: Path | None = None


def copy(found: Layout, cut: Cut, target: Path, *, on_progress: Callable[[float], None] = lambda s: None) -> int:
    """Copy the part `cut` into `target`, its beginning at 0; the number of the film's packets.

    Tags, languages, dispositions, rotation, covers, attachments and chapters (moved) come along; `on_progress` gets
    seconds written. JobFailed: bad_input, unsupported, disk.
    """
    covers = pictures(found.path) if found.covers else {}
    with contextlib.ExitStack() as files:
        container = files.enter_context(open_input(found.path))
        made = files.enter_context(open_input(cut.made)) if cut.made is not None else None
        output = files.enter_context(writing(target, found.muxer, source=found.path))
        output.metadata.update(container.metadata)
        output.set_chapters(in_millis(moved_chapters(found, cut)))
        lanes = {index: _lane(output, container, index, made, found) for index in found.kept}
        if cut.config:
            lanes[found.main].stream.codec_context.extradata = cut.config
        add_extras(container, output, found, covers)
        copying = _Copying(found, cut, container, lanes, on_progress)
        if made is not None:
            copying.replace_main(made)
        copying.run()
        for lane in lanes.values():
            lane.finish()
        return lanes[found.film].packets if found.film is not None else 0


def _lane(output: OutputContainer, container: Any, index: int, made: Any, found: Layout) -> Lane:
    if made is None or index != found.main:
        return Lane(output, container.streams[index], found.path)
    lane = Lane(output, made.streams[0], found.path)
    lane.stream.metadata.update(container.streams[index].metadata)
    lane.stream.disposition = container.streams[index].disposition
    return lane


def moved_chapters(found: Layout, cut: Cut) -> list[Chapter]:
    """The chapters of the part, with its beginning at 0."""
    start = float(cut.start)
    end = float(cut.end) if cut.end is not None else float(found.start) + found.duration_s
    moved = [Chapter(max(c.start_s, start) - start, min(c.end_s, end) - start, c.title) for c in found.chapters]
    return [chapter for chapter in moved if chapter.end_s - chapter.start_s > 0.001]


def add_extras(container: Any, output: Any, found: Layout, covers: Mapping[int, bytes]) -> None:
    """Give `output` the covers (their pictures by index) and attached files of `container`, which have no times."""
    import av

    loose: list[tuple[Any, bytes]] = []
    for index in found.covers:
        stream = container.streams[index]
        if output.format.name in ("matroska", "webm"):
            tags = stream.metadata
            kind = "png" if codec_name(stream) == "png" else "jpeg"
            name = tags.get("filename", f"cover.{kind.replace('jpeg', 'jpg')}")
            output.add_attachment(name, tags.get("mimetype", f"image/{kind}"), covers.get(index, b""))
        else:
            loose.append((Lane(output, stream, found.path).stream, covers.get(index, b"")))
    for index in found.attachments:
        output.add_stream_from_template(container.streams[index])
    for stream, data in loose:
        packet = av.Packet(data)
        packet.pts = packet.dts = 0
        packet.stream = stream
        output.mux(packet)


class _Copying:
    """One run through the packets of a cut."""

    def __init__(
        self, found: Layout, cut: Cut, container: Any, lanes: Mapping[int, Lane], on_progress: Callable[[float], None]
    ) -> None:
        self._found, self._cut, self._container, self._lanes = found, cut, container, lanes
        self._on_progress = on_progress
        self._shift = {index: -ticks(cut.start, lane.base) for index, lane in lanes.items()}
        self._span = {  # of the part, in ticks of each stream
            index: (float(cut.start / lane.base), None if cut.end is None else float(cut.end / lane.base))
            for index, lane in lanes.items()
        }
        self._begun = False  # the film has reached its first key frame
        self._left: int | None = None  # packets of the film that are still to come, once its last key frame is seen
        self._open = {index for index in lanes if container.streams[index].type in ("video", "audio")}
        self._made: Iterator[Any] = iter(())  # what is left of the packets that take the place of the main stream's
        self._waiting: Any = None  # the first of them

    def replace_main(self, made: InputContainer) -> None:
        """Let the packets of the only stream of `made` take the place of those of the main stream."""
        packets: Iterator[Any] = iter(made.demux(made.streams[0]))
        self._made = (packet for packet in packets if packet.size)
        self._waiting = next(self._made, None)
        self._open.discard(self._found.main)
        self._open = self._open or {-1}  # subtitles alone do not tell when the part is over: all are looked at

    def _put_made(self, until: Fraction | None) -> None:
        """Write the packets made anew that come before `until` (seconds of the file's own times; None: all)."""
        lane = self._lanes[self._found.main]
        while self._waiting is not None:
            at = self._waiting.dts if self._waiting.dts is not None else self._waiting.pts
            if until is not None and at is not None and at * lane.base + self._cut.start > until:
                return
            lane.put(self._waiting)
            self._waiting = next(self._made, None)

    def run(self) -> None:
        """Write all packets of the part."""
        film = self._lanes.get(self._found.film) if self._found.film is not None else None
        if film is not None:
            for packet in self._cut.head:
                film.put(packet, self._shift[self._found.film or 0])
        self._rewind()
        told = 0
        for packet in self._packets():
            told += packet.size
            self._take(packet)
            if told > 500_000:
                told = 0
                at = packet.dts if packet.dts is not None else packet.pts
                self._on_progress(max(float((at or 0) * (packet.time_base or 0) - self._cut.start), 0.0))
            if not self._open:
                break
        self._put_made(None)
        if film is not None:
            for packet in self._cut.tail:
                film.put(packet, self._shift[self._found.film or 0])

    def _packets(self) -> Iterator[Any]:
        wanted = [self._container.streams[i] for i in self._lanes if i != self._found.main or self._cut.made is None]
        if not wanted:
            return
        for packet in self._container.demux(wanted):
            if packet.size:
                if self._waiting is not None and packet.dts is not None:
                    self._put_made(packet.dts * Fraction(packet.time_base))
                yield packet

    def _rewind(self) -> None:
        back = _BEFORE_WORDS_S if self._found.words else _BEFORE_S
        main = self._container.streams[self._found.main]
        start = self._cut.start - back
        if start > self._found.start:
            seek(self._container, main, ticks(start, Fraction(main.time_base)))

    def _take(self, packet: Any) -> None:
        index = packet.stream_index
        if index == self._found.film:
            keep = self._of_film(packet)
        elif packet.stream.type == "subtitle":
            keep = self._of_words(packet)
        else:
            keep = self._of_sound(packet)
        if keep:
            self._lanes[index].put(packet, self._shift[index])

    def _of_film(self, packet: Any) -> bool:
        pts = packet.pts if packet.pts is not None else packet.dts
        if pts is None or self._found.film not in self._open:
            return False
        ending = self._cut.ending
        if packet.is_keyframe and ending is not None and pts == ending.key:
            self._left = ending.count
        if self._left is not None:
            if self._left == 0:
                self._open.discard(self._found.film)
                return False
            self._left -= 1
        self._begun |= packet.is_keyframe and pts == self._cut.first
        # Pictures that follow the key frame and are shown before it need what was cut away.
        return self._begun and pts >= self._cut.first

    def _of_sound(self, packet: Any) -> bool:
        at = packet.pts if packet.pts is not None else packet.dts
        if at is None:
            return False
        first, last = self._span[packet.stream_index]
        middle = at + (packet.duration or 0) / 2
        if last is not None and middle >= last:
            if at >= last:
                self._open.discard(packet.stream_index)
            return False
        return bool(middle >= first)

    def _of_words(self, packet: Any) -> bool:
        """Subtitles are kept while any of them is seen, and shortened to that."""
        base = self._lanes[packet.stream_index].base
        if packet.pts is None:
            return False
        start, end = packet.pts, packet.pts + (packet.duration or 0)
        first = ticks(self._cut.start, base)
        last = ticks(self._cut.end, base) if self._cut.end is not None else end
        if (self._cut.end is not None and start >= last) or (start < first and end <= first):
            return False
        packet.pts = packet.dts = max(start, first)
        packet.duration = max(min(end, max(last, start)) - packet.pts, 0) if packet.duration else packet.duration
        return True
