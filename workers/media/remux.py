"""Copying streams into another container without re-encoding, in process: a third of the time of starting ffmpeg."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workers.errors import ErrorClass, JobFailed
from workers.media.av import codec_name, is_cover, open_input, translated
from workers.media.containers import muxer_options
from workers.media.names import path_to_key

if TYPE_CHECKING:
    from av.container import InputContainer, OutputContainer
    from av.packet import Packet
    from av.stream import Stream


def remux(
    source: Path,
    target: Path,
    *,
    muxer: str,
    keep: Sequence[int],
    on_progress: Callable[[float], None] = lambda seconds: None,
    tags: Mapping[str, str] | None = None,
    options: Mapping[str, str] | None = None,
    attach: Sequence[tuple[str, str, bytes]] = (),
) -> None:
    """Copy the streams `keep` (indexes) of `source` into `target` with libavformat's `muxer`.

    Tags, languages, dispositions, chapters and the rotation come along; `tags`, where given, take the place of the
    file's and of all of its streams' but language and title. `options` are the muxer's, `attach` names, MIME types
    and contents of files to attach. `on_progress` gets the seconds of media written so far, about twice a megabyte.
    JobFailed: bad_input, unsupported (the container cannot hold it), disk.
    """
    import av

    with open_input(source) as container, translated(source):
        told = {"protocol_whitelist": "file", **muxer_options(muxer, target.suffix.lstrip(".")), **(options or {})}
        with av.open(f"file:{os.path.abspath(target)}", "w", format=muxer, container_options=told) as output:
            output.metadata.update(container.metadata if tags is None else tags)
            output.set_chapters(container.chapters())
            copies = {index: _copy_stream(container, output, index, source) for index in keep}
            if tags is not None:
                for copy in copies.values():
                    for name in copy.metadata.keys() - {"language", "title"}:
                        del copy.metadata[name]
            for name, mime, data in attach:
                output.add_attachment(name, mime, data)
            _copy_packets(container, output, copies, on_progress)


def _copy_stream(container: InputContainer, output: OutputContainer, index: int, source: Path) -> Stream:
    stream = container.streams[index]
    try:
        copy = output.add_stream_from_template(stream, opaque=True)
    except ValueError as error:
        codec = codec_name(stream) or stream.type
        raise JobFailed(
            ErrorClass.UNSUPPORTED, f"the container cannot hold {codec}", input=path_to_key(source)
        ) from error
    copy.metadata.update(stream.metadata)
    copy.disposition = stream.disposition
    return copy


def _copy_packets(
    container: InputContainer,
    output: OutputContainer,
    copies: Mapping[int, Stream],
    on_progress: Callable[[float], None],
) -> None:
    wanted = [container.streams[index] for index in copies]
    start = max(container.start_time or 0, 0)  # a transport stream may start at any time; a file starts at 0
    told = 0
    for packet in container.demux(wanted):
        if not packet.size:
            continue  # the flush packet at the end
        index = packet.stream.index
        if start and not is_cover(packet.stream):
            _shift(packet, start)
        told += packet.size
        at, base = packet.dts or 0, packet.time_base or 0
        packet.stream = copies[index]
        output.mux(packet)
        if told > 500_000:
            told = 0
            on_progress(float(at * base))


def _shift(packet: Packet[Any], start_us: int) -> None:
    """Move the packet's times so that the file's first moment (microseconds) becomes 0."""
    if not packet.time_base:
        return
    offset = round(start_us / 1_000_000 / packet.time_base)
    if packet.pts is not None:
        packet.pts -= offset
    if packet.dts is not None:
        packet.dts -= offset
