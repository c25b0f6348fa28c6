"""Perceptual hashes of films: near for other encodes, far for other films."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.media import H264, Media, cut, ffmpeg
from workers.errors import ErrorClass, JobFailed
from workers.media import filmhash


def made(path: Path, source: str, *words: str) -> Path:
    ffmpeg("-f", "lavfi", "-i", source, *words, path)
    return path


def test_other_encodes_stay_near_and_other_films_far(tmp_path: Path) -> None:
    film = made(tmp_path / "a.mp4", "testsrc2=size=320x180:rate=25:duration=6", *H264)
    for name, words in {
        "copy.mkv": ("-c", "copy"),
        "other.webm": ("-c:v", "libvpx-vp9", "-cpu-used", "8", "-b:v", "200k"),
        "small.mp4": ("-vf", "scale=240:-2", "-c:v", "libx264", "-preset", "ultrafast", "-g", "37"),
    }.items():
        ffmpeg("-i", film, *words, tmp_path / name)
        near = filmhash.distance(filmhash.fingerprint(film), filmhash.fingerprint(tmp_path / name))
        assert near <= (0 if name == "copy.mkv" else 6), name
    other = made(tmp_path / "o.mp4", "mandelbrot=size=320x180:rate=25,trim=duration=3", *H264)
    assert filmhash.distance(filmhash.fingerprint(film), filmhash.fingerprint(other)) > 12


def test_black_films_say_so(tmp_path: Path, media: Media) -> None:
    black = made(tmp_path / "b.mp4", "color=black:size=320x180:rate=25:duration=2", *H264)
    assert filmhash.fingerprint(black).flat
    clip = filmhash.fingerprint(media.clip)
    assert not clip.flat
    assert clip.facts()["route"] == filmhash.ROUTE
    assert len(clip.phashes) == len(filmhash.MOMENTS)


def test_what_has_no_film(tmp_path: Path, media: Media) -> None:
    expected = {
        media.song: ErrorClass.UNSUPPORTED,
        media.picture: ErrorClass.UNSUPPORTED,
        tmp_path / "missing.mp4": ErrorClass.BAD_INPUT,
        cut(media.clip, tmp_path / "cut.mp4", 0.05): ErrorClass.BAD_INPUT,
    }
    for path, error_class in expected.items():
        with pytest.raises(JobFailed) as caught:
            filmhash.fingerprint(path)
        assert caught.value.failure.error_class is error_class, path
