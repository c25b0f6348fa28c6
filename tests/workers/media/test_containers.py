"""The table of kinds of films and sound files."""

from __future__ import annotations

from pathlib import Path

import pytest

from workers.media.containers import (
    NAMES,
    RUNNING,
    TELLING,
    WRITTEN,
    container_like,
    container_named,
    demuxers_of,
    muxer_options,
)
from workers.media.sniff import AV_EXTENSIONS


def test_every_name_of_films_and_sound_is_in_the_table() -> None:
    assert {extension for names in NAMES.values() for extension in names} == AV_EXTENSIONS


def test_libavformat_reads_and_writes_what_the_table_says() -> None:
    from av.format import ContainerFormat

    for demuxer, names in NAMES.items():
        assert ContainerFormat(demuxer, "r").is_input
        for muxer in filter(None, names.values()):
            assert ContainerFormat(muxer, "w").is_output
    assert set(NAMES) >= TELLING | RUNNING


@pytest.mark.parametrize(
    ("name", "demuxer", "home"),
    [
        ("a.MOV", "mp4", ("mov", "mov")),
        ("a.m4a", "mp4", ("mp4", "m4a")),
        ("a.3g2", "mp4", ("mp4", "mp4")),  # read, not written
        ("a.mkv", "mp4", ("mp4", "mp4")),  # its name lies
        ("a", "matroska", ("matroska", "mkv")),
        ("a.weba", "matroska", ("webm", "weba")),
        ("a.opus", "ogg", ("opus", "opus")),
        ("a.mpg", "mpegts", ("mpegts", "ts")),
        ("a.aif", "aiff", ("aiff", "aif")),
        ("a.vob", "mpeg", None),
        ("a.wv", "wv", None),
        ("a.xyz", "unknown", None),
    ],
)
def test_a_copy_goes_on_in_its_own_kind(name: str, demuxer: str, home: tuple[str, str] | None) -> None:
    assert container_like(Path(name), demuxer) == home


def test_what_is_never_cut_may_be_copied_whole() -> None:
    assert container_like(Path("a.vob"), "mpeg", whole=True) == ("vob", "vob")
    assert container_named("vob") is None and container_named("mpg") is None
    assert container_named("mp4") == "mp4" and container_named("aac") == "adts" and container_named("dts") is None


def test_names_promise_formats() -> None:
    assert demuxers_of("mpg") == {"mpeg", "mpegvideo", "mpegts"}
    assert demuxers_of("dts") == {"dts", "wav"}
    assert demuxers_of("txt") == frozenset()


def test_files_of_sound_alone_say_so_in_their_brand() -> None:
    assert muxer_options("mp4", "m4a")["brand"] == "M4A "
    assert muxer_options("mp4", "mp4") == {"movflags": "+faststart"}
    assert muxer_options("matroska", "mkv") == {}
    assert {"m4a", "mp4", "wmv", "asf"} <= WRITTEN and "3g2" not in WRITTEN
