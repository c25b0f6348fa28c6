"""Copies of what can be read of damaged files."""

from __future__ import annotations

import random
from pathlib import Path

import av
import pytest

from tests.support.damage import holed
from tests.support.films import CHAPTERS
from tests.support.media import Media, cut, ffmpeg
from workers.errors import ErrorClass, JobFailed
from workers.media import repair
from workers.media.av import facts
from workers.media.damage import examine
from workers.media.repair import Copied, copy_readable, extension_for
from workers.media.sniff import sniff


def copied(path: Path, target: Path) -> Copied:
    return copy_readable(path, sniff(path).format, target)


def packets(path: Path) -> list[tuple[int, bytes]]:
    with av.open(str(path)) as container:
        return [(packet.stream_index, bytes(packet)) for packet in container.demux() if packet.size]


@pytest.mark.parametrize(
    ("name", "format", "extension"),
    [
        ("a.MOV", "mp4", "mov"),
        ("a.webm", "matroska", "webm"),
        ("a.jpg", "matroska", "mkv"),
        ("a", "avi", "avi"),
        ("a.opus", "ogg", "opus"),
        ("a.jpg", "JPEG", None),
        ("a.ape", "ape", None),
    ],
)
def test_the_extension_fits_the_content(name: str, format: str, extension: str | None) -> None:
    assert extension_for(Path(name), format) == extension


@pytest.mark.parametrize("name", ["clip", "multi", "vp9", "transport", "song", "covered"])
def test_a_whole_file_is_copied_whole(media: Media, tmp_path: Path, name: str) -> None:
    source: Path = getattr(media, name)
    target = tmp_path / f"copy{source.suffix}"
    done = copied(source, target)
    assert done.read == done.written
    assert (done.torn, done.refused, done.moved, done.left_out, done.empty) == (0, 0, 0, [], [])
    assert sorted(packets(target)) == sorted(packets(source))
    assert not examine(target, "full").findings


@pytest.mark.parametrize("name", ["clip", "multi", "vp9", "transport"])
def test_a_cut_film_gets_a_true_duration(media: Media, tmp_path: Path, name: str) -> None:
    source: Path = getattr(media, name)
    torn = cut(source, tmp_path / f"torn{source.suffix}", 0.6)
    target = tmp_path / f"copy{source.suffix}"
    done = copied(torn, target)
    assert examine(torn, "quick").findings
    assert not examine(target, "quick").findings
    before, after = packets(source), packets(target)
    assert 0 < len(after) < len(before)
    assert len(set(after) - set(before)) <= (name == "transport")  # its last picture is torn where the file is
    assert done.written == len(after)


def test_an_avi_without_its_index(media: Media, tmp_path: Path) -> None:
    film = tmp_path / "film.avi"
    ffmpeg("-i", media.clip, "-c:v", "mpeg4", "-c:a", "libmp3lame", film)
    data = film.read_bytes()
    (tmp_path / "torn.avi").write_bytes(data[: data.rindex(b"idx1")])
    assert examine(tmp_path / "torn.avi", "quick").findings
    copied(tmp_path / "torn.avi", tmp_path / "copy.avi")
    assert b"idx1" in (tmp_path / "copy.avi").read_bytes()
    assert not examine(tmp_path / "copy.avi", "quick").findings


def test_a_flac_is_told_its_true_length(media: Media, tmp_path: Path) -> None:
    ffmpeg("-i", media.clip, "-vn", tmp_path / "whole.flac")
    copied(cut(tmp_path / "whole.flac", tmp_path / "torn.flac", 0.5), tmp_path / "copy.flac")
    with av.open(str(tmp_path / "copy.flac")) as container:
        told = (container.duration or 0) / 1_000_000
        have = sum(float(packet.duration * packet.time_base) for packet in container.demux() if packet.duration)
        assert told == pytest.approx(have, abs=0.01)
    assert 1 < told < 3


def test_times_that_do_not_rise_are_mended(media: Media, tmp_path: Path) -> None:
    flv = tmp_path / "odd.flv"
    ffmpeg("-i", media.clip, "-c", "copy", "-an", flv)
    data = bytearray(flv.read_bytes())
    at, number = 13, 0
    while at + 11 < len(data):  # tags of FLV: kind, three bytes of size, three of time
        number += 1
        if number % 20 == 10:
            data[at + 4 : at + 7] = bytes(3)
        at += 15 + int.from_bytes(data[at + 1 : at + 4], "big")
    flv.write_bytes(data)
    done = copied(flv, tmp_path / "copy.flv")
    assert done.moved >= 4
    with av.open(str(tmp_path / "copy.flv")) as container:
        times = [packet.dts or 0 for packet in container.demux(video=0) if packet.size]
    assert times == sorted(times)
    assert done.written == len(times) == 100


def test_a_hole_in_matroska_is_left_out(media: Media, tmp_path: Path) -> None:
    torn = tmp_path / "torn.mkv"
    torn.write_bytes(holed(media.multi.read_bytes(), random.Random(2)))
    done = copied(torn, tmp_path / "copy.mkv")
    assert 0 < done.written <= done.read
    assert not [f for f in examine(tmp_path / "copy.mkv", "quick").findings if f.name in ("cut_short", "unreadable")]


def test_nothing_to_read(media: Media, tmp_path: Path) -> None:
    with pytest.raises(JobFailed) as failed:
        copied(cut(media.multi, tmp_path / "head.mkv", 0.001), tmp_path / "copy.mkv")
    assert failed.value.failure.error_class is ErrorClass.BAD_INPUT


@pytest.mark.parametrize("name", ["a.mp4", "a.m4a", "a.mkv", "a.mp3"])
def test_chapters_are_kept(media: Media, tmp_path: Path, name: str) -> None:
    words, source, target = tmp_path / "chapters.txt", tmp_path / name, tmp_path / f"copy{Path(name).suffix}"
    words.write_text(CHAPTERS)
    kinds = ("-map", "0") if name in ("a.mp4", "a.mkv") else ("-map", "0:a")
    codec = () if name == "a.mp3" else ("-c", "copy")
    ffmpeg("-i", media.clip, "-i", words, *kinds, "-map_chapters", "1", *codec, source)
    done = copied(source, target)
    assert done.left_out == []
    with av.open(str(target)) as container:
        told = [(float(c["start"] * (c["time_base"] or 0)), c["metadata"]["title"]) for c in container.chapters()]
    assert told == [(0.0, "One"), (2.0, "Two")]


def test_lost_chapters_are_listed(media: Media, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    words, source = tmp_path / "chapters.txt", tmp_path / "a.mkv"
    words.write_text(CHAPTERS)
    ffmpeg("-i", media.clip, "-i", words, "-map_chapters", "1", "-c", "copy", source)
    monkeypatch.setattr(repair, "NAMES", {"matroska": {"ts": "mpegts"}})
    assert copy_readable(source, "matroska", tmp_path / "copy.ts").left_out == ["2 chapters"]


@pytest.mark.parametrize(("extension", "brand"), [("m4a", b"M4A "), ("m4b", b"M4B ")])
def test_a_sound_with_a_cover_keeps_it(media: Media, tmp_path: Path, extension: str, brand: bytes) -> None:
    source, target = tmp_path / f"a.{extension}", tmp_path / f"copy.{extension}"
    ffmpeg(
        *("-i", media.clip, "-i", media.picture, "-map", "0:a", "-map", "1", "-c", "copy", "-f", "mp4"),
        *("-disposition:v:0", "attached_pic", source),
    )
    assert copied(source, target).left_out == []
    assert target.read_bytes()[8:12] == brand
    assert [s.cover for s in facts(target).streams] == [False, True]
