"""Joining real films and sounds, end to end."""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.context import PlainContext, files_under
from tests.support.films import brightness
from tests.support.media import AAC, CONCAT_TEXT, H264, HOSTILE_NAMES, Media, cut, ffmpeg, film_source
from workers.errors import ErrorClass, InvalidParams, JobFailed
from workers.media.av import facts
from workers.media.ffmpeg import locate
from workers.media.layout import layout
from workers.media.names import path_to_key
from workers.operations.concat import OPERATION, natural
from workers.operations.contract import Result

B_FRAMES = ("-c:v", "libx264", "-preset", "fast", "-bf", "3", "-g", "50", "-pix_fmt", "yuv420p")


def concat(ctx: PlainContext, *sources: Path, output: Path, **values: Any) -> Result:
    """The inputs through the operation, as the engine does it."""
    given = [path_to_key(source) for source in sources]
    params = OPERATION.validate({"inputs": given, "output": path_to_key(output), **values})
    assert OPERATION.run is not None
    try:
        return OPERATION.run(params, ctx)
    finally:
        ctx.end()


def failing(ctx: PlainContext, *sources: Path, output: Path, **values: Any) -> JobFailed:
    with pytest.raises(JobFailed) as caught:
        concat(ctx, *sources, output=output, **values)
    assert not output.exists()
    assert not list(output.parent.rglob("*joined*"))
    return caught.value


@pytest.fixture(scope="module")
def two(media: Media) -> tuple[Path, Path]:
    """Two films of one shape with frames out of order: 2 s and 3 s."""
    paths = (media.folder / "one.mp4", media.folder / "other.mp4")
    for path, seconds in zip(paths, (2, 3), strict=True):
        ffmpeg(*film_source(seconds), *B_FRAMES, *AAC, path)
    return paths


def shown(path: Path) -> list[float]:
    """When each frame of the film is shown."""
    import av

    with av.open(f"file:{path}") as container:
        return [float(frame.time or 0) for frame in container.decode(video=0)]


def heard_s(path: Path) -> float:
    """Seconds of sound that decode."""
    import av

    with av.open(f"file:{path}") as container:
        return sum(frame.samples / frame.sample_rate for frame in container.decode(audio=0))


def evenly_spaced(path: Path, frames: int) -> None:
    times = shown(path)
    assert len(times) == frames
    assert max(b - a for a, b in itertools.pairwise(times)) < 0.12
    assert times == sorted(times)


@pytest.mark.parametrize("extension", ["mp4", "mkv", "ts", "mov"])
def test_alike_films_are_copied(ctx: PlainContext, two: tuple[Path, Path], tmp_path: Path, extension: str) -> None:
    sources = []
    for path in two:
        sources.append(tmp_path / f"{path.stem}.{extension}")
        ffmpeg("-i", path, "-c", "copy", sources[-1])
    ctx.settings = {**ctx.settings, "ffmpeg": str(tmp_path / "no-ffmpeg")}
    output = tmp_path / f"whole.{extension}"
    result = concat(ctx, *sources, sources[0], output=output)
    assert result.outputs == (output,)
    assert (result.detail["how"], result.detail["files"]) == ("copy", 3)
    assert facts(output).duration_s == pytest.approx(7, abs=0.2)
    evenly_spaced(output, 175)
    assert heard_s(output) == pytest.approx(7, abs=0.2)
    assert [round(at) for at in result.detail["begins_s"]] == [0, 2, 5]


def test_containers_may_differ(ctx: PlainContext, two: tuple[Path, Path], tmp_path: Path) -> None:
    other = tmp_path / "other.mkv"
    ffmpeg("-i", two[1], "-c", "copy", other)
    for extension in ("mp4", "mkv"):
        output = tmp_path / f"whole.{extension}"
        concat(ctx.again(), two[0], other, two[0], output=output)
        evenly_spaced(output, 175)


def test_chapters_are_the_files(ctx: PlainContext, two: tuple[Path, Path], tmp_path: Path) -> None:
    kept, output = tmp_path / "kept.mkv", tmp_path / "whole.mkv"
    concat(ctx, *two, output=output)
    first = [(round(c.start_s, 1), round(c.end_s, 1), c.title) for c in layout(output).chapters]
    assert first == [(0, 2, "one"), (2, 5, "other")]
    concat(ctx.again(), output, two[0], output=kept, chapters="keep")
    assert [(round(c.start_s, 1), c.title) for c in layout(kept).chapters] == [(0, "one"), (2, "other")]
    concat(ctx.again(), output, two[0], output=tmp_path / "none.mkv", chapters="none")
    assert layout(tmp_path / "none.mkv").chapters == ()


def test_what_differs_is_named(ctx: PlainContext, two: tuple[Path, Path], media: Media, tmp_path: Path) -> None:
    small = tmp_path / "small.mp4"
    ffmpeg(*film_source(1, "160x90"), *B_FRAMES, "-c:a", "aac", "-ar", "22050", small)
    error = failing(ctx, two[0], small, output=tmp_path / "whole.mp4")
    assert error.failure.error_class is ErrorClass.UNSUPPORTED
    for words in (
        "small.mp4: video stream 0",
        "160x90 instead of 320x180",
        "22050 Hz instead of 44100 Hz",
        "--reencode",
    ):
        assert words in error.failure.message
    profile = tmp_path / "profile.mp4"
    ffmpeg(*film_source(1), *H264, *AAC, profile)
    assert (
        "other parameters of h264" in failing(ctx.again(), two[0], profile, output=tmp_path / "w.mp4").failure.message
    )
    silent = failing(ctx.again(), two[0], media.late_picture, output=tmp_path / "w.mp4").failure.message
    assert "late.mp4 has 1 video, one.mp4 1 video and 1 audio" in silent


def test_a_mirrored_film_is_not_put_behind_a_plain_one(
    ctx: PlainContext, two: tuple[Path, Path], tmp_path: Path
) -> None:
    flipped = tmp_path / "flipped.mp4"
    ffmpeg("-display_rotation", "180", "-display_hflip", "-i", two[0], "-c", "copy", flipped)
    words = failing(ctx, two[0], flipped, output=tmp_path / "whole.mp4").failure.message
    assert "rotation 180 mirrored instead of 0" in words


def test_reencode_brings_all_to_one_shape(ctx: PlainContext, media: Media, tmp_path: Path) -> None:
    small, output = tmp_path / "small.mkv", tmp_path / "whole.mp4"
    ffmpeg(*film_source(1, "160x120"), "-r", "10", "-c:v", "mpeg4", "-c:a", "libmp3lame", "-ac", "1", small)
    result = concat(ctx, media.rotated, small, media.late_picture, media.transport, output=output, reencode=True)
    found = facts(output)
    film = found.video
    assert film is not None
    assert result.detail["how"] == "encode"
    assert (film.width, film.height, film.fps) == (180, 320, 25), "the first of the largest, upright as it is shown"
    assert found.duration_s == pytest.approx(4 + 1 + 6 + 4, abs=0.3)
    evenly_spaced(output, round((found.duration_s or 0) * 25))
    assert heard_s(output) == pytest.approx(15, abs=0.3), "silence where there is no sound"
    assert [c.title for c in layout(output).chapters] == ["rotated", "small", "late", "clip"]


@pytest.mark.parametrize(
    ("extension", "codec"), [("mp3", "libmp3lame"), ("wav", "pcm_s16le"), ("m4a", "aac"), ("ogg", "libvorbis")]
)
def test_sounds_are_copied(ctx: PlainContext, tmp_path: Path, extension: str, codec: str) -> None:
    sources = [tmp_path / f"{number}.{extension}" for number in range(3)]
    for number, source in enumerate(sources):
        ffmpeg("-f", "lavfi", "-i", f"sine=frequency={300 + number}:duration=2", "-c:a", codec, source)
    output = tmp_path / f"whole.{extension}"
    result = concat(ctx, *sources, output=output)
    assert result.detail["how"] == "copy"
    assert heard_s(output) == pytest.approx(6, abs=0.2)
    if extension == "wav":
        assert heard_s(output) == pytest.approx(6, abs=1e-9), "every sample"


def test_flac_is_joined_without_loss_by_encoding(ctx: PlainContext, tmp_path: Path) -> None:
    sources = [tmp_path / f"{number}.flac" for number in range(2)]
    for source in sources:
        ffmpeg("-f", "lavfi", "-i", "sine=frequency=300:duration=1", "-c:a", "flac", source)
    output = tmp_path / "whole.flac"
    assert "without loss" in failing(ctx, *sources, output=output).failure.message
    concat(ctx.again(), *sources, output=output, reencode=True)
    assert heard_s(output) == pytest.approx(2, abs=1e-9)


def samples(path: Path, *more: Path) -> bytes:
    """The decoded samples of files one after the other, in 32 bits."""
    command: list[str | Path] = [locate(), "-v", "error"]
    made = b""
    for one in (path, *more):
        words = [*command, "-i", one, "-f", "s32le", "-c:a", "pcm_s32le", "-"]
        made += subprocess.run(words, capture_output=True, check=True, timeout=60).stdout
    return made


@pytest.mark.parametrize(("extension", "encoder"), [("flac", "flac"), ("wav", "pcm_s24le")])
@pytest.mark.parametrize("layout", ["mono", "stereo", "5.1", "5.1(side)"])
def test_lossless_sound_is_joined_bit_by_bit(
    ctx: PlainContext, tmp_path: Path, extension: str, encoder: str, layout: str
) -> None:
    sources = [tmp_path / f"{number}.{extension}" for number in range(2)]
    for number, source in enumerate(sources):
        noise = f"anoisesrc=d=0.3:r=192000:seed={number},aformat=sample_fmts=s32:channel_layouts={layout}"
        ffmpeg("-f", "lavfi", "-i", noise, "-c:a", encoder, source)
    output = tmp_path / f"whole.{extension}"
    concat(ctx, *sources, output=output, reencode=True)
    sound = facts(output).streams[0]
    assert (sound.sample_rate, sound.deep) == (192_000, True)
    assert samples(output) == samples(*sources)


def test_sounds_of_16_bits_stay_so(ctx: PlainContext, tmp_path: Path) -> None:
    sources = [tmp_path / f"{number}.flac" for number in range(2)]
    for source in sources:
        ffmpeg("-f", "lavfi", "-i", "anoisesrc=d=0.3:r=44100,aformat=sample_fmts=s16", "-c:a", "flac", source)
    concat(ctx, *sources, output=tmp_path / "whole.flac", reencode=True)
    sound = facts(tmp_path / "whole.flac").streams[0]
    assert (sound.sample_rate, sound.deep, sound.channels) == (44_100, False, 1)
    assert samples(tmp_path / "whole.flac") == samples(*sources)


def test_the_most_channels_are_kept_or_given_up_by_name(ctx: PlainContext, tmp_path: Path) -> None:
    many, few = tmp_path / "many.mkv", tmp_path / "few.mkv"
    for path, channels in ((many, "5.1"), (few, "stereo")):
        sound = ("-c:a", "aac", "-af", f"aformat=channel_layouts={channels}")
        ffmpeg(*film_source(1, "160x90"), *H264, *sound, path)
    concat(ctx, few, many, output=tmp_path / "whole.mp4", reencode=True)
    assert [s.channels for s in facts(tmp_path / "whole.mp4").of_kind("audio")] == [6]
    sounds = []
    for path in (many, few):
        sounds.append(path.with_suffix(".m4a"))
        ffmpeg("-i", path, "-vn", "-c", "copy", sounds[-1])
    output = tmp_path / "whole.mp3"
    words = failing(ctx.again(), *sounds, output=output, reencode=True).failure.message
    assert "many.m4a: 6 channels of sound, of which mp3 holds 2" in words and "--drop" in words
    assert "few.m4a" not in words
    concat(ctx.again(), *sounds, output=output, reencode=True, drop=True)
    assert [s.channels for s in facts(output).of_kind("audio")] == [2]


@pytest.mark.parametrize(("extension", "codec"), [("m4a", "aac"), ("opus", "opus"), ("ogg", "vorbis"), ("mp3", "mp3")])
def test_every_kind_of_sound_is_encoded(ctx: PlainContext, tmp_path: Path, extension: str, codec: str) -> None:
    sources = [tmp_path / "0.flac", tmp_path / "1.wav"]
    for source in sources:
        ffmpeg("-f", "lavfi", "-i", "sine=frequency=300:duration=1:sample_rate=96000", source)
    output = tmp_path / f"whole.{extension}"
    concat(ctx, *sources, output=output, reencode=True)
    (sound,) = facts(output).of_kind("audio")
    assert (sound.codec, sound.channels) == (codec, 1)
    assert sound.sample_rate == (96_000 if extension == "m4a" else 48_000)
    assert heard_s(output) == pytest.approx(2, abs=0.1)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_films_of_high_dynamic_range_are_brought_down(
    ctx: PlainContext, tmp_path: Path, order: tuple[int, ...]
) -> None:
    # Grey at 58 % of the signal: 203 cd/m2 in PQ, far above the 148 of 255 that others show it as.
    words = "format=yuv420p10le,setparams=color_primaries=bt2020:color_trc={}:colorspace={}:range=tv"
    sources = []
    for transfer, matrix in (("smpte2084", "bt2020nc"), ("bt709", "bt709")):
        sources.append(tmp_path / f"{transfer}.mkv")
        grey = "color=0x949494:size=160x90:rate=5:duration=1"
        ffmpeg("-f", "lavfi", "-i", grey, "-vf", words.format(transfer, matrix), "-c:v", "libx265", sources[-1])
    output = tmp_path / "whole.mp4"
    result = concat(ctx, *(sources[number] for number in order), output=output, reencode=True)
    film = facts(output).video
    assert film is not None and not film.hdr
    assert result.detail["tone_mapped"] == ["smpte2084.mkv"]
    shown = [brightness(output, (0, 0, 160, 90), second) for second in (0.4, 1.4)]
    assert [round(light, -1) for light in shown] == [(190, 150)[number] for number in order]


def test_a_folder_in_the_order_of_names(ctx: PlainContext, two: tuple[Path, Path], tmp_path: Path) -> None:
    folder = tmp_path / "parts"
    folder.mkdir()
    for name in ("part 10.mp4", "part 2.mp4", "Part 1.mp4"):
        shutil.copy(two[0], folder / name)
    result = concat(ctx, folder, output=folder / "whole.mp4")
    assert result.detail["names"] == ["Part 1.mp4", "part 2.mp4", "part 10.mp4"]
    again = concat(ctx.again(), folder, output=folder / "whole.mp4")
    assert again.outputs == (folder / "whole (2).mp4",)
    assert again.detail["files"] == 3, "its own result is no input"


@given(st.lists(st.integers(0, 10**6), max_size=8))
def test_natural_order_is_that_of_numbers(numbers: list[int]) -> None:
    assert sorted((f"part {n}.mp4" for n in numbers), key=natural) == [f"part {n}.mp4" for n in sorted(numbers)]


@given(st.text("a1.\u0662\u00b2\u00df ") | st.text(), st.text("a1.\u0662\u00b2 ") | st.text())
def test_any_names_have_an_order(one: str, other: str) -> None:
    a, b = natural(one), natural(other)
    assert [a < b, a == b, a > b].count(True) == 1, "and never an error"


def test_streams_are_not_dropped_silently(ctx: PlainContext, media: Media, tmp_path: Path) -> None:
    output = tmp_path / "whole.mkv"
    error = failing(ctx, media.multi, media.multi, output=output, reencode=True)
    assert "multi.mkv: stream 2 (audio)" in error.failure.message
    assert "--drop" in error.failure.message
    concat(ctx.again(), media.multi, media.multi, output=output)
    assert [s.kind for s in facts(output).streams] == ["video", "audio", "audio", "subtitle"]
    concat(ctx.again(), media.multi, media.multi, output=tmp_path / "less.mkv", reencode=True, drop=True)
    assert [s.kind for s in facts(tmp_path / "less.mkv").streams] == ["video", "audio"]


def test_the_cover_of_the_first_stays(ctx: PlainContext, media: Media, tmp_path: Path) -> None:
    concat(ctx, media.song, media.song, output=tmp_path / "songs.mp3")
    assert [s.cover for s in facts(tmp_path / "songs.mp3").streams] == [False, True]


def test_hostile_names(ctx: PlainContext, two: tuple[Path, Path], tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    paths = [Path(os.fsdecode(os.path.join(os.fsencode(folder), name + b".mp4"))) for name in HOSTILE_NAMES[:14]]
    for path in paths:
        shutil.copy(two[0], path)
    copied = concat(ctx, *paths, output=tmp_path / "whole.mp4")
    assert copied.detail["files"] == 14
    assert not any(char in "".join(copied.detail["names"]) for char in "\n\x1b\udcff")
    assert len(layout(tmp_path / "whole.mp4").chapters) == 14
    out = Path(os.fsdecode(os.path.join(os.fsencode(tmp_path), b"concat:a|b\n%d\xff.mp4")))
    concat(ctx.again(), *paths[:6], output=out, reencode=True)
    assert len(layout(out).chapters) == 6


def test_nothing_else_is_read(ctx: PlainContext, media: Media, two: tuple[Path, Path], tmp_path: Path) -> None:
    playlist = tmp_path / "list.mp4"
    playlist.write_text(CONCAT_TEXT.format(secret=media.clip))
    for reencode in (False, True):
        error = failing(ctx.again(), two[0], playlist, output=tmp_path / "whole.mp4", reencode=reencode)
        assert error.failure.error_class is ErrorClass.UNSUPPORTED
        assert error.failure.input == str(playlist)


def test_broken_inputs_leave_nothing(ctx: PlainContext, two: tuple[Path, Path], tmp_path: Path) -> None:
    torn = cut(two[1], tmp_path / "torn.mp4")
    output = tmp_path / "out" / "whole.mp4"
    output.parent.mkdir()
    for reencode in (False, True):
        error = failing(ctx.again(), two[0], torn, output=output, reencode=reencode)
        assert error.failure.error_class is ErrorClass.BAD_INPUT
    early = tmp_path / "early.mp4"
    ffmpeg("-i", two[1], "-c", "copy", "-movflags", "+faststart", early)
    cut(early, early, 0.5)
    error = failing(ctx.again(), early, two[0], output=output)
    assert error.failure.error_class is ErrorClass.BAD_INPUT
    assert "instead of 3" in error.failure.message
    assert "nothing to join" in failing(ctx.again(), two[0], output=output).failure.message
    assert (
        failing(ctx.again(), two[0], tmp_path / "gone.mp4", output=output).failure.error_class is ErrorClass.BAD_INPUT
    )
    assert files_under(output.parent) == []


def test_the_output_must_be_a_file_of_media() -> None:
    for output in ("", "/folder/", "/film", "/film.exe", "/list.m3u8"):
        with pytest.raises(InvalidParams):
            OPERATION.validate({"inputs": ["a.mp4", "b.mp4"], "output": output})


def test_stopping_ends_the_work(ctx: PlainContext, media: Media, tmp_path: Path) -> None:
    class Stopped(BaseException):
        pass

    def stop(progress: Any) -> None:
        if progress.phase in ("copying", "encoding"):
            raise Stopped

    for reencode in (False, True):
        attempt = ctx.again()
        attempt.on_report = stop
        with pytest.raises(Stopped):
            concat(attempt, media.big, media.big, output=tmp_path / "out" / "whole.mp4", reencode=reencode)
        assert files_under(tmp_path / "out") == []
