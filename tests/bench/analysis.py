"""Analysis and perceptual hashes of photographs beside numpy at full size, OpenCV and imagehash, interleaved.

`python -m tests.bench.analysis [FOLDER] [ROUNDS]` takes up to 40 JPEGs under FOLDER, or makes some. Also: how well our
values rank beside those of all pixels, and thumbnail, hashes and analysis of one decode beside three.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageFilter

from tests.bench._beside import Bar, Way, compare
from tests.support.drawn import noisy, textured
from workers.media import analysis, phash, pictures
from workers.media.shapes import Shape

RANKED = ("brightness", "contrast", "sharpness", "noise")
HARD_RANK = 0.98
_PEERS = {"imagehash": "ImageHash", "cv2": "opencv-python-headless"}


def _made(folder: Path) -> list[Path]:
    """Photographs of 4 million pixels, of several degrees of blur and noise."""
    paths = []
    for number in range(16):
        image = textured(number, (2448, 1632)).filter(ImageFilter.GaussianBlur((number * 7 % 16) / 3))
        paths.append(folder / f"{number}.jpg")
        noisy(image, number / 2, number).save(paths[-1], quality=88)
    return paths


def _at_full_size(path: Path) -> tuple[float, ...]:
    """The values of `RANKED`, and histogram and mean colour, over all pixels by numpy."""
    with Image.open(path) as image:
        image.load()
        level = np.asarray(image.convert("L"))
        np.asarray(image).reshape(-1, 3).mean(axis=0)
    np.bincount(level.ravel(), minlength=256)
    values = level.astype(np.float32)
    laplacian = values[:-2, 1:-1] + values[2:, 1:-1] + values[1:-1, :-2] + values[1:-1, 2:] - 4 * values[1:-1, 1:-1]
    rows = values[:-2] - 2 * values[1:-1] + values[2:]
    mask = np.abs(rows[:, :-2] - 2 * rows[:, 1:-1] + rows[:, 2:]).mean() * np.sqrt(np.pi / 2) / 6
    return float(values.mean()), float(values.std()), float(laplacian.var()), float(mask)


def _opencv(path: Path) -> None:
    """The same by OpenCV."""
    cv2: Any = importlib.import_module("cv2")
    cv2.setNumThreads(1)  # one process each, as the engine shares the work
    image = cv2.imread(str(path))
    level = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    cv2.meanStdDev(level)
    cv2.mean(image)
    cv2.calcHist([level], [0], None, [256], [0, 256])
    cv2.meanStdDev(cv2.Laplacian(level, cv2.CV_16S))
    kernel = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
    cv2.norm(cv2.filter2D(level, cv2.CV_16S, kernel), cv2.NORM_L1)


def _imagehash(path: Path) -> None:
    module: Any = importlib.import_module("imagehash")
    for function in (module.phash, module.dhash):
        with Image.open(path) as image:
            function(image)


def _separate(path: Path) -> None:
    pictures.thumbnail(path, Shape.within(320))
    phash.fingerprint(path)
    analysis.analyse(path)


def _each(function: Any) -> Way:
    def run(paths: Sequence[Path]) -> None:
        for path in paths:
            function(path)

    return run


def _ranks(paths: Sequence[Path]) -> None:
    """Print how well our values rank beside those of all pixels."""
    ours = [analysis.analyse(path).measures for path in paths]
    whole = [_at_full_size(path) for path in paths]
    for place, name in enumerate(RANKED):
        one = np.argsort(np.argsort([getattr(found, name) for found in ours]))
        other = np.argsort(np.argsort([found[place] for found in whole]))
        rank = float(np.corrcoef(one, other)[0, 1])
        print(f"  rank of {name:12} {rank:.4f}  hard {HARD_RANK}: {'met' if rank >= HARD_RANK else 'NOT MET'}")


def main() -> None:
    """Measure and print."""
    given = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    there = {name for name in _PEERS if importlib.util.find_spec(name)}
    with tempfile.TemporaryDirectory() as name:
        paths = sorted(given.rglob("*.jpg"))[:40] if given else _made(Path(name))
        ways = {"analysis and hashes": _each(analysis.analyse), "numpy, full size": _each(_at_full_size)}
        if "cv2" in there:
            ways["OpenCV, full size"] = _each(_opencv)
        compare("analysis", ways, paths, rounds, {"numpy, full size": Bar(3.5), "OpenCV, full size": Bar(1.1)})
        _ranks(paths)
        if "imagehash" in there:
            hashes = {"phash and dhash": _each(phash.fingerprint), "imagehash, both": _each(_imagehash)}
            compare("perceptual hashes", hashes, paths, rounds, {"imagehash, both": Bar(4.5)})
        fused = {
            "thumbnail, hashes, analysis: one": _each(lambda path: analysis.analyse(path, thumbnail=320)),
            "the three one after another": _each(_separate),
        }
        compare("fused", fused, paths, rounds, {"the three one after another": Bar(1.5)})
    for missing in sorted(set(_PEERS) - there):
        print(f"{missing} not measured, not installed: Python package {_PEERS[missing]}")


if __name__ == "__main__":
    main()
