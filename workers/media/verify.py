"""Is a finished file what it should be? rc 0 of a tool is no answer: it ends so on a cut input and on a full disk."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workers.errors import ErrorClass, JobFailed
from workers.media.av import Facts, StreamKind, facts, is_cover, open_input, translated
from workers.media.containers import TELLING
from workers.media.lasting import content_s, measured
from workers.media.names import path_to_key

NOTHING_WRITTEN = "nothing was written: nothing that is wanted of the input can be read"


@dataclass(frozen=True, slots=True)
class Expected:
    """What a file must have: its duration in seconds (None: any), and at least so many streams of each kind.

    `or_s` is another duration that is as good: a container may last longer than the streams that are kept of it.
    With `exact` the file must not last longer either, as a part that was cut out.
    """

    duration_s: float | None = None
    streams: Mapping[StreamKind, int] = field(default_factory=dict)
    or_s: float | None = None
    exact: bool = False

    @property
    def tolerance_s(self) -> float:
        """How far the duration may be off: 1 %, at least half a second."""
        return max((self.duration_s or 0.0) * 0.01, 0.5)


def verify(
    path: Path, expected: Expected, *, source: str = "", really_s: Callable[[], float | None] = lambda: None
) -> Facts:
    """Open `path`, compare it with `expected`, decode the first frame of every film and sound stream; its facts.

    `source` is the input it was made from, for the message. `really_s` is asked for how long that really lasts before
    a result counts as too short. JobFailed(bad_input) tells what is wrong.
    """
    key = source or path_to_key(path)
    # A tool that finds nothing to write may not even make the file: no fault of the disk, which would end all work.
    try:
        size = path.stat().st_size
    except FileNotFoundError as error:
        raise JobFailed(ErrorClass.BAD_INPUT, NOTHING_WRITTEN, input=key) from error
    if size == 0:
        raise JobFailed(ErrorClass.BAD_INPUT, "the result is empty", input=key)
    found = _facts(path, key)
    for kind, number in expected.streams.items():
        have = len([s for s in found.streams if s.kind == kind])
        if have < number:
            message = f"the result has {have} {kind} streams instead of {number}"
            raise JobFailed(ErrorClass.BAD_INPUT, message, input=key)
    if expected.duration_s is not None:
        _check_duration(found.duration_s or 0.0, expected, key, really_s)
    _decode_first_frames(path, found, key)
    return found


def _facts(path: Path, key: str) -> Facts:
    try:
        return measured(facts(path), stamped=False)
    except JobFailed as error:
        failure = error.failure
        if key == path_to_key(path) or failure.error_class is not ErrorClass.BAD_INPUT:
            raise
        # The name of an inner file says nothing to anybody.
        message = "the result cannot be read: nothing that is wanted of the input was there, or it is damaged"
        raise JobFailed(ErrorClass.BAD_INPUT, message, input=key, detail=failure.message) from error


def check_whole(
    path: Path, *, told_s: float | None = None, source: str = "", pulse: Callable[[], None] = lambda: None
) -> None:
    """Compare what a file holds with the duration in its header, else with `told_s`, which a site told (to a second).

    Nothing is decoded, but the whole file is read; `pulse` is called now and then. A file may last longer than told.
    Without either duration nothing is checked. JobFailed(network): what came is cut short.
    """
    with open_input(path) as container, translated(path):
        tells = container.format.name in TELLING
        header_s = (container.duration or 0) / 1_000_000 if tells else 0.0
        wanted, slack = (header_s, 0.0) if header_s else (told_s or 0.0, 1.0)
        if not wanted:
            return
        have = content_s(container, pulse)
    if have + Expected(wanted).tolerance_s + slack < wanted:
        message = f"what came lasts {have:.1f} s instead of {wanted:.1f} s: the transfer was cut short"
        raise JobFailed(ErrorClass.NETWORK, message, input=source or path_to_key(path))


def _check_duration(have: float, expected: Expected, key: str, really_s: Callable[[], float | None]) -> None:
    wanted = expected.duration_s or 0.0
    good = [wanted] if expected.or_s is None else [wanted, expected.or_s]
    if expected.exact and have > max(good) + expected.tolerance_s:
        message = f"duration of the result is {have:.1f} s instead of {wanted:.1f} s: it is longer than it should be"
        raise JobFailed(ErrorClass.BAD_INPUT, message, input=key)
    if have >= min(good) - expected.tolerance_s:
        return
    really = really_s()
    if really is None or have < really - Expected(really).tolerance_s:
        wanted = wanted if really is None else really
        message = f"duration of the result is {have:.1f} s instead of {wanted:.1f} s: the input is cut short or damaged"
        raise JobFailed(ErrorClass.BAD_INPUT, message, input=key)


def _decode_first_frames(path: Path, found: Facts, key: str) -> None:
    """A stream of which nothing can be decoded is broken, whatever its header says."""
    waiting = {s.index for s in found.streams if s.kind in ("video", "audio") and not s.cover}
    if not waiting:
        raise JobFailed(ErrorClass.BAD_INPUT, "the result has neither picture nor sound", input=key)
    with open_input(path) as container, translated(path):
        import av

        wanted: list[Any] = [s for s in container.streams if s.index in waiting and not is_cover(s)]
        for packet in container.demux(wanted):
            index = packet.stream.index
            if index in waiting:
                try:
                    decoded = packet.decode()
                except av.error.InvalidDataError:
                    continue  # a stream cut out of a running one may begin with undecodable packets
                if decoded:
                    waiting.discard(index)
            if not waiting:
                return
    raise JobFailed(ErrorClass.BAD_INPUT, f"nothing of stream {min(waiting)} can be decoded", input=key)
