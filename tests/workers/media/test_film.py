"""Frames by time."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.media import H264, Media, ffmpeg
from workers.errors import ErrorClass, JobFailed
from workers.media.film import Film, open_film


def time_at(film: Film, at_s: float, tolerance_s: float) -> float:
    frame = film.frame_at(at_s, tolerance_s=tolerance_s, alive=lambda: None)
    assert frame is not None
    return film.time_of(frame)


@pytest.mark.parametrize("name", ["clip", "multi", "transport"])
def test_key_frames_and_very_frames(media: Media, name: str) -> None:
    with open_film(getattr(media, name)) as film:
        key = film.key_frame(2.5)
        assert key is not None
        assert film.time_of(key) == pytest.approx(3.0 if name == "transport" else 2.0, abs=0.05)  # one each second
        assert abs(time_at(film, 2.5, 0.6) - 2.5) <= 0.6
        assert time_at(film, 2.52, 0.01) == pytest.approx(2.52, abs=0.05)
        assert time_at(film, 1.2, 0.01) == pytest.approx(1.2, abs=0.05)  # and back
        assert time_at(film, 99.0, 0.01) == pytest.approx(3.96, abs=0.1)  # behind the end: the last


def test_one_after_the_other_decodes_the_film_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "long.mp4"
    ffmpeg(
        "-f",
        "lavfi",
        "-i",
        "testsrc2=size=64x64:rate=25:duration=8",
        *H264[:-4],
        "-g",
        "999",
        "-pix_fmt",
        "yuv420p",
        path,
    )
    with open_film(path) as film:
        beats: list[int] = []
        seeks: list[float] = []
        seek = film._seek

        def noted(at_s: float) -> None:
            seeks.append(at_s)
            seek(at_s)

        monkeypatch.setattr(film, "_seek", noted)
        for number in range(1, 8):
            frame = film.frame_at(number, tolerance_s=0.1, alive=lambda: beats.append(1))
            assert frame is not None
            assert film.time_of(frame) == pytest.approx(number, abs=0.1)
    assert len(seeks) == 2  # for the key frame, which was too far, and back to it
    assert len(beats) >= 7


def test_what_is_no_film(media: Media, tmp_path: Path) -> None:
    with open_film(media.song) as film:
        assert film.stream is None
        assert (film.cover() or b"")[:2] == b"\xff\xd8"
    with pytest.raises(JobFailed) as caught, open_film(media.picture):
        pass
    assert caught.value.failure.error_class is ErrorClass.UNSUPPORTED
