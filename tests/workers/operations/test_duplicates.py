"""Duplicates end to end."""

from __future__ import annotations

import errno
import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.support.context import PlainContext, files_under
from tests.support.drawn import drawn
from tests.support.media import HOSTILE_NAMES, Media, ffmpeg
from workers.errors import ErrorClass, InvalidParams, JobFailed
from workers.jobs import Progress
from workers.media.names import path_to_key
from workers.operations.contract import Result
from workers.operations.duplicates import OPERATION


def reported(ctx: PlainContext, inputs: list[Path], **values: Any) -> Result:
    params = OPERATION.validate({"inputs": [path_to_key(path) for path in inputs], **values})
    assert OPERATION.run is not None
    try:
        return OPERATION.run(params, ctx)
    finally:
        ctx.end()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three equal files, one of them in a folder, another pair, a link, an empty file and one of its own."""
    folder = tmp_path / "in"
    (folder / "sub").mkdir(parents=True)
    contents = {
        "a": b"x" * 50_000,
        "b": b"x" * 50_000,
        "sub/c": b"x" * 50_000,
        "p": b"pq",
        "q": b"pq",
        "e": b"",
        "o": b"o",
    }
    for number, (name, content) in enumerate(contents.items()):
        (folder / name).write_bytes(content)
        os.utime(folder / name, (1000 - number, 1000 - number))
    os.link(folder / "a", folder / "a link")
    return folder


def names(detail: Any, group: int = 0) -> list[str]:
    return [Path(file["path"]).name for file in detail["top"][group]["files"]]


def test_equal_files_with_the_oldest_to_keep(ctx: PlainContext, folder: Path) -> None:
    before = {name: (folder / name).read_bytes() for name in files_under(folder)}
    detail = reported(ctx, [folder]).detail
    assert (detail["files"], detail["groups"], detail["duplicates"]) == (7, 2, 3)
    assert detail["reclaimable_bytes"] == 100_002
    assert (detail["too_small"], detail["other_names"], detail["problems"]) == (1, 1, 0)
    assert names(detail) == ["c", "b", "a"]
    assert names(detail, 1) == ["q", "p"]
    assert detail["top"][0]["files"][2]["other_names"] == 1
    assert before == {name: (folder / name).read_bytes() for name in files_under(folder)}
    assert ctx.reports[-1].fraction == 1.0


@pytest.mark.parametrize(("keep", "first"), [("newest", "a"), ("shortest_path", "b")])
def test_other_rules(ctx: PlainContext, folder: Path, keep: str, first: str) -> None:
    assert names(reported(ctx, [folder], keep=keep).detail)[0] == first


def test_small_files_and_patterns_are_left_out(ctx: PlainContext, folder: Path) -> None:
    assert reported(ctx, [folder], min_bytes=3).detail["groups"] == 1
    assert reported(ctx, [folder], skip=["sub"]).detail["duplicates"] == 2
    assert reported(ctx, [folder], recursive=False, check="xxh3").detail["duplicates"] == 2


@pytest.mark.parametrize("ending", ["json", "csv"])
def test_the_report_is_published_and_replaces_nothing(
    ctx: PlainContext, folder: Path, tmp_path: Path, ending: str
) -> None:
    target = tmp_path / "out" / f"report.{ending}"
    target.parent.mkdir()
    target.write_text("mine")
    result = reported(ctx, [folder], report=str(target))
    (path,) = result.outputs
    assert path.name == f"report (2).{ending}"
    assert target.read_text() == "mine"
    text = path.read_text()
    assert str(folder / "sub" / "c") in text
    if ending == "json":
        assert len(json.loads(text)["groups"]) == 2
    assert files_under(tmp_path / "out") == sorted([target.name, path.name])
    assert OPERATION.run is not None
    params = OPERATION.validate({"inputs": [str(folder)], "report": str(target)})
    assert OPERATION.run(params, ctx.again(forget=False)).outputs == (path,)


def test_alike_pictures_with_the_largest_to_keep(ctx: PlainContext, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    drawn(1).save(folder / "large.png")
    drawn(1).resize((320, 240)).save(folder / "small.jpg")
    drawn(2).save(folder / "other.png")
    (folder / "broken.gif").write_bytes(b"GIF89a" + bytes(30))
    (folder / "notes.txt").write_text("not looked at")
    detail = reported(ctx, [folder], match="perceptual").detail
    assert (detail["files"], detail["groups"], detail["problems"]) == (4, 1, 1)
    assert names(detail) == ["large.png", "small.jpg"]
    kept, other = detail["top"][0]["files"]
    assert (kept["width"], kept["distance"]) == (640, 0.0)
    assert 0 <= other["distance"] <= 3
    assert "broken.gif" in detail["first_problems"][0]["path"]


@pytest.mark.parametrize("match", ["exact", "perceptual"])
def test_links_and_further_names_are_no_copies(ctx: PlainContext, tmp_path: Path, match: str) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    drawn(1).save(folder / "b.jpg")
    os.symlink("b.jpg", folder / "a.jpg")
    os.link(folder / "b.jpg", folder / "c.jpg")
    detail = reported(ctx, [folder], match=match).detail
    assert (detail["groups"], detail["reclaimable_bytes"], detail["other_names"]) == (0, 0, 2)
    drawn(1).save(folder / "d.jpg")
    os.utime(folder / "d.jpg", (2e9, 2e9))
    detail = reported(ctx.again(), [folder], match=match, report=str(tmp_path / "r.json")).detail
    assert (detail["groups"], detail["reclaimable_bytes"]) == (1, (folder / "d.jpg").stat().st_size)
    (group,) = json.loads((tmp_path / "r.json").read_text())["groups"]
    assert group["keep"] == str(folder / "b.jpg")  # and not the link, which is nothing by itself
    assert sorted(group["files"][0]["other_names"]) == [str(folder / "a.jpg"), str(folder / "c.jpg")]


def test_missing_inputs(ctx: PlainContext, folder: Path, tmp_path: Path) -> None:
    detail = reported(ctx, [folder, tmp_path / "missing"]).detail
    assert (detail["groups"], detail["problems"]) == (2, 1)
    (tmp_path / "empty").mkdir()
    for inputs in ([tmp_path / "missing"], [tmp_path / "empty"]):
        with pytest.raises(JobFailed) as caught:
            reported(ctx, inputs)
        assert caught.value.failure.error_class is ErrorClass.BAD_INPUT


def test_no_pair_is_a_result_too(ctx: PlainContext, tmp_path: Path) -> None:
    (tmp_path / "one").write_bytes(b"1")
    detail = reported(ctx, [tmp_path / "one"]).detail
    assert (detail["groups"], detail["reclaimable_bytes"], detail["top"]) == (0, 0, [])


def test_hostile_names(ctx: PlainContext, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for raw in HOSTILE_NAMES:
        with open(os.fsencode(folder) + b"/" + raw, "wb") as file:
            file.write(b"same")
    result = reported(ctx, [folder], report=str(tmp_path / "r.json"))
    assert result.detail["duplicates"] == len(HOSTILE_NAMES) - 1
    assert all(file["path"].isprintable() for file in result.detail["top"][0]["files"])
    assert len(json.loads(result.outputs[0].read_text())["groups"][0]["files"]) == len(HOSTILE_NAMES)


def test_a_stop_from_outside_ends_it(ctx: PlainContext, folder: Path) -> None:
    class Stop(BaseException):
        pass

    def stop(progress: Progress) -> None:
        raise Stop

    ctx.on_report = stop
    with pytest.raises(Stop):
        reported(ctx, [folder])


WRONG: list[dict[str, Any]] = [
    {"report": "r.txt"},
    {"distance": 17},
    {"match": "same"},
    {"inputs": []},
    {"min_bytes": 0},
]


@pytest.mark.parametrize("values", WRONG)
def test_wrong_options(values: dict[str, Any]) -> None:
    with pytest.raises(InvalidParams):
        OPERATION.validate({"inputs": ["/a"], **values})


def test_a_folder_that_cannot_be_read_is_a_problem(
    ctx: PlainContext, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scan = os.scandir

    def refuse(path: Any) -> Any:
        if str(path) == str(folder / "sub"):
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    report = folder.parent / "report.json"
    detail = reported(ctx, [folder], report=str(report)).detail
    assert (detail["files"], detail["problems"]) == (6, 1)
    assert f"cannot read folder {folder / 'sub'}: Permission denied" in report.read_text()
    with pytest.raises(JobFailed, match=r"cannot read folder .*sub: Permission denied"):
        reported(PlainContext(folder.parent / "second"), [folder / "sub"])


def test_films_are_looked_at_once(
    ctx: PlainContext, media: Media, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from workers.media import filmhash

    folder, looked = tmp_path / "in", list[str]()
    folder.mkdir()
    whole = filmhash.fingerprint

    def counted(path: Path, **how: Any) -> filmhash.FilmFingerprint:
        looked.append(path.name)
        return whole(path, **how)

    monkeypatch.setattr(filmhash, "fingerprint", counted)
    shutil.copy(media.clip, folder / "one.mp4")
    ffmpeg("-i", media.clip, "-vf", "scale=160:90", "-c:v", "libx264", "-pix_fmt", "yuv420p", folder / "two.mp4")
    first = reported(ctx, [folder], match="perceptual", distance=8)
    assert sorted(looked) == ["one.mp4", "two.mp4"]
    os.utime(folder / "two.mp4", (1, 1))
    again = reported(ctx.again(), [folder], match="perceptual", distance=8)
    assert sorted(looked) == ["one.mp4", "two.mp4", "two.mp4"]
    assert first.detail["groups"] == again.detail["groups"] == 1
