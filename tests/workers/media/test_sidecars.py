"""What lies beside a film or song, kindly and hostile."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from workers.errors import ErrorClass, JobFailed
from workers.media import sidecars
from workers.media.fields import Found

INFO = {
    "id": "dQw4w9WgXcQ",
    "title": "Band - Song (Official Video)",
    "track": "Song",
    "artists": ["Band", "Guest"],
    "album": "Record",
    "upload_date": "20240506",
    "uploader": "Band's channel",
    "description": "One\nTwo \u202e\x1b[31m",
    "webpage_url": "https://video.example/watch?v=dQw4w9WgXcQ",
    "duration": 212.4,
    "extractor_key": "Example",
    "genres": ["Pop", "Soul"],
    "formats": [{"url": "https://video.example/1"}],
}


def read(source: Path, kind: str = "video") -> tuple[dict[str, Found], list[str]]:
    problems: list[str] = []
    return {name: found for _, name, found in sidecars.read(source, kind, problems)}, problems


def test_what_yt_dlp_wrote() -> None:
    assert sidecars.parse_info(json.dumps(INFO).encode()) == {
        "title": "Song",
        "artist": "Band, Guest",
        "album": "Record",
        "date": "2024-05-06",
        "year": 2024,
        "genre": ("Pop", "Soul"),
        "uploader": "Band's channel",
        "description": "One\nTwo [31m",
        "url": "https://video.example/watch?v=dQw4w9WgXcQ",
        "duration_s": 212.4,
        "id": "dQw4w9WgXcQ",
        "site": "Example",
    }


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\xff\xfe\x00",
        b"[]",
        b'"text"',
        b"[" * 200_000,
        b'{"a":' * 100_000,
        b'{"duration": ' + b"9" * 5_000 + b"}",
        b'{"_type": "playlist", "title": "List"}',
    ],
)
def test_what_is_no_info_is_refused_in_words(raw: bytes) -> None:
    with pytest.raises(JobFailed) as caught:
        sidecars.parse_info(raw)
    assert caught.value.failure.error_class is ErrorClass.BAD_INPUT


HOSTILE: list[dict[str, Any]] = [
    {"title": {"a": 1}, "artist": [None, {}, []], "track_number": "x", "upload_date": "99999999", "duration": -1},
    {"title": True, "artist": 1e999, "season_number": -3, "episode_number": 1e300, "webpage_url": "file:///etc/passwd"},
    {
        "title": "\ud800",
        "genres": [[["deep"]]],
        "duration": float("nan"),
        "id": "\x00\x07",
        "webpage_url": "http://a b",
    },
    {"artists": {"a": "b"}, "genres": "x" * 100_000, "webpage_url": "javascript:alert(1)"},
]


@pytest.mark.parametrize("info", HOSTILE)
def test_hostile_values_are_left_out(info: dict[str, Any]) -> None:
    found = sidecars.parse_info(json.dumps(info).encode())
    assert set(found) <= {"genre", "title"}
    assert len(str(found)) < 2_000


def test_the_files_beside_and_of_the_folder(tmp_path: Path) -> None:
    folder = tmp_path / "Show" / "Season 1"
    folder.mkdir(parents=True)
    source = folder / "Show S01E02.mkv"
    (folder / "Show S01E02.info.json").write_text(json.dumps(INFO))
    (folder / "Show S01E02.nfo").write_text("<episodedetails><title>Two</title></episodedetails>")
    (tmp_path / "Show" / "tvshow.nfo").write_text("<tvshow><title>The Show</title></tvshow>")
    (folder / "album.nfo").write_text("<album><title>Record</title></album>")
    found, problems = read(source)
    assert list(found) == ["Show S01E02.info.json", "Show S01E02.nfo", "tvshow.nfo"]
    assert found["Show S01E02.nfo"] == {"episode_title": "Two"}
    assert found["tvshow.nfo"] == {"show": "The Show"}
    assert not problems
    assert list(read(folder / "song.mp3", "audio")[0]) == ["album.nfo"]


def test_the_show_of_a_folder_that_is_no_season_is_not_looked_for_above(tmp_path: Path) -> None:
    (tmp_path / "films").mkdir()
    (tmp_path / "tvshow.nfo").write_text("<tvshow><title>Other</title></tvshow>")
    assert read(tmp_path / "films" / "film.mkv") == ({}, [])


def test_what_is_too_large_or_no_file_is_told_and_left_alone(tmp_path: Path) -> None:
    with open(tmp_path / "a.info.json", "wb") as file:
        file.truncate(sidecars.MAX_INFO_BYTES + 1)
    os.mkfifo(tmp_path / "a.nfo")  # opening it for reading as usual would wait for ever
    found, problems = read(tmp_path / "a.mp4")
    assert found == {}
    assert len(problems) == 2
    assert "larger than 4 MiB" in problems[0]
    assert "no plain file" in problems[1]
    (tmp_path / "secret").write_text('{"title": "secret"}')
    (tmp_path / "b.info.json").symlink_to(tmp_path / "secret")
    (tmp_path / "b.nfo").mkdir()
    assert read(tmp_path / "b.mp4")[0] == {}
    assert read(tmp_path / "b.mp4")[1] == ["b.info.json is a link and was left alone", "b.nfo is no plain file"]


def test_a_broken_one_does_not_hide_its_neighbour(tmp_path: Path) -> None:
    (tmp_path / "a\x1b[31m.info.json").write_bytes(b"{")
    (tmp_path / "a\x1b[31m.nfo").write_text("https://www.imdb.com/title/tt0017136/")
    found, problems = read(tmp_path / "a\x1b[31m.mp4")
    assert list(found.values()) == [{"url": "https://www.imdb.com/title/tt0017136/", "imdb_id": "tt0017136"}]
    assert len(problems) == 1
    assert "\x1b" not in problems[0]


def test_a_name_that_leaves_no_room_for_more_has_no_sidecar(tmp_path: Path) -> None:
    assert read(tmp_path / f"{'l' * 250}.mp4") == ({}, [])
