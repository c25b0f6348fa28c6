"""What is asked of yt-dlp, as plain data."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from workers.errors import ErrorClass, JobFailed
from workers.media import sandbox
from workers.media.ytdlp import download, leashed
from workers.media.ytdlp_order import Order, format_of, options
from workers.media.ytdlp_relay import Listeners, Relay

ORDER = Order("https://example.org/film", Path("/work/7"), "/opt/ffmpeg")

# Everything that is ever asked of it. Anything that runs programs, reads files of the user or loads code is missing.
_ALLOWED = """
    format paths outtmpl quiet noprogress color consoletitle noplaylist ignoreerrors continuedl updatetime cachedir
    usenetrc enable_file_urls allow_unplayable_formats external_downloader hls_prefer_native skip_unavailable_fragments
    fixup buffersize noresizebuffer socket_timeout retries fragment_retries extractor_retries file_access_retries
    ffmpeg_location postprocessor_args postprocessors download_archive merge_output_format format_sort writesubtitles
    subtitleslangs subtitlesformat ratelimit proxy cookiefile
"""
ALLOWED = frozenset(_ALLOWED.split())


@pytest.mark.parametrize(
    "order",
    [
        ORDER,
        replace(
            ORDER, playlist=True, container="mp4", subtitles=("en",), rate_limit=9, proxy="socks5://p:1", retries=9
        ),
        replace(ORDER, quality="audio", audio_codec="opus", metadata=False),
    ],
)
def test_options_are_plain_and_on_the_list(order: Order) -> None:
    made = options(order, "/work/7/cookies.txt")
    json.dumps(made)
    assert set(made) <= ALLOWED
    assert {one["key"] for one in made["postprocessors"]} <= {"FFmpegMetadata"}
    assert made["external_downloader"] == {"default": "native"}
    assert made["usenetrc"] is made["enable_file_urls"] is made["cachedir"] is False


def test_the_guard_before_every_input_of_its_ffmpeg() -> None:
    words = options(ORDER)["postprocessor_args"]["ffmpeg_i"]
    assert words[words.index("-protocol_whitelist") + 1] == "file,pipe"
    formats = set(words[words.index("-format_whitelist") + 1].split(","))
    assert formats.isdisjoint({"hls", "concat", "dash", "sdp", "image2", "lavfi", "tee", "rtsp", "svg_pipe"})


def test_names_hold_nothing_of_the_title() -> None:
    template = options(ORDER)["outtmpl"]["default"]
    assert "title" not in template
    assert "(id)" not in template


@pytest.mark.parametrize(
    ("quality", "expected"),
    [
        ("best", "bv*+ba/b"),
        ("audio", "ba/b"),
        ("720p", "bv*[height<=?720]+ba/b[height<=?720]/wv*+ba/w"),
    ],
)
def test_formats(quality: str, expected: str) -> None:
    assert format_of(replace(ORDER, quality=quality)) == expected


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ytsearch:cats", "/etc/passwd", "ftp://h/x", "-exec"])
def test_only_web_addresses(tmp_path: Path, url: str) -> None:
    with pytest.raises(JobFailed) as caught:
        download(replace(ORDER, url=url, work_dir=tmp_path), Listeners(deliver=lambda one: None))
    assert caught.value.failure.error_class is ErrorClass.BAD_INPUT
    assert not list(tmp_path.iterdir())


def test_no_plugins_are_loaded(tmp_path: Path) -> None:
    import yt_dlp.globals  # type: ignore[import-untyped]

    from workers.media.reach import reach_of
    from workers.media.ytdlp import _session

    with reach_of(ORDER.url) as guard:
        order = replace(ORDER, work_dir=tmp_path)
        _session(options(order), Relay(order, Listeners(deliver=lambda one: None), guard)).close()
    assert yt_dlp.globals.plugin_dirs.value == []
    assert yt_dlp.globals.plugin_ies.value == {}
    assert yt_dlp.globals.plugin_pps.value == {}


def test_missing_cookies_are_told(tmp_path: Path) -> None:
    order = replace(ORDER, work_dir=tmp_path, cookies=str(tmp_path / "none.txt"))
    with pytest.raises(JobFailed, match="cookies") as caught:
        download(order, Listeners(deliver=lambda one: None))
    assert caught.value.failure.error_class is ErrorClass.AUTH


def test_programs_of_yt_dlp_get_what_they_need(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Program:
        """Stands for yt-dlp's way of starting programs, and tells what it was asked."""

        def __init__(self, args: list[str], **options: Any) -> None:
            self.args, self.env = args, options["env"]

    monkeypatch.setattr(sandbox, "_mine", sandbox.Sandbox("/usr/bin/bwrap"))
    monkeypatch.setenv("https_proxy", "http://me:word@proxy")
    monkeypatch.setenv("GITHUB_TOKEN", "secret")
    words = ["/usr/bin/ffmpeg", "-i", f"file:{tmp_path}/a.mp4", f"file:{tmp_path}/b.mp4"]
    on_files, from_net = leashed(Program, tmp_path)(words), leashed(Program, None)(words)
    assert on_files.args[0] == "/usr/bin/bwrap" and on_files.args[-4:] == words
    assert on_files.args[on_files.args.index("--bind") + 1] == str(tmp_path)
    assert from_net.args == words  # it would reach nobody from inside
    assert "https_proxy" in from_net.env and "https_proxy" not in on_files.env
    assert "GITHUB_TOKEN" not in from_net.env and "GITHUB_TOKEN" not in on_files.env
    assert leashed(Program, tmp_path)(["/usr/bin/ffmpeg", "-bsfs"]).args[0] == "/usr/bin/ffmpeg"
