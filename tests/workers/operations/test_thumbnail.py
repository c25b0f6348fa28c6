"""Thumbnails of real pictures and films, end to end."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.support.context import PlainContext, files_under
from tests.support.engine import outcomes_of
from tests.support.media import HLS_TEXT, HOSTILE_NAMES, Media
from workers.errors import ErrorClass, InvalidParams, JobFailed
from workers.jobs import Outcome
from workers.media.names import path_to_key
from workers.operations.contract import Result
from workers.operations.thumbnail import OPERATION, ThumbnailParams


def thumbnails(ctx: PlainContext, inputs: list[Path], **values: Any) -> dict[str, Result | JobFailed]:
    return outcomes_of(OPERATION, ctx, inputs, **values)


def one(ctx: PlainContext, source: Path, **values: Any) -> Result:
    (outcome,) = thumbnails(ctx, [source], **values).values()
    assert isinstance(outcome, Result), outcome
    return outcome


def processed(ctx: PlainContext, params: ThumbnailParams, key: str) -> Result:
    assert OPERATION.process is not None
    attempt = ctx.again()
    try:
        return OPERATION.process(params, key, attempt)
    finally:
        attempt.end()


@pytest.fixture
def folder(media: Media, tmp_path: Path) -> Path:
    folder = tmp_path / "in"
    (folder / "sub" / "deep").mkdir(parents=True)
    shutil.copy(media.picture, folder / "picture.jpg")
    shutil.copy(media.clip, folder / "sub" / "clip.mp4")
    shutil.copy(media.song, folder / "sub" / "deep" / "song.mp3")
    (folder / "notes.txt").write_text("no medium")
    return folder


def test_a_folder_of_everything(ctx: PlainContext, folder: Path) -> None:
    outcomes = thumbnails(ctx, [folder])
    assert {name: type(outcome) for name, outcome in outcomes.items()} == (
        {"picture.jpg": Result, "clip.mp4": Result, "song.mp3": Result}
    )
    assert [name for name in files_under(folder) if "thumb" in name] == (
        ["picture.thumb.jpg", "sub/clip.thumb.jpg", "sub/deep/song.thumb.jpg"]
    )
    sizes = {}
    for name, outcome in outcomes.items():
        assert isinstance(outcome, Result)
        with Image.open(outcome.outputs[0]) as image:
            assert image.format == "JPEG"
            assert image.size == (outcome.detail["width"], outcome.detail["height"])
            sizes[name] = image.size
    with Image.open(folder / "picture.jpg") as picture:
        assert max(picture.size) > 320
    assert sizes == {"picture.jpg": (320, 160), "clip.mp4": (320, 180), "song.mp3": (320, 160)}


def test_the_tree_is_kept_in_the_output_folder(ctx: PlainContext, folder: Path, tmp_path: Path) -> None:
    thumbnails(ctx, [folder], output=str(tmp_path / "out"), format="webp")
    assert files_under(tmp_path / "out") == ["picture.thumb.webp", "sub/clip.thumb.webp", "sub/deep/song.thumb.webp"]


def test_an_output_folder_that_is_no_text(ctx: PlainContext, media: Media, tmp_path: Path) -> None:
    out = tmp_path / os.fsdecode(b"out\xff")
    assert one(ctx, media.picture, output=path_to_key(out)).outputs[0].parent == out


def test_own_outputs_are_never_inputs(ctx: PlainContext, folder: Path) -> None:
    thumbnails(ctx, [folder], output=str(folder / "thumbs"))
    before = files_under(folder)
    again = thumbnails(ctx, [folder], output=str(folder / "thumbs"))
    assert len(again) == 3
    assert files_under(folder) == before
    (refused,) = thumbnails(ctx, [folder / "thumbs" / "picture.thumb.jpg"]).values()
    assert isinstance(refused, JobFailed)


def test_skip_existing_and_what_is_newer(ctx: PlainContext, folder: Path) -> None:
    thumbnails(ctx, [folder])
    os.utime(folder / "picture.jpg")  # touched since
    os.utime(folder / "picture.thumb.jpg", (1, 1))
    again = thumbnails(ctx, [folder])
    skipped = {
        name for name, outcome in again.items() if isinstance(outcome, Result) and outcome.outcome is Outcome.SKIPPED
    }
    assert skipped == {"clip.mp4", "song.mp3"}
    assert "picture.thumb (2).jpg" in files_under(folder)
    before = files_under(folder)
    thumbnails(ctx, [folder])
    assert files_under(folder) == before


CHANGES: list[tuple[str, dict[str, Any]]] = [
    ("picture.jpg", {"size": 64}),
    ("picture.jpg", {"preset": "square"}),
    ("picture.jpg", {"crop": "80x40", "focus": "entropy"}),
    ("picture.jpg", {"quality": 20}),
    ("picture.jpg", {"draft": True}),
    ("sub/clip.mp4", {"position": 80}),
    ("sub/clip.mp4", {"size": 64}),
]


@pytest.mark.parametrize(("name", "values"), CHANGES)
def test_what_was_made_otherwise_is_not_what_was_asked_for(
    ctx: PlainContext, folder: Path, name: str, values: dict[str, Any]
) -> None:
    (first,) = one(ctx, folder / name).outputs
    other = one(ctx.again(), folder / name, **values)
    assert other.outcome is Outcome.DONE
    assert other.outputs[0].name == f"{first.stem} (2).jpg"
    for wishes, path in (({}, first), (values, other.outputs[0])):
        again = one(ctx.again(), folder / name, **wishes)
        assert (again.outcome, again.outputs) == (Outcome.SKIPPED, (path,))


def test_without_skip_existing_all_are_made_again(ctx: PlainContext, folder: Path) -> None:
    thumbnails(ctx, [folder])
    thumbnails(ctx, [folder], skip_existing=False)
    assert "sub/clip.thumb (2).jpg" in files_under(folder)


def test_two_media_of_one_stem_do_not_collide(ctx: PlainContext, media: Media, tmp_path: Path) -> None:
    folder = tmp_path / "live"
    folder.mkdir()
    shutil.copy(media.picture, folder / "IMG_1.jpg")
    shutil.copy(media.clip, folder / "IMG_1.mp4")
    thumbnails(ctx, [folder])
    again = thumbnails(ctx, [folder])
    assert files_under(folder) == ["IMG_1.jpg", "IMG_1.jpg.thumb.jpg", "IMG_1.mp4", "IMG_1.mp4.thumb.jpg"]
    assert all(isinstance(outcome, Result) and outcome.outcome is Outcome.SKIPPED for outcome in again.values())


@pytest.mark.parametrize("format", ["jpeg", "webp", "avif"])
@pytest.mark.parametrize("walked", [True, False])
def test_one_name_in_two_folders(ctx: PlainContext, tmp_path: Path, walked: bool, format: str) -> None:
    colours = {"A": (250, 0, 0), "B": (0, 0, 250)}
    for name, colour in colours.items():
        (tmp_path / name).mkdir()
        Image.new("RGB", (40, 40), colour).save(tmp_path / name / "cover.png")
    inputs = [tmp_path / name if walked else tmp_path / name / "cover.png" for name in colours]
    params = OPERATION.validate(
        {"inputs": [str(path) for path in inputs], "output": str(tmp_path / "out"), "format": format}
    )
    assert OPERATION.items is not None
    keys = list(OPERATION.items(params))
    first = {key: processed(ctx, params, key) for key in keys}
    again = {key: processed(ctx, params, key) for key in reversed(keys)}
    assert [result.outcome for result in first.values()] == [Outcome.DONE] * 2
    assert [result.outcome for result in again.values()] == [Outcome.SKIPPED] * 2
    for key, (name, colour) in zip(keys, colours.items(), strict=True):
        (path,) = first[key].outputs
        assert again[key].outputs == (path,)
        assert path.name.startswith(f"{name}-cover.thumb.")
        with Image.open(path) as image:
            shown = image.convert("RGB").getpixel((5, 5))
        assert all(abs(a - b) < 40 for a, b in zip(shown, colour, strict=True))  # type: ignore[arg-type]


def test_another_job_does_not_take_a_strangers_thumbnail(ctx: PlainContext, tmp_path: Path) -> None:
    paths = [tmp_path / name / "cover.png" for name in ("A", "B")]
    for path in paths:
        path.parent.mkdir()
        Image.new("RGB", (40, 40)).save(path)
    made = [one(ctx, path, output=str(tmp_path / "out")) for path in paths]
    again = [one(ctx, path, output=str(tmp_path / "out")) for path in paths]
    assert [result.outcome for result in made + again] == [Outcome.DONE] * 2 + [Outcome.SKIPPED] * 2
    assert [result.outputs[0].name for result in made] == ["cover.thumb.jpg", "cover.thumb (2).jpg"]
    assert [result.outputs for result in again] == [result.outputs for result in made]


def test_a_folder_may_move_with_its_thumbnails(ctx: PlainContext, folder: Path, tmp_path: Path) -> None:
    thumbnails(ctx, [folder])
    moved = folder.rename(tmp_path / "moved")
    again = thumbnails(ctx, [moved])
    assert all(isinstance(outcome, Result) and outcome.outcome is Outcome.SKIPPED for outcome in again.values())


@pytest.mark.parametrize("format", ["jpeg", "webp", "avif"])
@pytest.mark.parametrize("source", ["picture", "clip"])
def test_formats_and_sizes(ctx: PlainContext, media: Media, tmp_path: Path, source: str, format: str) -> None:
    result = one(ctx, getattr(media, source), format=format, size=64, output=str(tmp_path / "out"))
    with Image.open(result.outputs[0]) as image:
        assert image.format == format.upper()
        assert image.size == ((64, 32) if source == "picture" else (64, 36))
        assert (result.detail["width"], result.detail["height"]) == image.size


def test_orientation_and_rotation(ctx: PlainContext, media: Media, tmp_path: Path) -> None:
    for source, size in ((media.turned_picture, (160, 320)), (media.rotated, (180, 320))):
        result = one(ctx, source, output=str(tmp_path / "out"))
        assert (result.detail["width"], result.detail["height"]) == size


def test_a_black_start_is_passed_over(ctx: PlainContext, media: Media, tmp_path: Path) -> None:
    result = one(ctx, media.late_picture, output=str(tmp_path / "out"), position=5)
    with Image.open(result.outputs[0]) as image:
        assert sum(image.convert("L").resize((1, 1)).tobytes()) > 40


def test_sound_without_a_cover_is_skipped_unless_named(ctx: PlainContext, folder: Path) -> None:
    from tests.support.media import ffmpeg

    tone = folder / "tone.mp3"
    ffmpeg("-f", "lavfi", "-i", "sine=duration=1", "-c:a", "libmp3lame", tone)
    walked = thumbnails(ctx, [folder])["tone.mp3"]
    assert isinstance(walked, Result)
    assert walked.outcome is Outcome.SKIPPED
    assert isinstance(thumbnails(ctx, [tone])["tone.mp3"], JobFailed)


def test_one_bad_file_fails_alone(ctx: PlainContext, folder: Path) -> None:
    (folder / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(50))
    (folder / "playlist.mp4").write_text(HLS_TEXT.format(secret="/etc/passwd"))
    (folder / "empty.jpg").touch()
    outcomes = thumbnails(ctx, [folder, folder / "missing.jpg"])
    failed = {n: o.failure.error_class for n, o in outcomes.items() if isinstance(o, JobFailed)}
    assert failed == {
        "broken.png": ErrorClass.BAD_INPUT,
        "playlist.mp4": ErrorClass.UNSUPPORTED,
        "empty.jpg": ErrorClass.BAD_INPUT,
        "missing.jpg": ErrorClass.BAD_INPUT,
    }
    assert sum(isinstance(outcome, Result) for outcome in outcomes.values()) == 3


@pytest.mark.parametrize("raw", HOSTILE_NAMES)
def test_hostile_names(ctx: PlainContext, media: Media, tmp_path: Path, raw: bytes) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for source, extension in ((media.picture, b".jpg"), (media.clip, b".mp4")):
        path = os.fsencode(folder) + b"/" + raw + extension
        os.link(source, path)
        result = one(ctx, Path(os.fsdecode(path)), size=32, skip_existing=False)
        made = result.outputs[0]
        assert made.parent == folder
        assert made.name.isprintable()
        assert not made.name.startswith("-")
        assert len(made.name.encode()) <= 255
        os.unlink(path)
    assert len(files_under(folder)) == 2


def test_what_was_published_before_is_the_result(ctx: PlainContext, media: Media, tmp_path: Path) -> None:
    params = OPERATION.validate({"inputs": [str(media.picture)], "output": str(tmp_path / "out")})
    assert OPERATION.process is not None
    first = OPERATION.process(params, str(media.picture), ctx)
    again = OPERATION.process(params, str(media.picture), ctx.again(forget=False))
    assert again.outputs == first.outputs
    assert len(files_under(tmp_path / "out")) == 1


@pytest.mark.parametrize(
    "values", [{"size": 1}, {"format": "png"}, {"position": 101}, {"quality": 0}, {"inputs": []}, {"nonsense": 1}]
)
def test_wrong_options(values: dict[str, Any]) -> None:
    with pytest.raises(InvalidParams):
        OPERATION.validate({"inputs": ["/a"], **values})
