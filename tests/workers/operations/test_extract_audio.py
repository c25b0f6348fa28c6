"""The sound of real films as files of its own, end to end."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support.context import PlainContext, files_under
from tests.support.engine import result_of
from tests.support.media import AAC, CONCAT_TEXT, H264, HOSTILE_NAMES, Media, cut, ffmpeg, film_source
from workers.errors import ErrorClass, JobFailed
from workers.jobs import Outcome
from workers.media.av import facts
from workers.media.ffmetadata import Chapter, metadata_text
from workers.media.ffmpeg import locate
from workers.media.soundtrack import look
from workers.operations.contract import Result
from workers.operations.extract_audio import OPERATION


def extract(ctx: PlainContext, source: Path, **values: Any) -> Result:
    """One input through the operation."""
    return result_of(OPERATION, ctx, source, **values)


def failing(ctx: PlainContext, source: Path, **values: Any) -> JobFailed:
    with pytest.raises(JobFailed) as caught:
        extract(ctx, source, **values)
    return caught.value


def rich(media: Media, folder: Path, *codec: str) -> Path:
    """A film with tags, two chapters and a cover, its sound made by the options `codec`."""
    notes = folder / "notes.txt"
    chapters = (Chapter(0, 1, "One; = #"), Chapter(1, 4, "Two"))
    notes.write_text(metadata_text({"title": "A film", "artist": "Somebody"}, chapters))
    base, path = folder / "base.mp4", folder / "film.mkv"
    picture = str(media.picture)
    ffmpeg("-i", media.clip, "-i", notes, "-map_metadata", "1", "-map_chapters", "1", "-c", "copy", base)
    ffmpeg(
        *("-i", str(base), "-map", "0:v", "-map", "0:a", "-c:v", "copy", *codec, "-attach", picture),
        *("-metadata:s:t", "mimetype=image/jpeg", "-metadata:s:t", "filename=cover.jpg", str(path)),
    )
    return path


def heard(path: Path, *words: str) -> str:
    """A checksum of the decoded samples of the first sound."""
    command: list[str | Path] = [locate(), "-v", "error", "-i", path, "-map", "0:a:0", *words, "-f", "md5", "-"]
    return subprocess.run(command, capture_output=True, check=True, timeout=60).stdout.decode()


@pytest.mark.parametrize(
    ("codec", "extension", "chapters", "cover"),
    [
        (AAC, "m4a", True, True),
        (("-c:a", "libmp3lame"), "mp3", True, True),
        (("-c:a", "libopus"), "opus", True, True),
        (("-c:a", "libvorbis"), "ogg", True, True),
        (("-c:a", "flac"), "flac", True, True),
        (("-c:a", "pcm_s16le"), "wav", False, False),
        (("-c:a", "ac3"), "mka", True, True),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_copied_into_what_fits(
    ctx: PlainContext, media: Media, tmp_path: Path, codec: tuple[str, ...], extension: str, chapters: bool, cover: bool
) -> None:
    film = rich(media, tmp_path, *codec)
    ctx.settings = {**ctx.settings, "ffmpeg": str(tmp_path / "no-ffmpeg")}
    result = extract(ctx, film)
    (path,) = result.outputs
    made = look(path)
    assert path == film.with_suffix(f".{extension}")
    assert result.detail["tracks"][0]["copied"] is True
    assert {name.lower(): text for name, text in made.tags.items()} == {"title": "A film", "artist": "Somebody"}
    assert [(c.start_s, c.title) for c in made.chapters] == ([(0, "One; = #"), (1, "Two")] if chapters else [])
    assert (made.cover is not None) is cover
    assert result.detail["tracks"][0]["left_out"] == [
        *([] if cover else ["cover"]),
        *([] if chapters else ["chapters"]),
    ]
    if extension in ("flac", "wav"):
        assert heard(path) == heard(film)


@pytest.mark.parametrize(
    ("format", "codec", "chapters", "cover"),
    [
        ("mp3", "mp3", 2, True),
        ("m4a", "aac", 2, True),
        ("opus", "opus", 2, True),
        ("flac", "flac", 2, True),
        ("wav", "pcm_s16le", 0, False),
    ],
)
def test_encoded(
    ctx: PlainContext, media: Media, tmp_path: Path, format: str, codec: str, chapters: int, cover: bool
) -> None:
    film = rich(media, tmp_path, "-c:a", "ac3")
    result = extract(ctx, film, format=format)
    (path,) = result.outputs
    made, found = look(path), facts(path)
    assert path.suffix == f".{format}"
    assert found.of_kind("audio")[0].codec.removesuffix("float") == codec
    assert found.duration_s == pytest.approx(4.0, abs=0.2)
    assert made.tags.get("title", made.tags.get("TITLE")) == "A film"
    assert (len(made.chapters), made.cover is not None) == (chapters, cover)
    assert result.detail["tracks"][0]["copied"] is False


def test_its_own_format_is_copied_unless_a_bit_rate_is_given(ctx: PlainContext, media: Media, tmp_path: Path) -> None:
    out = str(tmp_path / "out")
    copied = extract(ctx, media.clip, format="m4a", output=out)
    small = extract(ctx.again(), media.clip, format="m4a", bitrate=24, output=out)
    assert copied.detail["tracks"][0]["copied"] is True
    assert small.detail["tracks"][0]["copied"] is False
    assert small.outputs[0].stat().st_size < copied.outputs[0].stat().st_size
    assert heard(copied.outputs[0], "-c", "copy") == heard(media.clip, "-c", "copy"), "the same packets"


def test_tracks_by_number_language_and_all(ctx: PlainContext, media: Media, tmp_path: Path) -> None:
    out = str(tmp_path / "out")

    def languages(**values: Any) -> list[str]:
        result = extract(ctx.again(), media.multi, output=out, **values)
        return [facts(path).of_kind("audio")[0].language for path in result.outputs]

    assert languages() == [""]
    assert languages(track="2") == languages(track="deu") == languages(track="de") == ["deu"]
    assert languages(track="all") == ["", "deu"]
    assert {"multi.1.m4a", "multi.2.deu.m4a"} <= set(files_under(tmp_path / "out"))
    error = failing(ctx.again(), media.multi, track="9", output=out)
    assert error.failure.error_class is ErrorClass.BAD_INPUT
    assert "2 (deu)" in error.failure.message


def test_a_second_attempt_makes_only_what_is_missing(ctx: PlainContext, media: Media, tmp_path: Path) -> None:
    out = tmp_path / "out"
    first = extract(ctx, media.multi, track="all", output=str(out))
    second, gone = first.outputs
    gone.unlink()
    again = extract(ctx.again(forget=False), media.multi, track="all", output=str(out))
    assert again.outputs == (second, gone)
    assert files_under(out) == ["multi.1.m4a", "multi.2.deu.m4a"]


def test_a_film_without_sound(ctx: PlainContext, media: Media, tmp_path: Path) -> None:
    folder = tmp_path / "films"
    folder.mkdir()
    silent = Path(shutil.copy(media.late_picture, folder / "silent.mp4"))
    assert failing(ctx, silent).failure.error_class is ErrorClass.UNSUPPORTED
    walked = extract(ctx.again(), folder)
    assert walked.outcome is Outcome.SKIPPED
    assert "no sound" in walked.detail["why"]
    assert files_under(folder) == ["silent.mp4"]


def test_deep_samples_stay_deep_and_loudness_is_left_alone(ctx: PlainContext, tmp_path: Path) -> None:
    film = tmp_path / "deep.mkv"
    ffmpeg(*film_source(1), *H264, "-c:a", "flac", "-sample_fmt", "s32", film)
    made = extract(ctx, film, format="wav").outputs[0]
    assert facts(made).of_kind("audio")[0].codec == "pcm_s24le"
    assert heard(made, "-c:a", "pcm_s24le") == heard(film, "-c:a", "pcm_s24le")


def test_hostile_names(ctx: PlainContext, media: Media, tmp_path: Path) -> None:
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    for number, name in enumerate(HOSTILE_NAMES[:12]):
        path = Path(os.fsdecode(os.path.join(os.fsencode(folder), name + b".mp4")))
        shutil.copy(media.clip, path)
        format = "mp3" if number % 4 == 0 else "copy"
        result = extract(ctx.again(), path, format=format, output=str(out))
        assert result.outputs[0].parent == out
    assert len(files_under(out)) == 12


def test_broken_inputs_leave_nothing(ctx: PlainContext, media: Media, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    torn = cut(media.late_picture, folder / "torn.mp4")
    playlist = folder / "list.mp4"
    playlist.write_text(CONCAT_TEXT.format(secret=media.clip))
    (folder / "empty.mkv").touch()
    assert failing(ctx, torn).failure.error_class is ErrorClass.BAD_INPUT
    assert failing(ctx.again(), playlist).failure.error_class is ErrorClass.UNSUPPORTED
    assert failing(ctx.again(), folder / "empty.mkv").failure.error_class is ErrorClass.BAD_INPUT
    assert failing(ctx.again(), folder / "gone.mp4", format="mp3").failure.error_class is ErrorClass.BAD_INPUT
    assert files_under(folder) == ["empty.mkv", "list.mp4", "torn.mp4"]


def late_tone(path: Path, *codec: str) -> Path:
    """A sound of 30 s whose beginning has a far lower bit rate than the rest, so that its duration is guessed wrong."""
    tone = "sine=frequency=440:duration=30,volume='if(lt(t,10),0,1)':eval=frame"
    ffmpeg("-f", "lavfi", "-i", tone, *codec, path)
    return path


@pytest.mark.parametrize(
    ("name", "codec"), [("a.aac", AAC), ("a.mp3", ("-c:a", "libmp3lame", "-q:a", "4", "-write_xing", "0"))]
)
@pytest.mark.parametrize("format", ["copy", "wav"])
def test_a_guessed_duration_does_not_fail_whole_files(
    ctx: PlainContext, tmp_path: Path, name: str, codec: tuple[str, ...], format: str
) -> None:
    result = extract(ctx, late_tone(tmp_path / name, *codec), format=format)
    assert result.detail["tracks"][0]["duration_s"] == pytest.approx(30.0, abs=0.2)


def test_recordings_in_a_row_are_taken_whole(ctx: PlainContext, media: Media, tmp_path: Path) -> None:
    film = tmp_path / "two.ts"
    film.write_bytes(media.transport.read_bytes() * 2)
    result = extract(ctx, film, format="wav")
    assert result.detail["tracks"][0]["duration_s"] == pytest.approx(8.0, abs=0.3)


def test_a_gap_between_recordings_is_nothing_missing(ctx: PlainContext, media: Media, tmp_path: Path) -> None:
    film = tmp_path / "gap.ts"
    ffmpeg("-i", media.clip, "-c", "copy", "-output_ts_offset", "100", film)
    film.write_bytes(media.transport.read_bytes() + film.read_bytes())
    result = extract(ctx, film, format="wav")
    assert result.detail["tracks"][0]["duration_s"] == pytest.approx(8.0, abs=0.3)
