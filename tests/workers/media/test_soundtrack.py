"""Which sound goes where."""

from __future__ import annotations

from pathlib import Path

import pytest

from workers.errors import JobFailed
from workers.media.containers import container_like, container_named
from workers.media.soundtrack import Sound, SoundFormat, Source, chosen, home_of, same_language


def sound(number: int, codec: str = "aac", language: str = "", *, default: bool = False) -> Sound:
    return Sound(number, number, codec, language, "", 2, 4.0, default)


def source(*sounds: Sound) -> Source:
    return Source(Path("film.mkv"), "matroska", 1, 4.0, sounds, {}, (), None)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("de", "deu", True),
        ("ger", "deu", True),
        ("de-AT", "ger", True),
        ("EN", "eng", True),
        ("eo", "eo", True),
        ("de", "nl", False),
        ("", "", False),
        ("", "de", False),
    ],
)
def test_languages_have_several_spellings(one: str, other: str, same: bool) -> None:
    assert same_language(one, other) is same_language(other, one) is same


def test_the_default_track_is_taken() -> None:
    plain, marked = sound(1), sound(2, default=True)
    assert chosen(source(plain, marked), "") == (marked,)
    assert chosen(source(plain, sound(2)), "") == (plain,)
    assert chosen(source(), "") == chosen(source(), "deu") == ()
    with pytest.raises(JobFailed, match=r"1 \(no language\)"):
        chosen(source(plain), "deu")


@pytest.mark.parametrize(
    ("codec", "format", "bitrate", "extension", "copied"),
    [
        ("aac", "copy", 0, "m4a", True),
        ("alac", "copy", 0, "m4a", True),
        ("mp3float", "copy", 0, "mp3", True),
        ("dts", "copy", 0, "mka", True),
        ("pcm_s16be", "copy", 0, "mka", True),
        ("opus", "copy", 64, "opus", True),
        ("opus", "opus", 0, "opus", True),
        ("opus", "opus", 64, "opus", False),
        ("alac", "m4a", 0, "m4a", False),
        ("vorbis", "opus", 0, "opus", False),
        ("pcm_s24le", "wav", 0, "wav", True),
    ],
)
def test_where_it_goes(codec: str, format: SoundFormat, bitrate: int, extension: str, copied: bool) -> None:
    home, copy = home_of(sound(1, codec), format, bitrate)
    assert (home.extension, copy) == (extension, copied)


@pytest.mark.parametrize(
    ("name", "demuxer", "home"),
    [
        ("a.mov", "mp4", ("mov", "mov")),
        ("a.mp4", "mp4", ("mp4", "mp4")),
        ("a.mov", "matroska", ("matroska", "mkv")),
        ("a.webm", "matroska", ("webm", "webm")),
        ("a", "mpegts", ("mpegts", "ts")),
        ("a.rm", "rm", None),
    ],
)
def test_a_part_has_the_container_of_the_whole(name: str, demuxer: str, home: tuple[str, str] | None) -> None:
    assert container_like(Path(name), demuxer) == home


def test_containers_by_extension() -> None:
    assert [container_named(e) for e in ("mkv", "m4a", "opus", "ts", "exe", "")] == [
        *("matroska", "mp4", "opus", "mpegts"),
        *(None, None),
    ]
