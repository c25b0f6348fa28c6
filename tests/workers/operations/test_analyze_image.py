"""Analysis of pictures end to end."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageFilter

from tests.support.context import PlainContext
from tests.support.drawn import drawn, textured
from tests.support.engine import outcomes_of
from tests.support.media import HOSTILE_NAMES, Media, cut
from workers.errors import ErrorClass, InvalidParams, JobFailed
from workers.operations.analyze_image import OPERATION
from workers.operations.contract import Result


def analysed(tmp_path: Path, inputs: list[Path], **values: Any) -> dict[str, Result | JobFailed]:
    return outcomes_of(OPERATION, PlainContext(tmp_path / "job"), inputs, **values)


def test_measures_issues_and_hashes(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    textured(1).save(folder / "good.jpg", quality=95)
    textured(1).filter(ImageFilter.GaussianBlur(6)).save(folder / "soft.png")
    (folder / "notes.txt").write_text("not taken")
    outcomes = analysed(tmp_path, [folder])
    assert set(outcomes) == {"good.jpg", "soft.png"}
    good, soft = outcomes["good.jpg"], outcomes["soft.png"]
    assert isinstance(good, Result)
    assert isinstance(soft, Result)
    assert good.outputs == ()
    assert good.detail["issues"] == []
    assert {"method", "measures", "histogram", "palette", "phash", "dhash", "route"} <= set(good.detail)
    (issue,) = soft.detail["issues"]
    assert issue["name"] == "blurred"
    assert issue["value"] < issue["limit"] == 60
    assert len(json.dumps(good.detail)) < 4000


def test_the_limits_are_options(tmp_path: Path) -> None:
    textured(1).save(tmp_path / "a.png")
    strict = {"dark": 250, "bright": 1, "clipped": 0, "span": 255, "cast": 0, "blur": 1e6, "noise": 0}
    outcome = analysed(tmp_path, [tmp_path / "a.png"], **strict)["a.png"]
    assert isinstance(outcome, Result)
    assert {"dark", "bright", "low_contrast", "blurred"} <= {issue["name"] for issue in outcome.detail["issues"]}


def test_a_thumbnail_of_the_same_decode(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    exif = Image.Exif()
    exif[0x0112] = 6
    drawn(1, (1400, 900)).save(folder / "a.jpg", exif=exif)
    for _ in range(2):
        outcomes = analysed(tmp_path, [folder], thumbnail=320, output=str(tmp_path / "out"))
        assert set(outcomes) == {"a.jpg"}
        outcome = outcomes["a.jpg"]
        assert isinstance(outcome, Result)
        assert outcome.outputs == (tmp_path / "out" / "a.thumb.jpg",)
        with Image.open(outcome.outputs[0]) as image:
            assert (image.size, image.getexif().get(0x0112)) == ((206, 320), None)


def test_bad_files_fail_alone_and_in_words(tmp_path: Path, media: Media) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    drawn(1).save(folder / "good.png")
    drawn(2).save(tmp_path / "whole.webp")
    cut(tmp_path / "whole.webp", folder / "cut.webp")
    (folder / "empty.jpg").touch()
    (folder / "text.gif").write_text("no picture")
    (folder / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(50))
    outcomes = analysed(tmp_path, [folder, media.clip, tmp_path / "missing.jpg"])
    failed = {n: o.failure for n, o in outcomes.items() if isinstance(o, JobFailed)}
    assert {name: failure.error_class for name, failure in failed.items()} == {
        "cut.webp": ErrorClass.BAD_INPUT,
        "empty.jpg": ErrorClass.BAD_INPUT,
        "text.gif": ErrorClass.UNSUPPORTED,
        "broken.png": ErrorClass.BAD_INPUT,
        "clip.mp4": ErrorClass.UNSUPPORTED,
        "missing.jpg": ErrorClass.BAD_INPUT,
    }
    assert all("Traceback" not in failure.message + failure.detail for failure in failed.values())


def test_hostile_names(tmp_path: Path) -> None:
    drawn(1, (64, 48)).save(tmp_path / "a.png")
    folder = tmp_path / "in"
    folder.mkdir()
    for raw in HOSTILE_NAMES:
        os.link(tmp_path / "a.png", os.fsencode(folder) + b"/" + raw + b".png")
    outcomes = analysed(tmp_path, [folder])
    assert len(outcomes) == len(HOSTILE_NAMES)
    assert all(isinstance(outcome, Result) for outcome in outcomes.values())


@pytest.mark.parametrize("values", [{"blur": -1}, {"dark": 256}, {"clipped": 101}, {"inputs": []}, {"thumbnail": 600}])
def test_wrong_options(values: dict[str, Any]) -> None:
    with pytest.raises(InvalidParams):
        OPERATION.validate({"inputs": ["/a"], **values})
