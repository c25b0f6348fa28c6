"""Exact cuts of H.264 that encode only what must be: from the wished beginning to a key frame, and the last frames.

The new pieces have parameter sets of their own ids, beside those of the film, so that every decoder switches from the
ones to the others at a key frame.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from workers.media import nals
from workers.media.av import open_input, translated
from workers.media.cut import Cut
from workers.media.cutplan import ending_at_or_before
from workers.media.layout import Layout
from workers.media.places import Places, packets_from, slack, ticks

_PROFILES = {66: "baseline", 77: "main", 100: "high"}
_QUALITY = "16"  # CRF: no eye tells it from the film around it


class CannotJoinError(Exception):
    """Why a film cannot be cut exactly without encoding all of the part; the words are for people."""


@dataclass(frozen=True, slots=True)
class _Piece:
    """Frames to encode: those shown from `first` up to `until`, decoded from the key frame shown at `key`."""

    key: int
    first: int
    until: int


def joined(
    found: Layout, near: Places, start: Fraction, end: Fraction | None, *, pulse: Callable[[], None] = lambda: None
) -> Cut:
    """The cut from `start` to `end` (seconds of the file's own times), its pieces encoded.

    CannotJoinError when they cannot be joined without a fault, JobFailed when the film cannot be decoded.
    """
    if found.codec != "h264":
        raise CannotJoinError(f"pieces of {found.codec} cannot be joined")
    base, room = near.base, slack(found, near.base)
    wish = ticks(start, base)
    at_key = near.before is not None and near.before >= wish - room
    first = near.before if at_key else near.after
    if first is None or near.before is None:
        raise CannotJoinError("no key frame follows the beginning")
    head = None if at_key else _Piece(near.before, wish - room, first)
    last = None if end is None else ticks(end, base)
    ending = None if last is None else ending_at_or_before(near.endings, last, room)
    if last is not None and (ending is None or ending.at <= first or ending.key < first):
        raise CannotJoinError("no whole group of frames lies in the part")
    tail = None
    if last is not None and ending is not None and ending.at < last - room:
        tail = _Piece(ending.key, ending.at, last - room)
    source = _Source(found, first, near.before)
    pieces = [source.encode(piece, number, pulse) if piece else None for number, piece in enumerate((head, tail))]
    source.add_delay(pieces[0])
    shown = min((packet.pts for packet in pieces[0].packets), default=first) if pieces[0] else first
    return Cut(
        shown * base,
        end,
        first,
        ending,
        head=pieces[0].packets if pieces[0] else (),
        tail=pieces[1].packets if pieces[1] else (),
        config=source.config_with([piece.config for piece in pieces if piece and piece.config]),
    )


@dataclass(slots=True)
class _Encoded:
    packets: list[Any]
    config: nals.Config | None


class _Source:
    """The film, as far as pieces must be like it."""

    def __init__(self, found: Layout, first: int, before: int) -> None:
        self._found = found
        with open_input(found.path) as container, translated(found.path):
            stream: Any = container.streams[found.film or 0]
            context = stream.codec_context
            config = nals.parse_config(bytes(context.extradata or b""))
            if config is None or config.length_size not in (0, 4) or config.profile not in _PROFILES:
                raise CannotJoinError("its H.264 is of a kind that pieces cannot be made for")
            if context.pix_fmt not in ("yuv420p", "yuvj420p"):
                raise CannotJoinError(f"pieces of {context.pix_fmt} cannot be joined")
            self._config = config
            self._rate = Fraction(stream.average_rate or 25)
            self._base = Fraction(stream.time_base)
            self._step = max(round(1 / self._rate / self._base), 1)
            self._delay = self._look_at_key(container, stream, first, before)

    def _look_at_key(self, container: Any, stream: Any, first: int, before: int) -> int:
        """By how many ticks the key frame at `first` is decoded before it is shown. It must allow a fresh start."""
        for packet in packets_from(container, stream, before):
            if packet.pts == first and packet.is_keyframe:
                data, size = bytes(packet), self._config.length_size
                units = nals.split_by_lengths(data, size) if size else nals.split_by_start_codes(data)
                kinds = {nals.kind(unit) for unit in units}
                if nals.SLICE_IDR not in kinds or (not size and nals.SPS not in kinds):
                    raise CannotJoinError("its key frames do not allow a fresh start")
                guess = int(stream.codec_context.has_b_frames) * self._step
                return max(first - packet.dts, 0) if packet.dts is not None else guess
        raise CannotJoinError("its key frame was not found again")

    def encode(self, piece: _Piece, number: int, pulse: Callable[[], None]) -> _Encoded:
        """The packets for the frames of `piece`; `number` tells the pieces of one film apart."""
        ids = [id for id in range(31, 0, -1) if id not in self._config.ids]
        packets: list[Any] = []
        with open_input(self._found.path) as container, translated(self._found.path):
            stream: Any = container.streams[self._found.film or 0]
            encoder = self._encoder(stream.codec_context, ids[number])
            for frame in self._frames(container, stream, piece):
                pulse()
                packets += encoder.encode(frame)
            packets += encoder.encode(None)
            if not packets:
                raise CannotJoinError("a piece has no frames")
            config = nals.parse_config(bytes(encoder.extradata or b"")) if self._config.length_size else None
        return _Encoded([self._like_the_film(packet) for packet in packets], config)

    def _frames(self, container: Any, stream: Any, piece: _Piece) -> Any:
        # The last frames come out when nothing follows.
        for packet in itertools.chain(packets_from(container, stream, piece.key), (None,)):
            for frame in stream.codec_context.decode(packet):
                if frame.pts is None or frame.interlaced_frame:
                    raise CannotJoinError("it is interlaced or has frames without times")
                if frame.pts >= piece.until:
                    return
                if frame.pts >= piece.first:
                    frame.time_base = self._base
                    frame.pict_type = 0  # the encoder decides which are key frames
                    yield frame

    def _encoder(self, like: Any, id: int) -> Any:
        import av
        from av.codec.context import Flags

        context: Any = av.codec.CodecContext.create("libx264", "w")
        context.width, context.height, context.pix_fmt = like.width, like.height, like.pix_fmt
        context.time_base, context.framerate = self._base, self._rate
        for name in ("color_range", "color_primaries", "color_trc", "colorspace"):
            setattr(context, name, getattr(like, name))
        shape = like.sample_aspect_ratio
        sar = f":sar={shape.numerator}/{shape.denominator}" if shape else ""
        # No frames out of order: then the pieces fit before and behind any film.
        params = f"sps-id={id}:bframes=0:keyint=infinite{sar}"
        context.options = {
            "preset": "medium",
            "crf": _QUALITY,
            "profile": _PROFILES[self._config.profile],
            "x264-params": params,
        }
        if self._config.length_size:
            context.flags |= Flags.global_header
        context.thread_count = 1
        context.open()
        return context

    def _like_the_film(self, packet: Any) -> Any:
        import av

        data = bytes(packet)
        if self._config.length_size:
            data = nals.with_lengths(nals.split_by_start_codes(data))
        made = av.Packet(data)
        made.pts = made.dts = packet.pts
        made.duration = packet.duration or self._step
        made.time_base = self._base
        made.is_keyframe = packet.is_keyframe
        return made

    def add_delay(self, head: _Encoded | None) -> None:
        """Let the head be decoded as long before it is shown as the film behind it is."""
        for packet in head.packets if head else ():
            packet.dts = packet.pts - self._delay

    def config_with(self, others: list[nals.Config]) -> bytes:
        """The configuration for the film and `others`; empty where it is in the packets themselves, or nothing new."""
        return self._config.and_also(others).packed() if self._config.length_size and others else b""
