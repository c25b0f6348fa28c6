"""What is asked of yt-dlp, as plain data."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from workers.media.ytdlp_order import Order, format_of, options

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
