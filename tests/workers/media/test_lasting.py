"""Durations that no header tells."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.media import AAC, Media, ffmpeg, film_source
from workers.media.av import facts
from workers.media.lasting import measured, seconds, unless_told


def late_tone(path: Path, *codec: str) -> Path:
    """A sound of 30 s whose first 10 are silent, so that its beginning has a far lower bit rate than the rest."""
    tone = "sine=frequency=440:duration=30,volume='if(lt(t,10),0,1)':eval=frame"
    ffmpeg("-f", "lavfi", "-i", tone, *codec, path)
    return path


def doubled(path: Path) -> Path:
    """Two recordings in a row, as `cat` puts them."""
    path.write_bytes(path.read_bytes() * 2)
    return path


def test_sound_without_a_header_is_measured(tmp_path: Path) -> None:
    path = late_tone(tmp_path / "a.aac", *AAC)
    for _ in range(2):  # libav tells the same line of two files only once, unless asked
        guess = facts(path)
        assert guess.duration_guessed and (guess.duration_s or 0) > 60
        found = measured(guess)
        assert found.duration_s == pytest.approx(30.02, abs=0.05)
        assert found.streams[0].duration_s == found.duration_s
        assert not found.duration_guessed


def test_a_table_of_mp3_tells_the_duration(tmp_path: Path) -> None:
    plain = late_tone(tmp_path / "plain.mp3", "-c:a", "libmp3lame", "-q:a", "4", "-write_xing", "0")
    assert facts(plain).duration_guessed
    told = facts(late_tone(tmp_path / "told.mp3", "-c:a", "libmp3lame", "-q:a", "4"))
    assert not told.duration_guessed and measured(told) is told


@pytest.mark.parametrize(("extension", "codec"), [("ts", "libx264"), ("mpg", "mpeg2video")])
def test_two_recordings_in_a_row_are_both_counted(tmp_path: Path, extension: str, codec: str) -> None:
    path = tmp_path / f"one.{extension}"
    ffmpeg(*film_source(3), "-c:v", codec, path)
    single = facts(path)
    assert measured(single) is single
    twice = facts(doubled(path))
    assert (twice.duration_s or 0) < 4
    assert measured(twice).duration_s == pytest.approx(6.0, abs=0.2)
    assert measured(twice, stamped=False) is twice


def test_a_gap_in_a_running_stream_is_no_time(media: Media, tmp_path: Path) -> None:
    later = tmp_path / "later.ts"
    ffmpeg("-i", media.clip, "-c", "copy", "-output_ts_offset", "100", later)
    later.write_bytes(media.transport.read_bytes() + later.read_bytes())
    assert (facts(later).duration_s or 0) > 90
    assert measured(facts(later)).duration_s == pytest.approx(8.0, abs=0.3)


def test_a_live_film_is_measured(tmp_path: Path) -> None:
    path = tmp_path / "live.webm"
    ffmpeg(*film_source(2), "-c:v", "libvpx-vp9", "-cpu-used", "8", "-c:a", "libopus", "-live", "1", path)
    assert facts(path).duration_s is None
    assert measured(facts(path)).duration_s == pytest.approx(2.0, abs=0.1)


@pytest.mark.parametrize("name", ["clip", "multi", "vp9", "rotated", "transport"])
def test_what_is_told_is_left_alone(media: Media, name: str) -> None:
    found = facts(getattr(media, name))
    assert measured(found) is found


def test_seconds_of_each_stream(media: Media, tmp_path: Path) -> None:
    path = tmp_path / "short.mkv"
    ffmpeg("-i", media.clip, "-t", "1", "-i", media.clip, "-map", "0", "-map", "1:a", "-c", "copy", path)
    spans = seconds(path)
    assert spans[0] == pytest.approx(4.0, abs=0.1)
    assert spans[2] == pytest.approx(1.0, abs=0.1)


def test_a_file_without_film_or_sound_lasts_nothing(tmp_path: Path) -> None:
    words, path = tmp_path / "words.srt", tmp_path / "words.mkv"
    words.write_text("1\n00:00:01,000 --> 00:00:02,000\nWords\n")
    ffmpeg("-i", words, path)
    assert seconds(path) == {}


def test_only_what_a_header_does_not_tell_is_measured_again(media: Media) -> None:
    assert unless_told(media.clip, "mp4", [0, 1], lambda: None) is None
    assert unless_told(media.transport, "mpegts", [0], lambda: None) == pytest.approx(4.0, abs=0.1)
    assert unless_told(media.transport, "mpegts", [7], lambda: None) is None
