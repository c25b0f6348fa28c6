"""The sound of a file alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.media import AAC, Media, ffmpeg
from workers.errors import ErrorClass, JobFailed
from workers.media.av import facts
from workers.media.ffmpeg import locate
from workers.media.sound import Codec, extract


@pytest.mark.parametrize(
    ("source", "wanted", "extension", "codec"),
    [
        ("clip", "keep", ".m4a", "aac"),
        ("clip", "m4a", ".m4a", "aac"),
        ("clip", "mp3", ".mp3", "mp3"),
        ("clip", "flac", ".flac", "flac"),
        ("transport", "keep", ".m4a", "aac"),
        ("vp9", "keep", ".opus", "opus"),
        ("clip", "opus", ".opus", "opus"),
        ("song", "keep", ".mp3", "mp3"),
    ],
)
def test_sounds(media: Media, tmp_path: Path, source: str, wanted: Codec, extension: str, codec: str) -> None:
    found = facts(getattr(media, source))
    path = extract(found.path, tmp_path, wanted=wanted, ffmpeg=locate)
    made = facts(path)
    assert path.suffix == extension
    assert [(s.kind, s.codec) for s in made.streams if not s.cover] == [("audio", codec)]
    assert made.duration_s == pytest.approx(found.duration_s, abs=0.3)


def test_copying_needs_no_ffmpeg(media: Media, tmp_path: Path) -> None:
    def none() -> str:
        raise AssertionError("nothing had to be encoded")

    extract(media.clip, tmp_path, wanted="m4a", ffmpeg=none)


def test_a_film_without_sound(media: Media, tmp_path: Path) -> None:
    with pytest.raises(JobFailed, match="no sound") as caught:
        extract(media.late_picture, tmp_path, wanted="keep", ffmpeg=locate)
    assert caught.value.failure.error_class is ErrorClass.UNSUPPORTED


def test_a_guessed_duration_does_not_fail_it(tmp_path: Path) -> None:
    bare = tmp_path / "in" / "bare.aac"
    bare.parent.mkdir()
    tone = "sine=frequency=440:duration=30,volume='if(lt(t,10),0,1)':eval=frame"
    ffmpeg("-f", "lavfi", "-i", tone, *AAC, bare)
    assert facts(extract(bare, tmp_path, wanted="keep", ffmpeg=locate)).duration_s == pytest.approx(30, abs=0.2)


def test_tags_and_cover_come_along(media: Media, tmp_path: Path) -> None:
    ffmpeg("-i", media.song, "-map", "0", "-c", "copy", "-metadata", "title=A song", tmp_path / "song.mp3")
    kept = facts(extract(tmp_path / "song.mp3", tmp_path, wanted="keep", ffmpeg=locate))
    assert kept.tags["title"] == "A song" and any(stream.cover for stream in kept.streams)
    (tmp_path / "made").mkdir()
    made = facts(extract(tmp_path / "song.mp3", tmp_path / "made", wanted="m4a", ffmpeg=locate))
    assert made.tags["title"] == "A song" and any(stream.cover for stream in made.streams)
    assert [path.name for path in (tmp_path / "made").iterdir()] == ["sound.m4a"]
