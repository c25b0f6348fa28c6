"""Validation beside ffmpeg: how fast, and how much of the damage done here is found.

`python -m tests.bench.validation` makes films and sounds, measures quick beside `ffmpeg -c copy -f null` and full
beside `ffmpeg -f null`, one file at a time and interleaved, then breaks copies in four ways and counts what each finds.
"""

from __future__ import annotations

import os
import random
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from tests.support.damage import HARMS
from tests.support.media import AAC, H264, ffmpeg, film_source
from workers.errors import JobFailed
from workers.media.damage import Level, examine
from workers.media.ffmpeg import locate

ROUNDS = 3
DAMAGED_OF_EACH = 3


def made(folder: Path) -> list[Path]:
    """Twelve good files: films of 8 s at 1280x720 in several formats, and music."""
    files = [folder / "a.mp4"]
    ffmpeg(*film_source(8, "1280x720"), *H264, "-crf", "26", *AAC, files[0])
    encoded = {
        "b.mkv": ("-c:v", "libx264", "-preset", "fast", "-c:a", "libopus"),
        "c.webm": ("-c:v", "libvpx-vp9", "-cpu-used", "8", "-deadline", "realtime", "-c:a", "libopus"),
        "d.mp4": ("-c:v", "libx265", "-preset", "ultrafast", "-c:a", "aac"),
        "e.avi": ("-c:v", "mpeg4", "-q:v", "4", "-c:a", "libmp3lame"),
        "f.ts": ("-c:v", "libx264", "-preset", "fast", "-c:a", "aac"),
        "g.mov": ("-c", "copy"),
        "vfr.mkv": ("-vf", "select='not(mod(n,7))+not(mod(n,5))'", "-fps_mode", "vfr", *H264),
        "h.flac": ("-vn", "-c:a", "flac"),
        "i.mp3": ("-vn", "-c:a", "libmp3lame"),
        "j.m4a": ("-vn", "-c:a", "aac"),
        "k.opus": ("-vn", "-c:a", "libopus"),
    }
    for name, words in encoded.items():
        files.append(folder / name)
        ffmpeg("-i", files[0], *words, files[-1])
    return files


def asked(path: Path, *words: str) -> bool:
    """Whether ffmpeg complains of the file, by its status or its words."""
    command = [locate(), "-nostdin", "-hide_banner", "-v", "error", "-i", str(path), *words, "-f", "null", "-"]
    done = subprocess.run(command, capture_output=True, check=False)
    return done.returncode != 0 or bool(done.stderr.strip())


def ffmpeg_copy(path: Path) -> bool:
    return asked(path, "-map", "0", "-c", "copy")


def ffmpeg_full(path: Path) -> bool:
    return asked(path, "-map", "0")


def found(path: Path, level: Level) -> bool:
    """Whether we find something wrong with the file."""
    try:
        return bool(examine(path, level).findings)
    except JobFailed:
        return True


def quick(path: Path) -> bool:
    return found(path, "quick")


def full(path: Path) -> bool:
    return found(path, "full")


WAYS: dict[str, Callable[[Path], bool]] = {
    "ffmpeg copy": ffmpeg_copy,
    "quick": quick,
    "ffmpeg full": ffmpeg_full,
    "full": full,
}


def cpu_s() -> float:
    """Processor time of this process and its ended children."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def speed(files: list[Path]) -> None:
    """Print files a second of each way, and the ratios; the ways take turns."""
    wall: dict[str, list[float]] = {name: [] for name in [*WAYS, "full, two at once"]}
    cpu: dict[str, list[float]] = {name: [] for name in WAYS}
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        list(pool.map(quick, files))  # imports are paid before
        for path in files:
            quick(path)
        for _ in range(ROUNDS):
            for name, way in WAYS.items():
                started, before = time.perf_counter(), cpu_s()
                for path in files:
                    way(path)
                wall[name].append(time.perf_counter() - started)
                cpu[name].append(cpu_s() - before)
            started = time.perf_counter()
            list(pool.map(full, files))
            wall["full, two at once"].append(time.perf_counter() - started)
    seconds = {name: statistics.median(values) for name, values in wall.items()}
    for name, value in seconds.items():
        used = f"   CPU {statistics.median(cpu[name]) / len(files) * 1000:6.1f} ms a file" if name in cpu else ""
        print(f"{name:18} {len(files) / value:8.1f} files/s{used}")
    print(f"quick beside ffmpeg copy              {seconds['ffmpeg copy'] / seconds['quick']:6.1f} x")
    print(f"full beside ffmpeg full               {seconds['ffmpeg full'] / seconds['full']:6.2f} x")
    print(f"full, two at once, beside ffmpeg full {seconds['ffmpeg full'] / seconds['full, two at once']:6.2f} x")
    processor = statistics.median(cpu["ffmpeg full"]) / statistics.median(cpu["full"])
    print(f"full beside ffmpeg full, CPU          {processor:6.2f} x")


def finds(files: list[Path], folder: Path) -> None:
    """Print how many of the broken copies each way finds, and what it says of good files."""
    print(f"{'':18}" + "".join(f"{name:>13}" for name in ["n", *WAYS]))
    row("good: alarms", files)
    for name, harm in HARMS.items():
        broken = []
        for path in files:
            for seed in range(DAMAGED_OF_EACH):
                target = folder / f"{name}-{seed}-{path.name}"
                target.write_bytes(harm(path.read_bytes(), random.Random(f"{name}{seed}{path.name}")))
                broken.append(target)
        row(name, broken)


def row(name: str, files: list[Path]) -> None:
    counts = [sum(way(path) for path in files) for way in WAYS.values()]
    print(f"{name:18}" + "".join(f"{count:13}" for count in [len(files), *counts]), flush=True)


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = made(folder)
        speed(files)
        finds(files, folder)


if __name__ == "__main__":
    main()
