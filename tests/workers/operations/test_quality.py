"""The operation on films, sounds, broken files and folders of them."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.support.context import PlainContext, files_under
from tests.support.engine import outcomes_of
from tests.support.media import Media
from workers.errors import ErrorClass, InvalidParams, JobFailed
from workers.operations.contract import Result
from workers.operations.quality import OPERATION


def judged(ctx: PlainContext, inputs: list[Path], **values: Any) -> dict[str, Result | JobFailed]:
    return outcomes_of(OPERATION, ctx, inputs, fresh=False, **values)


def test_a_folder(ctx: PlainContext, media: Media, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    shutil.copy(media.clip, folder / "clip.mp4")
    shutil.copy(media.song, folder / "song.mp3")
    shutil.copy(media.picture, folder / "picture.jpg")
    (folder / "text.mkv").write_text("no film")
    before = files_under(folder)
    outcomes = judged(ctx, [folder])
    assert set(outcomes) == {"clip.mp4", "text.mkv"}
    good, bad = outcomes["clip.mp4"], outcomes["text.mkv"]
    assert isinstance(good, Result)
    assert good.outputs == ()
    assert 0 < good.detail["score"] <= 100
    assert good.detail["parts"]["loudness"]["score"] is not None
    assert isinstance(bad, JobFailed)
    assert bad.failure.error_class is ErrorClass.UNSUPPORTED
    assert {report.phase for report in ctx.reports} == {"listening", "looking"}
    assert files_under(folder) == before


@pytest.mark.parametrize("name", ["song", "picture"])
def test_what_is_no_film(ctx: PlainContext, media: Media, name: str) -> None:
    (outcome,) = judged(ctx, [getattr(media, name)]).values()
    assert isinstance(outcome, JobFailed)
    assert outcome.failure.error_class is ErrorClass.UNSUPPORTED


def test_a_missing_and_an_empty_file(ctx: PlainContext, tmp_path: Path) -> None:
    (tmp_path / "empty.mp4").touch()
    for outcome in judged(ctx, [tmp_path / "empty.mp4", tmp_path / "gone.mp4"]).values():
        assert isinstance(outcome, JobFailed)
        assert outcome.failure.error_class is ErrorClass.BAD_INPUT


def test_results_are_kept() -> None:
    assert OPERATION.cache_category == "quality"


@pytest.mark.parametrize("values", [{"depth": "deep"}, {"inputs": []}, {"nonsense": 1}])
def test_wrong_options(values: dict[str, Any]) -> None:
    with pytest.raises(InvalidParams):
        OPERATION.validate({"inputs": ["/a"], **values})
