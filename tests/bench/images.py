"""Converting and packing pictures beside jpegoptim, optipng, bare oxipng and Pillow, interleaved on the same files.

`python -m tests.bench.images [FOLDER] [ROUNDS]` takes up to 12 JPEGs and 8 PNGs under FOLDER, or makes some. Ours is
the operation's own function with reading, comparing, staging and publishing.
"""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Sequence
from itertools import count
from pathlib import Path
from typing import Any

import mozjpeg_lossless_optimization as mozjpeg  # type: ignore[import-untyped]
import oxipng
from PIL import Image

from tests.bench._beside import Bar, Way, compare
from tests.support.context import PlainContext
from workers.media.names import path_to_key
from workers.operations import convert_image, optimize_image

_PACKAGES = {"jpegoptim": "jpegoptim", "optipng": "optipng"}
_numbers = count()


class Bytes:
    """How many bytes each way made of the same files, against those of a peer or of the files."""

    def __init__(self) -> None:
        self._made: dict[str, dict[str, int]] = defaultdict(dict)

    def note(self, way: str, path: Path, size: int) -> None:
        """One result; the last of a file counts."""
        self._made[way][path.name] = size

    def tell(self, against: str, bar: Callable[[float], bool], aim: str) -> None:
        """Print the shares; `bar` says of the share of our own way, the first, whether it is `aim`."""
        whole = self._made[against]
        for number, (way, sizes) in enumerate(self._made.items()):
            share = sum(sizes.values()) / sum(whole[name] for name in sizes)
            held = f"  hard {aim}: {share:.4f} {'met' if bar(share) else 'NOT MET'}" if number == 0 else ""
            print(f"  bytes of {way:28} {share:8.4f} of {against}{held}")


def ours(operation: Any, folder: Path, name: str, made: Bytes, **values: Any) -> Way:
    """The operation over files, each time into a folder of its own."""

    def run(paths: Sequence[Path]) -> None:
        out = folder / f"ours-{next(_numbers)}"
        params = operation.validate({"inputs": [str(paths[0])], "output": str(out), **values})
        context = PlainContext(out / "job")
        for path in paths:
            result = operation.process(params, path_to_key(path), context)
            size = result.outputs[0].stat().st_size if result.outputs else path.stat().st_size
            made.note(name, path, size)
            context.done.clear()
        context.end()
        shutil.rmtree(out)

    return run


def tool(command: list[str], folder: Path, name: str, made: Bytes) -> Way:
    """A process a file on a copy, which it changes in place."""

    def run(paths: Sequence[Path]) -> None:
        for path in paths:
            copy = folder / f"peer-{next(_numbers)}{path.suffix}"
            shutil.copy(path, copy)
            subprocess.run([*command, str(copy)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
            made.note(name, path, copy.stat().st_size)
            copy.unlink()

    return run


def plain(function: Callable[[Path], bytes], folder: Path, name: str, made: Bytes) -> Way:
    """A function of a library, and its result written."""

    def run(paths: Sequence[Path]) -> None:
        for path in paths:
            data = function(path)
            (folder / "plain").write_bytes(data)
            made.note(name, path, len(data))

    return run


def saved(format: str, **words: Any) -> Callable[[Path], bytes]:
    """What Pillow writes of a picture."""

    def save(path: Path) -> bytes:
        out = io.BytesIO()
        with Image.open(path) as image:
            image.save(out, format, **words)
        return out.getvalue()

    return save


def _scene(size: tuple[int, int] = (2000, 1400)) -> Image.Image:
    """A picture with the spectrum of photographs: noise of all sizes, half as strong at each half size, and grain."""

    def channel() -> Image.Image:
        whole, weight = Image.new("L", size, 128), 0.5
        for step in (8, 16, 32, 64, 128, 256, 512):
            part = Image.effect_noise((step, step), 120).resize(size, Image.Resampling.BICUBIC)
            whole = Image.blend(whole, part, weight)
            weight *= 0.62
        return Image.blend(whole, Image.effect_noise(size, 24), 0.08)

    luma = channel()
    return Image.merge("RGB", [Image.blend(luma, channel(), 0.25) for _ in range(3)])


def _files(folder: Path, found: Path | None) -> tuple[list[Path], list[Path]]:
    if found is not None:
        jpegs = sorted(path for path in found.rglob("*.jpg") if path.stat().st_size > 100_000)
        step = max(1, len(jpegs) // 12)
        jpegs = jpegs[::step][:12]
    else:
        jpegs = []
        for number in range(6):
            jpegs.append(folder / f"{number}.jpg")
            _scene().save(jpegs[-1], quality=92)
    pngs = sorted(found.rglob("*.png"))[:8] if found else []
    for number, path in enumerate(jpegs[:6] if not pngs else []):
        pngs.append(folder / f"{number}.png")
        with Image.open(path) as image:
            image.thumbnail((700, 700))
            (image if number % 2 else image.quantize(64)).save(pngs[-1])
    return jpegs, pngs


def _optimise_jpeg(folder: Path, jpegs: list[Path], rounds: int) -> None:
    made = Bytes()
    ways = {"optimize-image": ours(optimize_image.OPERATION, folder, "optimize-image", made)}
    bare = "mozjpeg, bare"
    ways[bare] = plain(
        lambda path: mozjpeg.optimize(path.read_bytes(), copy=mozjpeg.COPY_MARKERS.ALL), folder, bare, made
    )
    bars: dict[str, Bar] = {}
    if shutil.which("jpegoptim"):
        ways["jpegoptim --all-progressive"] = tool(
            ["jpegoptim", "-q", "--all-progressive", "--strip-none"], folder, "jpegoptim --all-progressive", made
        )
        bars["jpegoptim --all-progressive"] = Bar(0.95)
    compare("lossless JPEG", ways, jpegs, rounds, bars)
    made.tell(bare, lambda share: share <= 1, "the bytes of mozjpeg")
    for path in jpegs:
        made.note("the files as they are", path, path.stat().st_size)
    made.tell("the files as they are", lambda share: share < 1, "never larger")


def _optimise_png(folder: Path, pngs: list[Path], rounds: int) -> None:
    made = Bytes()
    ways = {"optimize-image": ours(optimize_image.OPERATION, folder, "optimize-image", made)}
    bare = "oxipng 1, bare"
    ways[bare] = plain(lambda path: oxipng.optimize_from_memory(path.read_bytes(), level=1), folder, bare, made)
    bars = {bare: Bar(0.95)}
    against, aim = bare, "the bytes of oxipng"
    if shutil.which("optipng"):
        against, aim = "optipng -o2", "less than optipng -o2"
        ways[against] = tool(["optipng", "-quiet", "-o2"], folder, against, made)
        bars[against] = Bar(5)
    compare("packing PNG", ways, pngs, rounds, bars)
    made.tell(against, lambda share: share <= 1, aim)


def _convert(folder: Path, jpegs: list[Path], rounds: int) -> None:
    rows: tuple[tuple[str, dict[str, Any], float, float], ...] = (
        ("webp", {"quality": 80, "method": 4}, 0.97, 1.01),
        ("png", {}, 2.0, 1.01),
        ("avif", {"quality": 60, "speed": 6}, 2.8, 1.02),
    )
    for format, words, times, most in rows:
        made, name = Bytes(), f"convert-image to {format}"
        peer = f"Pillow, {', '.join(f'{key} {value}' for key, value in words.items()) or 'as it comes'}"
        small = format == "webp"  # the same method 4 as the peer; what it is without being asked comes last
        ways = {
            name: ours(convert_image.OPERATION, folder, name, made, format=format, metadata="strip", small=small),
            peer: plain(saved(format.upper(), **words), folder, peer, made),
        }
        if small:
            usual = "convert-image to webp, as it comes"
            ways[usual] = ours(convert_image.OPERATION, folder, usual, made, format=format, metadata="strip")
        bars = {peer: Bar(times, "cpu" if format == "avif" else "wall")}
        compare(f"JPEG to {format}", ways, jpegs, rounds, bars)
        made.tell(peer, lambda share, most=most: share <= most, f"at most {most:g} of the bytes")  # type: ignore[misc]


def main() -> None:
    """Measure and print."""
    found = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        jpegs, pngs = _files(folder, found)
        _optimise_jpeg(folder, jpegs, rounds)
        _optimise_png(folder, pngs, rounds)
        _convert(folder, jpegs, rounds)
    for tool_name, package in _PACKAGES.items():
        if not shutil.which(tool_name):
            print(f"{tool_name} not measured, not installed: Debian package {package}")


if __name__ == "__main__":
    main()
