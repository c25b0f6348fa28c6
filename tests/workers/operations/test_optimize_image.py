"""Pictures packed by the operation, end to end."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.support import pictures
from tests.support.context import PlainContext, files_under
from tests.support.drawn import drawn
from tests.support.engine import outcomes_of
from tests.support.media import Media, cut
from tests.workers.operations.test_convert_image import BROKEN
from workers import trash
from workers.errors import InvalidParams, JobFailed
from workers.jobs import Outcome
from workers.operations.contract import Result
from workers.operations.optimize_image import OPERATION


def packed(ctx: PlainContext, inputs: list[Path], **values: Any) -> dict[str, Result | JobFailed]:
    return outcomes_of(OPERATION, ctx, inputs, **values)


def one(ctx: PlainContext, source: Path, **values: Any) -> Result:
    (outcome,) = packed(ctx, [source], **values).values()
    assert isinstance(outcome, Result), outcome
    return outcome


def pixels(path: Path) -> bytes:
    with Image.open(path) as image:
        return image.convert("RGBA").tobytes()


def test_beside_and_in_a_folder(ctx: PlainContext, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    (folder / "sub").mkdir(parents=True)
    pictures.full_jpeg(folder / "a.JPEG")
    pictures.halves().save(folder / "sub" / "b.png", compress_level=0)
    outcomes = packed(ctx, [folder])
    assert files_under(folder) == ["a.JPEG", "a.opt.jpeg", "sub/b.opt.png", "sub/b.png"]
    for name, outcome in outcomes.items():
        assert isinstance(outcome, Result)
        source = folder / name if name == "a.JPEG" else folder / "sub" / name
        assert outcome.detail["size"] == outcome.outputs[0].stat().st_size < source.stat().st_size
        assert outcome.detail["size_before"] == source.stat().st_size
        assert pixels(outcome.outputs[0]) == pixels(source)
    packed(ctx, [folder], output=str(tmp_path / "out"), level="quick")
    assert files_under(tmp_path / "out") == ["a.jpeg", "sub/b.png"]
    before = files_under(folder)
    again = packed(ctx, [folder])
    assert files_under(folder) == before
    assert {getattr(outcome, "outcome", None) for outcome in again.values()} == {Outcome.SKIPPED}


@pytest.mark.parametrize("name", ["a.jpg", "a.png"])
def test_a_result_that_is_no_smaller_is_never_kept(ctx: PlainContext, tmp_path: Path, name: str) -> None:
    pictures.halves().save(tmp_path / name)
    (first,) = one(ctx, tmp_path / name, level="best").outputs
    best = tmp_path / "best" / name
    best.parent.mkdir()
    os.rename(first, best)
    outcome = one(ctx, best, level="best")
    assert (outcome.outcome, outcome.outputs) == (Outcome.SKIPPED, ())
    assert f"{best.stat().st_size:,}" in outcome.detail["why"]
    assert files_under(best.parent) == [name]


@pytest.mark.parametrize("name", ["a.webp", "a.gif", "a.tif", "a.bmp", "a.avif"])
def test_other_formats_are_skipped_with_the_reason(ctx: PlainContext, tmp_path: Path, name: str) -> None:
    pictures.halves().save(tmp_path / name)
    outcome = one(ctx, tmp_path / name)
    assert outcome.outcome is Outcome.SKIPPED
    assert ("lossy encodes it anew" in outcome.detail["why"]) == (name in ("a.webp", "a.avif"))
    assert files_under(tmp_path) == [name]


def test_lossy_on_request(ctx: PlainContext, tmp_path: Path) -> None:
    pictures.halves((300, 200)).save(tmp_path / "a.webp", lossless=True)
    outcome = one(ctx, tmp_path / "a.webp", lossy=60)
    assert outcome.detail["way"] == "WEBP of quality 60"
    assert outcome.detail["saved_percent"] > 50
    pictures.halves((300, 200)).save(tmp_path / "small.jpg", quality=20)
    skipped = one(ctx, tmp_path / "small.jpg", lossy=100)
    assert skipped.outcome is Outcome.SKIPPED
    assert not (tmp_path / "small.opt.jpg").exists()


def test_in_the_place_of_the_original(ctx: PlainContext, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    source = pictures.full_jpeg(folder / "a.jpg")
    os.chmod(source, 0o640)
    before = source.read_bytes()
    outcome = one(ctx, source, replace=True)
    assert outcome.outputs == (source,)
    assert source.stat().st_size == outcome.detail["size"] < len(before)
    assert source.stat().st_mode & 0o777 == 0o640
    (entry,) = trash.entries(folder / trash.FOLDER)
    assert entry.kept.read_bytes() == before
    again = one(PlainContext(tmp_path / "job", job_id=90), source, replace=True)
    assert again.outcome is Outcome.SKIPPED
    assert len(trash.entries(folder / trash.FOLDER)) == 1


@pytest.mark.parametrize("name", ["a.jpg", "a.webp", "a.png"])
def test_a_loss_happens_once(ctx: PlainContext, tmp_path: Path, name: str) -> None:
    source = tmp_path / "in" / name
    source.parent.mkdir()
    drawn(1).save(source, quality=95)
    assert one(ctx, source, lossy=60, replace=True).outputs == (source,)
    made = source.read_bytes()
    for lossy in (60, 30):
        again = one(PlainContext(tmp_path / "job", job_id=90 + lossy), source, lossy=lossy, replace=True)
        assert again.outcome is Outcome.SKIPPED
        assert "still in the trash" in str(again.detail["why"])
    assert source.read_bytes() == made
    assert len(trash.entries(source.parent / trash.FOLDER)) == 1


def test_a_loss_for_next_to_nothing_is_not_made(ctx: PlainContext, tmp_path: Path) -> None:
    source = tmp_path / "a.jpg"
    drawn(1).save(tmp_path / "first.jpg", quality=95)
    (made,) = one(ctx, tmp_path / "first.jpg", lossy=70).outputs
    made.rename(source)
    before = source.read_bytes()
    outcome = one(ctx, source, lossy=70, replace=True)
    assert outcome.outcome is Outcome.SKIPPED
    assert 0 < outcome.detail["size_before"] - outcome.detail["size"] < len(before) / 100
    assert "too little for a loss" in outcome.detail["why"]
    assert source.read_bytes() == before
    assert one(ctx, source, lossy=40, replace=True).outcome is Outcome.DONE


@pytest.mark.parametrize("name", ["short.jpg", "plain.webp"])
def test_what_fails_or_is_skipped_stays_in_its_place(
    ctx: PlainContext, media: Media, tmp_path: Path, name: str
) -> None:
    if name == "short.jpg":
        cut(media.picture, tmp_path / name)
    else:
        pictures.halves().save(tmp_path / name)
    before = (tmp_path / name).read_bytes()
    packed(ctx, [tmp_path / name], replace=True)
    assert (tmp_path / name).read_bytes() == before
    assert files_under(tmp_path) == [name]


@pytest.mark.parametrize("name", sorted(set(BROKEN) - {"head.webp", "head.gif", "head.tif", "head.bmp"}))
def test_broken_files_fail_by_name(ctx: PlainContext, media: Media, tmp_path: Path, name: str) -> None:
    make, wanted, words = BROKEN[name]
    make(tmp_path / name, media)
    (failed,) = packed(ctx, [tmp_path / name]).values()
    assert isinstance(failed, JobFailed)
    assert (failed.failure.error_class, words in failed.failure.message) == (wanted, True)


def test_an_attempt_that_published_is_not_made_again(ctx: PlainContext, tmp_path: Path) -> None:
    source = pictures.full_jpeg(tmp_path / "a.jpg")
    params = OPERATION.validate({"inputs": [str(source)]})
    assert OPERATION.process is not None
    first = OPERATION.process(params, str(source), ctx)
    second = OPERATION.process(params, str(source), ctx.again(forget=False))
    assert second.outputs == first.outputs
    assert second.detail == {"published_before": True}


def test_replace_and_output_exclude_each_other() -> None:
    with pytest.raises(InvalidParams, match="exclude"):
        OPERATION.validate({"inputs": ["/a"], "replace": True, "output": "/o"})
