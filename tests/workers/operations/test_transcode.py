"""Transcoding real films, end to end."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.context import PlainContext, files_under
from tests.support.engine import result_of
from tests.support.hardware import pretend
from tests.support.media import CONCAT_TEXT, HLS_TEXT, HOSTILE_NAMES, SVG_TEXT, Media, cut, ffmpeg
from workers.errors import ErrorClass, InvalidParams, JobFailed, LeaseLost
from workers.jobs import Outcome, Progress
from workers.media.av import Facts, facts
from workers.operations.contract import Result
from workers.operations.transcode import OPERATION


def transcode(ctx: PlainContext, source: Path, **values: Any) -> Result:
    """One input through the operation."""
    return result_of(OPERATION, ctx, source, **values)


def failing(ctx: PlainContext, source: Path, **values: Any) -> ErrorClass:
    with pytest.raises(JobFailed) as caught:
        transcode(ctx, source, **values)
    assert caught.value.failure.message
    return caught.value.failure.error_class


@pytest.fixture
def film(media: Media, tmp_path: Path) -> Path:
    folder = tmp_path / "films"
    folder.mkdir()
    return Path(shutil.copy(media.multi, folder / "film.mkv"))


def codecs(found: Facts) -> list[tuple[str, str]]:
    return [(s.kind, s.codec) for s in found.streams if not s.cover]


@pytest.mark.parametrize(
    ("preset", "name", "expected"),
    [
        ("web", "film.web.mp4", ["h264", "aac", "aac", "mov_text"]),
        ("mobile", "film.mobile.mp4", ["h264", "aac", "aac", "mov_text"]),
        ("archive", "film.archive.mkv", ["hevc", "aac", "aac", "subrip"]),
        ("small", "film.small.mkv", ["av1", "opus", "opus", "subrip"]),
        ("webm", "film.webm.webm", ["vp9", "opus", "opus", "webvtt"]),
        ("audio", "film.audio.m4a", ["aac", "aac"]),
    ],
)
def test_every_preset(ctx: PlainContext, film: Path, preset: str, name: str, expected: list[str]) -> None:
    result = transcode(ctx, film, preset=preset)
    (path,) = result.outputs
    found = facts(path)
    assert path == film.with_name(name)
    assert [codec for _, codec in codecs(found)] == expected
    assert found.duration_s == pytest.approx(4.0, abs=0.5)
    assert [s.language for s in found.of_kind("audio")] == ["", "deu"]
    assert files_under(film.parent) == sorted(["film.mkv", name])
    assert result.detail["size"] == path.stat().st_size
    assert "damaged" not in result.detail, "a good film"


def test_what_fits_is_copied_without_ffmpeg(ctx: PlainContext, media: Media, tmp_path: Path) -> None:
    ctx.settings = {**ctx.settings, "ffmpeg": str(tmp_path / "no-ffmpeg")}
    result = transcode(ctx, media.transport, output=str(tmp_path / "out"))
    assert result.detail["copied"] is True
    assert result.outputs == (tmp_path / "out" / "clip.mp4",)
    assert codecs(facts(result.outputs[0])) == [("video", "h264"), ("audio", "aac")]


def test_reencode_and_height_and_quality(ctx: PlainContext, media: Media, tmp_path: Path) -> None:
    out = str(tmp_path / "out")
    small = transcode(ctx, media.clip, output=out, height=90)
    film = facts(small.outputs[0]).video
    assert film is not None
    assert (film.width, film.height) == (160, 90)
    coarse = transcode(ctx.again(), media.clip, output=out, quality=45)
    fine = transcode(ctx.again(), media.clip, output=out, reencode=True)
    assert coarse.detail["copied"] is fine.detail["copied"] is False
    assert coarse.detail["size"] < fine.detail["size"]
    assert [p.name for r in (small, coarse, fine) for p in r.outputs] == ["clip.mp4", "clip (2).mp4", "clip (3).mp4"]


def test_one_name_in_two_folders(ctx: PlainContext, media: Media, tmp_path: Path) -> None:
    for name in ("A", "B"):
        (tmp_path / name).mkdir()
        shutil.copy(media.clip, tmp_path / name / "film.mp4")
    params = OPERATION.validate({"inputs": [str(tmp_path / "A"), str(tmp_path / "B")], "output": str(tmp_path / "out")})
    assert OPERATION.items is not None and OPERATION.process is not None
    for key in sorted(OPERATION.items(params), reverse=True):
        attempt = ctx.again()
        (path,) = OPERATION.process(params, key, attempt).outputs
        assert path.name == f"{Path(key).parent.name}-film.mp4"
        attempt.end()
    assert files_under(tmp_path / "out") == ["A-film.mp4", "B-film.mp4"]


def test_progress_has_speed_and_eta(ctx: PlainContext, media: Media, tmp_path: Path) -> None:
    transcode(ctx, media.big, preset="web", reencode=True, output=str(tmp_path / "out"))
    encoding = [p for p in ctx.reports if p.phase == "encoding"]
    assert any(p.rate and p.eta_s is not None and p.fraction is not None and 0 < p.fraction < 1 for p in encoding)
    assert encoding[-1].fraction == 1.0
    assert [p.phase for p in ctx.reports][-1] == "verifying"


def test_rotation_is_respected(ctx: PlainContext, media: Media, tmp_path: Path) -> None:
    made = facts(transcode(ctx, media.rotated, output=str(tmp_path / "out"), height=90, preset="web").outputs[0])
    assert made.video is not None
    assert (made.video.width, made.video.height, made.rotation) == (90, 160, 0)
    copied = facts(transcode(ctx.again(), media.rotated, output=str(tmp_path / "out")).outputs[0])
    assert copied.rotation == 90


@pytest.mark.parametrize("preset", ["web", "small"])
def test_a_cover_is_not_the_film(ctx: PlainContext, media: Media, tmp_path: Path, preset: str) -> None:
    result = transcode(ctx, media.covered, output=str(tmp_path / "out"), preset=preset, reencode=True)
    made = facts(result.outputs[0])
    assert made.video is not None
    assert made.video.height == 180
    assert [s.codec for s in made.streams if s.cover] == ["mjpeg"], "in Matroska it is an attached file"
    assert not any("cover" in line for line in ctx.lines)


def test_frames_without_times_are_not_copied(ctx: PlainContext, media: Media, tmp_path: Path) -> None:
    import av

    # H.264 in AVI does not say when a frame is shown: a copy would pass every check, and judder.
    source = tmp_path / "old.avi"
    ffmpeg("-i", media.clip, "-c:v", "libx264", "-bf", "2", "-c:a", "libmp3lame", source)
    result = transcode(ctx, source, output=str(tmp_path / "out"))
    assert result.detail["copied"] is False
    with av.open(str(result.outputs[0])) as container:
        times = [frame.pts for frame in container.decode(video=0)]
    assert len(times) == 100
    assert times == sorted(set(times), key=lambda time: time or 0)


def test_when_copying_fails_it_encodes(
    ctx: PlainContext, media: Media, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(source: Path, target: Path, **how: Any) -> None:
        target.write_bytes(b"half a film")
        raise JobFailed(ErrorClass.BAD_INPUT, "a packet has no time")

    monkeypatch.setattr("workers.media.remux.remux", refuse)
    result = transcode(ctx, media.clip, output=str(tmp_path / "out"))
    assert result.detail["copied"] is False
    assert any("copying failed" in line for line in ctx.lines)
    assert facts(result.outputs[0]).duration_s == pytest.approx(4.0, abs=0.5)


@pytest.mark.parametrize(("source", "preset"), [("song", "web"), ("late_picture", "audio")])
def test_misfits_are_told(ctx: PlainContext, media: Media, source: str, preset: str) -> None:
    assert failing(ctx, getattr(media, source), preset=preset) is ErrorClass.UNSUPPORTED


def test_misfits_in_a_folder_are_skipped(ctx: PlainContext, media: Media, tmp_path: Path) -> None:
    folder = tmp_path / "music"
    folder.mkdir()
    shutil.copy(media.song, folder / "song.mp3")
    result = transcode(ctx, folder, preset="web")
    assert result.outcome is Outcome.SKIPPED
    assert result.outputs == ()


def test_hardware_that_does_not_work_is_told_and_auto_goes_on(ctx: PlainContext, media: Media, tmp_path: Path) -> None:
    if os.path.exists("/dev/dri") or os.path.exists("/dev/nvidia0"):
        pytest.skip("this machine may have a hardware encoder")
    out = str(tmp_path / "out")
    assert failing(ctx, media.vp9, hardware="nvenc", output=out) is ErrorClass.UNSUPPORTED
    assert transcode(ctx.again(), media.vp9, hardware="auto", output=out).detail["encoder"] == "libx264"


def test_hardware_that_works_is_named_where_another_was_asked_for(
    ctx: PlainContext, media: Media, tmp_path: Path
) -> None:
    (tmp_path / "bin").mkdir()
    ctx.settings = {**ctx.settings, "ffmpeg": pretend(tmp_path / "bin", "h264_nvenc")}
    out = str(tmp_path / "out")
    with pytest.raises(JobFailed, match="vaapi cannot encode h264 here: what does is nvenc") as caught:
        transcode(ctx.again(), media.vp9, hardware="vaapi", output=out)
    assert caught.value.failure.error_class is ErrorClass.UNSUPPORTED


def test_a_missing_file_is_named(ctx: PlainContext, tmp_path: Path) -> None:
    with pytest.raises(JobFailed, match=r"none\.mp4 does not exist") as caught:
        transcode(ctx, tmp_path / "none.mp4")
    assert caught.value.failure.error_class is ErrorClass.BAD_INPUT


def test_sound_that_is_shorter_than_its_film(ctx: PlainContext, media: Media, tmp_path: Path) -> None:
    source = tmp_path / "uneven.mkv"
    ffmpeg(
        "-i", media.clip, "-f", "lavfi", "-i", "sine=duration=1.5", "-map", "0:v", "-map", "1", "-c:v", "copy", source
    )
    assert facts(transcode(ctx, source, preset="audio").outputs[0]).duration_s == pytest.approx(1.5, abs=0.1)


@pytest.mark.fault("37", "truncated source: refused by its duration")
@pytest.mark.parametrize("preset", ["web", "archive"])
@pytest.mark.parametrize("source", ["clip", "multi"])
def test_a_cut_input_is_refused_by_its_duration(
    ctx: PlainContext, media: Media, tmp_path: Path, source: str, preset: str
) -> None:
    folder = tmp_path / "films"
    folder.mkdir()
    whole: Path = getattr(media, source)
    short = cut(whole, folder / f"cut{whole.suffix}")
    with pytest.raises(JobFailed) as caught:
        transcode(ctx, short, preset=preset)
    assert caught.value.failure.error_class is ErrorClass.BAD_INPUT
    assert "duration" in caught.value.failure.message
    assert files_under(folder) == [short.name]


def flipped(source: Path, target: Path) -> Path:
    """A copy with bytes turned over in its middle, where the frames are."""
    data = bytearray(source.read_bytes())
    for at in range(len(data) // 3, len(data) // 2, 997):
        data[at] ^= 0xFF
    target.write_bytes(data)
    return target


def test_damage_that_ffmpeg_passes_over_is_told(ctx: PlainContext, media: Media, tmp_path: Path) -> None:
    source = flipped(media.big, tmp_path / "flipped.mp4")
    result = transcode(ctx, source, output=str(tmp_path / "out"), reencode=True)
    assert re.match(r"\d+ messages, the first: \S", result.detail["damaged"])
    assert f"damaged: {result.detail['damaged']}" in ctx.lines
    good = transcode(ctx.again(), media.big, output=str(tmp_path / "out"), reencode=True)
    assert "damaged" not in good.detail


@pytest.mark.parametrize("text", [HLS_TEXT, CONCAT_TEXT, SVG_TEXT])
def test_a_playlist_in_disguise_opens_nothing_else(ctx: PlainContext, media: Media, tmp_path: Path, text: str) -> None:
    secret = tmp_path / "secret.ts"
    shutil.copy(media.transport, secret)
    folder = tmp_path / "films"
    folder.mkdir()
    (folder / "innocent.mp4").write_text(text.format(secret=secret))
    os.utime(secret, ns=(1, 1))
    assert failing(ctx, folder / "innocent.mp4") is ErrorClass.UNSUPPORTED
    assert secret.stat().st_atime_ns == 1, "the other file was read"
    assert files_under(folder) == ["innocent.mp4"]


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
def test_a_playlist_in_disguise_under_strace(media: Media, tmp_path: Path) -> None:
    import sys

    secret, trace = tmp_path / "secret.ts", tmp_path / "trace"
    shutil.copy(media.transport, secret)
    (tmp_path / "innocent.mp4").write_text(HLS_TEXT.format(secret=secret))
    code = (
        "import sys; from pathlib import Path; from tests.workers.operations.test_transcode import *\n"
        "ctx = PlainContext(Path(sys.argv[2]))\n"
        "try: transcode(ctx, Path(sys.argv[1]))\n"
        "except JobFailed as error: print(error.failure.error_class.value)"
    )
    command = ["strace", "-f", "-e", "trace=open,openat,execve", "-o", str(trace), sys.executable, "-c", code]
    done = subprocess.run(
        [*command, str(tmp_path / "innocent.mp4"), str(tmp_path / "job")], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "unsupported"
    assert str(secret) not in trace.read_text(errors="replace")


@pytest.mark.fault("42", "hostile names through transcode")
@pytest.mark.parametrize("raw", HOSTILE_NAMES)
def test_hostile_names(ctx: PlainContext, media: Media, tmp_path: Path, raw: bytes) -> None:
    folder = tmp_path / "films"
    folder.mkdir()
    source = Path(os.fsdecode(os.fsencode(folder) + b"/" + raw + b".mp4"))
    os.link(media.clip, source)
    for preset in ("web", "mobile"):
        # Through PyAV, then through ffmpeg.
        (path,) = transcode(ctx.again(), source, preset=preset, reencode=preset == "mobile").outputs
        assert path.parent == folder
        assert len(os.fsencode(path.name)) <= 255
        path.name.encode()
        assert path.name.isprintable()
        assert not path.name.startswith("-")
        assert facts(path).duration_s == pytest.approx(4.0, abs=0.2)
    assert len(files_under(folder)) == 3


def test_what_was_published_before_is_the_result(ctx: PlainContext, film: Path) -> None:
    first = transcode(ctx, film)
    again = transcode(ctx.again(forget=False), film)
    assert again.outputs == first.outputs
    assert files_under(film.parent) == ["film.mkv", "film.web.mp4"]


def test_a_lost_lease_publishes_nothing(ctx: PlainContext, film: Path) -> None:
    ctx.lease_lost = True
    with pytest.raises(LeaseLost):
        transcode(ctx, film)
    assert files_under(film.parent) == ["film.mkv"]


def test_a_stop_in_the_middle_leaves_nothing(ctx: PlainContext, film: Path) -> None:
    class StopError(Exception):
        pass

    def stop(progress: Progress) -> None:
        if progress.phase == "encoding":
            raise StopError

    ctx.on_report = stop
    with pytest.raises(StopError):
        transcode(ctx, film, preset="archive")
    assert files_under(film.parent) == ["film.mkv"]


def test_own_outputs_and_other_files_are_not_items(media: Media, tmp_path: Path) -> None:
    for name in ("a.mp4", "a.web.mp4", "a.small (2).mkv", "b.mp3", "c.jpg", "d.txt"):
        (tmp_path / name).touch()
    params = OPERATION.validate({"inputs": [str(tmp_path)]})
    assert OPERATION.items is not None
    assert [Path(key).name for key in OPERATION.items(params)] == ["a.mp4", "b.mp3"]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"hardware": "foo"}, "there is no hardware 'foo'; one of off, auto, nvenc, qsv, vaapi, videotoolbox"),
        ({"vmaf": 95, "size_mib": 100}, "--vmaf and --size-mib exclude each other"),
        ({"preset": "audio", "min_vmaf": 90}, "--min-vmaf is for films"),
    ],
)
def test_what_is_wrong_is_told_as_it_is_typed(values: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidParams, match=words):
        OPERATION.validate({"inputs": ["/a"], **values})


def test_hardware_is_known_however_it_is_written() -> None:
    for given, taken in (("", "off"), (" NVENC", "nvenc"), ("auto", "auto")):
        assert OPERATION.validate({"inputs": ["/a"], "hardware": given}).hardware == taken


@pytest.mark.parametrize(
    "values",
    [
        {"inputs": []},
        {"inputs": ["/a"], "preset": "best"},
        {"inputs": ["/a"], "height": -1},
        {"inputs": ["/a"], "quality": 99},
        {"inputs": ["/a"], "hardware": "x" * 41},
        {"inputs": ["/a"], "exec": "rm"},
    ],
)
def test_wrong_options(values: dict[str, Any]) -> None:
    with pytest.raises(InvalidParams):
        OPERATION.validate(values)


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 600 kB."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=600k", "tmpfs", str(folder)], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"no tmpfs can be mounted here: {mounted.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.parametrize("how", [{"preset": "web"}, {"preset": "web", "reencode": True}], ids=["copy", "encode"])
def test_a_full_disk(ctx: PlainContext, media: Media, tiny_disk: Path, how: dict[str, Any]) -> None:
    with pytest.raises(JobFailed) as caught:
        transcode(ctx, media.big, output=str(tiny_disk), **how)
    assert caught.value.failure.error_class is ErrorClass.DISK
    assert caught.value.failure.retryable
    assert files_under(tiny_disk) == []


def test_a_disk_that_fills_while_copying(media: Media, tiny_disk: Path) -> None:
    from workers.media.remux import remux

    with pytest.raises(JobFailed) as caught:
        remux(media.big, tiny_disk / "out.mp4", muxer="mp4", keep=[0, 1])
    assert caught.value.failure.error_class is ErrorClass.DISK


def test_a_guessed_duration_does_not_fail_whole_files(ctx: PlainContext, tmp_path: Path) -> None:
    sound = tmp_path / "a.aac"
    tone = "sine=frequency=440:duration=30,volume='if(lt(t,10),0,1)':eval=frame"
    ffmpeg("-f", "lavfi", "-i", tone, "-c:a", "aac", "-b:a", "64k", sound)
    result = transcode(ctx, sound, preset="audio", reencode=True)
    assert result.detail["duration_s"] == pytest.approx(30.0, abs=0.2)


def test_recordings_in_a_row_are_transcoded_whole(ctx: PlainContext, media: Media, tmp_path: Path) -> None:
    film = tmp_path / "two.ts"
    film.write_bytes(media.transport.read_bytes() * 2)
    assert transcode(ctx, film).detail["duration_s"] == pytest.approx(8.0, abs=0.3)


def test_a_sound_with_a_cover_is_copied(ctx: PlainContext, media: Media, tmp_path: Path) -> None:
    source = tmp_path / "a.m4a"
    ffmpeg(
        *("-i", media.clip, "-i", media.picture, "-map", "0:a", "-map", "1", "-c", "copy", "-f", "mp4"),
        *("-disposition:v:0", "attached_pic", source),
    )
    result = transcode(ctx, source, preset="audio", output=str(tmp_path / "out"))
    assert result.detail["copied"] is True
    assert [s.cover for s in facts(result.outputs[0]).streams] == [False, True]
    assert result.outputs[0].read_bytes()[8:12] == b"M4A "
