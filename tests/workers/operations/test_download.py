"""Downloads from a real site on loopback, end to end."""

from __future__ import annotations

import os
import stat
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.support.context import PlainContext, files_under
from tests.support.media import CONCAT_TEXT, HLS_TEXT, Media, ffmpeg
from tests.support.site import CUT_AT, Site, dead_url, running_site
from workers.errors import ErrorClass, Failure, InvalidParams, JobFailed, LeaseLost
from workers.jobs import Progress
from workers.media import reach
from workers.media.av import facts
from workers.media.names import path_to_key
from workers.operations.contract import Result
from workers.operations.download import OPERATION, site_of


def download(ctx: PlainContext, url: str, **values: Any) -> Result:
    """One address through the operation, as the runner does it."""
    assert OPERATION.run is not None
    try:
        return OPERATION.run(OPERATION.validate({"inputs": [url], **values}), ctx)
    finally:
        ctx.end()


def failing(ctx: PlainContext, url: str, **values: Any) -> Failure:
    with pytest.raises(JobFailed) as caught:
        download(ctx, url, **values)
    assert files_under(Path(ctx.settings["output_dir"])) == []
    return caught.value.failure


@pytest.fixture
def output(ctx: PlainContext) -> Path:
    return Path(ctx.settings["output_dir"])


def kinds(path: Path) -> list[str]:
    return [stream.codec for stream in facts(path).streams]


def test_a_page_with_a_video_tag(ctx: PlainContext, site: Site, media: Media, output: Path) -> None:
    site.add(media.clip)
    result = download(ctx, site.page("clip.mp4", title="Holiday"))
    (path,) = result.outputs
    assert path.parent == output
    assert path.name.startswith("Holiday")
    assert path.suffix == ".mp4"
    assert kinds(path) == ["h264", "aac"]
    assert result.detail["duration_s"] == 4.0
    assert result.detail["size"] == path.stat().st_size
    assert result.detail["title"].startswith("Holiday")
    assert files_under(output) == [path.name]
    assert files_under(ctx.work_dir) == ["published.jsonl"]


def test_a_plain_file(ctx: PlainContext, site: Site, media: Media) -> None:
    (path,) = download(ctx, site.add(media.vp9)).outputs
    assert path.name == "vp9 [vp9].webm"


def test_hls_becomes_a_real_mp4(ctx: PlainContext, site: Site, media: Media) -> None:
    for order, metadata in ((ctx, True), (ctx.again(), False)):
        result = download(order, site.add(media.hls) + "/index.m3u8", metadata=metadata)
        found = facts(result.outputs[0])
        assert found.format == "mp4"
        assert found.duration_s == pytest.approx(4.0, abs=0.2)
        assert kinds(result.outputs[0]) == ["h264", "aac"]


def test_dash_is_merged_from_its_parts(ctx: PlainContext, site: Site, media: Media) -> None:
    result = download(ctx, site.add(media.dash) + "/manifest.mpd")
    assert kinds(result.outputs[0]) == ["h264", "aac"]
    assert result.detail["height"] == 180
    phases = {progress.phase for progress in ctx.reports}
    assert {"downloading part 1 of 2", "downloading part 2 of 2", "merging", "verifying"} <= phases


@pytest.mark.parametrize(("quality", "height"), [("best", 180), ("360p", 180)])
def test_qualities(ctx: PlainContext, site: Site, media: Media, quality: str, height: int) -> None:
    assert download(ctx, site.add(media.dash) + "/manifest.mpd", quality=quality).detail["height"] == height


def test_a_height_below_all_takes_the_smallest(ctx: PlainContext, site: Site, media: Media, tmp_path: Path) -> None:
    folder = tmp_path / "tall"
    folder.mkdir()
    ffmpeg(
        *("-i", media.clip, "-map", "0:v", "-map", "0:v", "-c:v", "libx264", "-preset", "ultrafast", "-g", "25"),
        *("-filter:v:0", "scale=854:480", "-filter:v:1", "scale=1280:720", "-f", "dash", folder / "manifest.mpd"),
    )
    url = site.add(folder) + "/manifest.mpd"
    assert download(ctx, url, quality="480p").detail["height"] == 480
    assert download(ctx.again(), url, quality="360p").detail["height"] == 480
    assert download(ctx.again(), url, quality="720p").detail["height"] == 720


@pytest.mark.parametrize(
    ("wanted", "extension", "codec"),
    [("keep", ".m4a", "aac"), ("mp3", ".mp3", "mp3"), ("opus", ".opus", "opus"), ("flac", ".flac", "flac")],
)
@pytest.mark.parametrize("source", ["clip", "dash"])
def test_sound_alone(
    ctx: PlainContext, site: Site, media: Media, source: str, wanted: str, extension: str, codec: str
) -> None:
    url = site.add(media.clip) if source == "clip" else site.add(media.dash) + "/manifest.mpd"
    (path,) = download(ctx, url, quality="audio", audio_format=wanted).outputs
    assert path.suffix == extension
    assert kinds(path) == [codec]
    assert facts(path).duration_s == pytest.approx(4.0, abs=0.3)


def test_damage_of_sound_is_told(ctx: PlainContext, site: Site, media: Media, tmp_path: Path) -> None:
    data = bytearray(media.song.read_bytes())
    for at in range(len(data) // 2, len(data) * 3 // 4, 97):
        data[at] ^= 0xFF
    (tmp_path / "damaged.mp3").write_bytes(data)
    url = site.add(tmp_path / "damaged.mp3")
    result = download(ctx, url, quality="audio", audio_format="flac", metadata=False)
    assert "the first: " in result.detail["damaged"]
    assert f"damaged: {result.detail['damaged']}" in ctx.lines


@pytest.mark.fault("36", "the connection is cut: the next attempt goes on from there")
def test_a_cut_connection_is_resumed_by_the_next_attempt(ctx: PlainContext, site: Site, media: Media) -> None:
    site.add(media.big)
    size = media.big.stat().st_size
    page = site.url("page.html?v=/cut/big.mp4&title=Cut")
    first = failing(ctx, page, metadata=False)
    assert first.error_class is ErrorClass.NETWORK
    assert first.retryable
    (partial,) = [name for name in files_under(ctx.work_dir) if name.endswith(".part")]
    had = (ctx.work_dir / partial).stat().st_size
    assert size * CUT_AT - 65536 <= had <= size * CUT_AT
    site.requests.clear()
    result = download(ctx.again(), page, metadata=False)
    ranges = [asked for path, asked in site.requests if path.startswith("/cut/") and asked]
    assert ranges == [f"bytes={had}-"]
    assert result.outputs[0].read_bytes() == media.big.read_bytes()


@pytest.mark.fault("36", "the connection is cut: resumed within the attempt")
def test_a_cut_connection_is_resumed_within_an_attempt(ctx: PlainContext, site: Site, media: Media) -> None:
    site.add(media.big)
    ctx.settings = {**ctx.settings, "download": {**ctx.settings["download"], "retries": 2}}
    (path,) = download(ctx, site.url("page.html?v=/cut/big.mp4&title=Cut"), metadata=False).outputs
    assert path.read_bytes() == media.big.read_bytes()


class _Unmeasured(BaseHTTPRequestHandler):
    """Answers without a Content-Length: the end of the connection is the end of the file. The first GET is cut."""

    film: Path
    whole: bool

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing on stderr."""

    def do_HEAD(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "video/webm")
        self.end_headers()

    def do_GET(self) -> None:
        self.do_HEAD()
        data = self.film.read_bytes()
        self.wfile.write(data if self.whole else data[: int(len(data) * CUT_AT)])


@pytest.mark.parametrize("metadata", [True, False])
def test_a_cut_without_a_length_is_seen_by_the_duration(
    ctx: PlainContext, media: Media, output: Path, metadata: bool
) -> None:
    handler = type("Handler", (_Unmeasured,), {"film": media.vp9, "whole": False})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        url = f"http://127.0.0.1:{server.server_address[1]}/film.webm"
        failure = failing(ctx, url, metadata=metadata)
        assert failure.error_class is ErrorClass.NETWORK
        assert "cut short" in failure.message
        handler.whole = True  # type: ignore[attr-defined]
        (path,) = download(ctx.again(), url, metadata=metadata).outputs
        assert facts(path).duration_s == pytest.approx(2.0, abs=0.1)
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=5)


def test_progress_has_rate_and_eta(ctx: PlainContext, site: Site, media: Media) -> None:
    site.add(media.big)
    download(ctx, site.url("page.html?v=/slow/big.mp4%3Frate=4000000&title=Slow"))
    told = [p for p in ctx.reports if p.phase == "downloading"]
    assert len(told) >= 4
    assert all(p.unit == "bytes" and p.total == media.big.stat().st_size for p in told)
    assert any(p.rate and p.eta_s is not None and 0 < (p.fraction or 0) < 1 for p in told)
    assert [p.fraction for p in told] == sorted(p.fraction or 0 for p in told)


def test_the_rate_limit_holds(ctx: PlainContext, site: Site, media: Media) -> None:
    import time

    site.add(media.clip)
    size, started = media.clip.stat().st_size, time.monotonic()
    download(ctx, site.page("clip.mp4"), rate_limit=size)
    assert time.monotonic() - started > 0.6


@pytest.mark.parametrize(
    ("path", "expected", "wait"),
    [
        ("status/404", ErrorClass.GONE, None),
        ("status/410", ErrorClass.GONE, None),
        ("status/401", ErrorClass.AUTH, None),
        ("status/403", ErrorClass.AUTH, None),
        ("status/429?after=7", ErrorClass.THROTTLED, 7.0),
        ("status/503?after=3", ErrorClass.NETWORK, 3.0),
        ("plain.html", ErrorClass.UNSUPPORTED, None),
        ("page.html?v=/status/404/film.mp4", ErrorClass.GONE, None),
        ("page.html?v=/status/403/film.mp4", ErrorClass.AUTH, None),
        ("page.html?v=/status/429/film.mp4%3Fafter=9", ErrorClass.THROTTLED, 9.0),
        ("page.html?v=/status/503/film.mp4", ErrorClass.NETWORK, None),
    ],
)
def test_refusals(ctx: PlainContext, site: Site, path: str, expected: ErrorClass, wait: float | None) -> None:
    failure = failing(ctx, site.url(path))
    assert failure.error_class is expected
    assert failure.retry_after_s == wait
    assert failure.input == site.url(path)
    assert failure.message
    assert failure.detail


@pytest.mark.parametrize("url", [dead_url(), "http://no-such-host.invalid/film.mp4"], ids=["dead port", "no such host"])
def test_dead_hosts(ctx: PlainContext, url: str) -> None:
    assert failing(ctx, url).error_class is ErrorClass.NETWORK


def test_what_is_no_media_is_refused_before_any_tool_opens_it(
    ctx: PlainContext, site: Site, media: Media, tmp_path: Path
) -> None:
    for name, text in (("hls.mp4", HLS_TEXT), ("concat.mp4", CONCAT_TEXT)):
        (site.folder / name).write_text(text.format(secret=media.transport))
        assert failing(ctx.again(), site.url(f"files/{name}")).error_class is ErrorClass.UNSUPPORTED
    assert failing(ctx.again(), site.add(media.picture)).error_class is ErrorClass.UNSUPPORTED


HOSTILE_TITLES = [
    "../../../etc/passwd",
    "-rf",
    "%d %(title)s {title}",
    "new\nline\tand tab",
    "esc \x1b]52;c;aGk=\x07",
    "rlo \u202egpj.exe",
    "x" * 400,
    "😀" * 200,
    "CON",
    "..",
    "[/b] [@click=app.quit]x[/]",
    "film.desktop",
    "$(touch /tmp/x)`id`;",
]


@pytest.mark.fault("42", "hostile titles of downloads: inside the library, a file name that fits")
@pytest.mark.parametrize("title", HOSTILE_TITLES)
def test_hostile_titles(ctx: PlainContext, site: Site, media: Media, output: Path, title: str) -> None:
    site.add(media.clip)
    result = download(ctx, site.page("clip.mp4", title=title), metadata=False)
    (path,) = result.outputs
    assert path.parent == output
    assert path.suffix == ".mp4"
    assert path.name.isprintable()
    assert len(path.name.encode()) <= 200
    assert not path.name.startswith(("-", "."))
    assert files_under(output) == [path.name]
    assert result.detail["title"].isprintable()
    assert all(line.isprintable() for line in ctx.lines)


def test_templates(ctx: PlainContext, site: Site, media: Media, output: Path) -> None:
    (path,) = download(ctx, site.add(media.clip), template="{site}/{height}p/{title}").outputs
    assert path == output / "127.0.0.1" / "180p" / "clip.mp4"


def test_many_films_only_when_asked_for(ctx: PlainContext, site: Site, media: Media, output: Path) -> None:
    site.add(media.clip)
    site.add(media.vp9)
    url = site.url("many.html?v=/files/clip.mp4,/files/vp9.webm")
    failure = failing(ctx, url)
    assert failure.error_class is ErrorClass.UNSUPPORTED
    assert "--playlist" in failure.message
    asked = ctx.again()
    result = download(asked, url, playlist=True)
    assert any(p.phase.startswith("2 of 2") and (p.fraction or 0) > 0.5 for p in asked.reports)
    assert [path.suffix for path in result.outputs] == [".mp4", ".webm"]
    assert len(result.detail["entries"]) == 2


def test_a_list_goes_on_where_it_ended(ctx: PlainContext, site: Site, media: Media, output: Path) -> None:
    site.add(media.clip)
    url = site.url("many.html?v=/files/clip.mp4,/files/late.mp4")
    site.folder.joinpath("late.mp4").unlink(missing_ok=True)
    site.add(media.clip, "late.mp4")
    broken = url.replace("/files/late.mp4", "/status/503/late.mp4")
    with pytest.raises(JobFailed, match="1 entries") as caught:
        download(ctx, broken, playlist=True)
    assert caught.value.failure.error_class is ErrorClass.NETWORK
    assert len(files_under(output)) == 1
    site.requests.clear()
    following = ctx.again(forget=False)
    with pytest.raises(JobFailed):
        download(following, broken, playlist=True)
    assert not [path for path, _ in site.requests if path.startswith("/files/clip")]
    assert len(files_under(output)) == 1


def test_an_entry_that_is_gone_does_not_spoil_the_list(ctx: PlainContext, site: Site, media: Media) -> None:
    site.add(media.clip)
    result = download(ctx, site.url("many.html?v=/files/clip.mp4,/status/404/x.mp4"), playlist=True)
    assert len(result.outputs) == 1
    assert len(result.detail["failed"]) == 1


def test_subtitles_lie_beside_the_film(ctx: PlainContext, site: Site, media: Media, output: Path) -> None:
    site.add(media.clip)
    (site.folder / "words.vtt").write_text("WEBVTT\n\n00:00.500 --> 00:02.000\nHello\n")
    url = site.url("page.html?v=/files/clip.mp4&t=/files/words.vtt&title=Spoken")
    film, words = download(ctx, url, subtitles="en").outputs
    assert words.name == f"{film.stem}.en.vtt"
    assert "Hello" in words.read_text()
    assert files_under(output) == sorted([film.name, words.name])


class Dying(PlainContext):
    """An attempt that dies at its publishing number `at`: before the file is in place, or right after."""

    at, after, count = 1, False, 0

    def publish(self, staged: Path, target: Path, *, unique: bool = True) -> Path:
        """Publish, or die."""
        self.count += 1
        if self.count == self.at and not self.after:
            raise RuntimeError("killed")
        path = super().publish(staged, target, unique=unique)
        if self.count == self.at:
            raise RuntimeError("killed")
        return path


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("at", [1, 2])
def test_an_attempt_that_dies_between_film_and_subtitles(
    site: Site, media: Media, tmp_path: Path, at: int, after: bool
) -> None:
    dying = Dying(tmp_path / "job")
    dying.at, dying.after = at, after
    output = Path(dying.settings["output_dir"])
    site.add(media.clip)
    (site.folder / "words.vtt").write_text("WEBVTT\n\n00:00.500 --> 00:02.000\nHello\n")
    url = site.url("page.html?v=/files/clip.mp4&t=/files/words.vtt&title=Spoken")
    with pytest.raises(RuntimeError, match="killed"):
        download(dying, url, subtitles="en")
    film, words = download(dying.again(forget=False), url, subtitles="en").outputs
    assert film.suffix == ".mp4"
    assert words.name == f"{film.stem}.en.vtt"
    assert files_under(output) == sorted([film.name, words.name])


def test_a_film_and_its_subtitles_bear_one_number(ctx: PlainContext, site: Site, media: Media) -> None:
    site.add(media.clip)
    (site.folder / "words.vtt").write_text("WEBVTT\n\n00:00.500 --> 00:02.000\nHello\n")
    url = site.url("page.html?v=/files/clip.mp4&t=/files/words.vtt&title=Spoken")
    download(ctx, url, template="{title}")
    film, words = download(ctx.again(), url, subtitles="en", template="{title}").outputs
    assert film.stem.endswith(" (2)")
    assert words.name == f"{film.stem}.en.vtt"


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("at", [1, 2])
def test_entries_of_one_name_are_told_apart(site: Site, media: Media, tmp_path: Path, at: int, after: bool) -> None:
    dying = Dying(tmp_path / "job")
    dying.at, dying.after = at, after
    site.add(media.clip, "first.mp4")
    site.add(media.big, "second.mp4")
    url = site.url("many.html?v=/files/first.mp4,/files/second.mp4")
    how = {"playlist": True, "template": "{site}", "metadata": False}
    with pytest.raises(RuntimeError, match="killed"):
        download(dying, url, **how)
    result = download(dying.again(forget=False), url, **how)
    assert sorted(path.read_bytes() for path in result.outputs) == sorted(
        path.read_bytes() for path in (media.clip, media.big)
    )
    assert files_under(Path(dying.settings["output_dir"])) == ["127.0.0.1 (2).mp4", "127.0.0.1.mp4"]


def test_metadata_is_written(ctx: PlainContext, site: Site, media: Media) -> None:
    site.add(media.vp9)
    (path,) = download(ctx, site.page("vp9.webm", title="Named")).outputs
    assert facts(path).tags["title"].startswith("Named")


def test_cookies_are_a_private_copy(ctx: PlainContext, site: Site, media: Media, tmp_path: Path) -> None:
    cookies = tmp_path / "cookies.txt"
    text = "# Netscape HTTP Cookie File\n127.0.0.1\tFALSE\t/\tFALSE\t0\tsession\tSENTINEL\n"
    cookies.write_text(text)
    cookies.chmod(0o400)
    seen: list[int] = []

    def look(progress: Progress) -> None:
        seen.extend(stat.S_IMODE(path.stat().st_mode) for path in ctx.work_dir.rglob("cookies.txt"))

    ctx.on_report = look
    site.add(media.clip)
    download(ctx, site.page("clip.mp4"), cookies=str(cookies))
    assert "session=SENTINEL" in site.cookies
    assert set(seen) == {0o600}
    assert cookies.read_text() == text
    assert not list(ctx.work_dir.rglob("cookies.txt"))
    assert not any("SENTINEL" in line for line in ctx.lines)


def test_paths_that_are_no_text(ctx: PlainContext, site: Site, media: Media, tmp_path: Path) -> None:
    output, cookies = (tmp_path / os.fsdecode(name) for name in (b"out\xff", b"cookies\xff.txt"))
    cookies.write_text("# Netscape HTTP Cookie File\n127.0.0.1\tFALSE\t/\tFALSE\t0\tsession\tSENTINEL\n")
    url = site.add(media.clip)
    (path,) = download(ctx, url, output=path_to_key(output), cookies=path_to_key(cookies)).outputs
    assert path.parent == output
    assert "session=SENTINEL" in site.cookies


def test_tokens_of_addresses_are_in_no_word(ctx: PlainContext, site: Site, media: Media) -> None:
    site.add(media.clip)
    result = download(ctx, site.url("files/clip.mp4?token=SENTINEL.x"))
    failed = failing_words(ctx.again(), site.url("status/403?token=SENTINEL.x"))
    for text in (*ctx.lines, str(result.outputs), str(result.detail), failed):
        assert "SENTINEL" not in text


def failing_words(ctx: PlainContext, url: str) -> str:
    with pytest.raises(JobFailed) as caught:
        download(ctx, url)
    return "\n".join([caught.value.failure.message, caught.value.failure.detail, *ctx.lines])


@pytest.mark.fault("43", "a public site that leads to a private address: refused, nothing saved")
def test_a_public_site_cannot_lead_home(
    ctx: PlainContext, site: Site, media: Media, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # 127.0.0.2 plays the public site: the rule is real, only what counts as public is not.
    monkeypatch.setattr(reach, "is_public", lambda address: address == "127.0.0.2")
    home = site.add(media.clip)
    with running_site(tmp_path / "public", host="127.0.0.2") as public:
        failure = failing(ctx, public.url(f"redirect?to={home}"))
        assert failure.error_class is ErrorClass.BAD_INPUT
        assert "private address" in failure.message
        failure = failing(ctx.again(), public.url(f"page.html?v={home}"))
        assert failure.error_class is ErrorClass.BAD_INPUT
        assert site.requests == [], "the inner server was asked"
        public.add(media.clip)
        assert download(ctx.again(), public.page("clip.mp4")).outputs


def test_what_was_published_before_is_the_result(ctx: PlainContext, site: Site, media: Media) -> None:
    url = site.add(media.clip)
    first = download(ctx, url)
    site.requests.clear()
    assert download(ctx.again(forget=False), url).outputs == first.outputs
    assert site.requests == []


def test_a_lost_lease_publishes_nothing_and_keeps_the_download(
    ctx: PlainContext, site: Site, media: Media, output: Path
) -> None:
    ctx.lease_lost = True
    url = site.add(media.clip)
    with pytest.raises(LeaseLost):
        download(ctx, url)
    assert files_under(output) == []
    site.requests.clear()
    download(ctx.again(), url)
    assert not any(asked for _, asked in site.requests)


def test_a_stop_in_the_middle_keeps_the_part(ctx: PlainContext, site: Site, media: Media, output: Path) -> None:
    class StopError(Exception):
        pass

    def stop(progress: Progress) -> None:
        if progress.phase == "downloading" and 0.2 < (progress.fraction or 0) < 0.9:
            raise StopError

    ctx.on_report = stop
    site.add(media.big)
    with pytest.raises(StopError):
        download(ctx, site.url("page.html?v=/slow/big.mp4%3Frate=6000000&title=Slow"))
    assert files_under(output) == []
    assert any(name.endswith(".part") for name in files_under(ctx.work_dir))


def test_it_needs_room(ctx: PlainContext, site: Site, media: Media) -> None:
    ctx.settings = {**ctx.settings, "min_free_bytes": 1 << 60}
    assert failing(ctx, site.add(media.clip)).error_class is ErrorClass.DISK
    assert site.requests == []


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MB."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"no tmpfs can be mounted here: {mounted.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.parametrize("full", ["work", "output"])
def test_a_full_disk(tmp_path: Path, site: Site, media: Media, tiny_disk: Path, full: str) -> None:
    ctx = PlainContext(tiny_disk if full == "work" else tmp_path / "job")
    output = tmp_path / "out" if full == "work" else tiny_disk / "out"
    site.add(media.big)
    with pytest.raises(JobFailed) as caught:
        download(ctx, site.page("big.mp4"), output=str(output))
    assert caught.value.failure.error_class is ErrorClass.DISK
    assert not output.exists() or files_under(output) == []


def test_another_file_system_for_the_output(ctx: PlainContext, site: Site, media: Media, tiny_disk: Path) -> None:
    (path,) = download(ctx, site.add(media.clip), output=str(tiny_disk), metadata=False).outputs
    assert path.parent == tiny_disk
    assert os.stat(path).st_dev != os.stat(ctx.work_dir).st_dev
    assert path.read_bytes() == media.clip.read_bytes()
    assert any(progress.phase == "moving to the output folder" for progress in ctx.reports)


@pytest.mark.parametrize(
    "values",
    [
        {"inputs": ["file:///etc/passwd"]},
        {"inputs": ["ytsearch:cats"]},
        {"inputs": ["http://"]},
        {"inputs": ["http://a b/"]},
        {"inputs": ["http://a/\x1b"]},
        {"inputs": ["-o"]},
        {"inputs": ["http://a:99999999/"]},
        {"inputs": []},
        {"inputs": ["http://a/", "http://b/"]},
        {"template": "/etc/{title}"},
        {"template": "{title.x}"},
        {"subtitles": "en;rm"},
        {"quality": "8k"},
        {"exec": "rm"},
        {"rate_limit": -1},
    ],
)
def test_wrong_options(values: dict[str, Any]) -> None:
    with pytest.raises(InvalidParams):
        OPERATION.validate({"inputs": ["http://a/"], **values})


def test_site_and_label() -> None:
    params = OPERATION.validate({"inputs": ["https://www.Example.org:8080/watch/film?token=SENTINEL"]})
    assert site_of(params) == "example.org"
    assert OPERATION.label(params) == "example.org/watch/film"


FEED = """<?xml version="1.0"?><rss version="2.0"><channel><title>Talks</title>
<item><title>One</title><link>{0}</link></item><item><title>Two</title><link>{1}</link></item></channel></rss>"""


@pytest.fixture
def feed(site: Site, media: Media) -> str:
    """The address of a list whose two entries are pages."""
    site.add(media.clip)
    site.add(media.vp9)
    pages = [site.page("clip.mp4", title="One"), site.page("vp9.webm", title="Two")]
    site.folder.joinpath("talks.rss").write_text(FEED.format(*(page.replace("&", "&amp;") for page in pages)))
    site.requests.clear()
    return site.url("files/talks.rss")


def other_job(ctx: PlainContext) -> PlainContext:
    """A job that shares nothing with the one of `ctx` but what the cache keeps."""
    other = PlainContext(ctx.folder.with_name("other"), {"output_dir": ctx.settings["output_dir"]})
    other.facts = ctx.facts
    return other


def asked_for(site: Site, part: str) -> int:
    return len([path for path, _ in site.requests if part in path])


def test_what_a_list_holds_is_asked_for_once(ctx: PlainContext, site: Site, feed: str) -> None:
    first = download(ctx, feed, playlist=True)
    lists, pages = asked_for(site, "talks.rss"), asked_for(site, "page.html")
    assert [path.suffix for path in first.outputs] == [".mp4", ".webm"]
    assert lists and pages
    again = download(other_job(ctx), feed, playlist=True, template="{playlist}/{playlist_index}")
    assert [path.parent.name for path in again.outputs] == ["Talks", "Talks"]
    assert [path.stem for path in again.outputs] == ["1", "2"]
    assert asked_for(site, "talks.rss") == lists
    assert asked_for(site, "page.html") > pages  # addresses of films are never kept
    download(other_job(ctx), feed, playlist=True, look=True)
    assert asked_for(site, "talks.rss") > lists  # another question


def test_a_list_whose_films_have_no_pages_is_asked_for_anew(ctx: PlainContext, site: Site, media: Media) -> None:
    site.add(media.clip)
    site.add(media.vp9)
    url = site.url("many.html?v=/files/clip.mp4,/files/vp9.webm")
    download(ctx, url, playlist=True)
    once = asked_for(site, "many.html")
    download(other_job(ctx), url, playlist=True)
    assert asked_for(site, "many.html") == 2 * once
    assert not ctx.facts


def test_what_a_site_tells_one_who_is_known_is_not_kept(
    ctx: PlainContext, site: Site, feed: str, tmp_path: Path
) -> None:
    cookies = tmp_path / "cookies.txt"
    cookies.write_text("# Netscape HTTP Cookie File\n")
    download(ctx, feed, playlist=True, look=True, cookies=str(cookies))
    download(ctx, f"{feed}?token=abc", playlist=True, look=True)
    assert not ctx.facts


def test_a_look_at_a_page_downloads_nothing(ctx: PlainContext, site: Site, media: Media, output: Path) -> None:
    site.add(media.clip)
    page = site.page("clip.mp4", title="Holiday")
    site.requests.clear()
    told = download(ctx, page, look=True)
    asked = len(site.requests)
    assert told.outputs == () and files_under(output) == []
    assert told.detail["title"].startswith("Holiday") and told.detail["kept"] is False
    assert told.detail.keys() >= {"duration_s", "heights", "subtitles", "live"}
    assert ctx.called.startswith("Holiday")
    assert site.url("") not in str(told.detail)
    assert download(other_job(ctx), page, look=True).detail == {**told.detail, "kept": True}
    assert len(site.requests) == asked


def test_a_look_at_a_list_tells_its_entries(ctx: PlainContext, site: Site, feed: str, output: Path) -> None:
    told = download(ctx, feed, look=True, playlist=True).detail
    assert (told["title"], told["count"]) == ("Talks", 2)
    assert [entry["title"] for entry in told["entries"]] == ["One", "Two"]
    assert asked_for(site, "page.html") == 0 and files_under(output) == []


def test_a_look_at_nothing_fails(ctx: PlainContext, site: Site) -> None:
    assert failing(ctx, site.url("status/404"), look=True).error_class is ErrorClass.GONE
