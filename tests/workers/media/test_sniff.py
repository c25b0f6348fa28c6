"""Formats by first bytes."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from tests.support.media import CONCAT_TEXT, HLS_TEXT, SVG_TEXT, Media
from workers.errors import ErrorClass, JobFailed
from workers.media.sniff import Sniffed, is_film_name, is_media_name, is_seen_name, sniff, sniff_bytes


@pytest.mark.parametrize(
    ("name", "format"),
    [
        ("clip", "mp4"),
        ("multi", "matroska"),
        ("vp9", "matroska"),
        ("transport", "mpegts"),
        ("song", "mp3"),
    ],
)
def test_real_films_and_sounds(media: Media, name: str, format: str) -> None:
    assert sniff(getattr(media, name)) == Sniffed("av", format)


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "AVIF"])
def test_real_pictures(tmp_path: Path, format: str) -> None:
    from PIL import Image

    path = tmp_path / "picture"
    Image.new("RGB", (8, 8)).save(path, format)
    assert sniff(path) == Sniffed("image", format)


@pytest.mark.parametrize(
    ("head", "format"),
    [
        (b"\xff\xf1\x50\x80\x00\x1f\xfc", "aac"),
        (b"\xff\xfb\x90\x00", "mp3"),
        (b"fLaC\0\0\0\x22", "flac"),
        (b"OggS\0\2", "ogg"),
        (b"RIFF\x24\0\0\0WAVEfmt ", "wav"),
        (b"RF64\xff\xff\xff\xffWAVEds64", "wav"),
        (b"BW64\xff\xff\xff\xffWAVEds64", "wav"),
        (b"RIFF\x24\0\0\0AVI LIST", "avi"),
        (b"\0\0\0\x08wide\0\0\0\0mdat", "mp4"),
    ],
)
def test_heads(head: bytes, format: str) -> None:
    assert sniff_bytes(head) == Sniffed("av", format)


def test_id3_tag_before_flac(tmp_path: Path) -> None:
    path = tmp_path / "song.flac"
    path.write_bytes(b"ID3\x04\0\0\0\0\x02\0" + bytes(256) + b"fLaC\0\0\0\x22")
    assert sniff(path).format == "flac"


def test_heic_is_not_taken_for_a_film() -> None:
    assert sniff_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic") is None


@pytest.mark.parametrize("text", [HLS_TEXT, CONCAT_TEXT, SVG_TEXT, "#!/bin/sh\n", "v=0\no=- 0\n", "hello"])
def test_text_is_no_media_whatever_its_name(tmp_path: Path, text: str) -> None:
    path = tmp_path / "innocent.mp4"
    path.write_text(text)
    with pytest.raises(JobFailed) as caught:
        sniff(path)
    assert caught.value.failure.error_class is ErrorClass.UNSUPPORTED


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "empty.mp4").touch()
    os.mkfifo(tmp_path / "pipe.mp4")  # opening it would wait for ever
    (tmp_path / "lost.mp4").symlink_to(tmp_path / "nothing")
    (tmp_path / "round.mp4").symlink_to("round.mp4")
    for name, words in (
        ("none.mp4", "does not exist"),
        ("empty.mp4", "empty"),
        ("pipe.mp4", "plain file"),
        ("", "folder"),
        ("lost.mp4", "lost.mp4 is a link to nothing"),
        ("round.mp4", "round.mp4 is a link to itself"),
    ):
        with pytest.raises(JobFailed, match=words) as caught:
            sniff(tmp_path / name)
        assert caught.value.failure.error_class is ErrorClass.BAD_INPUT
        assert caught.value.failure.input == str(tmp_path / name)


def test_a_folder_that_cannot_be_read_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(JobFailed, match=f"^cannot read folder {tmp_path}: Permission denied$"):
        sniff(tmp_path)


def test_names_promise() -> None:
    assert is_media_name("a.MP4") == "av"
    assert is_media_name("a.Jpg") == "image"
    assert is_media_name("a.txt") is None
    assert is_media_name("mp4") is None


@pytest.mark.parametrize(
    ("name", "film", "seen"),
    [
        ("a.MKV", True, True),
        ("b.jpg", False, True),
        ("c.mp3", False, False),
        ("d.txt", False, False),
        (".mp4", False, False),
    ],
)
def test_names_promise_what_can_be_seen(name: str, film: bool, seen: bool) -> None:
    assert (is_film_name(name), is_seen_name(name)) == (film, seen)
