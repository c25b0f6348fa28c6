"""Thumbnails beside ffmpegthumbnailer, ffmpeg, pyvips and ImageMagick: files a second, interleaved on the same files.

`python -m tests.bench.thumbnails [FOLDER] [ROUNDS]` takes the films and photographs under FOLDER, or makes some. Ours
is the operation's own function with staging, verifying and publishing; a second line of ours is two processes.
"""

from __future__ import annotations

import importlib.util
import math
import multiprocessing
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from itertools import count
from pathlib import Path
from typing import Any

from tests.bench._beside import Bar, Way, compare
from tests.support.context import PlainContext
from tests.support.media import AAC, H264, ffmpeg, film_source
from workers.media.names import path_to_key
from workers.media.shapes import Shape
from workers.media.sniff import IMAGE_EXTENSIONS, VIDEO_EXTENSIONS
from workers.operations.thumbnail import OPERATION

SIZE = 320
_PACKAGES = {"ffmpegthumbnailer": "ffmpegthumbnailer", "ffmpeg": "ffmpeg", "convert": "imagemagick"}
_numbers = count()


class Ours:
    """The operation over files, each time into a folder of its own."""

    def __init__(self, folder: Path, **values: Any) -> None:
        self._folder, self._values = folder, values

    def __call__(self, paths: Sequence[Path]) -> None:
        """Make all thumbnails in this process."""
        self.into(self._folder / f"ours-{next(_numbers)}", paths)

    def into(self, out: Path, paths: Sequence[Path]) -> None:
        """Make all thumbnails into `out`, which is removed afterwards."""
        params = OPERATION.validate({"inputs": [str(paths[0])], "output": str(out), "size": SIZE, **self._values})
        process = OPERATION.process
        assert process is not None
        context = PlainContext(out / "job")
        for path in paths:
            result = process(params, path_to_key(path), context)
            assert result.outputs, path
            context.done.clear()
        context.end()
        shutil.rmtree(out)

    def in_two(self, pool: ProcessPoolExecutor) -> Way:
        """The same by two processes."""

        def run(paths: Sequence[Path]) -> None:
            parts = [paths[0::4], paths[1::4], paths[2::4], paths[3::4]]
            jobs = [
                pool.submit(self.into, self._folder / f"ours-{next(_numbers)}", part) for part in parts if len(part)
            ]
            for job in jobs:
                job.result()

        return run


def _tool(command: list[str], folder: Path, extension: str = "jpg", *, at_once: int = 1) -> Way:
    """A process a file; the words {source} and {target} stand for the files."""

    def one(path: Path) -> None:
        target = folder / f"peer-{next(_numbers)}.{extension}"
        words = [word.format(source=path, target=target, size=SIZE) for word in command]
        subprocess.run(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
        target.unlink(missing_ok=True)

    def run(paths: Sequence[Path]) -> None:
        with ThreadPoolExecutor(at_once) as pool:
            list(pool.map(one, paths))

    return run


def _pyvips(folder: Path, extension: str, **options: Any) -> Way:
    import pyvips  # type: ignore[import-not-found,unused-ignore]

    def run(paths: Sequence[Path]) -> None:
        for path in paths:
            target = folder / f"vips.{extension}"
            image = pyvips.Image.thumbnail(str(path), SIZE, height=SIZE, size="down")
            image.write_to_file(str(target), strip=True, **options)

    return run


def _films(folder: Path) -> list[Path]:
    made = [folder / f"{number}.mp4" for number in range(12)]
    for number, path in enumerate(made):
        size = ("640x360", "1280x720", "1920x1080")[number % 3]
        ffmpeg(*film_source(6, size), *H264, "-crf", "28", *AAC, path)
    return made


def _photos(folder: Path) -> list[Path]:
    from PIL import Image

    made = [folder / f"{number}.jpg" for number in range(16)]
    for number, path in enumerate(made):
        scene = Image.radial_gradient("L").resize((2600, 1700 + number), Image.Resampling.BICUBIC)
        noise = Image.effect_noise(scene.size, 14)  # as of a sensor: the hardest case for decoders
        Image.merge("RGB", (scene, noise, Image.blend(scene, noise, 0.5))).save(path, quality=90)
    return made


def _films_beside(films: Sequence[Path], folder: Path, pool: ProcessPoolExecutor, rounds: int) -> None:
    ours = Ours(folder)
    one: dict[str, Way] = {"thumbnail": ours}
    two: dict[str, Way] = {"thumbnail, 2 processes": ours.in_two(pool)}
    if shutil.which("ffmpegthumbnailer"):
        words = ["ffmpegthumbnailer", "-i", "{source}", "-o", "{target}", "-s", "{size}", "-t", "10%"]
        one["ffmpegthumbnailer"] = _tool(words, folder)
        two["ffmpegthumbnailer, 2 at once"] = _tool(words, folder, at_once=2)
    if shutil.which("ffmpeg"):
        words = ["ffmpeg", "-v", "error", "-y", "-ss", "1", "-i", "{source}", "-frames:v", "1"]
        one["ffmpeg"] = _tool([*words, "-vf", "scale={size}:-2", "{target}"], folder)
    compare("films to JPEG", one, films, rounds, {"ffmpegthumbnailer": Bar(6), "ffmpeg": Bar(10, "cpu")})
    compare("films to JPEG", two, films, rounds, {"ffmpegthumbnailer, 2 at once": Bar(6)})


def _photos_beside(photos: Sequence[Path], folder: Path, pool: ProcessPoolExecutor, rounds: int) -> None:
    ours, webp = Ours(folder), Ours(folder, format="webp", quality=75)
    plain: dict[str, Way] = {"thumbnail": ours, "thumbnail --draft": Ours(folder, draft=True)}
    modern: dict[str, Way] = {"thumbnail --format webp": webp}
    if importlib.util.find_spec("pyvips"):
        plain["pyvips"] = _pyvips(folder, "jpg", Q=80)
        modern["pyvips"] = _pyvips(folder, "webp", Q=75)
    if shutil.which("convert"):
        hint = ["-define", "jpeg:size={size}x{size}", "{source}", "-thumbnail", "{size}x{size}>", "-quality", "80"]
        plain["ImageMagick"] = _tool(["convert", *hint, "{target}"], folder)
    compare("photographs to JPEG", plain, photos, rounds, {"pyvips": Bar(1.2), "ImageMagick": Bar(6)})
    compare("photographs to WebP", modern, photos, rounds, {"pyvips": Bar(1.2)})
    # Our one process is "slower by 1.75" than our two: the same table, read the other way round.
    both: dict[str, Way] = {"thumbnail, 2 processes": ours.in_two(pool), "thumbnail": ours}
    compare("photographs to JPEG", both, photos, rounds, {"thumbnail": Bar(1.75)})


def _likeness(photos: Sequence[Path]) -> None:
    """Signal to noise of the scaled pictures, before they are encoded, against full decoding and Lanczos."""
    from PIL import Image, ImageChops, ImageOps, ImageStat

    from workers.media.pictures import DRAFT, FINE, thumbnail

    for name, gap in (("fine", FINE), ("draft", DRAFT)):
        decibels = []
        for path in photos:
            made = thumbnail(path, Shape.within(SIZE), gap=gap).convert("RGB")
            with Image.open(path) as image:
                upright = ImageOps.exif_transpose(image).convert("RGB")
            reference = upright.resize(made.size, Image.Resampling.LANCZOS)
            errors = ImageStat.Stat(ImageChops.difference(made, reference)).sum2
            mean = sum(errors) / (3 * made.width * made.height)
            decibels.append(10 * math.log10(255**2 / mean) if mean else 99.0)
        worst = min(decibels)
        held = f"  hard 40 dB worst: {worst:.1f} {'met' if worst >= 40 else 'NOT MET'}" if gap == FINE else ""
        print(f"  {name}: mean {sum(decibels) / len(decibels):.1f} dB, worst {worst:.1f} dB{held}")


def _found(folder: Path, extensions: frozenset[str], most: int) -> list[Path]:
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower().lstrip(".") in extensions)
    return files[:: max(len(files) // most, 1)][:most]


def main() -> None:
    """Measure and print."""
    given = [word for word in sys.argv[1:] if not word.isdigit()]
    rounds = next((int(word) for word in sys.argv[1:] if word.isdigit()), 5)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        films = _found(Path(given[0]), VIDEO_EXTENSIONS, 40) if given else _films(folder)
        photos = _found(Path(given[0]), IMAGE_EXTENSIONS, 48) if given else _photos(folder)
        with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
            _films_beside(films, folder, pool, rounds)
            _photos_beside(photos, folder, pool, rounds)
        print("photographs, likeness")
        _likeness(photos)
    for tool in sorted(_PACKAGES):
        if not shutil.which(tool):
            print(f"{tool} not measured, not installed: Debian package {_PACKAGES[tool]}")
    if not importlib.util.find_spec("pyvips"):
        print("pyvips not measured, not installed: PyPI packages pyvips and pyvips-binary")


if __name__ == "__main__":
    main()
