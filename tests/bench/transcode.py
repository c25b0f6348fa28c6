"""Transcoding: the cost of reading progress, two at once beside one after the other, copying beside `ffmpeg -c copy`.

`python -m tests.bench.transcode [ROUNDS] [SECONDS]` makes a film of 720p and works on it in turns (A B A B). The encode
is x264 veryfast to 480p; progress is read every half second by the function that the operation uses.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.bench._beside import Bar, compare
from tests.support.media import AAC, H264, ffmpeg, film_source
from workers.jobs import Progress
from workers.media.ffmpeg import locate, run
from workers.media.remux import remux

_ENCODE = ("-vf", "scale=854:480", "-c:v", "libx264", "-preset", "veryfast", "-crf", "26", "-c:a", "aac", "-b:a", "96k")
_MOST_COST = 1.01  # of the plain program's time, for reading its progress
_MOST_AT_ONCE = 0.83  # of the time of one after the other


def _command(source: Path, target: Path, threads: int) -> list[str]:
    return [locate(), "-i", str(source), *_ENCODE, "-threads", str(threads), str(target)]


def _with_progress(source: Path, target: Path, threads: int) -> None:
    told: list[Progress] = []
    run(_command(source, target, threads), duration_s=10.0, on_progress=told.append)
    assert told[-1].fraction == 1.0


def _plain(source: Path, target: Path, threads: int) -> None:
    program, *words = _command(source, target, threads)
    quiet = [program, "-nostdin", "-hide_banner", "-y", "-loglevel", "error", "-nostats"]
    subprocess.run([*quiet, *words], check=True, stdin=subprocess.DEVNULL, capture_output=True)


def _medians(ways: Sequence[Callable[[], None]], rounds: int) -> list[tuple[float, float]]:
    """Seconds by the clock and of the processor with children, of each way, in turns."""
    rows: list[list[tuple[float, float]]] = [[] for _ in ways]
    for turn in range(rounds):
        order = list(range(len(ways)))
        for number in order[turn % len(order) :] + order[: turn % len(order)]:
            before, started = sum(os.times()[:4]), time.perf_counter()
            ways[number]()
            rows[number].append((time.perf_counter() - started, sum(os.times()[:4]) - before))
    return [(statistics.median(w for w, _ in row), statistics.median(c for _, c in row)) for row in rows]


def _verdict(what: str, ratio: float, limit: float) -> str:
    return f"  {what} {ratio:.3f} of it (hard {limit:g}: {'met' if ratio <= limit else 'NOT MET'})"


def _progress(film: Path, folder: Path, rounds: int) -> None:
    target = folder / "progress.mp4"
    ours, plain = _medians([lambda: _with_progress(film, target, 1), lambda: _plain(film, target, 1)], rounds)
    print(f"progress every 0.5 s beside plain ffmpeg, {rounds} interleaved rounds")
    print(f"  plain {plain[0]:.2f} s, {plain[1]:.2f} s CPU; with progress {ours[0]:.2f} s, {ours[1]:.2f} s CPU")
    print(_verdict("wall", ours[0] / plain[0], _MOST_COST))
    print(_verdict("CPU", ours[1] / plain[1], _MOST_COST))


def _at_once(film: Path, folder: Path, rounds: int) -> None:
    targets = [folder / "one.mp4", folder / "two.mp4"]

    def together() -> None:
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda target: _with_progress(film, target, 1), targets))

    def in_turn() -> None:
        for target in targets:
            _with_progress(film, target, 2)

    pair, turns = _medians([together, in_turn], rounds)
    print(f"two transcodes, {rounds} interleaved rounds")
    print(f"  in turn, two threads: {turns[0]:.2f} s, {turns[1]:.2f} s CPU")
    print(f"  at once, one thread each: {pair[0]:.2f} s, {pair[1]:.2f} s CPU")
    print(_verdict("wall", pair[0] / turns[0], _MOST_AT_ONCE))


def _copying(folder: Path, rounds: int) -> None:
    small = folder / "small.mp4"
    ffmpeg(*film_source(4), *H264, *AAC, small)
    paths = [small] * 20
    target = folder / "copy.mkv"

    def ours(paths: Sequence[Path]) -> None:
        for path in paths:
            remux(path, target, muxer="matroska", keep=[0, 1])

    def theirs(paths: Sequence[Path]) -> None:
        for path in paths:
            ffmpeg("-i", path, "-map", "0", "-c", "copy", target)

    peer = "ffmpeg -c copy, one process a file"
    compare("copying a small film", {"remux": ours, peer: theirs}, paths, rounds, {peer: Bar(2.5)})


def main() -> None:
    """Measure and print."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 15.0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        film = folder / "film.mp4"
        ffmpeg(*film_source(seconds, "1280x720"), *H264, *AAC, film)
        _copying(folder, rounds)
        _progress(film, folder, rounds)
        _at_once(film, folder, rounds)


if __name__ == "__main__":
    main()
