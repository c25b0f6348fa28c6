"""Validation end to end: what a job says of good and of broken files."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.support.context import PlainContext, files_under
from tests.support.engine import outcomes_of
from tests.support.media import HOSTILE_NAMES, Media, cut, ffmpeg
from workers.errors import ErrorClass, InvalidParams, JobFailed
from workers.jobs import Outcome
from workers.media.damage import examine
from workers.operations.contract import Result
from workers.operations.validate import OPERATION


def validated(ctx: PlainContext, inputs: list[Path], **values: Any) -> dict[str, Result | JobFailed]:
    return outcomes_of(OPERATION, ctx, inputs, fresh=False, **values)


@pytest.mark.parametrize("level", ["quick", "full"])
def test_a_folder_with_one_broken_film(ctx: PlainContext, media: Media, tmp_path: Path, level: str) -> None:
    folder = tmp_path / "in"
    (folder / "sub").mkdir(parents=True)
    shutil.copy(media.clip, folder / "clip.mp4")
    shutil.copy(media.picture, folder / "sub" / "picture.jpg")
    (folder / "notes.txt").write_text("is not looked at")
    broken = cut(media.clip, folder / "broken.mp4")
    before = {name: (folder / name).read_bytes() for name in files_under(folder)}
    outcomes = validated(ctx, [folder], level=level)
    assert set(outcomes) == {"clip.mp4", "picture.jpg", "broken.mp4"}
    good = outcomes["clip.mp4"]
    assert isinstance(good, Result)
    assert good.outcome is Outcome.DONE
    assert good.outputs == ()
    assert good.detail["level"] == level
    assert good.detail["streams"] == 2
    assert ("frames" in good.detail) == (level == "full")
    bad = outcomes["broken.mp4"]
    assert isinstance(bad, JobFailed)
    assert bad.failure.error_class is ErrorClass.BAD_INPUT
    assert bad.failure.input == str(broken)
    assert "cut_short" in bad.failure.message
    lines = bad.failure.detail.splitlines()
    assert f"size {broken.stat().st_size}" in lines[0]
    assert any(line.startswith("ends_early: ") and "wanted_s 4.02" in line for line in lines)
    assert {name: (folder / name).read_bytes() for name in files_under(folder)} == before


@pytest.mark.parametrize("raw", HOSTILE_NAMES)
def test_hostile_names(ctx: PlainContext, media: Media, tmp_path: Path, raw: bytes) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    good, broken = (Path(os.fsdecode(os.fsencode(folder) + b"/" + raw + end)) for end in (b".mp4", b".webm"))
    shutil.copy(media.clip, good)
    cut(media.vp9, broken)
    results = list(validated(ctx, [good, broken]).values())
    assert isinstance(results[0], Result)
    assert isinstance(results[1], JobFailed)
    assert results[1].failure.message.isprintable()


def test_progress_is_reported(ctx: PlainContext, media: Media) -> None:
    validated(ctx, [media.big], level="full")
    assert {report.phase for report in ctx.reports} == {"decoding"}


@pytest.mark.parametrize(
    ("values", "cache"),
    [
        ({}, "on"),
        ({"level": "quick"}, "on"),
        ({"level": "full"}, "off"),
        ({"level": "full", "cache": "on"}, "off"),
        ({"level": "full", "cache": "content"}, "content"),  # reads all of a file, too
    ],
)
def test_full_believes_no_result_of_before(values: dict[str, Any], cache: str) -> None:
    params = OPERATION.validate({"inputs": ["/a"], **values})
    assert params.cache == cache


@pytest.mark.parametrize("values", [{"level": "deep"}, {"inputs": []}, {"nonsense": 1}])
def test_wrong_options(values: dict[str, Any]) -> None:
    with pytest.raises(InvalidParams):
        OPERATION.validate({"inputs": ["/a"], **values})


def damaged(media: Media, folder: Path) -> Path:
    folder.mkdir()
    return cut(media.multi, folder / "film.mkv", 0.6)


def test_repair_makes_a_new_file_and_says_what_was_lost(ctx: PlainContext, media: Media, tmp_path: Path) -> None:
    broken = damaged(media, tmp_path / "in")
    before = broken.read_bytes()
    (outcome,) = validated(ctx, [tmp_path / "in"], repair=True).values()
    assert isinstance(outcome, Result)
    assert outcome.outputs == (tmp_path / "in" / "film.repaired.mkv",)
    assert any(line.startswith("cut_short") for line in outcome.detail["findings_before"])
    assert outcome.detail["findings_after"] == []
    assert 0 < outcome.detail["lost"]["seconds"] < 4
    assert outcome.detail["lost"]["packets_written"] == outcome.detail["checked"]["packets"]
    assert broken.read_bytes() == before
    assert not examine(outcome.outputs[0], "full").findings
    ctx.end()
    assert files_under(tmp_path / "in") == ["film.mkv", "film.repaired.mkv"]


def test_a_second_repair_makes_nothing_new(ctx: PlainContext, media: Media, tmp_path: Path) -> None:
    damaged(media, tmp_path / "in")
    validated(ctx, [tmp_path / "in"], repair=True)
    outcomes = validated(ctx.again(), [tmp_path / "in"], repair=True)
    assert set(outcomes) == {"film.mkv"}
    outcome = outcomes["film.mkv"]
    assert isinstance(outcome, Result)
    assert outcome.outcome is Outcome.SKIPPED
    assert files_under(tmp_path / "in") == ["film.mkv", "film.repaired.mkv"]
    assert isinstance(validated(ctx, [tmp_path / "in"])["film.repaired.mkv"], Result)


def test_a_second_partial_repair_makes_nothing_new(ctx: PlainContext, media: Media, tmp_path: Path) -> None:
    film = damaged(media, tmp_path / "in")
    data = bytearray(film.read_bytes())
    data[len(data) // 3 : len(data) // 3 + 2000] = bytes(2000)  # a hole in the pictures, which no copy can fill
    film.write_bytes(data)
    first = validated(ctx, [film], repair=True, level="full")["film.mkv"]
    assert isinstance(first, Result), first
    left = first.detail["findings_after"]
    assert left
    again = validated(ctx.again(), [film], repair=True, level="full")["film.mkv"]
    assert isinstance(again, Result)
    assert (again.outcome, again.outputs) == (Outcome.SKIPPED, first.outputs)
    assert again.detail["findings_after"] == left
    ctx.end()
    assert files_under(tmp_path / "in") == ["film.mkv", "film.repaired.mkv"]


def test_repairs_go_to_the_output_folder(ctx: PlainContext, media: Media, tmp_path: Path) -> None:
    damaged(media, tmp_path / "in")
    validated(ctx, [tmp_path / "in"], repair=True, output=str(tmp_path / "out"))
    ctx.end()
    assert files_under(tmp_path / "in") == ["film.mkv"]
    assert files_under(tmp_path / "out") == ["film.repaired.mkv"]


def test_a_wrong_name_is_repaired_by_the_right_one(ctx: PlainContext, media: Media, tmp_path: Path) -> None:
    shutil.copy(media.multi, tmp_path / "film.mp4")
    (outcome,) = validated(ctx, [tmp_path / "film.mp4"], repair=True).values()
    assert isinstance(outcome, Result)
    assert outcome.outputs == (tmp_path / "film.repaired.mkv",)


@pytest.mark.parametrize("name", ["clip", "picture"])
def test_what_cannot_be_repaired_fails_and_leaves_nothing(
    ctx: PlainContext, media: Media, tmp_path: Path, name: str
) -> None:
    source: Path = getattr(media, name)
    folder = tmp_path / "in"
    folder.mkdir()
    data = bytearray(source.read_bytes())
    if name == "clip":  # a hole in the pictures, which no copy can fill
        at = data.index(b"mdat") + len(data) // 3
        data[at : at + 4000] = bytes(4000)
    else:
        del data[len(data) // 2 :]
    (folder / source.name).write_bytes(data)
    (outcome,) = validated(ctx, [folder], repair=True).values()
    assert isinstance(outcome, JobFailed)
    assert outcome.failure.error_class is ErrorClass.BAD_INPUT
    assert outcome.failure.message.endswith("; not repaired")
    assert "not repaired: " in outcome.failure.detail
    ctx.end()
    assert files_under(folder) == [source.name]


def test_a_copy_published_by_an_earlier_attempt(ctx: PlainContext, media: Media, tmp_path: Path) -> None:
    damaged(media, tmp_path / "in")
    validated(ctx, [tmp_path / "in"], repair=True)
    (outcome,) = validated(ctx.again(forget=False), [tmp_path / "in"], repair=True).values()
    assert isinstance(outcome, Result)
    assert outcome.detail == {"published_before": True}


@pytest.mark.parametrize("name", ["clip", "song"])
def test_whole_files_are_only_looked_at(ctx: PlainContext, media: Media, tmp_path: Path, name: str) -> None:
    source: Path = getattr(media, name)
    shutil.copy(source, tmp_path / source.name)
    (outcome,) = validated(ctx, [tmp_path / source.name], repair=True).values()
    assert isinstance(outcome, Result)
    assert outcome.outputs == ()
    ctx.end()
    assert files_under(tmp_path) == [source.name]


def test_a_torn_sound_is_repaired(ctx: PlainContext, tmp_path: Path) -> None:
    whole = tmp_path / "whole.wav"
    ffmpeg("-f", "lavfi", "-i", "sine=duration=4", whole)
    (tmp_path / "in").mkdir()
    cut(whole, tmp_path / "in" / "torn.wav", 0.6)
    (outcome,) = validated(ctx, [tmp_path / "in"], repair=True).values()
    assert isinstance(outcome, Result)
    assert outcome.outputs == (tmp_path / "in" / "torn.repaired.wav",)
    assert not examine(outcome.outputs[0], "full").findings
