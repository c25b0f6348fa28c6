"""Enhancing pictures end to end."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.support.context import PlainContext, files_under
from tests.support.drawn import drawn, mapped, textured
from tests.support.engine import outcomes_of
from tests.support.media import HOSTILE_NAMES, Media, cut
from workers.errors import ErrorClass, InvalidParams, JobFailed
from workers.jobs import Outcome
from workers.operations.contract import Result
from workers.operations.enhance_image import OPERATION


def enhanced(ctx: PlainContext, inputs: list[Path], **values: Any) -> dict[str, Result | JobFailed]:
    return outcomes_of(OPERATION, ctx, inputs, **values)


def dull(seed: int = 1) -> Image.Image:
    return mapped(textured(seed), lambda level: 90 + level * 0.3)


def test_only_what_needs_it_is_made(ctx: PlainContext, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    dull().save(folder / "dull.jpg", quality=92)
    textured(1).save(folder / "good.png")
    before = {name: (folder / name).read_bytes() for name in ("dull.jpg", "good.png")}
    outcomes = enhanced(ctx, [folder])
    done, left = outcomes["dull.jpg"], outcomes["good.png"]
    assert isinstance(done, Result)
    assert isinstance(left, Result)
    assert [path.name for path in done.outputs] == ["dull.enh.jpg"]
    assert done.detail["steps"][0]["step"] == "levels"
    assert done.detail["steps"][0]["need"]["limit"] == 150
    assert done.detail["after"]["contrast"] > 1.5 * done.detail["before"]["contrast"]
    assert (left.outcome, left.outputs) == (Outcome.SKIPPED, ())
    assert left.detail["before"]["detail"] > 60
    assert files_under(folder) == ["dull.enh.jpg", "dull.jpg", "good.png"]
    assert before == {name: (folder / name).read_bytes() for name in before}


def test_again_makes_no_second_one_and_own_results_are_no_inputs(ctx: PlainContext, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    dull().save(folder / "a.png")
    enhanced(ctx, [folder], compare=True)
    assert files_under(folder) == ["a.compare.jpg", "a.enh.png", "a.png"]
    outcomes = enhanced(ctx.again(), [folder], compare=True)
    assert set(outcomes) == {"a.png"}
    assert isinstance(outcomes["a.png"], Result)
    assert outcomes["a.png"].outcome is Outcome.SKIPPED
    assert files_under(folder) == ["a.compare.jpg", "a.enh.png", "a.png"]
    assert isinstance(enhanced(ctx.again(), [folder / "a.enh.png"])["a.enh.png"], JobFailed)


def test_an_attempt_that_ended_between_both_goes_on(ctx: PlainContext, tmp_path: Path) -> None:
    dull().save(tmp_path / "a.png")
    params = OPERATION.validate({"inputs": [str(tmp_path / "a.png")], "compare": True, "output": str(tmp_path / "out")})
    assert OPERATION.process is not None
    first = OPERATION.process(params, str(tmp_path / "a.png"), ctx)
    picture, comparison = first.outputs
    picture.unlink()
    second = OPERATION.process(params, str(tmp_path / "a.png"), ctx.again(forget=False))
    assert second.outputs == (picture, comparison)
    assert len(files_under(tmp_path / "out")) == 2
    following = ctx.again(forget=False)
    following.done = [comparison, picture]
    assert OPERATION.process(params, str(tmp_path / "a.png"), following).detail == {"published_before": True}


def test_bad_files_fail_alone_and_in_words(ctx: PlainContext, tmp_path: Path, media: Media) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    dull().save(tmp_path / "whole.png")
    cut(tmp_path / "whole.png", folder / "cut.png")
    (folder / "empty.jpg").touch()
    (folder / "broken.webp").write_bytes(b"RIFF\x32\0\0\0WEBPVP8 " + bytes(40))
    drawn(1).save(folder / "no.gif")
    outcomes = enhanced(ctx, [folder, media.clip, tmp_path / "missing.jpg"])
    classes = {name: one.failure.error_class for name, one in outcomes.items() if isinstance(one, JobFailed)}
    assert classes == {
        "cut.png": ErrorClass.BAD_INPUT,
        "empty.jpg": ErrorClass.BAD_INPUT,
        "broken.webp": ErrorClass.BAD_INPUT,
        "no.gif": ErrorClass.UNSUPPORTED,
        "clip.mp4": ErrorClass.UNSUPPORTED,
        "missing.jpg": ErrorClass.BAD_INPUT,
    }
    assert len(files_under(folder)) == 4


def test_hostile_names(ctx: PlainContext, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    mapped(drawn(1, (64, 48)), lambda level: 90 + level * 0.3).save(tmp_path / "a.png")
    for raw in HOSTILE_NAMES:
        os.link(tmp_path / "a.png", os.fsencode(folder) + b"/" + raw + b".png")
    outcomes = enhanced(ctx, [folder], output=str(tmp_path / "out"))
    made = [path for one in outcomes.values() if isinstance(one, Result) for path in one.outputs]
    assert len(set(made)) == len(HOSTILE_NAMES)
    assert all(path.name.isprintable() and path.parent == tmp_path / "out" for path in made)


@pytest.mark.parametrize("values", [{"levels": "much"}, {"sharpen": 1}, {"inputs": []}, {"nonsense": 1}])
def test_wrong_options(values: dict[str, Any]) -> None:
    with pytest.raises(InvalidParams):
        OPERATION.validate({"inputs": ["/a"], **values})
