"""What is done with each stream, as plain data."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from workers.media.av import Facts, StreamFacts
from workers.media.encode import Wishes, command, fits, keeps_depth, plan, software_encoder, target_size
from workers.media.ffmpeg import find
from workers.media.hardware import Encoder, encoder
from workers.media.presets import PRESETS

FILM = StreamFacts(0, "video", "h264", duration_s=10.0, width=1920, height=1080, pix_fmt="yuv420p", fps=25.0)
SOUND = StreamFacts(1, "audio", "aac", language="eng", duration_s=10.0, sample_rate=48000, channels=2)
X264 = Encoder("libx264", {"crf": 23})


def film(*streams: StreamFacts, rotation: int = 0) -> Facts:
    numbered = tuple(replace(stream, index=number) for number, stream in enumerate(streams))
    return Facts(Path("/in/a.mkv"), "matroska", 1000, 10.0, 800, numbered, rotation)


@pytest.mark.parametrize(
    ("stream", "preset", "wishes", "expected"),
    [
        (FILM, "web", Wishes(), True),
        (FILM, "mobile", Wishes(), False),  # too large
        (FILM, "web", Wishes(max_side=720), False),
        (FILM, "web", Wishes(max_side=2160), True),
        (FILM, "web", Wishes(reencode=True), False),
        (FILM, "web", Wishes(quality=20), False),
        (replace(FILM, codec="hevc"), "web", Wishes(), False),
        (replace(FILM, pix_fmt="yuv420p10le"), "web", Wishes(), False),
        (replace(FILM, width=608, height=1080), "web", Wishes(), True),  # upright
        (replace(FILM, codec="hevc", pix_fmt="yuv444p12le"), "archive", Wishes(), True),
        (replace(FILM, codec="vp9"), "webm", Wishes(), True),
        (replace(FILM, codec="vp9", pix_fmt="yuv420p10le"), "webm", Wishes(), True),
        (replace(FILM, codec="vp9", pix_fmt="yuv420p10le", transfer=16), "webm", Wishes(), False),
        (replace(FILM, codec="av1", pix_fmt="yuv420p10le", transfer=18, height=720), "small", Wishes(), False),
        (replace(FILM, codec="av1", pix_fmt="yuv420p10le", transfer=16), "archive", Wishes(), True),
        (replace(FILM, codec="av1", pix_fmt="yuv420p10le", transfer=16), "archive", Wishes(sdr=True), False),
    ],
)
def test_what_fits_as_it_is(stream: StreamFacts, preset: str, wishes: Wishes, expected: bool) -> None:
    assert fits(film(stream), PRESETS[preset], wishes) is expected


@pytest.mark.parametrize(
    ("width", "height", "rotation", "side", "expected"),
    [
        (1920, 1080, 0, 720, (1280, 720)),
        (1920, 1080, 90, 720, (720, 1280)),
        (640, 360, 0, 720, None),
        (641, 361, 0, 0, (640, 360)),
        (1080, 1920, 0, 720, (720, 1280)),
        (4096, 1716, 0, 1080, (2578, 1080)),
        (1, 1, 0, 0, (2, 2)),
    ],
)
def test_sizes(width: int, height: int, rotation: int, side: int, expected: tuple[int, int] | None) -> None:
    assert target_size(replace(FILM, width=width, height=height), rotation, side) == expected


def test_everything_that_fits_is_copied() -> None:
    made = plan(film(FILM, SOUND), PRESETS["web"], Wishes(), None)
    assert made.remux
    assert made.expected.duration_s == 10.0
    assert made.expected.streams == {"video": 1, "audio": 1}
    assert not made.left_out


def test_all_sounds_and_subtitles_that_the_container_can_hold_are_kept() -> None:
    streams = (
        FILM,
        SOUND,
        replace(SOUND, codec="dts", channels=6),
        StreamFacts(0, "subtitle", "subrip"),
        StreamFacts(0, "subtitle", "hdmv_pgs_subtitle", language="deu"),
        StreamFacts(0, "data", "bin_data"),
        StreamFacts(0, "attachment", "ttf"),
    )
    web = plan(film(*streams), PRESETS["web"], Wishes(), None)
    assert [(t.index, t.action, t.encoder) for t in web.tracks] == (
        [(0, "copy", "copy"), (1, "copy", "copy"), (2, "encode", "aac"), (3, "encode", "mov_text")]
    )
    assert len(web.left_out) == 3
    assert "hdmv_pgs_subtitle (deu)" in web.left_out[0]
    archive = plan(film(*streams), PRESETS["archive"], Wishes(), Encoder("libx265"))
    assert [t.action for t in archive.tracks] == ["encode", "copy", "copy", "copy", "copy", "copy"]


@pytest.mark.parametrize(("preset", "kept"), [("web", True), ("audio", True), ("archive", True), ("webm", False)])
def test_a_cover_is_never_the_film(preset: str, kept: bool) -> None:
    cover = StreamFacts(0, "video", "mjpeg", cover=True, width=600, height=600)
    facts = film(cover, FILM, SOUND)
    chosen = PRESETS[preset]
    made = plan(facts, chosen, Wishes(), X264 if chosen.video else None)
    assert [t.index for t in made.tracks if t.kind == "video" and t.action == "encode"] == ([1] if chosen.video else [])
    assert any(t.cover and t.action == "copy" for t in made.tracks) is kept
    assert any("cover" in words for words in made.left_out) is not kept


def test_sound_is_mixed_down_only_where_the_preset_says() -> None:
    surround = replace(SOUND, codec="eac3", channels=6)
    mobile = plan(film(FILM, surround), PRESETS["mobile"], Wishes(), X264).tracks[1]
    assert (mobile.encoder, mobile.options["ac"], mobile.options["b"]) == ("aac", 2, "128k")
    web = plan(film(FILM, surround), PRESETS["web"], Wishes(), X264).tracks[1]
    assert "ac" not in web.options
    assert web.options["b"] == "480k"


def test_transparency_is_lost_only_when_asked() -> None:
    clear = replace(FILM, codec="prores", pix_fmt="yuva444p10le", alpha=True)
    made = plan(film(clear, SOUND), PRESETS["archive"], Wishes(), Encoder("libx265"))
    assert "alpha of video stream 0, prores: archive has no transparency" in made.refused
    assert "--drop alpha" in made.refused and "--drop videos" not in made.refused
    allowed = plan(film(clear, SOUND), PRESETS["archive"], Wishes(drop=frozenset({"alpha"})), Encoder("libx265"))
    assert not allowed.refused and len(allowed.left_out) == 1
    assert not plan(film(replace(clear, codec="vp9"), SOUND), PRESETS["archive"], Wishes(), None).left_out, "copied"
    assert not plan(film(clear, SOUND), PRESETS["audio"], Wishes(), None).refused


def test_high_dynamic_range_is_brought_down_only_for_screens() -> None:
    hdr = replace(FILM, codec="hevc", pix_fmt="yuv420p10le", transfer=16)
    web = plan(film(hdr), PRESETS["web"], Wishes(), X264).tracks[0]
    assert any("tonemap" in words for words in web.filters)
    archive = plan(film(replace(hdr, codec="mpeg2video")), PRESETS["archive"], Wishes(), Encoder("libx265"))
    assert not archive.tracks[0].filters
    assert "pix_fmt" not in archive.tracks[0].options


@pytest.mark.parametrize(
    ("pix_fmt", "transfer", "preset", "sdr", "kept"),
    [
        ("yuv420p10le", 16, "archive", False, True),
        ("yuv422p10le", 1, "archive", False, True),
        ("yuv420p10le", 16, "archive", True, False),
        ("yuv420p", 1, "archive", False, False),
        ("yuv420p10le", 1, "web", False, False),
    ],
)
def test_depth_is_kept_only_by_archive(pix_fmt: str, transfer: int, preset: str, sdr: bool, kept: bool) -> None:
    deep = replace(FILM, pix_fmt=pix_fmt, transfer=transfer, deep="10" in pix_fmt)
    assert keeps_depth(deep, PRESETS[preset], Wishes(sdr=sdr)) is kept


def test_the_command_is_plain_and_guarded() -> None:
    facts = film(replace(FILM, codec="mpeg4"), SOUND)
    words = command(
        plan(facts, PRESETS["mobile"], Wishes(), X264), facts, Path("/out/%d -y.mp4"), ffmpeg="/bin/ff", threads=2
    )
    assert words[0] == "/bin/ff"
    assert words[words.index("-i") + 1] == "file:/in/a.mkv"
    assert words[words.index("-f") + 1] == "matroska"
    assert words.index("-f") < words.index("-protocol_whitelist") < words.index("-i")
    assert words[words.index("-protocol_whitelist") + 1] == "file,pipe"
    assert words[-1] == "file:/out/%d -y.mp4"
    assert ("-filter:v:0", "scale=1280:720:flags=bicubic") in pairwise(words)
    assert ("-threads", "2") in pairwise(words)


def test_hardware_comes_with_its_device_and_upload() -> None:
    facts = film(replace(FILM, codec="mpeg4"))
    how = encoder("vaapi", "h264", 24)
    words = command(plan(facts, PRESETS["web"], Wishes(), how), facts, Path("/o.mp4"), ffmpeg="ff")
    assert words.index("-vaapi_device") < words.index("-i")
    assert words[words.index("-filter:v:0") + 1].endswith("format=nv12,hwupload")
    assert "-pix_fmt:v:0" not in words


@pytest.mark.parametrize("preset", [p for p in PRESETS.values() if p.video], ids=lambda p: p.name)
def test_every_preset_has_an_encoder_here(preset: object) -> None:
    from workers.media.presets import Preset

    assert isinstance(preset, Preset)
    assert preset.video is not None
    chosen = software_encoder(preset.video, find().encoders, 0, 1)
    assert chosen is not None
    assert chosen.options["crf"] == preset.video.quality
    assert software_encoder(preset.video, frozenset(), 0, 1) is None
    better = software_encoder(preset.video, find().encoders, 11, 0)
    assert better is not None
    assert better.options["crf"] == 11
