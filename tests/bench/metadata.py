"""What files tell, beside exiftool in one batch and one ffprobe a file: files a second, interleaved on the same files.

`python -m tests.bench.metadata [COPIES] [ROUNDS]` makes films, sounds and photographs, copies each so many times, and
reads them one after another in one process: by the operation's own function, and by the bare media function.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.support.context import PlainContext
from tests.support.media import AAC, H264, ffmpeg, film_source
from workers.media import photo, probe
from workers.operations.probe import OPERATION

SLOW = 20  # files of each round for a peer that takes a process a file
HARD = {"av": {"exiftool -fast, one batch": 8, "ffprobe, one a file": 150}, "photo": {"exiftool -fast2, one batch": 12}}
_PACKAGES = {"exiftool": "libimage-exiftool-perl", "ffprobe": "ffmpeg"}
Read = Callable[[Sequence[Path]], None]


def _films(folder: Path) -> list[Path]:
    film = folder / "a.mp4"
    ffmpeg(*film_source(6, "1280x720"), *H264, "-crf", "30", *AAC, film)
    made = {
        "b.mkv": ("-c", "copy"),
        "c.mov": ("-c", "copy"),
        "d.webm": ("-c:v", "libvpx-vp9", "-cpu-used", "8", "-deadline", "realtime", "-c:a", "libopus"),
        "e.mp3": ("-vn", "-c:a", "libmp3lame"),
        "f.flac": ("-vn", "-c:a", "flac"),
        "g.m4a": ("-vn", "-c:a", "aac"),
        "h.ogg": ("-vn", "-c:a", "libvorbis"),
    }
    for name, words in made.items():
        ffmpeg("-i", film, *words, folder / name)
    return [film, *(folder / name for name in made)]


def _photos(folder: Path) -> list[Path]:
    from PIL import Image

    exif = Image.Exif()
    exif[0x010F], exif[0x0110], exif[0x0112] = "Maker", "Model", 6
    exif.get_ifd(0x8769).update({0x9003: "2024:05:06 07:08:09", 0x829A: 0.005, 0x829D: 2.8, 0x8827: 100})
    exif.get_ifd(0x8825).update({1: "S", 2: (33.0, 51.0, 24.0), 3: "E", 4: (151.0, 12.0, 30.0)})
    made = [folder / f"{number}.jpg" for number in range(4)]
    for number, path in enumerate(made):
        noise = Image.effect_noise((2400, 1600 + number), 40).convert("RGB")
        noise.save(path, quality=90, exif=exif)
    return made


def _copies(sources: Sequence[Path], folder: Path, count: int) -> list[Path]:
    folder.mkdir()
    paths = []
    for number in range(count):
        for source in sources:
            paths.append(folder / f"{number}-{source.name}")
            shutil.copy(source, paths[-1])
    return paths


def _operation(folder: Path, depth: str) -> Read:
    params = OPERATION.validate({"inputs": [str(folder)], "depth": depth})
    context, process = PlainContext(folder / "job"), OPERATION.process
    assert process is not None

    def read(paths: Sequence[Path]) -> None:
        for path in paths:
            process(params, str(path), context)

    return read


def _bare(function: Callable[[Path], object]) -> Read:
    def read(paths: Sequence[Path]) -> None:
        for path in paths:
            function(path)

    return read


def _exiftool(*words: str) -> Read:
    def read(paths: Sequence[Path]) -> None:
        subprocess.run(
            ["exiftool", "-j", "-n", *words, *map(str, paths)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=True,
        )

    return read


def _ffprobe(paths: Sequence[Path]) -> None:
    command = ["ffprobe", "-v", "error", "-of", "json", "-show_format", "-show_streams"]
    for path in paths[:SLOW]:
        subprocess.run([*command, str(path)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)


def _measured(read: Read, paths: Sequence[Path], number: int) -> tuple[float, float]:
    """Files a second, and processor milliseconds of each with children."""
    before, started = sum(os.times()[:4]), time.perf_counter()
    read(paths)
    passed, used = time.perf_counter() - started, sum(os.times()[:4]) - before
    return number / passed, used * 1000 / number


def _compare(title: str, ways: dict[str, Read], paths: Sequence[Path], rounds: int, hard: dict[str, int]) -> None:
    results: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for read in ways.values():
        read(paths[:SLOW])  # imports and the page cache are nobody's merit
    for turn in range(rounds):
        order = list(ways.items())
        for name, read in order[turn % len(order) :] + order[: turn % len(order)]:  # who follows whom matters
            number = min(SLOW, len(paths)) if read is _ffprobe else len(paths)
            results[name].append(_measured(read, paths, number))
    print(f"{title}: {len(paths)} files, {rounds} interleaved rounds, one process")
    print(f"  {'':28} {'files/s':>9} {'CPU ms':>8} {'probe is':>9}")
    own = statistics.median(rate for rate, _ in next(iter(results.values())))
    for name, rows in results.items():
        rate, cost = (statistics.median(column) for column in zip(*rows, strict=True))
        aim = f"  (at least {hard[name]})" if name in hard else ""
        print(f"  {name:28} {rate:9.0f} {cost:8.2f} {own / rate:8.1f}x{aim}")


def main() -> None:
    """Measure and print."""
    copies = int(sys.argv[1]) if len(sys.argv) > 1 else 40
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    there = {name for name in _PACKAGES if shutil.which(name)}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        films = _copies(_films(folder), folder / "films", copies)
        photos = _copies(_photos(folder), folder / "photos", copies)
        ways: dict[str, Read] = {"operation, headers": _operation(folder, "headers"), "function": _bare(probe.probe)}
        photo_ways = {"operation, headers": ways["operation, headers"], "function": _bare(photo.probe)}
        decoded: dict[str, Read] = {"operation, decoded": _operation(folder, "decoded")}
        if "exiftool" in there:
            ways["exiftool -fast, one batch"] = _exiftool("-fast")
            photo_ways["exiftool -fast2, one batch"] = _exiftool("-fast2")
        if "ffprobe" in there:
            ways["ffprobe, one a file"] = decoded["ffprobe, one a file"] = _ffprobe
        _compare("films and sounds", ways, films, rounds, HARD["av"])
        _compare("films and sounds, decoded", decoded, films, rounds, {"ffprobe, one a file": 14})
        _compare("photographs", photo_ways, photos, rounds, HARD["photo"])
    for tool in sorted(set(_PACKAGES) - there):
        print(f"{tool} not measured, not installed: Debian package {_PACKAGES[tool]}")


if __name__ == "__main__":
    main()
