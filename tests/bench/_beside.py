"""Ways to do one piece of work, interleaved on the same files, with the ratios that we are held to."""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

Way = Callable[[Sequence[Path]], None]


class Bar(NamedTuple):
    """How many times our own way must be quicker than a peer, by the clock or by processor time with children."""

    times: float
    by: str = "wall"


def compare(title: str, ways: Mapping[str, Way], paths: Sequence[Path], rounds: int, bars: Mapping[str, Bar]) -> None:
    """Run every way once a round, in rotated order, and print medians beside the first way, which is ours.

    A peer that cannot do the work is said to fail and left out.
    """
    ours = next(iter(ways))
    ways = {name: way for name, way in ways.items() if _works(name, way, paths[:4], must=name == ours)}
    measured: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for turn in range(rounds):
        order = list(ways)
        for name in order[turn % len(order) :] + order[: turn % len(order)]:
            before, started = sum(os.times()[:4]), time.perf_counter()
            ways[name](paths)
            measured[name].append((time.perf_counter() - started, sum(os.times()[:4]) - before))
    print(f"{title}: {len(paths)} files, {rounds} interleaved rounds")
    print(f"  {'':34} {'files/s':>8} {'CPU ms':>8} {'wall':>7} {'CPU':>7}")
    medians = {name: tuple(map(statistics.median, zip(*rows, strict=True))) for name, rows in measured.items()}
    own = next(iter(medians.values()))
    for name, (wall, cpu) in medians.items():
        ratios = {"wall": wall / own[0], "cpu": cpu / own[1] if own[1] else 0.0}
        line = f"  {name:34} {len(paths) / wall:8.1f} {cpu * 1000 / len(paths):8.2f}"
        print(f"{line} {ratios['wall']:6.2f}x {ratios['cpu']:6.2f}x{_held(bars.get(name), ratios)}")


def _works(name: str, way: Way, paths: Sequence[Path], *, must: bool) -> bool:
    """Try a way: imports and the page cache are nobody's merit."""
    try:
        way(paths)
    except subprocess.CalledProcessError as error:
        if must:
            raise
        print(f"{name} not measured, it fails: {error}")
        return False
    return True


def _held(bar: Bar | None, ratios: Mapping[str, float]) -> str:
    if bar is None:
        return ""
    reached = ratios[bar.by]
    word = "met" if reached >= bar.times else "NOT MET"
    return f"  hard {bar.times:g}x by {bar.by}: {reached:.2f}x {word}"
