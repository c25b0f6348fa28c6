"""What must hold before an original is replaced."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.media import Media, ffmpeg
from workers.errors import ErrorClass, JobFailed
from workers.media.av import facts
from workers.media.encode import Plan, Wishes, plan, software_encoder
from workers.media.ffmpeg import find, locate
from workers.media.presets import PRESETS
from workers.media.proof import prove


def original_and_plan(media: Media, folder: Path) -> tuple[Path, Plan]:
    """8 s of film with two sounds, and the plan to make preset archive of it."""
    path, preset = folder / "original.mkv", PRESETS["archive"]
    ffmpeg("-i", media.big, "-map", "0:v", "-map", "0:a", "-map", "0:a", "-c", "copy", path)
    assert preset.video is not None
    encoder = software_encoder(preset.video, find("").encoders, 0, 0)
    return path, plan(facts(path), preset, Wishes(), encoder)


def proved(made: Path, plan: Plan, original: Path) -> None:
    prove(facts(made), plan, facts(original), ffmpeg=locate(), larger=True, source="/in.mkv")


@pytest.mark.parametrize(
    ("short", "words"),
    [
        (("0:v", "0:a:0", "1:a:0"), "audio stream 2"),
        (("0:v", "1:a:0", "0:a:0"), "audio stream 1"),
        (("1:v", "0:a:0", "0:a:0"), "video stream 0"),
    ],
)
def test_one_stream_that_is_cut_short(media: Media, tmp_path: Path, short: tuple[str, ...], words: str) -> None:
    original, wanted = original_and_plan(media, tmp_path)
    made = tmp_path / "made.mkv"
    maps = [word for name in short for word in ("-map", name)]
    ffmpeg("-i", original, "-t", "6", "-i", original, *maps, "-c", "copy", made)
    with pytest.raises(JobFailed, match=words) as caught:
        proved(made, wanted, original)
    assert caught.value.failure.error_class is ErrorClass.BAD_INPUT
    assert caught.value.failure.input == "/in.mkv"


def test_all_of_it_passes(media: Media, tmp_path: Path) -> None:
    original, wanted = original_and_plan(media, tmp_path)
    proved(original, wanted, original)


def test_what_an_edit_hides_need_not_be_there(media: Media, tmp_path: Path) -> None:
    """An MP4 that begins in the middle keeps packets which nobody sees."""
    edited, preset = tmp_path / "edited.mp4", PRESETS["archive"]
    ffmpeg("-ss", "2.5", "-i", media.one_key_frame, "-c", "copy", edited)
    assert preset.video is not None
    wanted = plan(facts(edited), preset, Wishes(), software_encoder(preset.video, find("").encoders, 0, 0))
    made = tmp_path / "made.mkv"
    ffmpeg("-i", edited, "-c:v", "libx264", "-preset", "ultrafast", made)
    assert (facts(made).duration_s or 0) < 4
    proved(made, wanted, edited)
