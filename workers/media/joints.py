"""Do films play over the places where pieces of them were joined?"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

from workers.errors import ErrorClass, JobFailed
from workers.media.av import is_cover, open_input, translated
from workers.media.places import seek, ticks

_AROUND_S = 1.0
_WORST_GAP_S = 0.25


def check_joints(path: Path, joints: Sequence[float], *, source: str, pulse: Callable[[], None] = lambda: None) -> None:
    """Decode the film of `path` around each of `joints` (seconds from its beginning).

    JobFailed(bad_input) about `source` when frames are missing, torn, or shown out of order there.
    """
    with open_input(path) as container, translated(path):
        stream: Any = next((s for s in container.streams.video if not is_cover(s)), None)
        if stream is None:
            return
        base = Fraction(stream.time_base)
        start = float(stream.start_time * base) if stream.start_time is not None else 0.0
        frame_s = float(1 / stream.average_rate) if stream.average_rate else 0.04
        for joint in joints:
            pulse()
            at = start + joint
            seek(container, stream, ticks(Fraction(at - _AROUND_S), base) if joint > _AROUND_S else None)
            times = _shown(container, stream, at + _AROUND_S)
            fault = _fault([time for time in times if time >= at - _AROUND_S], max(3.5 * frame_s, _WORST_GAP_S))
            if fault:
                raise JobFailed(
                    ErrorClass.BAD_INPUT, f"the result does not play well at {joint:.2f} s: {fault}", input=source
                )


def _shown(container: Any, stream: Any, until: float) -> list[float]:
    """The times of the frames that decode, in the order in which they come; -1 for a torn one."""
    times: list[float] = []
    stream.codec_context.flush_buffers()
    for packet in container.demux(stream):
        for frame in packet.decode():
            if frame.pts is not None:
                times.append(-1.0 if frame.is_corrupt else float(frame.pts * frame.time_base))
        if times and times[-1] > until:
            break
    return times


def _fault(times: Sequence[float], worst_gap: float) -> str:
    if not times:
        return "nothing can be decoded"
    if -1.0 in times:
        return "frames are torn"
    steps = [after - before for before, after in itertools.pairwise(times)]
    if any(step <= 0 for step in steps):
        return "frames are out of order"
    return f"{max(steps):.2f} s without a frame" if steps and max(steps) > worst_gap else ""
