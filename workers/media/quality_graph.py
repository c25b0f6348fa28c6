"""A chain of libavfilter in process: frames go in, frames with measurements in their metadata come out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any


class Chain:
    """Filters one after another for the frames of one stream, made to fit the first frame."""

    def __init__(self, frame: Any, filters: Sequence[tuple[str, str]]) -> None:
        from av.filter import Graph

        self._graph: Any = Graph()
        last = self._source(frame)
        for name, words in filters:
            following = self._graph.add(name, words) if words else self._graph.add(name)
            last.link_to(following)
            last = following
        last.link_to(self._graph.add("abuffersink" if _is_sound(frame) else "buffersink"))
        self._graph.configure()
        self._shape = _shape(frame)

    def _source(self, frame: Any) -> Any:
        if _is_sound(frame):
            return self._graph.add_abuffer(
                sample_rate=frame.sample_rate,
                format=frame.format.name,
                layout=frame.layout.name,
                time_base=frame.time_base,
            )
        return self._graph.add_buffer(
            width=frame.width, height=frame.height, format=frame.format.name, time_base=frame.time_base
        )

    def fits(self, frame: Any) -> bool:
        """Whether `frame` is of the kind that the chain was made for."""
        return _shape(frame) == self._shape

    def push(self, frame: Any) -> Iterator[Any]:
        """What comes out after `frame` went in; None is the end."""
        import av

        self._graph.push(frame)
        while True:
            try:
                yield self._graph.pull()
            except (av.error.BlockingIOError, av.error.EOFError):
                return


def _is_sound(frame: Any) -> bool:
    return hasattr(frame, "sample_rate")


def _shape(frame: Any) -> tuple[Any, ...]:
    if _is_sound(frame):
        return frame.sample_rate, frame.format.name, frame.layout.name
    return frame.width, frame.height, frame.format.name
