"""When the frames of a film come: how even their times are. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

_ENOUGH = 10  # intervals, for a statement about how even they are
_ROUNDING_S = 0.0015  # containers that count in milliseconds move every frame by up to one


@dataclass(frozen=True, slots=True)
class Timing:
    """The intervals between the frames of one stream, in seconds."""

    frames: int
    mean_fps: float
    usual_s: float  # the median interval
    shortest_s: float
    longest_s: float
    irregular: float  # share of intervals that differ from the usual one by more than a tenth and rounding
    gaps: int  # intervals of more than one and a half of the usual one


def timing(times: Sequence[int], tick_s: float) -> Timing | None:
    """What the presentation times of all frames, in ticks of `tick_s` seconds, tell; None for too few of them."""
    ordered = sorted(set(times))
    steps = [after - before for before, after in pairwise(ordered)]
    if len(steps) < _ENOUGH or tick_s <= 0:
        return None
    usual = sorted(steps)[len(steps) // 2]
    slack = max(usual * 0.1, _ROUNDING_S / tick_s, 1.0)
    odd = sum(abs(step - usual) > slack for step in steps)
    return Timing(
        frames=len(ordered),
        mean_fps=len(steps) / ((ordered[-1] - ordered[0]) * tick_s),
        usual_s=usual * tick_s,
        shortest_s=min(steps) * tick_s,
        longest_s=max(steps) * tick_s,
        irregular=odd / len(steps),
        gaps=sum(step > usual * 1.5 + slack for step in steps),
    )


@dataclass(slots=True)
class Spans:
    """Stretches of time that something was going on, in seconds: told by when it begins and ends."""

    done: list[tuple[float, float]]
    since: float | None = None

    def begin(self, at: float) -> None:
        """It goes on since `at`."""
        self.since = at

    def end(self, at: float) -> None:
        """It ended at `at`, or never began."""
        if self.since is not None:
            self.done.append((self.since, max(at, self.since)))
        self.since = None

    @property
    def total_s(self) -> float:
        """Seconds in all."""
        return sum(end - begin for begin, end in self.done)

    def outside_s(self, others: Sequence[tuple[float, float]]) -> float:
        """Seconds that lie in none of `others`, which do not overlap."""
        shared = sum(max(0.0, min(end, b) - max(begin, a)) for begin, end in self.done for a, b in others)
        return max(self.total_s - shared, 0.0)
