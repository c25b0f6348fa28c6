"""Parts of small films by copying, beside ffmpeg -c copy on the same files: wall and processor time, interleaved.

`python -m tests.bench.parts [ROUNDS]` cuts a part out of a film, takes the sound out of it, and joins two, each by the
operation with everything around it (staging, verifying, publishing), then by one ffmpeg, turn by turn.
"""

from __future__ import annotations

import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import imageio_ffmpeg

from tests.support.context import PlainContext
from tests.support.media import AAC, H264, ffmpeg, film_source
from workers.operations import concat, extract_audio, trim

HARD = 2.5
Work = Callable[[], None]


def _operation(folder: Path, operation: Any, **values: Any) -> Work:
    params = operation.validate({"inputs": [str(folder / "film.mp4")], **values})

    def operate() -> None:
        context = PlainContext(folder / "job")
        if operation.run is not None:
            operation.run(params, context)
        else:
            operation.process(params, params.inputs[0], context)
        context.end()

    return operate


def _processor_s() -> float:
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def _timed(work: Work) -> tuple[float, float]:
    wall, processor = time.perf_counter(), _processor_s()
    work()
    return time.perf_counter() - wall, _processor_s() - processor


def _compare(name: str, ours: Work, peer_name: str, peer: Work, rounds: int, out: Path, hard: float) -> None:
    for work in (ours, peer):
        work()  # libraries are loaded and files in memory
    times: tuple[list[tuple[float, float]], ...] = ([], [])
    for _ in range(rounds):
        for kept, work in zip(times, (ours, peer), strict=True):
            kept.append(_timed(work))
            shutil.rmtree(out, ignore_errors=True)
            out.mkdir()
    (wall, processor), (its_wall, its_processor) = (
        (statistics.median(w for w, _ in kept) * 1000, statistics.median(p for _, p in kept) * 1000) for kept in times
    )
    ratio = its_wall / wall
    bar = f"; hard {hard}x: {ratio:.1f}x {'met' if ratio >= hard else 'MISSED'}" if hard else ""
    print(f"   {name}: {wall:.1f} ms ({processor:.1f} ms of processor)")
    print(f"   {peer_name}: {its_wall:.1f} ms ({its_processor:.1f}); {its_processor / processor:.1f}x processor{bar}")


def main() -> None:
    """Print what each takes, and how many times longer ffmpeg does."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    tools = {"ffmpeg of the wheel": imageio_ffmpeg.get_ffmpeg_exe()}
    system = shutil.which("ffmpeg")
    if system is None:
        print("   the system's ffmpeg is not installed (Debian: ffmpeg); the static one of the wheel starts quicker")
    else:
        tools["the system's ffmpeg"] = system
    with tempfile.TemporaryDirectory(prefix="bench-parts-") as name:
        folder = Path(name)
        film, out = folder / "film.mp4", folder / "out"
        ffmpeg(*film_source(8, "640x360"), *H264, "-crf", "30", *AAC, film)
        print(f"   a film of {film.stat().st_size / 1000:.0f} kB and 8 s")
        listed = folder / "list.txt"
        listed.write_text(f"file '{film}'\nfile '{film}'\n")
        for tool, program in tools.items():

            def by_ffmpeg(*words: str | Path, program: str = program) -> Work:
                command = [program, "-nostdin", "-v", "error", "-y", *map(str, words)]

                def work() -> None:
                    subprocess.run(command, check=True)

                return work

            out.mkdir(exist_ok=True)
            _compare(
                "trim --mode copy",
                _operation(folder, trim.OPERATION, start="2", duration="3", mode="copy", output=str(out)),
                f"{tool} -ss -c copy",
                by_ffmpeg("-ss", "2", "-i", film, "-t", "3", "-c", "copy", "-movflags", "+faststart", out / "p.mp4"),
                *(rounds, out, 0),
            )
            _compare(
                "extract-audio",
                _operation(folder, extract_audio.OPERATION, output=str(out)),
                f"{tool} -vn -c copy",
                by_ffmpeg("-i", film, "-vn", "-c", "copy", "-movflags", "+faststart", out / "p.m4a"),
                *(rounds, out, HARD),
            )
            _compare(
                "concat of two",
                _operation(folder, concat.OPERATION, inputs=[str(film)] * 2, output=str(out / "whole.mp4")),
                f"{tool} -f concat -c copy",
                by_ffmpeg("-f", "concat", "-safe", "0", "-i", listed, "-c", "copy", out / "p.mp4"),
                *(rounds, out, 0),
            )


if __name__ == "__main__":
    main()
