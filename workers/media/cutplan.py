"""Where the packets of a film can be cut: at its key frames, and behind frames that nothing later belongs before. Pure.

Times are in ticks of the stream. Packets come in the order of decoding, which is not that of showing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Frame:
    """One packet of a film: when it is shown, and whether decoding can begin with it."""

    pts: int
    key: bool = False


@dataclass(frozen=True, slots=True)
class Ending:
    """The end of a copy: behind `count` packets from the key frame shown at `key` on; nothing kept is shown at `at`
    or later, and nothing left out before."""

    key: int
    count: int
    at: int


def beginnings(frames: Sequence[Frame], wish: int) -> tuple[int | None, int | None]:
    """The key frame shown last at or before `wish`, and the first one after it; None where there is none."""
    keys = [frame.pts for frame in frames if frame.key]
    before = max((pts for pts in keys if pts <= wish), default=None)
    after = min((pts for pts in keys if pts > wish), default=None)
    return before, after


def endings(frames: Sequence[Frame], last: int | None) -> tuple[Ending, ...]:
    """Every way to end a copy in `frames`, which begin with a key frame, in the order of time.

    `last` is the end of the film when `frames` reach it; else there is no ending behind the last of them.
    """
    if not frames:
        return ()
    key = frames[0].pts
    later: list[int] = [0] * len(frames)  # the earliest time from each packet on
    earliest = last
    for number in range(len(frames) - 1, -1, -1):
        pts = frames[number].pts
        earliest = pts if earliest is None else min(earliest, pts)
        later[number] = earliest
    found: list[Ending] = [Ending(key, 0, key)] if later[0] == key else []
    latest = key - 1
    for number, frame in enumerate(frames):
        latest = max(latest, frame.pts)
        follows = later[number + 1] if number + 1 < len(frames) else last
        if follows is not None and follows > latest:
            found.append(Ending(key, number + 1, follows))
    return tuple(found)


def ending_at_or_after(choices: Sequence[Ending], wish: int, slack: int) -> Ending | None:
    """The first ending that leaves out nothing before `wish`, to `slack` ticks."""
    return next((choice for choice in choices if choice.at >= wish - slack), None)


def ending_at_or_before(choices: Sequence[Ending], wish: int, slack: int) -> Ending | None:
    """The last ending that keeps nothing behind `wish`, to `slack` ticks."""
    return next((choice for choice in reversed(choices) if choice.at <= wish + slack), None)
