"""Facts of real files, and copying streams."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import av
import pytest

from tests.support.media import CONCAT_TEXT, HOSTILE_NAMES, Media, cut
from workers.errors import ErrorClass, JobFailed
from workers.media.av import facts, open_input, translated
from workers.media.remux import remux


def test_facts_of_a_clip(media: Media) -> None:
    found = facts(media.clip)
    video, audio = found.streams
    assert (found.format, found.duration_s, found.rotation) == ("mp4", 4.0, 0)
    assert (video.kind, video.codec, video.width, video.height, video.pix_fmt, video.fps) == (
        ("video", "h264", 320, 180, "yuv420p", 25.0)
    )
    assert (audio.kind, audio.codec, audio.sample_rate, audio.channels) == ("audio", "aac", 44100, 1)
    assert found.size == media.clip.stat().st_size


@pytest.mark.parametrize("name", ["clip", "multi", "vp9", "transport", "song", "covered"])
def test_fast_facts_agree_with_the_slow_ones(media: Media, name: str) -> None:
    slow, fast = facts(getattr(media, name)), facts(getattr(media, name), fast=True)
    assert fast.duration_s == pytest.approx(slow.duration_s)
    for a, b in zip(
        fast.of_kind("video") + fast.of_kind("audio"), slow.of_kind("video") + slow.of_kind("audio"), strict=True
    ):
        assert (a.index, a.codec, a.width, a.height, a.sample_rate) == (
            b.index,
            b.codec,
            b.width,
            b.height,
            b.sample_rate,
        )


def test_rotation_and_covers(media: Media) -> None:
    assert facts(media.rotated).rotation == 90
    assert not facts(media.rotated).mirrored
    covered = facts(media.covered)
    assert [s.codec for s in covered.streams if s.cover] == ["mjpeg"]
    assert covered.video is not None
    assert covered.video.codec == "h264"


def test_languages_and_subtitles(media: Media) -> None:
    assert [(s.kind, s.language) for s in facts(media.multi).streams] == (
        [("video", ""), ("audio", ""), ("audio", "deu"), ("subtitle", "")]
    )


def test_damage_is_bad_input(media: Media, tmp_path: Path) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(media.clip.read_bytes()[:40] + os.urandom(4000))
    with pytest.raises(JobFailed) as caught:
        facts(broken)
    assert caught.value.failure.error_class is ErrorClass.BAD_INPUT
    assert "broken.mp4" in caught.value.failure.message


def test_a_script_is_not_opened_as_its_name_says(media: Media, tmp_path: Path) -> None:
    script = tmp_path / "innocent.mp4"
    script.write_text(CONCAT_TEXT.format(secret=media.clip))
    with pytest.raises(JobFailed) as caught:
        open_input(script)
    assert caught.value.failure.error_class is ErrorClass.UNSUPPORTED
    # Even told a wrong format, it must not be read as a playlist.
    with pytest.raises(JobFailed):
        open_input(script, format="mp4")


@pytest.mark.parametrize("raw", HOSTILE_NAMES)
def test_hostile_names_are_only_names(media: Media, tmp_path: Path, raw: bytes) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + raw + b".mp4"))
    os.link(media.clip, path)
    assert facts(path).duration_s == 4.0


@pytest.mark.parametrize(
    ("name", "muxer", "extension"),
    [("transport", "mp4", "mp4"), ("clip", "matroska", "mkv"), ("rotated", "mp4", "mp4"), ("multi", "matroska", "mkv")],
)
def test_remux_keeps_everything(media: Media, tmp_path: Path, name: str, muxer: str, extension: str) -> None:
    source, target = getattr(media, name), tmp_path / f"out.{extension}"
    before = facts(source)
    told: list[float] = []
    remux(source, target, muxer=muxer, keep=[s.index for s in before.streams], on_progress=told.append)
    after = facts(target)
    assert after.duration_s == pytest.approx(before.duration_s, abs=0.1)
    assert after.rotation == before.rotation
    assert [(s.kind, s.codec, s.language) for s in after.streams] == [
        (s.kind, s.codec, s.language) for s in before.streams
    ]


def test_remux_of_a_stream_that_the_container_cannot_hold(media: Media, tmp_path: Path) -> None:
    with pytest.raises(JobFailed) as caught:
        remux(media.vp9, tmp_path / "out.m4a", muxer="ipod", keep=[0])
    assert caught.value.failure.error_class in (ErrorClass.UNSUPPORTED, ErrorClass.BAD_INPUT)


def test_a_cut_file_still_tells_its_full_duration(media: Media, tmp_path: Path) -> None:
    # This is why outputs are verified against it: reading ends early without an error.
    assert facts(cut(media.clip, tmp_path / "cut.mp4")).duration_s == 4.0


def test_sizes_that_nobody_could_have_are_no_crash(tmp_path: Path) -> None:
    """A crash would be tried again, and could only come again."""
    source = tmp_path / "film.mp4"
    with pytest.raises(JobFailed) as caught, translated(source):
        av.error.err_check(-errno.ENOMEM)
    failure = caught.value.failure
    assert (failure.error_class, failure.input) == (ErrorClass.BAD_INPUT, str(source))
    assert "film.mp4 asks for more memory than the job may have: it is damaged, or needs" in failure.message
    with pytest.raises(JobFailed) as caught, translated(source):
        raise MemoryError
    assert caught.value.failure.error_class is ErrorClass.CRASHED


def test_damage_is_told_with_the_name_once_and_no_raw_numbers(tmp_path: Path) -> None:
    from workers.media.damage import examine

    source = tmp_path / "head_0.mkv"
    source.write_bytes(b"\x1a\x45\xdf\xa3" + bytes(4000))
    with pytest.raises(JobFailed) as caught:
        facts(source)
    message = caught.value.failure.message
    assert message == "head_0.mkv is damaged or no media: Invalid data found when processing input"
    (found,) = (one for one in examine(source, "quick").findings if one.name == "unreadable")
    assert found.text == "Invalid data found when processing input"
