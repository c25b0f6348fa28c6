"""What transcode finds out, keeps and makes, on real films."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.context import PlainContext, files_under
from tests.support.films import brightness, hdr, rich
from tests.support.hardware import pretend
from tests.support.media import Media, ffmpeg, film_source
from tests.workers.operations.test_transcode import transcode
from workers.errors import ErrorClass, InvalidParams, JobFailed
from workers.media.av import Facts, facts
from workers.media.ffmpeg import locate
from workers.operations.transcode import OPERATION

BAR = (60, 130, 260, 170)


@pytest.fixture
def out(tmp_path: Path) -> str:
    return str(tmp_path / "out")


def refused(ctx: PlainContext, source: Path, **values: Any) -> str:
    with pytest.raises(JobFailed) as caught:
        transcode(ctx, source, **values)
    assert caught.value.failure.error_class is ErrorClass.UNSUPPORTED
    return caught.value.failure.message


def kinds(found: Facts) -> list[str]:
    return ["cover" if s.cover else f"{s.kind} {s.codec} {s.language}".strip() for s in found.streams]


def test_matroska_keeps_everything(ctx: PlainContext, media: Media, tmp_path: Path, out: str) -> None:
    source = rich(media, tmp_path / "films", pictures=True)
    result = transcode(ctx, source, preset="archive", output=out)
    made = facts(result.outputs[0])
    streams = ["audio aac eng", "audio aac deu", "subtitle subrip eng", "subtitle ass fra"]
    assert kinds(made)[1:6] == [*streams, "subtitle hdmv_pgs_subtitle spa"]
    assert sorted(kinds(made)[6:]) == ["attachment", "cover"], kinds(made)
    assert made.chapters == 2 and made.tags["title"] == "Rich"
    assert {fate["what"] for fate in result.detail["streams"]} == {"copied", "encoded"}


def test_no_stream_is_lost_unasked(ctx: PlainContext, media: Media, tmp_path: Path, out: str) -> None:
    source = rich(media, tmp_path / "films", pictures=True)
    words = refused(ctx, source, preset="web", output=out)
    assert "hdmv_pgs_subtitle (spa)" in words and "attachment stream" in words
    assert "--drop attachments --drop subtitles" in words
    assert files_under(tmp_path / "out") == [], "nothing was made"
    assert "--drop subtitles" in refused(ctx, source, preset="web", output=out, drop=["attachments"])
    result = transcode(ctx, source, preset="web", output=out, drop=["attachments", "subtitles"])
    made = facts(result.outputs[0])
    assert kinds(made)[:3] == ["video h264", "audio aac eng", "audio aac deu"]
    assert kinds(made)[3:5] == ["subtitle mov_text eng", "subtitle mov_text fra"]
    assert "cover" in kinds(made) and made.chapters == 2
    assert [f["why"] for f in result.detail["streams"] if f["what"] == "left out"] == ["not held by web"] * 2


def test_chapters_of_mp4_are_no_stream_to_lose(ctx: PlainContext, media: Media, tmp_path: Path, out: str) -> None:
    source = rich(media, tmp_path / "films", font=False)
    first = transcode(ctx, source, preset="web", output=out).outputs[0]
    assert any(stream.kind == "data" for stream in facts(first).streams)
    made = facts(transcode(ctx.again(), first, preset="archive", output=out).outputs[0])
    assert made.chapters == 2


def test_subtitles_are_dropped_as_asked(ctx: PlainContext, media: Media, tmp_path: Path, out: str) -> None:
    source = rich(media, tmp_path / "films", font=False, pictures=True)
    made = facts(transcode(ctx, source, output=out, subtitles="drop").outputs[0])
    assert not made.of_kind("subtitle")


@pytest.mark.parametrize(("which", "left"), [("spa", 2), ("5", 2), ("fra", 1)])
def test_subtitles_are_burnt_in(
    ctx: PlainContext, media: Media, tmp_path: Path, out: str, which: str, left: int
) -> None:
    source = rich(media, tmp_path / "it's [a]: folder,;", font=False, pictures=which != "fra")
    plain = brightness(media.clip, BAR)
    result = transcode(ctx, source, output=out, subtitles="burn", burn=which)
    path = result.outputs[0]
    assert len(facts(path).of_kind("subtitle")) == left
    assert [f["what"] for f in result.detail["streams"]].count("burnt in") == 1
    if which == "fra":
        assert brightness(path, (40, 140, 280, 178)) != pytest.approx(
            brightness(media.clip, (40, 140, 280, 178)), abs=2
        )
    else:
        assert plain < 200 < brightness(path, BAR), "the white bar is in the picture"


def test_burning_what_is_not_there(ctx: PlainContext, media: Media, tmp_path: Path, out: str) -> None:
    source = rich(media, tmp_path / "films", font=False)
    assert "it has subtitle stream 3, subrip (eng)" in refused(ctx, source, output=out, subtitles="burn", burn="jpn")
    assert "no subtitles" in refused(ctx, media.clip, output=out, subtitles="burn")


def test_hdr_of_a_codec_that_fits_is_brought_down_too(ctx: PlainContext, tmp_path: Path, out: str) -> None:
    source = tmp_path / "hdr.webm"
    ffmpeg("-i", hdr(tmp_path), "-c:v", "libvpx-vp9", "-cpu-used", "8", source)
    found = facts(source).video
    assert found is not None and (found.hdr, found.pix_fmt) == (True, "yuv420p10le")
    made = facts(transcode(ctx, source, preset="webm", output=out).outputs[0]).video
    assert made is not None and (made.hdr, made.pix_fmt) == (False, "yuv420p")


def test_hdr_is_brought_down_or_kept(ctx: PlainContext, tmp_path: Path, out: str) -> None:
    source = hdr(tmp_path)
    web = facts(transcode(ctx, source, output=out).outputs[0]).video
    kept = facts(transcode(ctx.again(), source, preset="archive", reencode=True, output=out).outputs[0]).video
    down = facts(transcode(ctx.again(), source, preset="archive", hdr="sdr", output=out).outputs[0]).video
    assert web and kept and down
    assert (web.transfer, web.pix_fmt) == (1, "yuv420p")
    assert (kept.hdr, kept.pix_fmt) == (True, "yuv420p10le")
    assert (down.transfer, down.pix_fmt) == (1, "yuv420p10le")


def test_samples_of_a_film_that_tells_no_duration(ctx: PlainContext, tmp_path: Path, out: str) -> None:
    source = tmp_path / "live.webm"
    live = ("-c:v", "libvpx-vp9", "-cpu-used", "8", "-c:a", "libopus", "-live", "1")
    ffmpeg(*film_source(12, "160x90"), *live, source)
    assert facts(source).duration_s is None
    result = transcode(ctx, source, xpsnr=30, output=out)
    assert result.detail["search"]["sampled_s"] == 6.0  # 3 places of 2 s


def test_no_samples_without_any_duration(
    ctx: PlainContext, media: Media, out: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.operations.transcode.measured", lambda found, **how: replace(found, duration_s=None))
    assert "its duration is unknown" in refused(ctx, media.clip, xpsnr=30, output=out)


def test_two_passes_of_x265_in_any_folder(ctx: PlainContext, tmp_path: Path) -> None:
    source = tmp_path / "grain.mkv"
    ffmpeg(*film_source(2, "160x90"), "-vf", "noise=alls=15:allf=t", "-c:v", "mpeg4", "-q:v", "2", source)
    result = transcode(ctx, source, preset="archive", size_mib=0.1, output=str(tmp_path / "Bob's: a\\b"))
    assert result.detail["sizing"]["two_passes"] is True
    assert result.outputs[0].parent.name == "Bob's: a\\b"


@pytest.mark.parametrize(
    ("extension", "preset", "words"),
    [
        ("mov", "archive", ("-pix_fmt", "yuva444p10le", "-c:v", "prores_ks", "-profile:v", "4444")),
        ("webm", "web", ("-pix_fmt", "yuva420p", "-c:v", "libvpx-vp9", "-cpu-used", "8")),
    ],
)
def test_transparency_is_not_lost_unasked(
    ctx: PlainContext, tmp_path: Path, out: str, extension: str, preset: str, words: tuple[str, ...]
) -> None:
    source = tmp_path / f"clear.{extension}"
    ffmpeg("-f", "lavfi", "-i", "color=red@0.5:size=160x90:rate=10:duration=0.5,format=yuva444p", *words, source)
    assert "--drop alpha" in refused(ctx, source, preset=preset, output=out)
    assert files_under(Path(out)) == []
    result = transcode(ctx.again(), source, preset=preset, output=out, drop=["alpha"])
    assert any(line.startswith("alpha of video stream 0") for line in result.detail["left_out"])
    if extension == "webm":
        copied = transcode(ctx.again(), source, preset="webm", output=out)
        found = facts(copied.outputs[0]).video
        assert copied.detail["copied"] is True and found is not None and found.alpha


def test_hardware_keeps_the_depth_of_hdr(ctx: PlainContext, tmp_path: Path, out: str) -> None:
    ctx.settings = {**ctx.settings, "ffmpeg": pretend(tmp_path, "hevc_nvenc")}
    result = transcode(ctx, hdr(tmp_path), preset="archive", hardware="nvenc", reencode=True, output=out)
    film = facts(result.outputs[0]).video
    assert result.detail["encoder"] == "hevc_nvenc"
    assert film is not None and (film.hdr, film.deep) == (True, True)


def test_hardware_of_8_bits_is_refused_for_hdr(ctx: PlainContext, tmp_path: Path, out: str) -> None:
    ctx.settings = {**ctx.settings, "ffmpeg": pretend(tmp_path, "hevc_nvenc", refuses="p010le")}
    source = hdr(tmp_path)
    words = refused(ctx, source, preset="archive", hardware="nvenc", reencode=True, output=out)
    assert "nvenc cannot encode hevc in 10 bits here" in words
    result = transcode(ctx.again(), source, preset="archive", hardware="auto", reencode=True, output=out)
    assert result.detail["encoder"] == "libx265"


def poor(folder: Path, without: str) -> str:
    """An ffmpeg that knows not of some filters."""
    path = folder / "ffmpeg"
    listing = f'case "$*" in *-filters*) {locate()} "$@" | grep -v {without}; exit;; esac'
    path.write_text(f'#!/bin/sh\n{listing}\nexec {locate()} "$@"\n')
    path.chmod(0o755)
    return str(path)


def test_a_poor_ffmpeg_is_told(ctx: PlainContext, media: Media, tmp_path: Path, out: str) -> None:
    ctx.settings = {**ctx.settings, "ffmpeg": poor(tmp_path, "-e zscale -e libvmaf")}
    assert "built without zscale" in refused(ctx, hdr(tmp_path), output=out)
    assert "built without libvmaf" in refused(ctx, media.clip, output=out, vmaf=90)


@pytest.mark.parametrize(("metric", "wanted"), [("vmaf", 85.0), ("xpsnr", 32.0)])
def test_the_quality_is_found(ctx: PlainContext, media: Media, out: str, metric: str, wanted: float) -> None:
    result = transcode(ctx, media.clip, output=out, height=90, **{metric: wanted})
    search = result.detail["search"]
    tried = {trial["crf"]: trial for trial in search["trials"]}
    assert len(tried) == len(search["trials"]) <= 8
    assert tried[search["crf"]]["score"] >= wanted
    coarser = [crf for crf in tried if crf > search["crf"]]
    assert all(tried[crf]["score"] < wanted for crf in coarser)
    assert tried[search["crf"]]["score"] - wanted < 3
    assert search["metric"] == metric and result.detail["copied"] is False
    assert files_under(Path(out)) == ["clip.mp4"]


def test_a_score_out_of_reach(ctx: PlainContext, media: Media, out: str) -> None:
    assert "reaches XPSNR 80" in refused(ctx, media.clip, output=out, xpsnr=80.0)


def loudness_of(path: Path) -> float:
    from workers.media.loudness import Target, measure

    found = facts(path)
    return measure(found, found.of_kind("audio")[0], Target(-16), ffmpeg=locate()).integrated


def test_loudness_is_evened(ctx: PlainContext, media: Media, tmp_path: Path, out: str) -> None:
    quiet = tmp_path / "quiet.mkv"
    ffmpeg("-i", media.clip, "-c:v", "copy", "-af", "volume=-20dB", "-c:a", "flac", quiet)
    assert loudness_of(quiet) < -30
    result = transcode(ctx, quiet, output=out, loudness=-16)
    assert loudness_of(result.outputs[0]) == pytest.approx(-16, abs=1)
    assert result.detail["loudness"]["sounds"][0]["changed"] is True
    again = transcode(ctx.again(), result.outputs[0], preset="web", output=out, loudness=-16)
    assert again.detail["copied"] is True, "good as it is"


def test_silence_has_no_loudness(ctx: PlainContext, media: Media, tmp_path: Path, out: str) -> None:
    silent = tmp_path / "silent.mkv"
    ffmpeg("-i", media.clip, "-c:v", "copy", "-af", "volume=0", silent)
    told = transcode(ctx, silent, output=out, loudness=-16).detail["loudness"]
    assert told["sounds"] == [{"stream": 1, "silent": True, "changed": False}]


@pytest.mark.parametrize(
    "values",
    [
        {"vmaf": 90, "quality": 20},
        {"size_mib": 3, "xpsnr": 40},
        {"preset": "audio", "vmaf": 90},
        {"preset": "audio", "subtitles": "burn"},
        {"replace": True, "output": "/tmp"},
        {"subtitles": "burn", "min_vmaf": 90},
        {"burn": "eng"},
        {"drop": ["sound"]},
    ],
)
def test_options_that_do_not_fit_together(values: dict[str, Any]) -> None:
    with pytest.raises(InvalidParams):
        OPERATION.validate({"inputs": ["/a"], **values})
