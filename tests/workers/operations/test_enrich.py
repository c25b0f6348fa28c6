"""The library's metadata end to end: real files, sidecars, a MusicBrainz on loopback, tags written back."""

from __future__ import annotations

import json
import os
import shutil
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.support.context import PlainContext, files_under
from tests.support.engine import outcomes_of
from tests.support.media import HOSTILE_NAMES, Media, ffmpeg
from workers import trash
from workers.errors import ErrorClass, InvalidParams, JobFailed, LeaseLost
from workers.jobs import Outcome
from workers.media.probe import probe
from workers.operations.contract import Result
from workers.operations.enrich import OPERATION

SONG = "Nina Simone - 07 - Feeling Good.mp3"


def enriched(ctx: PlainContext, inputs: list[Path], **values: Any) -> dict[str, Result | JobFailed]:
    return outcomes_of(OPERATION, ctx, inputs, fresh=False, **values)


def one(ctx: PlainContext, source: Path, **values: Any) -> Result:
    (outcome,) = enriched(ctx, [source], **values).values()
    assert isinstance(outcome, Result), outcome
    return outcome


def told(result: Result) -> dict[str, tuple[Any, str]]:
    return {name: (entry["value"], entry["source"]) for name, entry in result.detail["fields"].items()}


@pytest.fixture
def ctx(tmp_path: Path) -> PlainContext:
    return PlainContext(tmp_path / "job", {"cache_dir": str(tmp_path / "cache")})


def test_a_duration_without_a_header_is_measured(ctx: PlainContext, tmp_path: Path) -> None:
    path = tmp_path / "Late Tone.aac"
    tone = "sine=frequency=440:duration=30,volume='if(lt(t,10),0,1)':eval=frame"
    ffmpeg("-f", "lavfi", "-i", tone, "-c:a", "aac", path)
    assert told(one(ctx, path))["duration_s"] == (pytest.approx(30, abs=0.1), "file")


@pytest.fixture
def song(media: Media, tmp_path: Path) -> Path:
    """Three seconds of MP3 without any tags, well named."""
    folder = tmp_path / "music"
    folder.mkdir()
    ffmpeg("-i", media.song, "-map", "0:a", "-c", "copy", "-map_metadata", "-1", folder / SONG)
    return folder / SONG


def test_all_sources_in_one_record(ctx: PlainContext, media: Media, tmp_path: Path) -> None:
    folder = tmp_path / "Show" / "Season 1"
    folder.mkdir(parents=True)
    source = folder / "Show S01E02 Named.mp4"
    shutil.copyfile(media.clip, source)  # its tags say: title Clip
    (folder / "Show S01E02 Named.info.json").write_text(
        json.dumps({"title": "Told", "upload_date": "20240506", "duration": 99, "uploader": "U", "series": "Other"})
    )
    (folder / "Show S01E02 Named.nfo").write_text(
        "<episodedetails><title>Two</title><season>1</season><episode>3</episode></episodedetails>"
    )
    (tmp_path / "Show" / "tvshow.nfo").write_text("<tvshow><title>The Show</title></tvshow>")
    result = one(ctx, source)
    assert (result.outcome, result.outputs) == (Outcome.DONE, ())
    fields = result.detail["fields"]
    assert told(result) == {
        "title": ("Clip", "tags"),
        "date": ("2024-05-06", "info_json"),
        "year": (2024, "info_json"),
        "show": ("The Show", "nfo"),
        "season": (1, "nfo"),
        "episode": (3, "nfo"),
        "episode_title": ("Two", "nfo"),
        "uploader": ("U", "info_json"),
        "duration_s": (pytest.approx(4.0, abs=0.1), "file"),
    }
    assert fields["title"]["others"] == [{"value": "Told", "source": "info_json"}]
    assert fields["episode"]["others"] == [{"value": 2, "source": "name"}]
    assert fields["show"]["others"] == [{"value": "Other", "source": "info_json"}, {"value": "Show", "source": "name"}]
    assert fields["duration_s"]["others"] == [{"value": 99.0, "source": "info_json"}]
    assert result.detail["sidecars"] == ["Show S01E02 Named.info.json", "Show S01E02 Named.nfo", "tvshow.nfo"]
    turned = one(ctx, source, prefer=["name", "info_json"])
    assert told(turned)["title"] == ("Told", "info_json")
    assert told(turned)["episode"] == (2, "name")
    json.dumps(turned.detail)


def test_nothing_is_written_unless_asked(ctx: PlainContext, song: Path) -> None:
    before, listed = song.read_bytes(), files_under(song.parent)
    assert told(one(ctx, song))["artist"] == ("Nina Simone", "name")
    assert song.read_bytes() == before
    assert files_under(song.parent) == listed


def test_tags_are_filled_and_the_original_goes_to_the_trash(ctx: PlainContext, song: Path) -> None:
    os.chmod(song, 0o640)
    os.utime(song, (1_000_000_000, 1_000_000_000))
    before = song.read_bytes()
    result = one(ctx, song, write_tags=True, keep_time=True)
    assert result.outputs == (song,)
    assert set(result.detail["tags"]["written"]) == {"artist", "title", "track"}
    tags = probe(song)["tags"]
    assert (tags["artist"], tags["title"], tags["track"]) == ("Nina Simone", "Feeling Good", "7")
    assert song.stat().st_mode & 0o777 == 0o640
    assert song.stat().st_mtime == 1_000_000_000
    (entry,) = trash.entries(song.parent / trash.FOLDER)
    assert entry.kept.read_bytes() == before
    again = one(ctx.again(), song, write_tags=True)
    assert again.detail["tags"]["written"] == []
    assert "all that is known" in again.detail["tags"]["why"]
    assert len(list(trash.entries(song.parent / trash.FOLDER))) == 1
    assert not [name for name in files_under(song.parent) if name.startswith(".spool-1")]


def test_what_the_file_says_stays_unless_overwritten(ctx: PlainContext, media: Media, tmp_path: Path) -> None:
    source = tmp_path / "A film (1999).mp4"
    shutil.copyfile(media.clip, source)
    assert one(ctx, source, write_tags=True).detail["tags"]["written"] == ["date"]
    assert probe(source)["tags"]["title"] == "Clip"
    result = one(ctx.again(), source, write_tags=True, overwrite=True, prefer=["name"])
    assert result.detail["tags"]["written"] == ["title"]
    assert probe(source)["tags"]["title"] == "A film"


def test_files_that_cannot_be_written_are_skipped_with_the_reason(
    ctx: PlainContext, media: Media, song: Path, tmp_path: Path
) -> None:
    film = tmp_path / "A film (1999).mkv"
    shutil.copyfile(media.multi, film)
    (tmp_path / "linked.mp3").symlink_to(song)
    os.link(song, tmp_path / "hard.mp3")
    before = song.read_bytes()
    for name, word in ((film.name, "matroska"), ("linked.mp3", "is a link"), ("hard.mp3", "hard links")):
        result = one(ctx, tmp_path / name, write_tags=True)
        assert result.outcome is Outcome.SKIPPED
        assert word in result.detail["tags"]["why"]
        assert result.detail["fields"]
    assert song.read_bytes() == before


def test_a_file_that_changes_meanwhile_is_left_alone(ctx: PlainContext, song: Path) -> None:
    def change() -> None:
        os.utime(song, (1, 1))

    ctx.alive = change  # type: ignore[method-assign]
    (outcome,) = enriched(ctx, [song], write_tags=True).values()
    assert isinstance(outcome, JobFailed)
    assert outcome.failure.error_class is ErrorClass.BAD_INPUT
    assert "artist" not in probe(song).get("tags", {})
    assert not list(trash.entries(song.parent / trash.FOLDER))


def test_an_attempt_that_no_longer_counts_changes_nothing(ctx: PlainContext, song: Path) -> None:
    before = song.read_bytes()
    ctx.lease_lost = True
    with pytest.raises(LeaseLost):
        enriched(ctx, [song], write_tags=True)
    assert song.read_bytes() == before


def test_more_than_tags_would_change(ctx: PlainContext, song: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from workers.media import tags

    real = tags.write

    def spoil(path: Path, *args: Any, **values: Any) -> Any:
        written = real(path, *args, **values)
        with open(path, "r+b") as file:
            file.seek(-500, os.SEEK_END)
            file.write(b"\0" * 100)
        return written

    monkeypatch.setattr(tags, "write", spoil)
    before = song.read_bytes()
    (outcome,) = enriched(ctx, [song], write_tags=True).values()
    assert isinstance(outcome, JobFailed)
    assert outcome.failure.error_class is ErrorClass.TOOL
    assert song.read_bytes() == before


@pytest.mark.parametrize("kind", ["json", "nfo"])
def test_a_sidecar_is_written_kept_and_renewed(ctx: PlainContext, song: Path, tmp_path: Path, kind: str) -> None:
    target = song.with_suffix(".spool.json" if kind == "json" else ".nfo")
    first = one(ctx, song, sidecar=kind)
    assert first.outputs == (target,)
    assert first.detail["sidecar"]["how"] == "written"
    text = target.read_text()
    assert "Feeling Good" in text
    assert one(ctx.again(), song, sidecar=kind).detail["sidecar"]["how"] == "unchanged"
    (song.parent / "album.nfo").write_text("<album><title>Record</title></album>")
    assert one(ctx.again(), song, sidecar=kind).detail["sidecar"]["how"] == "renewed"
    assert "Record" in target.read_text()
    assert len(files_under(song.parent)) == 5  # song, album.nfo, sidecar, and the old one with its record in the trash
    apart = one(ctx.again(), song.parent, sidecar=kind, output=str(tmp_path / "cards"))
    assert apart.outputs == (tmp_path / "cards" / target.name,)


@pytest.mark.parametrize(
    ("kind", "name", "content"),
    [
        ("nfo", "x.nfo", b"<movie><title>Mine</title></movie>"),
        ("json", "x.spool.json", b'{"mine": 1}'),
        ("json", "x.spool.json", b"\xff"),
    ],
)
def test_files_of_other_programs_stay(
    ctx: PlainContext, media: Media, tmp_path: Path, kind: str, name: str, content: bytes
) -> None:
    shutil.copyfile(media.clip, tmp_path / "x.mp4")
    (tmp_path / name).write_bytes(content)
    result = one(ctx, tmp_path / "x.mp4", sidecar=kind)
    assert result.outputs == ()
    assert "not Spool's" in result.detail["sidecar"]["why"]
    assert (tmp_path / name).read_bytes() == content


def test_hostile_names_and_sidecars(ctx: PlainContext, media: Media, tmp_path: Path) -> None:
    folder = os.fsencode(tmp_path / "in")
    os.mkdir(folder)
    for raw in HOSTILE_NAMES:
        shutil.copyfile(media.song, folder + b"/" + raw + b".mp3")
        if len(raw) < 200:
            with open(folder + b"/" + raw + b".info.json", "wb") as file:
                file.write(b'{"title": "\\u001b[31m\\ud800\\u202e", "artist": "' + b"x" * 100_000 + b'"}')
            with open(folder + b"/" + raw + b".nfo", "wb") as file:
                file.write(b'<!DOCTYPE a [<!ENTITY b "c">]><movie><title>&b;</title></movie>')
    outcomes = enriched(ctx, [tmp_path / "in"], sidecar="json", write_tags=True)
    assert len(outcomes) == len(HOSTILE_NAMES)
    for outcome in outcomes.values():
        assert isinstance(outcome, Result)
        shown = json.dumps(outcome.detail, ensure_ascii=False)
        assert shown.isprintable()
        assert len(shown) < 100_000
        assert outcome.outputs


def test_inputs_that_are_no_films_or_sounds(ctx: PlainContext, media: Media, tmp_path: Path) -> None:
    (tmp_path / "text.mp3").write_text("words")
    outcomes = enriched(ctx, [media.picture, tmp_path / "text.mp3", tmp_path / "gone.mp3"])
    classes = [outcome.failure.error_class for outcome in outcomes.values() if isinstance(outcome, JobFailed)]
    assert classes == [ErrorClass.UNSUPPORTED, ErrorClass.UNSUPPORTED, ErrorClass.BAD_INPUT]


@pytest.mark.parametrize(
    "values",
    [
        {"overwrite": True},
        {"keep_time": True},
        {"output": "x"},
        {"prefer": ["guess"]},
        {"musicbrainz_url": "file:///etc/passwd"},
        {"musicbrainz_contact": "a\r\nX-Evil: 1"},
    ],
)
def test_options_that_would_do_nothing_or_harm(values: dict[str, Any]) -> None:
    with pytest.raises(InvalidParams):
        OPERATION.validate({"inputs": ["/a"], **values})


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """A MusicBrainz that knows one recording of three seconds; what it was asked, and by whom."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    asked: list[tuple[str, str]] = []
    recording = {
        "id": "8f3471b5-7e6a-48da-86a9-c1c07a0f47ae",
        "score": 100,
        "title": "Feeling Good",
        "length": 3_100,
        "first-release-date": "1965-06-01",
        "artist-credit": [{"name": "Nina Simone"}],
        "releases": [{"id": "0b1b3a3c-1111-4222-8333-444455556666", "title": "I Put a Spell on You"}],
    }

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:
            """Nothing on stderr."""

        def do_GET(self) -> None:
            asked.append((self.path, self.headers["User-Agent"]))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps({"recordings": [recording]}).encode())

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/ws/2", asked
    server.shutdown()
    server.server_close()


def test_musicbrainz_is_asked_only_on_request_and_once(
    ctx: PlainContext, song: Path, media: Media, tmp_path: Path, service: tuple[str, list[tuple[str, str]]]
) -> None:
    url, asked = service
    one(ctx, song, musicbrainz_url=url)
    assert asked == []
    values = {"musicbrainz": True, "musicbrainz_url": url, "musicbrainz_contact": "me@music.example"}
    result = one(ctx, song, write_tags=True, **values)
    assert result.detail["musicbrainz"] == {"matched": True, "why": "matched", "score": 100}
    assert told(result)["album"] == ("I Put a Spell on You", "musicbrainz")
    assert told(result)["date"] == ("1965-06-01", "musicbrainz")
    assert probe(song)["tags"]["album"] == "I Put a Spell on You"
    ((path, agent),) = asked
    assert path.startswith("/ws/2/recording?query=recording%3A%22Feeling+Good%22")
    assert agent.startswith("Spool/")
    assert "me@music.example" in agent
    shutil.copyfile(song, tmp_path / "other.mp3")
    one(PlainContext(tmp_path / "job2", ctx.settings), tmp_path / "other.mp3", **values)
    assert len(asked) == 1  # the same question: it was kept
    film = one(ctx, media.clip, **values)
    assert film.detail["musicbrainz"] == {"matched": False, "why": "not asked: this is no song"}


def test_without_musicbrainz_the_rest_is_told(ctx: PlainContext, song: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    result = one(ctx, song, musicbrainz=True, musicbrainz_url="http://127.0.0.1:1")
    assert result.outcome is Outcome.DONE
    assert told(result)["artist"] == ("Nina Simone", "name")
    assert "cannot be reached" in result.detail["musicbrainz"]["why"]


def test_an_attempt_that_died_after_the_replacement_is_told_by_the_next(ctx: PlainContext, song: Path) -> None:
    one(ctx, song, write_tags=True)
    after = song.read_bytes()
    result = one(ctx.again(forget=False), song, write_tags=True)
    assert result.outputs == (song,)
    assert result.detail["tags"]["written"] == []
    assert song.read_bytes() == after
    assert len(list(trash.entries(song.parent / trash.FOLDER))) == 1


def test_a_file_that_cannot_be_written_may_still_get_its_sidecar(
    ctx: PlainContext, media: Media, tmp_path: Path
) -> None:
    film = tmp_path / "A film (1999).mkv"
    shutil.copyfile(media.multi, film)
    result = one(ctx, film, write_tags=True, sidecar="nfo")
    assert result.outcome is Outcome.DONE
    assert result.outputs == (tmp_path / "A film (1999).nfo",)
    assert "<year>1999</year>" in result.outputs[0].read_text()
    assert "matroska" in result.detail["tags"]["why"]
