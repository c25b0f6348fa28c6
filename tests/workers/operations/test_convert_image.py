"""Pictures converted by the operation, end to end."""

from __future__ import annotations

import os
import shutil
import struct
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.support import pictures
from tests.support.context import PlainContext, files_under
from tests.support.engine import outcomes_of
from tests.support.media import HLS_TEXT, HOSTILE_NAMES, Media, cut
from workers.errors import ErrorClass, InvalidParams, JobFailed
from workers.jobs import Outcome
from workers.operations.contract import Result
from workers.operations.convert_image import OPERATION


def converted(ctx: PlainContext, inputs: list[Path], **values: Any) -> dict[str, Result | JobFailed]:
    return outcomes_of(OPERATION, ctx, inputs, **{"format": "webp", **values})


def one(ctx: PlainContext, source: Path, **values: Any) -> Result:
    (outcome,) = converted(ctx, [source], **values).values()
    assert isinstance(outcome, Result), outcome
    return outcome


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "in"
    (folder / "sub").mkdir(parents=True)
    pictures.full_jpeg(folder / "a.jpg")
    pictures.halves().save(folder / "sub" / "b.png")
    pictures.halves((30, 20)).save(folder / "sub" / "b.bmp")
    (folder / "notes.txt").write_text("no picture")
    return folder


def test_beside_their_inputs(ctx: PlainContext, folder: Path) -> None:
    outcomes = converted(ctx, [folder])
    assert len(outcomes) == 3
    assert [name for name in files_under(folder) if ".conv" in name] == (
        ["a.conv.webp", "sub/b.bmp.conv.webp", "sub/b.png.conv.webp"]
    )
    first = outcomes["a.jpg"]
    assert isinstance(first, Result)
    assert first.detail["from"] == "JPEG"
    assert (first.detail["width"], first.detail["height"]) == (60, 120)
    assert first.detail["size"] == first.outputs[0].stat().st_size


def test_again_makes_no_second_copy_and_takes_no_result_for_an_input(ctx: PlainContext, folder: Path) -> None:
    converted(ctx, [folder])
    before = files_under(folder)
    again = converted(ctx, [folder])
    assert files_under(folder) == before
    assert {outcome.outcome for outcome in again.values() if isinstance(outcome, Result)} == {Outcome.SKIPPED}
    converted(ctx, [folder], quality=20)
    assert "a.conv (2).webp" in files_under(folder)


def test_what_is_of_the_format_already_is_left_out_of_folders(ctx: PlainContext, folder: Path) -> None:
    outcomes = converted(ctx, [folder], format="png")
    skipped = outcomes["b.png"]
    assert isinstance(skipped, Result)
    assert (skipped.outcome, skipped.detail["why"]) == (Outcome.SKIPPED, "it is PNG already")
    assert one(ctx, folder / "sub" / "b.png", format="png").outputs


def test_the_tree_and_the_pattern_in_the_output_folder(ctx: PlainContext, folder: Path, tmp_path: Path) -> None:
    converted(ctx, [folder], output=str(tmp_path / "out"), format="png", size=40, quality=1)
    assert files_under(tmp_path / "out") == ["a.png", "sub/b.bmp.png", "sub/b.png.png"]
    converted(ctx, [folder], output=str(tmp_path / "named"), rename="{date} {number} {stem} {width}x{height} {format}")
    day = Image.open(folder / "a.jpg").getexif().get_ifd(0x8769)[0x9003][:10].replace(":", "-")
    names = files_under(tmp_path / "named")
    assert names[0] == f"{day} 1 a 60x120 webp.webp"
    assert {name.split(" ", 1)[1] for name in names[1:]} == {"2 b.bmp 30x20 webp.webp", "3 b.png 120x60 webp.webp"}


def test_names_that_meet_are_numbered(ctx: PlainContext, folder: Path, tmp_path: Path) -> None:
    for name in ("c", "d"):
        pictures.halves().save(folder / f"{name}.png")
    pictures.full_jpeg(folder / "e.jpg")
    params: Mapping[str, Any] = {"output": str(tmp_path / "out"), "rename": "{number}", "only": ["[cd]*"]}
    converted(ctx, [folder], **params)
    converted(ctx, [folder], **{**params, "only": ["[ae]*"], "quality": 5})
    assert files_under(tmp_path / "out") == ["1 (2).webp", "1.webp", "2 (2).webp", "2.webp"]


def _bomb(path: Path) -> None:
    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 0, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"x") + chunk(b"IEND", b""))


BROKEN: dict[str, tuple[Callable[[Path, Media], object], ErrorClass, str]] = {
    "short.jpg": (lambda path, media: cut(media.picture, path), ErrorClass.BAD_INPUT, "truncated"),
    "empty.png": (lambda path, media: path.touch(), ErrorClass.BAD_INPUT, "is empty"),
    "bomb.png": (lambda path, media: _bomb(path), ErrorClass.UNSUPPORTED, "million pixels"),
    "film.jpg": (lambda path, media: shutil.copy(media.clip, path), ErrorClass.UNSUPPORTED, "is no picture"),
    "text.png": (lambda path, media: path.write_text(HLS_TEXT), ErrorClass.UNSUPPORTED, "knows"),
    "head.webp": (lambda path, media: path.write_bytes(b"RIFF\x10\0\0\0WEBPVP8 "), ErrorClass.BAD_INPUT, "head.webp"),
    "head.gif": (lambda path, media: path.write_bytes(b"GIF89a\x01"), ErrorClass.BAD_INPUT, "head.gif"),
    "head.tif": (lambda path, media: path.write_bytes(b"II*\0\x08\0\0\0\xff\xff"), ErrorClass.BAD_INPUT, "head.tif"),
    "head.bmp": (lambda path, media: path.write_bytes(b"BM1234\0\0\0\0\x09"), ErrorClass.BAD_INPUT, "head.bmp"),
    "gone.jpg": (lambda path, media: None, ErrorClass.BAD_INPUT, "does not exist"),
}


def test_an_output_folder_gets_what_is_of_the_format_already(ctx: PlainContext, folder: Path, tmp_path: Path) -> None:
    turned = pictures.full_jpeg(folder / "z.jpg")
    out = tmp_path / "out"
    outcomes = converted(
        ctx, [folder], format="jpeg", output=str(out), rename="{number} {width}x{height} {date} {stem}"
    )
    names = files_under(out)
    assert len(names) == len(outcomes) == 4
    assert sorted(int(Path(name).name.split()[0]) for name in names) == [1, 2, 3, 4]
    outcome = outcomes["z.jpg"]
    assert isinstance(outcome, Result)
    assert outcome.detail["copied"] is True
    assert outcome.outputs[0].read_bytes() == turned.read_bytes()
    assert "60x120 2024-05-06 z" in outcome.outputs[0].name  # upright
    again = converted(ctx, [folder], format="jpeg", output=str(out), rename="{number} {width}x{height} {date} {stem}")
    assert files_under(out) == names
    assert {one.outcome for one in again.values() if isinstance(one, Result)} == {Outcome.SKIPPED}


@pytest.mark.parametrize("name", sorted(BROKEN))
def test_broken_files_fail_by_name(ctx: PlainContext, media: Media, tmp_path: Path, name: str) -> None:
    make, wanted, words = BROKEN[name]
    make(tmp_path / name, media)
    (failed,) = converted(ctx, [tmp_path / name]).values()
    assert isinstance(failed, JobFailed)
    assert failed.failure.error_class is wanted
    assert words in failed.failure.message
    assert "\n" not in failed.failure.message
    assert [left for left in files_under(tmp_path) if "conv" in left] == []


def test_a_wrong_extension_does_not_matter(ctx: PlainContext, tmp_path: Path) -> None:
    pictures.halves().save(tmp_path / "photo.png", "JPEG")
    assert one(ctx, tmp_path / "photo.png").detail["from"] == "JPEG"


@pytest.mark.parametrize("name", HOSTILE_NAMES[:-1])
def test_hostile_names(ctx: PlainContext, tmp_path: Path, name: bytes) -> None:
    source = tmp_path / os.fsdecode(name + b".jpg")
    pictures.halves().save(tmp_path / "plain.jpg")
    os.rename(tmp_path / "plain.jpg", source)
    (made,) = one(ctx, source, output=str(tmp_path / "out"), rename="{stem} {number}").outputs
    assert made.parent == tmp_path / "out"
    assert made.suffix == ".webp"


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"rename": "{stem}"}, "needs an output folder"),
        ({"rename": "{stem}/x", "output": "/o"}, "no slash"),
        ({"rename": "x", "output": "/o"}, "must hold"),
        ({"format": "jpeg", "lossless": True}, "cannot be lossless"),
        ({"format": "avif", "lossless": True}, "cannot be lossless"),
        ({"background": "url(x)"}, "#RRGGBB"),
        ({"format": "bmp"}, "format"),
    ],
)
def test_parameters_that_are_refused(values: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidParams, match=words):
        OPERATION.validate({"inputs": ["/a.jpg"], "format": "webp", **values})


def test_the_input_is_untouched(ctx: PlainContext, folder: Path) -> None:
    before = (folder / "a.jpg").read_bytes(), os.stat(folder / "a.jpg").st_mtime_ns
    one(ctx, folder / "a.jpg", metadata="strip", size=10)
    assert ((folder / "a.jpg").read_bytes(), os.stat(folder / "a.jpg").st_mtime_ns) == before


class Keeping(PlainContext):
    """A context that has the file already, and remembers what it was asked for."""

    def kept_file(
        self, source: Path, staged: Path, options: Mapping[str, Any], make: Callable[[Path], Mapping[str, Any]]
    ) -> tuple[Mapping[str, Any], bool]:
        self.options = options
        return make(staged), True


def test_everything_that_a_result_depends_on_is_named_to_the_cache(tmp_path: Path) -> None:
    source = pictures.full_jpeg(tmp_path / "a.jpg")
    assert OPERATION.process is not None
    seen = []
    for values in ({}, {"output": str(tmp_path / "o"), "rename": "{stem}"}, {"quality": 3}, {"background": "black"}):
        context = Keeping(tmp_path / "job")
        params = OPERATION.validate({"inputs": [str(source)], "format": "webp", **values})
        assert OPERATION.process(params, str(source), context).outcome is not Outcome.DONE
        context.end()
        seen.append(dict(context.options))
    assert seen[0] == seen[1]
    assert seen[2] != seen[0] != seen[3]
    assert {"format", "size", "metadata", "lossless", "small", "srgb", "drop_profile", "first_frame"} <= set(seen[0])
