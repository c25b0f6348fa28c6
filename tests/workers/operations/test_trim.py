"""Cutting parts out of real films and sounds, end to end."""

from __future__ import annotations

import os
import shutil
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from tests.support.context import PlainContext, files_under
from tests.support.engine import result_of
from tests.support.films import CHAPTERS
from tests.support.media import AAC, CONCAT_TEXT, HOSTILE_NAMES, Media, cut, ffmpeg, film_source
from workers.errors import ErrorClass, InvalidParams, JobFailed
from workers.media.av import facts
from workers.media.ffmetadata import Chapter, metadata_text
from workers.media.layout import layout
from workers.operations.contract import Result
from workers.operations.trim import OPERATION

B_FRAMES = ("-c:v", "libx264", "-preset", "fast", "-g", "50", "-bf", "3", "-sc_threshold", "0", "-pix_fmt", "yuv420p")


def trim(ctx: PlainContext, source: Path, **values: Any) -> Result:
    """One input through the operation."""
    return result_of(OPERATION, ctx, source, **values)


def failing(ctx: PlainContext, source: Path, **values: Any) -> JobFailed:
    with pytest.raises(JobFailed) as caught:
        trim(ctx, source, **values)
    assert not list(source.parent.glob("*.trim.*")), "nothing is left"
    return caught.value


def refused(**values: Any) -> str:
    with pytest.raises(InvalidParams) as caught:
        OPERATION.validate({"inputs": ["/film.mp4"], **values})
    return str(caught.value)


@pytest.fixture(scope="module")
def film(media: Media) -> Path:
    """6 s with B-frames, a key frame every 2 s, two chapters and a title."""
    notes, path = media.folder / "trim.txt", media.folder / "bframes.mp4"
    notes.write_text(metadata_text({"title": "A film"}, (Chapter(0, 3, "One"), Chapter(3, 6, "Two"))))
    words = ("-map", "0", "-map", "1", "-map_metadata", "2", "-map_chapters", "2")
    ffmpeg(*film_source(6), "-i", notes, *words, *B_FRAMES, *AAC, "-metadata:s:a:0", "language=deu", path)
    return path


def pictures(path: Path) -> list[tuple[Fraction, Any]]:
    """Every frame that a player shows: its time and its brightness, 32 by 18."""
    import av

    with av.open(f"file:{path}") as container:
        return [
            (
                Fraction(frame.time or 0).limit_denominator(1_000_000),
                frame.reformat(32, 18, format="gray").to_ndarray().astype(int),
            )
            for frame in container.decode(video=0)
        ]


def same_pictures(part: Path, whole: Path, first: int, count: int) -> None:
    """The frames of `part` are those of `whole` from number `first` on, and evenly spaced."""
    made, wanted = pictures(part), pictures(whole)[first : first + count]
    assert len(made) == len(wanted) == count
    times = [float(time - made[0][0]) for time, _ in made]
    assert times == pytest.approx([number / 25 for number in range(count)], abs=0.002)
    for (_, one), (_, other) in zip(made, wanted, strict=True):
        assert abs(one - other).mean() < 4, "not that picture"


def test_copy_begins_at_the_key_frame_before(ctx: PlainContext, film: Path, tmp_path: Path) -> None:
    ctx.settings = {**ctx.settings, "ffmpeg": str(tmp_path / "no-ffmpeg")}
    result = trim(ctx, film, start="2.5", end="4.0", mode="copy", output=str(tmp_path / "out"))
    (path,) = result.outputs
    assert path == tmp_path / "out" / "bframes.mp4"
    assert (result.detail["how"], result.detail["start_s"], result.detail["end_s"]) == ("copy", 2.0, 4.0)
    assert (result.detail["off_start_s"], result.detail["off_end_s"]) == (-0.5, 0.0)
    same_pictures(path, film, 50, 50)
    made = layout(path)
    assert [(round(c.start_s, 2), round(c.end_s, 2), c.title) for c in made.chapters] == [(0, 1, "One"), (1, 2, "Two")]
    found = facts(path)
    assert found.tags["title"] == "A film"
    assert found.of_kind("audio")[0].language == "deu"


def test_copy_ends_behind_whole_groups_of_frames(ctx: PlainContext, film: Path, tmp_path: Path) -> None:
    result = trim(ctx, film, end="2.5", mode="copy", output=str(tmp_path / "out"))
    assert 0 <= result.detail["off_end_s"] < 0.2, "no need to wait for the next key frame"
    same_pictures(result.outputs[0], film, 0, round(result.detail["end_s"] * 25))


@pytest.mark.parametrize("extension", ["mp4", "mkv", "ts", "mov"])
def test_exact_encodes_only_the_ends(ctx: PlainContext, film: Path, tmp_path: Path, extension: str) -> None:
    source = film
    if extension != "mp4":
        source = tmp_path / f"film.{extension}"
        ffmpeg("-i", film, "-c", "copy", source)
    ctx.settings = {**ctx.settings, "ffmpeg": str(tmp_path / "no-ffmpeg")}
    first = layout(source)
    late = pictures(source)[0][0] - first.start  # sound may begin before the film
    start, end = float(late) + 1.2, float(late) + 4.6
    result = trim(ctx, source, start=f"{start:.4f}", end=f"{end:.4f}", mode="exact", output=str(tmp_path / "out"))
    assert result.detail["how"] == "smart"
    assert 20 <= result.detail["encoded_frames"] < 30
    assert abs(result.detail["off_start_s"]) < 0.021
    assert facts(result.outputs[0]).duration_s == pytest.approx(3.4, abs=0.06)
    same_pictures(result.outputs[0], source, 30, 85)


def test_auto_copies_when_that_is_near_enough(ctx: PlainContext, film: Path, tmp_path: Path) -> None:
    out = str(tmp_path / "out")
    near = trim(ctx, film, start="2.05", output=out)
    far = trim(ctx.again(), film, start="2.5", output=out)
    wide = trim(ctx.again(), film, start="2.5", tolerance=1, output=out)
    late = trim(ctx.again(), film, start="1.95", output=out)
    assert [r.detail["how"] for r in (near, far, wide, late)] == ["copy", "smart", "copy", "copy"]
    assert [r.detail["start_s"] for r in (near, far, wide, late)] == [2.0, 2.48, 2.0, 2.0]


@pytest.mark.parametrize("extension", ["mp4", "mkv", "ts", "flv"])
def test_a_part_inside_one_group_is_encoded_whole(
    ctx: PlainContext, film: Path, tmp_path: Path, extension: str
) -> None:
    source = tmp_path / f"film.{extension}"
    ffmpeg("-i", film, "-map", "0:v", "-map", "0:a", "-c", "copy", source)
    start = float(pictures(source)[60][0] - layout(source).start)
    result = trim(ctx, source, start=f"{start:.4f}", duration="0.8", mode="exact", output=str(tmp_path / "out"))
    assert result.detail["how"] == "encode"
    assert result.detail["why"]
    same_pictures(result.outputs[0], source, 60, 20)


@pytest.mark.parametrize(
    ("words", "how"),
    [
        (("-x264-params", "open-gop=1:scenecut=0", "-bf", "3"), "encode"),  # no fresh start at its key frames
        (("-x264-params", "b-pyramid=normal:b-adapt=0", "-bf", "8"), "smart"),
        (("-profile:v", "baseline"), "smart"),
        (("-vf", "scale=322:182,setsar=4/3", "-color_primaries", "bt709"), "smart"),
        (("-vf", "format=yuv444p", "-pix_fmt", "yuv444p"), "encode"),
    ],
)
def test_exact_of_every_kind_of_h264(ctx: PlainContext, tmp_path: Path, words: tuple[str, ...], how: str) -> None:
    source = tmp_path / "film.mp4"
    pixels = () if "-pix_fmt" in words else ("-pix_fmt", "yuv420p")
    ffmpeg(*film_source(4), "-c:v", "libx264", "-preset", "fast", "-g", "30", *words, *pixels, *AAC, source)
    result = trim(ctx, source, start="0.8", end="3.4", mode="exact", output=str(tmp_path / "out"))
    assert result.detail["how"] == how
    same_pictures(result.outputs[0], source, 20, 65)
    made, film = facts(result.outputs[0]).video, facts(source).video
    assert made is not None and film is not None
    assert (made.pixel_aspect, made.pix_fmt) == (film.pixel_aspect, film.pix_fmt)


def test_other_codecs_are_encoded_for_exact_and_copied_else(ctx: PlainContext, media: Media, tmp_path: Path) -> None:
    out = str(tmp_path / "out")
    exact = trim(ctx, media.vp9, start="0.52", duration="1", mode="exact", output=out)
    copied = trim(ctx.again(), media.vp9, start="0.52", mode="copy", output=out)
    assert (exact.detail["how"], copied.detail["how"]) == ("encode", "copy")
    assert [s.codec for s in facts(exact.outputs[0]).streams] == ["vp9", "opus"]
    same_pictures(exact.outputs[0], media.vp9, 13, 25)


def test_times_from_the_end_and_beyond_it(ctx: PlainContext, film: Path, tmp_path: Path) -> None:
    out = str(tmp_path / "out")
    tail = trim(ctx, film, start="-2", output=out)
    assert tail.detail["start_s"] == pytest.approx(4, abs=0.05)
    long = trim(ctx.again(), film, start="-1:00", end="9", mode="copy", output=out)
    assert (long.detail["start_s"], round(long.detail["duration_s"])) == (0, 6)
    error = failing(ctx.again(), film, start="7", output=out)
    assert error.failure.error_class is ErrorClass.BAD_INPUT
    assert "lasts 6" in error.failure.message


def test_all_streams_come_along(ctx: PlainContext, media: Media, tmp_path: Path) -> None:
    source = tmp_path / "many.mkv"
    ffmpeg(
        "-i",
        media.multi,
        "-map",
        "0",
        "-c",
        "copy",
        "-attach",
        media.picture,
        "-metadata:s:t",
        "mimetype=image/jpeg",
        source,
    )
    result = trim(ctx, source, start="1", end="3", mode="copy", output=str(tmp_path / "out"))
    found = facts(result.outputs[0])
    kinds = [(s.kind, s.language, s.cover) for s in found.streams]
    assert [kind for kind, _, cover in kinds if not cover] == ["video", "audio", "audio", "subtitle"]
    assert ("audio", "deu", False) in kinds
    assert any(cover for _, _, cover in kinds)
    assert subtitles(result.outputs[0]) == [(0.0, 1.0, "Hello")], "shown from 0.5 to 2 s, cut at 1 s"


def test_all_streams_come_along_when_the_film_is_encoded(ctx: PlainContext, media: Media, tmp_path: Path) -> None:
    source, font, out = tmp_path / "many.mkv", tmp_path / "font.ttf", str(tmp_path / "out")
    font.write_bytes(b"font")
    attached = ("-attach", str(media.picture), "-metadata:s:t:0", "mimetype=image/jpeg")
    more = ("-attach", str(font), "-metadata:s:t:1", "mimetype=font/ttf")
    ffmpeg("-i", str(media.multi), "-map", "0", "-c", "copy", *attached, *more, str(source))
    whole = trim(ctx, source, start="0.6", duration="0.3", mode="exact", output=out)
    assert whole.detail["how"] == "encode"
    found = facts(whole.outputs[0])
    kinds = [(s.kind, s.codec, s.cover) for s in found.streams]
    assert kinds == [(s.kind, s.codec, s.cover) for s in facts(source).streams]
    assert found.of_kind("audio")[1].language == "deu"
    assert [(at, round(lasts, 2), text) for at, lasts, text in subtitles(whole.outputs[0])] == [(0.0, 0.3, "Hello")]
    silent = tmp_path / "silent.mkv"
    ffmpeg("-i", media.multi, "-map", "0:v", "-map", "0:s", "-c", "copy", silent)
    quiet = trim(ctx.again(), silent, start="0.4", duration="0.3", mode="exact", output=out)
    assert [(round(at, 2), round(lasts, 2)) for at, lasts, _ in subtitles(quiet.outputs[0])] == [(0.1, 0.2)]


def subtitles(path: Path) -> list[tuple[float, float, str]]:
    import av

    with av.open(f"file:{path}") as container:
        packets: list[Any] = [packet for packet in container.demux(subtitles=0) if packet.size]
        tick = float(packets[0].time_base) if packets else 0
        return [(p.pts * tick, p.duration * tick, bytes(p).decode().strip()) for p in packets]


def test_rotation_and_cover_come_along(ctx: PlainContext, media: Media, tmp_path: Path) -> None:
    out = str(tmp_path / "out")
    turned = trim(ctx, media.rotated, start="1", mode="copy", output=out)
    assert facts(turned.outputs[0]).rotation == facts(media.rotated).rotation == 90
    exact = trim(ctx.again(), media.rotated, start="1.2", mode="exact", output=out)
    assert (exact.detail["how"], facts(exact.outputs[0]).rotation) == ("smart", 90)
    covered = trim(ctx.again(), media.covered, start="1", mode="copy", output=out)
    assert [s.cover for s in facts(covered.outputs[0]).streams].count(True) == 1


def test_streams_are_not_dropped_silently(ctx: PlainContext, media: Media, tmp_path: Path) -> None:
    two = tmp_path / "two.mkv"
    ffmpeg("-i", media.clip, "-map", "0", "-map", "0:v", "-c", "copy", two)
    error = failing(ctx, two, start="1")
    assert error.failure.error_class is ErrorClass.UNSUPPORTED
    assert "stream 2 (video" in error.failure.message
    assert "--drop" in error.failure.message
    result = trim(ctx.again(), two, start="1", drop=True)
    assert result.outputs == (tmp_path / "two.trim.mkv",)
    assert len(result.detail["dropped"]) == 1


@pytest.mark.parametrize(
    ("name", "codec", "mode", "how"),
    [
        ("a.mp3", ("-c:a", "libmp3lame"), "auto", "copy"),
        ("a.m4a", AAC, "auto", "copy"),
        ("a.opus", ("-c:a", "libopus"), "auto", "copy"),
        ("a.mp3", ("-c:a", "libmp3lame"), "exact", "encode"),
        ("a.flac", ("-c:a", "flac"), "auto", "encode"),
        ("a.wav", ("-c:a", "pcm_s16le"), "exact", "encode"),
    ],
)
def test_sound(ctx: PlainContext, tmp_path: Path, name: str, codec: tuple[str, ...], mode: str, how: str) -> None:
    source = tmp_path / name
    ffmpeg("-f", "lavfi", "-i", "sine=frequency=440:duration=5", *codec, "-metadata", "title=Tone", source)
    result = trim(ctx, source, start="1.5", duration="2.25", mode=mode)
    found = facts(result.outputs[0])
    assert result.detail["how"] == how
    assert found.format == facts(source).format
    assert found.duration_s == pytest.approx(2.25, abs=0.06)
    if how == "encode" and codec[-1] in ("flac", "pcm_s16le"):
        assert found.duration_s == pytest.approx(2.25, abs=0.0001), "to the sample"


def test_words_for_wrong_times() -> None:
    assert "nothing to cut" in refused()
    assert "1:30" in refused(start="soon")
    assert "fewer than 60 seconds" in refused(start="1:75")
    assert "not both" in refused(end="5", duration="5")
    assert "before it ends" in refused(start="9", end="5")
    assert "before it ends" in refused(start="-5", end="-9")
    assert "longer than nothing" in refused(duration="0")
    OPERATION.validate({"inputs": ["/x"], "start": "-9", "end": "-5"})


def test_hostile_names(ctx: PlainContext, film: Path, tmp_path: Path) -> None:
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    for name in HOSTILE_NAMES[:12]:
        path = Path(os.fsdecode(os.path.join(os.fsencode(folder), name + b".mp4")))
        shutil.copy(film, path)
        mode = "exact" if name in (b"concat:a|b", b"inv\xff\xfealid", b"-y") else "copy"
        span = {"start": "2.4", "duration": "0.5"} if mode == "exact" else {"start": "2"}
        result = trim(ctx.again(), path, mode=mode, output=str(out), **span)
        assert result.detail["how"] == ("encode" if mode == "exact" else "copy")
    assert len(files_under(out)) == 12


def test_broken_inputs_leave_nothing(ctx: PlainContext, media: Media, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    ends_early = cut(media.clip, folder / "early.mp4", 0.6)
    playlist = folder / "list.mp4"
    playlist.write_text(CONCAT_TEXT.format(secret=media.clip))
    for mode in ("copy", "exact"):
        assert failing(ctx.again(), playlist, start="1", mode=mode).failure.error_class is ErrorClass.UNSUPPORTED
        error = failing(ctx.again(), ends_early, start="1.2", mode=mode)
        assert error.failure.error_class is ErrorClass.BAD_INPUT
    assert failing(ctx.again(), folder / "gone.mp4", start="1").failure.error_class is ErrorClass.BAD_INPUT
    assert files_under(folder) == ["early.mp4", "list.mp4"]


def test_stopping_ends_the_work(ctx: PlainContext, media: Media, tmp_path: Path) -> None:
    class Stopped(BaseException):
        pass

    def stop(progress: Any) -> None:
        if progress.phase in ("copying", "encoding"):
            raise Stopped

    for values in ({"mode": "copy"}, {"mode": "exact", "start": "1.1", "end": "1.5"}):
        attempt = ctx.again()
        attempt.on_report = stop
        with pytest.raises(Stopped):
            trim(attempt, media.big, **{"start": "0", "output": str(tmp_path / "out"), **values})
        assert files_under(tmp_path / "out") == []


def test_the_end_of_a_sound_without_a_header_is_measured(ctx: PlainContext, tmp_path: Path) -> None:
    sound = tmp_path / "a.aac"
    tone = "sine=frequency=440:duration=30,volume='if(lt(t,10),0,1)':eval=frame"
    ffmpeg("-f", "lavfi", "-i", tone, *AAC, sound)
    result = trim(ctx, sound, start="5")
    assert result.detail["end_s"] == pytest.approx(30.0, abs=0.1)
    assert result.detail["duration_s"] == pytest.approx(25.0, abs=0.2)


@pytest.mark.parametrize("name", ["a.mp3", "a.m4a", "a.mp4", "a.mkv"])
@pytest.mark.parametrize("mode", ["copy", "exact"])
def test_a_part_behind_the_torn_end_fails_alone(ctx: PlainContext, tmp_path: Path, name: str, mode: str) -> None:
    whole = tmp_path / f"whole{Path(name).suffix}"
    words = film_source(6, "160x90") if name in ("a.mp4", "a.mkv") else film_source(6)[4:]
    front = ("-movflags", "+faststart") if name in ("a.m4a", "a.mp4") else ()
    video = ("-c:v", "libx264", "-preset", "ultrafast", "-g", "25") if name in ("a.mp4", "a.mkv") else ()
    ffmpeg(*words, *video, *front, whole)
    failure = failing(ctx, cut(whole, tmp_path / name, 0.5), start="5", end="5.5", mode=mode).failure
    assert failure.error_class is ErrorClass.BAD_INPUT
    assert failure.input == str(tmp_path / name)
    assert "made." not in failure.message


def test_a_track_of_chapters_of_any_writer_is_no_loss(ctx: PlainContext, media: Media, tmp_path: Path) -> None:
    words, source = tmp_path / "chapters.txt", tmp_path / "film.mp4"
    words.write_text(CHAPTERS)
    ffmpeg("-i", media.clip, "-i", words, "-map_chapters", "1", "-c", "copy", source)
    # As others write the handler of that track; the same length keeps the file whole.
    source.write_bytes(source.read_bytes().replace(b"SubtitleHandler", b"Core Media Text"))
    assert facts(source).chapters == 2
    result = trim(ctx, source, start="1", mode="copy")
    assert result.detail["dropped"] == []
    assert [c.title for c in layout(result.outputs[0]).chapters] == ["One", "Two"]
