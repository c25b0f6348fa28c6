"""What is refused although the tool was content."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.media import Media, cut, ffmpeg
from workers.errors import ErrorClass, JobFailed
from workers.media.verify import Expected, check_whole, verify


def test_a_good_file_passes(media: Media) -> None:
    assert verify(media.clip, Expected(4.0, {"video": 1, "audio": 1})).duration_s == 4.0


def test_another_duration_may_be_as_good(media: Media) -> None:
    verify(media.clip, Expected(60.0, {"video": 1}, or_s=4.2))


def test_longer_is_not_cut_short(media: Media) -> None:
    verify(media.clip, Expected(2.0))
    with pytest.raises(JobFailed, match=r"4\.0 s instead of 2\.0 s: it is longer"):
        verify(media.clip, Expected(2.0, exact=True))


def test_a_short_result_is_held_against_what_the_input_really_lasts(media: Media) -> None:
    verify(media.clip, Expected(60.0), really_s=lambda: 4.2)
    with pytest.raises(JobFailed, match=r"4\.0 s instead of 8\.0 s"):
        verify(media.clip, Expected(60.0), really_s=lambda: 8.0)


def test_sound_alone_passes(media: Media) -> None:
    verify(media.song, Expected(None, {"audio": 1}))


@pytest.mark.parametrize(
    ("expected", "words"),
    [
        (Expected(10.0), r"duration .* 4\.0 s instead of 10\.0 s"),
        (Expected(4.0, {"audio": 2}), "1 audio streams instead of 2"),
        (Expected(4.0, {"subtitle": 1}), "0 subtitle streams"),
    ],
)
def test_what_differs_is_told(media: Media, expected: Expected, words: str) -> None:
    with pytest.raises(JobFailed, match=words) as caught:
        verify(media.clip, expected, source="/in.mov")
    assert caught.value.failure.error_class is ErrorClass.BAD_INPUT
    assert caught.value.failure.input == "/in.mov"


def test_a_header_without_frames_is_refused(media: Media, tmp_path: Path) -> None:
    # The index is in front, so 4 % of the file still tells 4 s and two streams.
    head = cut(media.clip, tmp_path / "head.mp4", 0.012)
    with pytest.raises(JobFailed):
        verify(head, Expected(4.0, {"video": 1, "audio": 1}))


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.mp4").touch()
    with pytest.raises(JobFailed, match="empty"):
        verify(tmp_path / "empty.mp4", Expected())


def test_a_file_that_was_never_written_is_the_inputs_fault(tmp_path: Path) -> None:
    with pytest.raises(JobFailed, match="nothing was written") as caught:
        verify(tmp_path / "none.mp4", Expected(), source="/in.mp4")
    assert caught.value.failure.error_class is ErrorClass.BAD_INPUT
    assert caught.value.failure.input == "/in.mp4"


@pytest.mark.parametrize("name", ["clip", "vp9", "song", "transport", "multi", "covered", "rotated", "big"])
def test_whole_files_are_whole(media: Media, name: str) -> None:
    check_whole(getattr(media, name))


def test_subtitles_may_end_later_than_the_film(media: Media, tmp_path: Path) -> None:
    words, film = tmp_path / "words.srt", tmp_path / "film.mkv"
    words.write_text("1\n00:00:01,000 --> 00:00:20,000\nLonger than all else\n")
    ffmpeg("-i", media.clip, "-i", words, "-map", "0", "-map", "1", "-c", "copy", film)
    check_whole(film)


@pytest.mark.parametrize("name", ["clip", "vp9", "multi", "big"])
@pytest.mark.parametrize("share", [0.4, 0.7])
def test_the_header_tells_what_is_missing(media: Media, tmp_path: Path, name: str, share: float) -> None:
    whole: Path = getattr(media, name)
    with pytest.raises(JobFailed, match="cut short") as caught:
        check_whole(cut(whole, tmp_path / f"cut{whole.suffix}", share), source="URL")
    assert caught.value.failure.error_class is ErrorClass.NETWORK
    assert caught.value.failure.input == "URL"


@pytest.mark.parametrize("name", ["transport", "song"])
def test_where_the_header_is_silent_the_site_may_tell(media: Media, tmp_path: Path, name: str) -> None:
    whole: Path = getattr(media, name)
    told = 4.0 if name == "transport" else 3.0
    check_whole(whole, told_s=told + 0.9)  # sites round
    short = cut(whole, tmp_path / f"cut{whole.suffix}", 0.3)
    check_whole(short)
    with pytest.raises(JobFailed, match="cut short"):
        check_whole(short, told_s=told)


def test_a_header_beats_the_site(media: Media) -> None:
    check_whole(media.clip, told_s=600.0)
    check_whole(media.clip, told_s=1.0)
