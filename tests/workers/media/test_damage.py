"""Damage made here, to real media; and good media that look odd."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.support.damage import HARMS, holed, rotten, truncated
from tests.support.media import H264, HLS_TEXT, Media, cut, ffmpeg
from workers.errors import ErrorClass, JobFailed
from workers.media import stills
from workers.media.damage import Level, examine

LEVELS: tuple[Level, ...] = ("quick", "full")
FILMS = ("clip", "multi", "vp9", "transport", "covered", "rotated", "late_picture", "song")
CONVERTED = {
    "vfr.mkv": ("-vf", "select='not(mod(n,7))+not(mod(n,5))'", "-fps_mode", "vfr", *H264),
    "vfr.webm": ("-vf", "select='not(mod(n,7))+not(mod(n,5))'", "-fps_mode", "vfr", "-c:v", "libvpx"),
    "hidden.webm": ("-an", "-c:v", "libvpx", "-auto-alt-ref", "1", "-lag-in-frames", "16"),
    "open.mp4": ("-c:v", "libx264", "-bf", "3", "-x264-params", "open-gop=1"),
    "fields.mp4": ("-c:v", "libx264", "-flags", "+ilme+ildct"),
    "fragments.mp4": ("-c", "copy", "-movflags", "frag_keyframe+empty_moov"),
    "live.mkv": ("-c", "copy", "-live", "1"),
    "film.avi": ("-c:v", "mpeg4", "-c:a", "libmp3lame"),
    "film.mpg": (
        "-c:v",
        "mpeg2video",
    ),
    "film.wmv": ("-c:v", "wmv2", "-c:a", "wmav2"),
    "sound.flac": ("-vn",),
    "sound.wav": ("-vn",),
    "sound.m4a": ("-vn",),
    "sound.aac": ("-vn",),
    "sound.opus": ("-vn", "-c:a", "libopus"),
    "bare.mp3": ("-vn", "-c:a", "libmp3lame", "-write_xing", "0", "-q:a", "3"),
}
CUTTABLE = ("vfr.mkv", "vfr.webm", "fragments.mp4", "film.avi", "sound.flac", "sound.wav", "sound.m4a", "sound.opus")
PICTURES = ("png", "webp", "gif", "avif", "tif", "bmp", "jpg")


def names(path: Path, level: Level) -> set[str]:
    return {finding.name for finding in examine(path, level).findings}


def sound(path: Path) -> bool:
    for level in LEVELS:
        findings = examine(path, level).findings
        assert not findings, [finding.line() for finding in findings]
    return True


@pytest.fixture(scope="session")
def converted(media: Media, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("converted")
    for name, words in CONVERTED.items():
        ffmpeg("-i", media.clip, *words, folder / name)
    return {name: folder / name for name in CONVERTED}


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pictures")
    image = Image.effect_noise((320, 240), 80).convert("RGB")
    for extension in PICTURES:
        image.save(folder / f"p.{extension}")
    image.save(folder / "progressive.jpg", progressive=True, quality=90)
    image.convert("CMYK").save(folder / "cmyk.jpg")
    image.save(folder / "two.mpo", save_all=True, append_images=[image])
    return {path.name: path for path in folder.iterdir()}


@pytest.mark.parametrize("name", FILMS)
def test_good_media_raise_no_alarm(media: Media, name: str) -> None:
    assert sound(getattr(media, name))


@pytest.mark.parametrize("name", CONVERTED)
def test_odd_but_good_media_raise_no_alarm(converted: dict[str, Path], name: str) -> None:
    assert sound(converted[name])


@pytest.mark.parametrize("magic", [b"RF64", b"BW64"])
def test_sound_beyond_4_gib_is_known(tmp_path: Path, magic: bytes) -> None:
    path = tmp_path / "long.wav"
    ffmpeg("-f", "lavfi", "-i", "sine=frequency=440:duration=2", "-rf64", "always", path)
    path.write_bytes(path.read_bytes().replace(b"RF64", magic, 1))
    assert names(path, "full") == set()
    assert names(cut(path, tmp_path / "cut.wav", 0.5), "quick") != set()


def test_good_pictures_raise_no_alarm(pictures: dict[str, Path], media: Media, tmp_path: Path) -> None:
    motion = tmp_path / "motion.jpg"  # phones append a film to the picture
    motion.write_bytes(pictures["progressive.jpg"].read_bytes() + media.clip.read_bytes())
    for path in (*pictures.values(), media.picture, media.turned_picture, motion):
        assert sound(path)


def test_films_with_edits_raise_no_alarm(converted: dict[str, Path], media: Media, tmp_path: Path) -> None:
    ffmpeg("-ss", "1.3", "-i", converted["open.mp4"], "-c", "copy", tmp_path / "trimmed.mp4")
    late = ("-itsoffset", "1", "-i", media.clip, "-i", media.clip, "-map", "0:a", "-map", "1:v", "-c", "copy")
    ffmpeg(*late, tmp_path / "late.mp4")
    assert sound(tmp_path / "trimmed.mp4")
    assert sound(tmp_path / "late.mp4")


@pytest.mark.parametrize("words", [(), ("-mpegts_m2ts_mode", "1")])
def test_a_torn_last_packet_of_a_transport_stream(media: Media, tmp_path: Path, words: tuple[str, ...]) -> None:
    whole = tmp_path / ("whole.m2ts" if words else "whole.ts")
    ffmpeg("-i", media.clip, "-c", "copy", *words, whole)
    assert sound(whole)
    (tmp_path / f"cut{whole.suffix}").write_bytes(whole.read_bytes()[:-50])
    assert "cut_short" in names(tmp_path / f"cut{whole.suffix}", "quick")


def test_a_running_stream_may_begin_anywhere(media: Media, tmp_path: Path) -> None:
    torn = tmp_path / "torn.ts"
    torn.write_bytes(media.transport.read_bytes()[188 * 700 :])
    assert not names(torn, "full")


CUTS = [
    (name, share, level)
    for name in ("clip", "multi", "vp9", *CUTTABLE)
    for share in (0.1, 0.5, 0.9, 0.99)
    for level in LEVELS
    # A hundredth of the sound is less than quick can tell from a header that rounds; full finds the torn frame.
    if (name, share, level) != ("sound.flac", 0.99, "quick")
]


@pytest.mark.parametrize(("name", "share", "level"), CUTS)
def test_truncation_is_found(
    media: Media, converted: dict[str, Path], tmp_path: Path, name: str, share: float, level: Level
) -> None:
    whole = converted[name] if name in converted else getattr(media, name)
    assert names(cut(whole, tmp_path / whole.name, share), level)


def test_truncation_is_found_where_ffmpeg_sees_none(media: Media, tmp_path: Path) -> None:
    ffmpeg("-i", media.clip, "-vn", "-c:a", "pcm_s16le", tmp_path / "whole.wav")
    short = cut(tmp_path / "whole.wav", tmp_path / "short.wav", 0.5)
    ffmpeg("-i", short, "-f", "null", "-")  # asserts that it ends with 0
    (finding, *_) = examine(short, "quick").findings
    assert finding.name == "cut_short"
    assert finding.measure["size"] == short.stat().st_size
    assert finding.measure["wanted"] == (tmp_path / "whole.wav").stat().st_size


@pytest.mark.parametrize(
    "name", [*(f"p.{extension}" for extension in PICTURES if extension != "bmp"), "progressive.jpg"]
)
@pytest.mark.parametrize("share", [0.3, 0.7, 0.97])
def test_cut_pictures_are_found(pictures: dict[str, Path], tmp_path: Path, name: str, share: float) -> None:
    assert names(cut(pictures[name], tmp_path / name, share), "full")


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("harm", [rotten, holed])
@pytest.mark.parametrize("name", ["p.jpg", "progressive.jpg", "p.png"])
def test_rot_in_pictures_is_found(
    pictures: dict[str, Path], tmp_path: Path, name: str, harm: object, seed: int
) -> None:
    assert callable(harm)
    broken = tmp_path / name
    broken.write_bytes(harm(pictures[name].read_bytes(), random.Random(seed)))
    assert names(broken, "full")


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("name", "harm"),
    # Bits turned over in VP9 are often still valid VP9, so for it only the hole.
    [(name, harm) for name in ("clip", "multi", "sound.flac") for harm in (rotten, holed)] + [("vp9", holed)],
)
def test_rot_in_films_is_found_in_full(
    media: Media, converted: dict[str, Path], tmp_path: Path, name: str, harm: object, seed: int
) -> None:
    assert callable(harm)
    whole = converted[name] if name in converted else getattr(media, name)
    broken = tmp_path / whole.name
    broken.write_bytes(harm(whole.read_bytes(), random.Random(seed)))
    assert names(broken, "full")


def test_a_stream_of_which_nothing_decodes_is_broken(media: Media, tmp_path: Path) -> None:
    data = bytearray(media.late_picture.read_bytes())
    start = data.index(b"mdat") + 4
    data[start : start + int.from_bytes(data[start - 8 : start - 4], "big") - 8] = bytes(
        int.from_bytes(data[start - 8 : start - 4], "big") - 8
    )
    broken = tmp_path / "black.mp4"
    broken.write_bytes(data)
    assert "nothing_decoded" in names(broken, "full")


@pytest.mark.parametrize(
    ("source", "name"), [("clip", "a.mkv"), ("vp9", "a.mp4"), ("song", "a.flac"), ("picture", "a.png")]
)
def test_a_wrong_extension_is_found(media: Media, tmp_path: Path, source: str, name: str) -> None:
    shutil.copy(getattr(media, source), tmp_path / name)
    for level in LEVELS:
        assert names(tmp_path / name, level) == {"wrong_extension"}


def test_names_that_promise_nothing_or_the_same(media: Media, tmp_path: Path) -> None:
    for name in ("clip", "clip.bin", "CLIP.MOV", "clip.m4v"):
        shutil.copy(media.clip, tmp_path / name)
        assert not names(tmp_path / name, "quick")


def test_what_is_no_medium(tmp_path: Path) -> None:
    contents = {
        "random.mp4": random.Random(1).randbytes(5000),
        "text.mkv": b"just words " * 100,
        "list.mp4": HLS_TEXT.format(secret="/etc/passwd").encode(),
        "one.jpg": b"x",
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
        assert names(tmp_path / name, "full") == {"unrecognised"}
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "notes.txt").write_text("no medium")
    expected = {"empty.mp4": "bad_input", "missing.mp4": "bad_input", "notes.txt": "unsupported"}
    for name, word in expected.items():
        with pytest.raises(JobFailed) as caught:
            examine(tmp_path / name, "quick")
        assert caught.value.failure.error_class is ErrorClass(word)


def test_an_unknown_kind_of_jpeg_is_left_to_pillow(pictures: dict[str, Path]) -> None:
    assert stills.check_picture(pictures["cmyk.jpg"], "JPEG", full=True).findings == ()


def test_progress_is_told(media: Media) -> None:
    shares: list[float] = []
    examine(media.big, "full", pulse=shares.append)
    assert len(shares) > 1
    assert shares == sorted(shares)
    assert 0 <= shares[0] <= shares[-1] <= 1


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    harm=st.sampled_from(sorted(HARMS)), seed=st.integers(0, 10**6), name=st.sampled_from(["vp9", "song", "picture"])
)
def test_no_damage_is_too_much(media: Media, tmp_path: Path, harm: str, seed: int, name: str) -> None:
    whole: Path = getattr(media, name)
    broken = tmp_path / whole.name
    broken.write_bytes(HARMS[harm](whole.read_bytes(), random.Random(seed)))
    for level in LEVELS:
        try:
            examined = examine(broken, level)
        except JobFailed as error:
            assert error.failure.error_class in (ErrorClass.BAD_INPUT, ErrorClass.UNSUPPORTED)
        else:
            assert all("\n" not in finding.line() and finding.line().isprintable() for finding in examined.findings)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10**6), name=st.sampled_from(["clip", "multi", "vp9"]))
def test_every_cut_is_found_at_once(media: Media, tmp_path: Path, seed: int, name: str) -> None:
    whole: Path = getattr(media, name)
    broken = tmp_path / whole.name
    broken.write_bytes(truncated(whole.read_bytes(), random.Random(seed)))
    try:
        assert names(broken, "quick")
    except JobFailed as error:
        assert error.failure.error_class is ErrorClass.BAD_INPUT
