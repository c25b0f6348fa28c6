"""What must hold before an original is replaced: the new file decodes to its end and has all that was planned."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from workers.errors import ErrorClass, JobFailed
from workers.jobs import Progress
from workers.media.av import Facts, StreamKind
from workers.media.encode import Plan
from workers.media.lasting import seconds

_SLACK_S = 1.0


def decode_command(made: Facts, *, ffmpeg: str, threads: int = 0) -> list[str]:
    """The command that decodes all film and sound of a file into nothing. Pure."""
    few = ("-threads", str(threads)) if threads else ()
    source = ("-f", made.format, "-protocol_whitelist", "file,pipe", "-i", f"file:{os.path.abspath(made.path)}")
    maps = [word for s in made.streams if s.kind in ("video", "audio") for word in ("-map", f"0:{s.index}")]
    return [ffmpeg, *few, *source, *maps, "-f", "null", "-"]


def prove(
    made: Facts,
    plan: Plan,
    original: Facts,
    *,
    ffmpeg: str,
    threads: int = 0,
    larger: bool = False,
    pulse: Callable[[], None] = lambda: None,
    on_progress: Callable[[Progress], None] = lambda progress: None,
    source: str = "",
) -> dict[str, Any]:
    """Decode the whole of a result and compare it with plan and original; what was found. JobFailed says what is wrong.

    The first frames were looked at before: see verify. `larger` allows more bytes than the original has; `pulse` is
    called while packets are read.
    """
    from workers.media.ffmpeg import run

    if not larger:
        not_larger(made.size, original.size, source)
    counts = count(made)
    for kind, number in plan.expected.streams.items():
        if counts.get(kind, 0) != number:
            raise _wrong(f"has {counts.get(kind, 0)} {kind} streams instead of {number}", source)
    if made.chapters < original.chapters:
        raise _wrong(f"has {made.chapters} chapters instead of {original.chapters}", source)
    _check_lengths(made, plan, original, pulse, source)
    told = run(
        decode_command(made, ffmpeg=ffmpeg, threads=threads),
        duration_s=made.duration_s,
        phase="verifying",
        source=source,
        on_progress=on_progress,
    )
    if told.errors:
        raise _wrong(f"does not decode cleanly: {told.damage}", source)
    return {"decoded": True, "duration_s": made.duration_s, "streams": counts, "chapters": made.chapters}


def _check_lengths(made: Facts, plan: Plan, original: Facts, pulse: Callable[[], None], source: str) -> None:
    """Each film and sound must last as long as that it was made of, to a second: one may be short beside others."""
    had = seconds(original.path, format=original.format, pulse=pulse)
    has = seconds(made.path, format=made.format, pulse=pulse)
    kinds: tuple[StreamKind, ...] = ("video", "audio")
    for kind in kinds:
        tracks = [track for track in plan.tracks if track.kind == kind and not track.cover]
        for track, stream in zip(tracks, made.of_kind(kind), strict=False):
            wanted, have = had.get(track.index, 0.0), has.get(stream.index, 0.0)
            rate = next((s.fps for s in original.streams if s.index == track.index), 0.0)
            if have < wanted - _SLACK_S - (1 / rate if rate else 0.0):
                raise _wrong(f"has {have:.1f} s of {kind} stream {track.index} instead of {wanted:.1f} s", source)


class NothingSaved(JobFailed):
    """The result is no smaller than what it should replace: nobody's fault, and nothing is to be done."""


def not_larger(size: int, original: int, source: str) -> None:
    """NothingSaved when a result of `size` bytes saves nothing. May be asked while it still grows."""
    if size > original:
        message = (
            f"the result is larger than the original (over {original:,} bytes): nothing was replaced; "
            "--larger allows it, and a coarser quality makes it smaller"
        )
        raise NothingSaved(ErrorClass.UNSUPPORTED, message, input=source)


def count(facts: Facts) -> dict[StreamKind, int]:
    """How many streams of each kind a file has; the track of MP4 that holds its chapters is none."""
    counts: dict[StreamKind, int] = {}
    for stream in facts.streams:
        if stream.kind != "data":
            counts[stream.kind] = counts.get(stream.kind, 0) + 1
    return counts


def _wrong(what: str, source: str) -> JobFailed:
    return JobFailed(ErrorClass.BAD_INPUT, f"the result {what}: nothing was replaced", input=source)
