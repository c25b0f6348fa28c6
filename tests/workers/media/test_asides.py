"""Files that an encode needs beside its input."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.films import rich
from tests.support.media import Media, ffmpeg
from workers.errors import ErrorClass, JobFailed
from workers.media.asides import covers, fonts, to_burn
from workers.media.av import facts


def bytes_read() -> int:
    """What this process has read of files so far."""
    return int(Path("/proc/self/io").read_text().split()[1])


@pytest.mark.parametrize("extension", ["mkv", "mp4"])
def test_a_cover_is_taken_without_reading_the_film(media: Media, tmp_path: Path, extension: str) -> None:
    film = tmp_path / f"film.{extension}"
    if extension == "mkv":
        cover: tuple[str | Path, ...] = ("-attach", media.picture, "-metadata:s:t", "mimetype=image/jpeg")
        ffmpeg("-i", media.big, "-map", "0", "-c", "copy", *cover, "-metadata:s:t", "filename=cover.jpg", film)
    else:
        maps = ("-map", "0", "-map", "1", "-c", "copy", "-disposition:v:1", "attached_pic")
        ffmpeg("-i", media.big, "-i", media.picture, *maps, film)
    found = facts(film)
    (index,) = [stream.index for stream in found.streams if stream.cover]
    before = bytes_read()
    paths = covers(found, [index], tmp_path / "aside")
    assert bytes_read() - before < film.stat().st_size / 2
    assert paths[index].name == "cover.jpg"
    assert paths[index].read_bytes() == media.picture.read_bytes()


def test_what_is_no_cover_is_told(media: Media, tmp_path: Path) -> None:
    with pytest.raises(JobFailed, match="--drop covers") as caught:
        covers(facts(media.clip), [0], tmp_path / "aside")
    assert caught.value.failure.error_class is ErrorClass.BAD_INPUT
    assert covers(facts(media.clip), [], tmp_path / "none") == {}
    assert not (tmp_path / "none").exists()


def test_attached_files_are_written(media: Media, tmp_path: Path) -> None:
    found = facts(rich(media, tmp_path / "films"))
    folder = fonts(found, tmp_path / "fonts")
    assert [path.name.split("-", 1)[1] for path in folder.iterdir()] == ["font.ttf"]


@pytest.mark.parametrize(
    ("which", "language"), [("", "eng"), ("en", "eng"), ("eng", "eng"), ("FR", "fra"), ("fre", "fra"), ("4", "fra")]
)
def test_subtitles_are_known_by_any_spelling_of_a_language(
    media: Media, tmp_path: Path, which: str, language: str
) -> None:
    assert to_burn(facts(rich(media, tmp_path / "films")), which).language == language
