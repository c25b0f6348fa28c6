"""Several thumbnails, contact sheets and sprites of films, end to end."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from PIL import Image

from tests.support.context import PlainContext, files_under
from tests.support.media import HLS_TEXT, HOSTILE_NAMES, Media, cut
from workers.errors import InvalidParams, JobFailed
from workers.jobs import Outcome
from workers.media.names import path_to_key
from workers.operations.contract import Result
from workers.operations.thumbnail import OPERATION

EVERYTHING = {"count": 3, "sheet": "2x2", "sprite": 1}
NAMES = ["clip.contact-sheet.jpg", "clip.mp4", "clip.sprite.jpg", "clip.sprite.vtt"]
THUMBS = ["clip.thumb-1.jpg", "clip.thumb-2.jpg", "clip.thumb-3.jpg"]


@pytest.fixture
def clip(media: Media, tmp_path: Path) -> Path:
    folder = tmp_path / "in"
    folder.mkdir()
    return Path(shutil.copy(media.clip, folder / "clip.mp4"))


def run(ctx: PlainContext, source: Path, **values: Any) -> Result:
    params = OPERATION.validate({"inputs": [path_to_key(source)], **values})
    assert OPERATION.process is not None
    try:
        return OPERATION.process(params, path_to_key(source), ctx)
    finally:
        ctx.end()


def size_of(path: Path) -> tuple[int, int]:
    with Image.open(path) as image:
        return image.size


def test_everything_of_a_film(ctx: PlainContext, clip: Path) -> None:
    result = run(ctx, clip, **EVERYTHING)
    assert files_under(clip.parent) == sorted(NAMES + THUMBS)
    assert [path.name for path in result.outputs] == [*THUMBS, NAMES[0], *NAMES[2:]]
    assert [size_of(path) for path in result.outputs[:3]] == [(320, 180)] * 3
    times = [facts["at_s"] for facts in result.detail["pictures"]]
    assert times == sorted(set(times))
    assert result.detail["sheet"]["pictures"] == result.detail["sprite"]["pictures"] == 4
    words = (clip.parent / "clip.sprite.vtt").read_text()
    boxes = re.findall(r"^clip\.sprite\.jpg#xywh=(\d+),(\d+),160,90$", words, re.MULTILINE)
    assert len(set(boxes)) == 4
    assert size_of(clip.parent / "clip.sprite.jpg") == (640, 90)


def test_what_is_there_is_kept_and_what_is_gone_is_made(ctx: PlainContext, clip: Path) -> None:
    run(ctx, clip, **EVERYTHING)
    before = files_under(clip.parent)
    again = run(ctx.again(), clip, **EVERYTHING)
    assert again.outcome is Outcome.SKIPPED
    assert len(again.outputs) == 6
    (clip.parent / "clip.thumb-2.jpg").unlink()
    partly = run(ctx.again(), clip, **EVERYTHING)
    assert partly.outcome is Outcome.DONE
    assert len(partly.detail["pictures"]) == 1
    assert files_under(clip.parent) == before
    run(ctx.again(), clip, **EVERYTHING, skip_existing=False)
    assert len(files_under(clip.parent)) == len(before) + 6


CHANGES: list[tuple[dict[str, Any], set[str]]] = [
    ({"count": 4}, {"clip.thumb-1 (2).jpg", "clip.thumb-2 (2).jpg", "clip.thumb-3 (2).jpg", "clip.thumb-4.jpg"}),
    ({"size": 64}, {"clip.thumb-1 (2).jpg", "clip.thumb-2 (2).jpg", "clip.thumb-3 (2).jpg"}),
    ({"sheet": "3x2"}, {"clip.contact-sheet (2).jpg"}),
    ({"sheet_times": False}, {"clip.contact-sheet (2).jpg"}),
    ({"sprite": 2}, {"clip.sprite (2).jpg", "clip.sprite (2).vtt"}),
    ({"sprite_count": 2}, {"clip.sprite (2).jpg", "clip.sprite (2).vtt"}),
]


@pytest.mark.parametrize(("change", "made"), CHANGES)
def test_other_wishes_are_not_answered_with_what_is_there(
    ctx: PlainContext, clip: Path, change: dict[str, Any], made: set[str]
) -> None:
    run(ctx, clip, **EVERYTHING)
    before = set(files_under(clip.parent))
    other = run(ctx.again(), clip, **EVERYTHING | change)
    assert set(files_under(clip.parent)) - before == made
    assert made <= {path.name for path in other.outputs}
    assert len(other.outputs) == change.get("count", 3) + 3
    assert run(ctx.again(), clip, **EVERYTHING | change).outputs == other.outputs
    assert len(files_under(clip.parent)) == len(before) + len(made)


def test_a_sprite_without_its_words_is_made_anew_as_a_pair(ctx: PlainContext, clip: Path) -> None:
    run(ctx, clip, count=0, sprite=1)
    (clip.parent / "clip.sprite.vtt").write_text("WEBVTT\n\nof somebody else\n")
    result = run(ctx.again(), clip, count=0, sprite=1)
    assert [path.name for path in result.outputs] == ["clip.sprite (2).jpg", "clip.sprite (2).vtt"]
    assert "clip.sprite%20%282%29.jpg#xywh=0,0," in result.outputs[1].read_text()
    again = run(ctx.again(), clip, count=0, sprite=1)  # the first pair is still torn, and the second is found
    assert (again.outcome, again.outputs) == (Outcome.SKIPPED, result.outputs)
    (clip.parent / "clip.sprite (2).jpg").unlink()
    assert run(ctx.again(), clip, count=0, sprite=1).outcome is Outcome.DONE
    before = files_under(clip.parent)
    assert run(ctx.again(), clip, count=0, sprite=1).outcome is Outcome.SKIPPED
    assert files_under(clip.parent) == before


class Died(Exception):
    """The attempt ends as if its process had died."""


@pytest.mark.parametrize("after", range(6))
def test_an_attempt_after_a_crash_makes_only_the_rest(
    ctx: PlainContext, clip: Path, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    publish, left = ctx.publish, [after]

    def dying(staged: Path, target: Path, *, unique: bool = True) -> Path:
        if not left[0]:
            raise Died
        left[0] -= 1
        return publish(staged, target, unique=unique)

    monkeypatch.setattr(ctx, "publish", dying)
    with pytest.raises(Died):
        run(ctx, clip, **EVERYTHING, skip_existing=False)
    result = run(ctx.again(forget=False), clip, **EVERYTHING, skip_existing=False)
    assert files_under(clip.parent) == sorted(NAMES + THUMBS)  # none twice
    assert len(result.outputs) == 6
    words = (clip.parent / "clip.sprite.vtt").read_text()
    assert words.count("clip.sprite.jpg#xywh=") == 4


def test_own_outputs_are_never_inputs(ctx: PlainContext, clip: Path) -> None:
    run(ctx, clip, **EVERYTHING)
    assert OPERATION.items is not None
    params = OPERATION.validate({"inputs": [str(clip.parent)]})
    assert [os.path.basename(key) for key in OPERATION.items(params)] == ["clip.mp4"]


def test_pictures_and_covers_have_one(ctx: PlainContext, media: Media, tmp_path: Path) -> None:
    out = str(tmp_path / "out")
    for source in (media.picture, media.song):
        result = run(ctx.again(), source, **EVERYTHING, output=out)
        assert [path.name for path in result.outputs] == [f"{source.stem}.thumb.jpg"]
        assert run(ctx.again(), source, count=0, sheet="2x2", output=out).outcome is Outcome.SKIPPED


@pytest.mark.parametrize(
    ("values", "size"),
    [
        ({"preset": "small"}, (150, 75)),
        ({"preset": "large"}, (400, 200)),  # not enlarged
        ({"preset": "square"}, (400, 400)),
        ({"preset": "banner", "focus": "entropy"}, (1200, 300)),
        ({"crop": "90x160"}, (90, 160)),
        ({"crop": "90x160", "preset": "medium"}, (300, 150)),  # a preset goes before
        ({"draft": True}, (320, 160)),
    ],
)
def test_sizes_and_crops(ctx: PlainContext, media: Media, tmp_path: Path, values: Any, size: tuple[int, int]) -> None:
    result = run(ctx, media.picture, output=str(tmp_path / "out"), **values)
    assert size_of(result.outputs[0]) == size


def test_a_turned_picture_is_cut_upright(ctx: PlainContext, media: Media, tmp_path: Path) -> None:
    result = run(ctx, media.turned_picture, output=str(tmp_path / "out"), crop="100x50")
    with Image.open(result.outputs[0]) as image:
        assert image.size == (100, 50)
        red, _, blue = image.convert("RGB").getpixel((50, 5))  # type: ignore[misc]
        assert red > 200 > 60 > blue  # of the upper, red half the lower part, and above the blue one


@pytest.mark.parametrize("raw", HOSTILE_NAMES)
def test_hostile_names_in_words(ctx: PlainContext, media: Media, tmp_path: Path, raw: bytes) -> None:
    source = Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + raw + b".mp4"))
    os.link(media.clip, source)
    image, words = run(ctx, source, count=0, sprite_count=2, tile=32, output=str(tmp_path / "out")).outputs
    text = words.read_text()
    assert text.isascii()
    assert text.count("-->") == 2
    assert {unquote(name) for name in re.findall(r"^(.*)#xywh=", text, re.MULTILINE)} == {image.name}
    source.unlink()


def test_bad_films_fail_in_words(ctx: PlainContext, media: Media, tmp_path: Path) -> None:
    (tmp_path / "playlist.mp4").write_text(HLS_TEXT.format(secret="/etc/passwd"))
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "junk.mkv").write_bytes(b"\x1a\x45\xdf\xa3" + bytes(500))
    bad = [tmp_path / name for name in ("playlist.mp4", "empty.mp4", "junk.mkv", "missing.mp4")]
    bad.append(cut(media.clip, tmp_path / "stub.mp4", 0.02))
    for path in bad:
        with pytest.raises(JobFailed):
            run(ctx.again(), path, **EVERYTHING)
    assert not [name for name in files_under(tmp_path) if "thumb" in name or "sprite" in name]


@pytest.mark.parametrize(
    "values",
    [{"count": 0}, {"count": 101}, {"sheet": "4"}, {"sheet": "0x4"}, {"sheet": "21x1"}, {"crop": "1x1"}, {"crop": "a"},
     {"preset": "huge"}, {"sprite": -1}, {"sprite_count": 401}, {"tile": 1}, {"focus": "face"}],
)  # fmt: skip
def test_wrong_options(values: dict[str, Any]) -> None:
    with pytest.raises(InvalidParams):
        OPERATION.validate({"inputs": ["/a"], **values})
