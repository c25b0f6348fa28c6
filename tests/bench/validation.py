"""Validation beside ffmpeg and djpeg: how fast, and how much of the damage done here is found.

`python -m tests.bench.validation` makes films, sounds and photographs, measures quick beside `ffmpeg -c copy -f null`,
full beside `ffmpeg -f null` (one file at a time, and ours in two processes) and JPEG beside `djpeg -strict`, all
interleaved on the same files, then breaks copies in four ways and counts what each finds.
"""

from __future__ import annotations

import multiprocessing
import random
import resource
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from queue import Empty
from typing import Any

from tests.support.context import PlainContext
from tests.support.damage import HARMS
from tests.support.media import AAC, H264, ffmpeg, film_source
from workers.errors import JobFailed
from workers.media.damage import Level
from workers.media.ffmpeg import find, locate
from workers.operations.validate import OPERATION

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


def photographs(folder: Path, number: int = 10) -> list[Path]:
    """JPEGs of 6 MP with noise, every other one progressive."""
    from PIL import Image

    files = [folder / f"{index}.jpg" for index in range(number)]
    for index, path in enumerate(files):
        noise = Image.effect_noise((1500, 1000 + index), 60).resize((3000, 2000)).convert("RGB")
        noise.save(path, quality=88, progressive=bool(index % 2))
    return files


def asked(*command: str | Path) -> bool:
    """Whether a tool complains of a file, by its status or its words."""
    done = subprocess.run([str(word) for word in command], capture_output=True, check=False)
    return done.returncode != 0 or bool(done.stderr.strip())


def ffmpeg_null(path: Path, *before: str, after: Sequence[str] = ()) -> bool:
    words: tuple[str | Path, ...] = (
        "-nostdin",
        "-hide_banner",
        "-v",
        "error",
        *before,
        "-i",
        path,
        "-map",
        "0",
        *after,
        "-f",
        "null",
        "-",
    )
    return asked(locate(), *words)


def ffmpeg_copy(path: Path) -> bool:
    return ffmpeg_null(path, after=("-c", "copy"))


def ffmpeg_full(path: Path) -> bool:
    return ffmpeg_null(path)


def ffmpeg_one_thread(path: Path) -> bool:
    return ffmpeg_null(path, "-threads", "1")


def djpeg(path: Path) -> bool:
    return asked("djpeg", "-strict", "-outfile", "/dev/null", path)


class Ours:
    """The operation's own function, as the engine calls it for one item."""

    def __init__(self, folder: Path, level: Level) -> None:
        self._params = OPERATION.validate({"inputs": [str(folder)], "level": level})
        self._context = PlainContext(folder / "job")

    def __call__(self, path: Path) -> bool:
        """Whether something is found wrong with the file."""
        assert OPERATION.process is not None
        try:
            OPERATION.process(self._params, str(path), self._context)
        except JobFailed:
            return True
        return False


def cpu_s() -> float:
    """Processor time of this process and its ended children."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


class Pair:
    """Two forked processes that take files from one queue; imports and forking are paid before."""

    def __init__(self, way: Callable[[Path], bool]) -> None:
        context = multiprocessing.get_context("fork")
        self._files: Any = context.Queue()
        self._done: Any = context.Queue()
        self._processes = [context.Process(target=self._work, args=(way,), daemon=True) for _ in range(2)]
        for process in self._processes:
            process.start()

    def _work(self, way: Callable[[Path], bool]) -> None:
        while (path := self._files.get()) is not None:
            self._done.put(way(path))

    def all(self, files: Sequence[Path]) -> None:
        """Have all files looked at, the largest first."""
        for path in sorted(files, key=lambda path: -path.stat().st_size):
            self._files.put(path)
        for _ in files:
            try:
                self._done.get(timeout=120)
            except Empty:
                raise SystemExit("a process has ended") from None

    def end(self) -> None:
        """Let both processes end."""
        for _ in self._processes:
            self._files.put(None)
        for process in self._processes:
            process.join()


def measured(ways: dict[str, Callable[[], None]], rounds: int = ROUNDS) -> dict[str, tuple[float, float]]:
    """Median seconds and processor seconds of each way; the ways take turns."""
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            started, before = time.perf_counter(), cpu_s()
            way()
            taken[name].append((time.perf_counter() - started, cpu_s() - before))
    return {
        name: (statistics.median(wall for wall, _ in each), statistics.median(cpu for _, cpu in each))
        for name, each in taken.items()
    }


def each_of(way: Callable[[Path], bool], files: Sequence[Path]) -> Callable[[], None]:
    def run() -> None:
        for path in files:
            way(path)

    return run


def bar(what: str, ratio: float, hard: float, stretch: float | None = None) -> None:
    met = "met" if ratio >= hard else "missed"
    more = f", stretch {stretch:g}x" if stretch else ""
    print(f"{what:54} {ratio:6.2f} x   (hard {hard:g}x: {met}{more})")


def speed(files: list[Path], quick: Ours, full: Ours) -> None:
    """Print how the levels do beside ffmpeg."""
    print(f"beside ffmpeg {find().version}, {len(files)} files")
    both = Pair(full)
    each_of(quick, files)()
    fast = measured({"ffmpeg copy": each_of(ffmpeg_copy, files), "quick": each_of(quick, files)}, 2 * ROUNDS + 1)
    slow = measured(
        {
            "ffmpeg": each_of(ffmpeg_full, files),
            "ffmpeg, 1 thread": each_of(ffmpeg_one_thread, files),
            "full": each_of(full, files),
            "full, 2 processes": lambda: both.all(files),
        }
    )
    both.end()
    for name, (wall, cpu) in {**fast, **slow}.items():
        used = f"   CPU {cpu / len(files) * 1000:6.1f} ms a file" if "processes" not in name else ""
        print(f"{name:18} {len(files) / wall:8.1f} files/s{used}")
    bar("quick beside ffmpeg copy, wall", fast["ffmpeg copy"][0] / fast["quick"][0], 10, 14)
    bar("quick beside ffmpeg copy, CPU", fast["ffmpeg copy"][1] / fast["quick"][1], 10, 14)
    bar("full beside ffmpeg of one thread, CPU", slow["ffmpeg, 1 thread"][1] / slow["full"][1], 1.4)
    bar("full in 2 processes beside ffmpeg, wall", slow["ffmpeg"][0] / slow["full, 2 processes"][0], 2.4)


def pictures(files: list[Path], folder: Path, full: Ours) -> None:
    """Print how JPEGs do beside djpeg."""
    if shutil.which("djpeg") is None:
        print("djpeg is not installed (Debian: libjpeg-turbo-progs)")
        return
    done = measured({"djpeg -strict": each_of(djpeg, files), "full": each_of(full, files)})
    bar("JPEG beside djpeg -strict, CPU", done["djpeg -strict"][1] / done["full"][1], 0.75)
    finds(files, folder, {"djpeg -strict": djpeg, "full": full})


def finds(files: list[Path], folder: Path, ways: dict[str, Callable[[Path], bool]]) -> None:
    """Print how many of the broken copies each way finds, and what it says of good files."""
    print(f"{'':18}" + "".join(f"{name:>15}" for name in ["n", *ways]))
    row("good: alarms", files, ways)
    for name, harm in HARMS.items():
        broken = []
        for path in files:
            for seed in range(DAMAGED_OF_EACH):
                target = folder / f"{name}-{seed}-{path.name}"
                target.write_bytes(harm(path.read_bytes(), random.Random(f"{name}{seed}{path.name}")))
                broken.append(target)
        row(name, broken, ways)


def row(name: str, files: list[Path], ways: dict[str, Callable[[Path], bool]]) -> None:
    counts = [sum(way(path) for path in files) for way in ways.values()]
    print(f"{name:18}" + "".join(f"{count:15}" for count in [len(files), *counts]), flush=True)


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "jpeg").mkdir()
        files, photos = made(folder), photographs(folder / "jpeg")
        quick, full = Ours(folder, "quick"), Ours(folder, "full")
        speed(files, quick, full)
        finds(files, folder, {"ffmpeg copy": ffmpeg_copy, "quick": quick, "ffmpeg full": ffmpeg_full, "full": full})
        pictures(photos, folder / "jpeg", full)


if __name__ == "__main__":
    main()
