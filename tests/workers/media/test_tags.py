"""Tags written into real files, read back by another library, with every packet as it was."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path
from typing import Any

import mutagen
import pytest
from mutagen import id3

from tests.support.media import Media, ffmpeg
from workers.errors import ErrorClass, JobFailed
from workers.media import tagkinds, tags
from workers.media.fields import Choice, Found, fit, merge
from workers.media.probe import probe

SONG = fit(
    {
        "title": "Süße Träume \U0001f600",
        "artist": "Band & Guest",
        "album": "Record",
        "album_artist": "Band",
        "track": 3,
        "disc": 2,
        "date": "2024-05-06",
        "genre": ["Pop", "Soul"],
        "url": "https://video.example/watch?v=1",
        "isrc": "USPR36507294",
        "musicbrainz_recording_id": "8f3471b5-7e6a-48da-86a9-c1c07a0f47ae",
        "musicbrainz_release_id": "0b1b3a3c-1111-4222-8333-444455556666",
        "musicbrainz_artist_id": "b1a9c0e9-d987-4042-ae91-78d6a3267d69",
    }
)
KINDS = {
    "song.mp3": ("-c:a", "libmp3lame"),
    "old.mp3": ("-c:a", "libmp3lame", "-id3v2_version", "3"),
    "bare.mp3": ("-c:a", "libmp3lame", "-write_id3v1", "1", "-id3v2_version", "0"),
    "song.m4a": ("-c:a", "aac"),
    "film.mp4": ("-f", "lavfi", "-i", "testsrc2=size=64x64:rate=10:duration=1", "-c:v", "libx264", "-c:a", "aac",
                 "-movflags", "+faststart"),
    "song.flac": ("-c:a", "flac"),
    "song.ogg": ("-c:a", "libvorbis"),
    "song.opus": ("-c:a", "libopus"),
    "song.oga": ("-c:a", "flac", "-f", "ogg"),
}  # fmt: skip


@pytest.fixture(scope="module")
def songs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("songs")
    for name, words in KINDS.items():
        ffmpeg("-f", "lavfi", "-i", "sine=frequency=440:duration=1", *words, "-map_metadata", "-1", folder / name)
    return folder


def record_of(found: Found, source: str = "info_json") -> dict[str, Choice]:
    return merge({source: found}, (source,))


@pytest.mark.parametrize("name", KINDS)
def test_what_is_written_reads_back_and_no_packet_changes(songs: Path, tmp_path: Path, name: str) -> None:
    before, path = songs / name, tmp_path / name
    shutil.copyfile(before, path)
    facts = probe(path)
    assert tags.unwritable(path, facts) is None
    written = tags.write(path, facts, record_of(SONG), overwrite=False)
    assert set(SONG) - {"year"} <= set(written)
    tags.same_packets(before, path, facts["format"])
    told = tags.fields_of(probe(path))
    unseen = (
        {"musicbrainz_recording_id"} if name.endswith("mp3") else {"url"} if name.endswith(("m4a", "mp4")) else set()
    )
    assert {key: value for key, value in SONG.items() if key not in unseen} == {
        key: value for key, value in told.items() if key not in unseen
    }
    size = path.stat().st_size
    assert tags.write(path, probe(path), record_of(SONG), overwrite=False) == ()
    assert path.stat().st_size == size


def test_an_episode_goes_into_mp4(media: Media, tmp_path: Path) -> None:
    path = tmp_path / "episode.mp4"
    shutil.copyfile(media.clip, path)  # its title is Clip
    episode = fit({"show": "Show", "season": 1, "episode": 2, "episode_title": "Two", "description": "One\nTwo"})
    written = tags.write(path, probe(path), record_of(episode), overwrite=False)
    assert set(written) == {"show", "season", "episode", "description"}
    told = tags.fields_of(probe(path))
    assert {name: told[name] for name in ("title", "show", "season", "episode")} == {
        "title": "Clip",
        "show": "Show",
        "season": 1,
        "episode": 2,
    }


@pytest.mark.parametrize("name", ["song.mp3", "song.m4a", "song.flac"])
def test_what_is_there_stays_unless_asked(songs: Path, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    shutil.copyfile(songs / name, path)
    facts = probe(path)
    tags.write(path, facts, record_of(fit({"title": "Old", "track": 1})), overwrite=False)
    new = record_of(fit({"title": "New", "track": 2, "album": "Record"}))
    assert tags.write(path, facts, new, overwrite=False) == ("album",)
    assert tags.fields_of(probe(path))["title"] == "Old"
    assert set(tags.write(path, facts, new, overwrite=True)) == {"title", "track"}
    told = tags.fields_of(probe(path))
    assert (told["title"], told["track"], told["album"]) == ("New", 2, "Record")


def test_what_the_tags_say_is_not_written_again(songs: Path, tmp_path: Path) -> None:
    path = tmp_path / "song.mp3"
    shutil.copyfile(songs / "song.mp3", path)
    assert tags.write(path, probe(path), record_of(SONG, "tags"), overwrite=True) == ()


def test_an_old_tag_keeps_its_version_and_holds_years(songs: Path, tmp_path: Path) -> None:
    path = tmp_path / "old.mp3"
    shutil.copyfile(songs / "old.mp3", path)
    facts = probe(path)
    tags.write(path, facts, record_of(fit({"title": "Old"})), overwrite=False)
    assert path.read_bytes()[:4] in (b"ID3\x03", b"ID3\x04")
    version = path.read_bytes()[3]
    assert "date" in tags.write(path, facts, record_of(fit({"date": "2024-05"})), overwrite=False)
    assert path.read_bytes()[3] == version
    assert tags.fields_of(probe(path))["year"] == 2024


def test_a_comment_in_another_language_is_written_over(songs: Path, tmp_path: Path) -> None:
    path = tmp_path / "song.mp3"
    shutil.copyfile(songs / "song.mp3", path)
    opened: Any = id3.ID3  # its author declares it in part only
    file = opened(path)
    for language, what in (("eng", ""), ("deu", ""), ("eng", "iTunNORM")):
        file.add(id3.Frames["COMM"](encoding=3, lang=language, desc=what, text=[f"old {what}"]))
    file.save()
    new = record_of(fit({"description": "New"}))
    assert tags.write(path, probe(path), new, overwrite=False) == ()
    assert tags.write(path, probe(path), new, overwrite=True) == ("description",)
    assert sorted(str(frame) for frame in opened(path).getall("COMM")) == ["New", "old iTunNORM"]


def test_the_total_of_the_tracks_stays(songs: Path, tmp_path: Path) -> None:
    path = tmp_path / "song.m4a"
    ffmpeg("-i", songs / "song.m4a", "-c", "copy", "-metadata", "track=1/12", path)
    tags.write(path, probe(path), record_of(fit({"track": 5})), overwrite=True)
    assert probe(path)["tags"]["track"] == "5/12"


def test_the_cover_stays(media: Media, tmp_path: Path) -> None:
    path = tmp_path / "song.mp3"
    shutil.copyfile(media.song, path)
    tags.write(path, probe(path), record_of(SONG), overwrite=False)
    assert any("cover" in stream for stream in probe(path)["streams"])
    tags.same_packets(media.song, path, "mp3")


def test_formats_without_a_place_are_named(media: Media, tmp_path: Path) -> None:
    wav, mov = tmp_path / "a.wav", tmp_path / "a.mov"
    ffmpeg("-f", "lavfi", "-i", "sine=frequency=440:duration=1", wav)
    ffmpeg("-i", media.clip, "-c", "copy", mov)
    parts = tmp_path / "parts.mp4"
    ffmpeg("-i", media.clip, "-c", "copy", "-movflags", "+frag_keyframe+empty_moov", parts)
    for path, word in ((media.multi, "matroska"), (wav, "wav"), (mov, "QuickTime"), (parts, "fragments")):
        why = tags.unwritable(path, probe(path))
        assert why is not None
        assert word in why


def test_other_packets_are_seen(songs: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.flac"
    ffmpeg("-f", "lavfi", "-i", "sine=frequency=441:duration=1", "-c:a", "flac", other)
    with pytest.raises(JobFailed, match=r"more of song\.flac than its tags") as caught:
        tags.same_packets(songs / "song.flac", other, "flac")
    assert caught.value.failure.error_class is ErrorClass.TOOL


@pytest.mark.parametrize("name", ["song.mp3", "song.m4a", "song.flac", "song.ogg"])
def test_damaged_files_fail_in_words(songs: Path, tmp_path: Path, name: str) -> None:
    path, facts = tmp_path / name, probe(songs / name)
    path.write_bytes(b"\0" * 200)
    with pytest.raises(JobFailed, match="cannot be written") as caught:
        tags.write(path, facts, record_of(SONG), overwrite=False)
    assert caught.value.failure.error_class is ErrorClass.BAD_INPUT


@pytest.mark.parametrize(
    ("number", "error_class", "words"),
    [
        (errno.ENOSPC, ErrorClass.DISK, "No space left"),
        (errno.EIO, ErrorClass.DISK, "Input/output error"),
        (errno.EFBIG, ErrorClass.UNSUPPORTED, "file_size_gib"),
    ],
)
def test_a_disk_that_refuses_is_no_fault_of_the_file(
    songs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, error_class: ErrorClass, words: str
) -> None:
    path = tmp_path / "song.flac"
    shutil.copyfile(songs / "song.flac", path)

    def refused(self: tagkinds.Tags) -> None:
        raise mutagen.MutagenError(OSError(number, os.strerror(number)))

    monkeypatch.setattr(tagkinds.Tags, "save", refused)
    with pytest.raises(JobFailed, match=words) as caught:
        tags.write(path, probe(path), record_of(SONG), overwrite=False)
    assert caught.value.failure.error_class is error_class


@pytest.mark.parametrize(
    ("comment", "field", "value"),
    [("https://a.example/1", "url", "https://a.example/1"), ("words", "description", "words")],
)
def test_a_comment_may_be_an_address(comment: str, field: str, value: str) -> None:
    assert tags.fields_of({"tags": {"comment": comment}})[field] == value
    assert ("description" in tags.fields_of({"tags": {"comment": comment}})) == (field == "description")
